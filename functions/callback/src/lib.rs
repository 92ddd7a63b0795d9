//! `GET` and `POST /callback/oura`: the return from Oura's consent page.
//!
//! 1. A prefetch gets 204; nothing is used up by it.
//! 2. The issuer of the callback selects the token host; an unknown issuer is refused (RFC 9207).
//! 3. The state is taken for one attempt. The browser proves by the cookie that it began the flow, an app by its JWT (`POST`).
//!    A callback without proof goes to the app with `code` and `state` unused, for the `POST` route. A repetition with the same
//!    proof gets the outcome of the first attempt, for which it waits.
//! 4. The code is exchanged at once, at one host, never twice.
//! 5. `personal_info` names the ring's account; without it there is no connection.
//! 6. The tokens are stored first; then connection, claim of the ring account, consent and event in one transaction.
//! 7. The backfill is queued, the event published, and the browser returns to the app. A consent that is not kept is revoked.

mod complete;
mod config;
mod history;
mod page;
mod record;
mod refusal;
mod repeat;
mod unkept;

use std::time::Duration;

use anyhow::Context;
use lambda_http::http::{Method, StatusCode};
use lambda_http::{Body, Request, Response};
use serde::Deserialize;
use serde_json::json;
use shared::aws::{
    AppSecrets, Bus, Connections, Outbox, Proof, Queue, SdkConfig, StoredState, TakeOutcome, TakenState, TokenStore,
};
use shared::domain::{CONSENT_CONNECTED, Clock, Consent, Entropy, GrantId, Revocation, ScopeSet};
use shared::flow::Binding;
use shared::http::{self, HttpError};
use shared::oura::{AuthorizationCode, HttpOptions, OAuthHttp, OuraClient, Portal};
use shared::vault::{OuraApp, Revocations};
use url::Url;

pub use config::Config;
pub use refusal::Refusal;

use complete::{Callback, Unfinished};

/// Upper bound of a query parameter in bytes. Oura's codes and this service's states are far shorter.
const MAX_PARAMETER: usize = 2048;

/// Time for an answer. API Gateway ends a request after 30 s, and Lambda the function after 29.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(27);

/// Clients and settings of the function.
#[derive(Debug)]
pub struct Deps {
    config: Config,
    app: OuraApp,
    oura: OuraClient,
    connections: Connections,
    secrets: TokenStore,
    revocations: Revocations,
    queue: Queue,
    outbox: Outbox,
    clock: Clock,
    entropy: Entropy,
}

impl Deps {
    /// Creates the clients; reads nothing yet.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn new(config: Config, sdk: &SdkConfig, clock: Clock, entropy: Entropy) -> anyhow::Result<Self> {
        let options = HttpOptions::interactive();
        let oauth = OAuthHttp::new(&config.hosts, options).context("set up the client for Oura")?;
        let secrets = AppSecrets::new(sdk, &config.app_secret_id, clock.clone());
        let bus = Bus::new(sdk, &config.event_bus_name);
        let tokens = TokenStore::new(sdk, &config.tokens, &clock);
        Ok(Self {
            app: OuraApp::new(secrets, oauth, &config.redirect_uri),
            oura: OuraClient::new(&config.hosts, options).context("set up the client for Oura")?,
            connections: Connections::new(sdk, &config.connections_table),
            revocations: Revocations::new(tokens.clone()),
            secrets: tokens,
            queue: Queue::new(sdk, &config.live_queue_url),
            outbox: Outbox::new(sdk, &config.connections_table, bus),
            config,
            clock,
            entropy,
        })
    }
}

/// Answers one request. The path is the platform's own (`OURA_REDIRECT_URI`), so only the method decides.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let answer = match *request.method() {
        Method::GET if http::is_prefetch(&request) => Ok(http::no_content()),
        // A flow that is cut short is as safe as after a crash; this answer replaces API Gateway's error.
        Method::GET => {
            let answer = tokio::time::timeout(ANSWER_TIMEOUT, from_browser(deps, &request)).await;
            Ok(answer.unwrap_or_else(|_elapsed| finish(deps, None, Err(timed_out()))))
        }
        Method::POST => {
            let answer = tokio::time::timeout(ANSWER_TIMEOUT, from_app(deps, &request)).await;
            answer.unwrap_or_else(|_elapsed| Err(timed_out().into_http()))
        }
        _ => Err(HttpError::method_not_allowed("GET, POST")),
    };
    answer.unwrap_or_else(|refusal| http::failure(&refusal))
}

fn timed_out() -> Refusal {
    tracing::error!(event = "callback.timed_out", "callback took too long");
    Refusal::OuraUnavailable
}

/// Body of the route for flows whose browser could not carry the cookie: the parameters of the callback.
#[derive(Deserialize)]
struct CompleteRequest {
    code: String,
    state: String,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    iss: Option<String>,
}

async fn from_app(deps: &Deps, request: &Request) -> Result<Response<Body>, HttpError> {
    let patient = http::patient(request, &deps.config.token_policy)?;
    let body: CompleteRequest = http::json_body(request)?;
    if [&body.code, &body.state].iter().any(|text| text.is_empty() || text.len() > MAX_PARAMETER) {
        return Err(HttpError::bad_request("invalid_body", "`code` and `state` must be those that Oura sent."));
    }
    let portal = portal(deps, body.iss.as_deref()).map_err(Refusal::into_http)?;
    match take(deps, &body.state, &Proof::Patient(&patient)).await.map_err(Refusal::into_http)? {
        Taken::Ours(flow) => {
            let callback = Callback { code: AuthorizationCode::new(body.code), scope: body.scope.as_deref(), portal };
            complete(deps, &flow, &callback).await.map_err(Refusal::into_http)?;
        }
        Taken::Repeated(earlier) => {
            repeat::outcome(deps, &body.state, earlier).await.map_err(Refusal::into_http)?;
        }
    }
    Ok(http::success(StatusCode::OK, &json!({ "source": "oura", "status": "connected" })))
}

/// Selects the portal of a callback's code by its issuer, before the state is consumed.
fn portal(deps: &Deps, issuer: Option<&str>) -> Result<Portal, Refusal> {
    deps.config.hosts.portal_of_callback(issuer).map_err(|error| {
        tracing::warn!(event = "callback.issuer_refused", "callback of an unknown issuer was refused");
        error.into()
    })
}

async fn from_browser(deps: &Deps, request: &Request) -> Response<Body> {
    let Ok(query) = http::query(request) else { return finish(deps, None, Err(Refusal::StateInvalid)) };
    let parameter =
        |name: &str| query.get(name).map(String::as_str).filter(|text| !text.is_empty() && text.len() <= MAX_PARAMETER);
    // Read as it is: an issuer that is empty or too long is an unknown one.
    let issuer = query.get("iss").map(String::as_str);
    let portal = match portal(deps, issuer) {
        Ok(portal) => portal,
        Err(refusal) => return finish(deps, None, Err(refusal)),
    };
    let proof = browser_proof(deps, request);
    let Some(state) = parameter("state") else { return finish(deps, None, Err(Refusal::StateInvalid)) };
    if let Some(error) = parameter("error") {
        return denied(deps, state, proof.as_ref(), error).await;
    }
    let Some(code) = parameter("code") else { return finish(deps, None, Err(Refusal::CodeMissing)) };
    let unused = Unused { code, state, scope: parameter("scope"), issuer };
    let Some(proof) = proof else { return hand_over(deps, &unused).await };
    match take(deps, state, &proof).await {
        Ok(Taken::Ours(flow)) => {
            let callback = Callback { code: AuthorizationCode::new(code), scope: unused.scope, portal };
            let outcome = complete(deps, &flow, &callback).await;
            finish(deps, flow.state.return_to.as_deref(), outcome)
        }
        Ok(Taken::Repeated(earlier)) => repeated(deps, state, earlier).await,
        // The cookie of another flow proves nothing, and is no attack either: two tabs cause it.
        Err(Refusal::StateForeign) => hand_over(deps, &unused).await,
        Err(refusal) => finish(deps, None, Err(refusal)),
    }
}

/// Answers a browser that fetches the callback again.
async fn repeated(deps: &Deps, state: &str, earlier: TakenState) -> Response<Body> {
    let return_to = earlier.return_to.clone();
    let outcome = repeat::outcome(deps, state, earlier).await;
    finish(deps, return_to.as_deref(), outcome)
}

/// Proof by the browser that it began the flow.
fn browser_proof<'r>(deps: &Deps, request: &'r Request) -> Option<Proof<'r>> {
    let cookie = http::cookie(request, deps.config.cookie.name()).filter(|value| !value.is_empty());
    match (deps.config.binding, cookie) {
        (Binding::None, _) => Some(Proof::Unbound),
        (Binding::Cookie, Some(cookie)) => Some(Proof::Cookie(cookie)),
        (Binding::Cookie, None) => None,
    }
}

/// A flow whose state this attempt has taken.
struct Flow {
    state: StoredState,
    /// The attempt, and the grant that it may create.
    attempt: GrantId,
}

/// A taken state.
enum Taken {
    Ours(Flow),
    Repeated(TakenState),
}

/// Takes a state with the proof that its flow was begun here.
async fn take(deps: &Deps, state: &str, proof: &Proof<'_>) -> Result<Taken, Refusal> {
    let attempt = GrantId::parse(deps.entropy.uuid().to_string()).map_err(|_never| Refusal::ServiceUnavailable)?;
    match deps.connections.take_state(state, proof, &attempt, deps.clock.now()).await {
        Ok(TakeOutcome::Ours(state)) => Ok(Taken::Ours(Flow { state, attempt })),
        Ok(TakeOutcome::Repeated(earlier)) => Ok(Taken::Repeated(earlier)),
        Ok(TakeOutcome::Unknown) => Err(Refusal::StateInvalid),
        Ok(TakeOutcome::Foreign) => Err(Refusal::StateForeign),
        Err(error) => Err(Refusal::store(&error)),
    }
}

/// Completes a flow, and stores its outcome for repetitions. A consent that is not kept is revoked after that.
async fn complete(deps: &Deps, flow: &Flow, callback: &Callback<'_>) -> Result<(), Refusal> {
    let Err(Unfinished { refusal, unkept }) = complete::run(deps, flow, callback).await else {
        end_state(deps, flow, CONSENT_CONNECTED).await;
        return Ok(());
    };
    end_refused(deps, flow, refusal, unkept.is_some().then_some(Revocation::Pending)).await;
    if let Some((grant, account)) = unkept {
        unkept::revoke(deps, flow, &grant, account).await;
    }
    Err(refusal)
}

/// Stores the outcome of a refused flow, also in the patient's history.
async fn end_refused(deps: &Deps, flow: &Flow, refusal: Refusal, revocation: Option<Revocation>) {
    let consent = Consent { revocation, ..consent(deps, flow, refusal.code(), ScopeSet::default()) };
    if let Err(error) = deps.connections.record_consent(&flow.state, &consent).await {
        tracing::warn!(event = "callback.consent_not_recorded", %error, "refused consent is missing in the history");
    }
    end_state(deps, flow, refusal.code()).await;
}

/// Stores the outcome of a flow for repetitions.
async fn end_state(deps: &Deps, flow: &Flow, outcome: &str) {
    if let Err(error) = deps.connections.end_state(&flow.state, &flow.attempt, outcome).await {
        tracing::warn!(event = "callback.outcome_not_stored", %error, "outcome of a consent was left to expire");
    }
}

/// The flow's entry in the patient's history of consents.
fn consent(deps: &Deps, flow: &Flow, outcome: &str, granted: ScopeSet) -> Consent {
    Consent {
        consent_id: flow.attempt.clone(),
        requested_at: flow.state.requested_at,
        completed_at: deps.clock.now(),
        scopes_requested: deps.config.scopes.clone(),
        scopes_granted: granted,
        consent_version: flow.state.consent_version.clone(),
        app_version: env!("CARGO_PKG_VERSION").to_owned(),
        outcome: outcome.to_owned(),
        ended_at: None,
        end_reason: None,
        revocation: None,
    }
}

/// Ends a flow that the patient denied, or for which Oura could not ask for consent.
async fn denied(deps: &Deps, state: &str, proof: Option<&Proof<'_>>, error: &str) -> Response<Body> {
    let refusal = Refusal::of_authorization(error);
    let taken = match proof {
        Some(proof) => take(deps, state, proof).await.ok(),
        None => None,
    };
    match taken {
        Some(Taken::Ours(flow)) => {
            end_refused(deps, &flow, refusal, None).await;
            finish(deps, flow.state.return_to.as_deref(), Err(refusal))
        }
        Some(Taken::Repeated(earlier)) => repeated(deps, state, earlier).await,
        None => {
            // Without proof the state is not taken. The return address of the flow is not a secret.
            let peeked = deps.connections.peek_state(state, deps.clock.now()).await.unwrap_or_else(|error| {
                tracing::warn!(
                    event = "callback.return_page_unknown",
                    %error,
                    "denied flow returned to the app's default page"
                );
                None
            });
            match peeked {
                Some(peeked) => finish(deps, peeked.return_to.as_deref(), Err(refusal)),
                None => finish(deps, None, Err(Refusal::StateInvalid)),
            }
        }
    }
}

/// Parameters of a callback without proof, passed on to the app.
struct Unused<'a> {
    code: &'a str,
    state: &'a str,
    scope: Option<&'a str>,
    issuer: Option<&'a str>,
}

/// Passes an unused callback on to the app, where the signed-in patient completes it by `POST`.
async fn hand_over(deps: &Deps, unused: &Unused<'_>) -> Response<Body> {
    let peeked = match deps.connections.peek_state(unused.state, deps.clock.now()).await {
        Ok(Some(peeked)) => peeked,
        Ok(None) => return finish(deps, None, Err(Refusal::StateInvalid)),
        Err(error) => return finish(deps, None, Err(Refusal::store(&error))),
    };
    let Some(mut url) = return_page(deps, peeked.return_to.as_deref()) else {
        return finish(deps, None, Err(Refusal::StateForeign));
    };
    url.query_pairs_mut()
        .append_pair("wearable", "oura")
        .append_pair("code", unused.code)
        .append_pair("state", unused.state)
        .extend_pairs(unused.scope.map(|scope| ("scope", scope)))
        .extend_pairs(unused.issuer.map(|issuer| ("iss", issuer)));
    http::see_other(url.as_str())
}

/// Sends the browser back to the app, or, without an app page, shows a small page of this service.
fn finish(deps: &Deps, return_to: Option<&str>, outcome: Result<(), Refusal>) -> Response<Body> {
    match return_page(deps, return_to) {
        Some(mut url) => {
            {
                let mut query = url.query_pairs_mut();
                query.append_pair("wearable", "oura");
                match &outcome {
                    Ok(()) => query.append_pair("status", "connected"),
                    Err(refusal) => query.append_pair("status", refusal.status()).append_pair("reason", refusal.code()),
                };
            }
            http::see_other(url.as_str())
        }
        None => page::render(&outcome),
    }
}

/// Page that the browser returns to. The stored address is checked again: the allow-list may have shrunk since.
fn return_page(deps: &Deps, return_to: Option<&str>) -> Option<Url> {
    return_to.and_then(|url| deps.config.returns.resolve(url).ok()).or_else(|| deps.config.returns.page().cloned())
}
