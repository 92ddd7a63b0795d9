//! `GET` and `POST /callback/oura`: the return from Oura's consent page.
//!
//! 1. The issuer of the callback selects the token host; an unknown issuer is refused (RFC 9207).
//! 2. The state is consumed, once. The browser proves by the cookie that it began the flow, an app by its JWT (`POST`).
//!    A callback without proof goes to the app with `code` and `state` unused, for the `POST` route.
//! 3. The code is exchanged at once, at one host, never twice.
//! 4. `personal_info` names the ring's account; without it there is no connection.
//! 5. The tokens are stored first; then connection, claim of the ring account and event in one transaction.
//! 6. The backfill is queued, the event published, and the browser returns to the app.

mod complete;
mod config;
mod history;
mod page;
mod record;
mod refusal;

use std::time::Duration;

use anyhow::Context;
use lambda_http::http::{Method, StatusCode};
use lambda_http::{Body, Request, Response};
use serde::Deserialize;
use serde_json::json;
use shared::aws::{AppSecrets, Bus, Connections, Consumed, Outbox, Proof, Queue, SdkConfig, StoredState, TokenStore};
use shared::domain::{Clock, Entropy};
use shared::flow::{BINDING_COOKIE, Binding, binding_cookie};
use shared::http::{self, HttpError};
use shared::oura::{AuthorizationCode, HttpOptions, OAuthHttp, OuraClient, Portal};
use shared::vault::OuraApp;
use url::Url;

pub use config::Config;
pub use refusal::Refusal;

use complete::Callback;

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
        Ok(Self {
            app: OuraApp::new(secrets, oauth, &config.redirect_uri),
            oura: OuraClient::new(&config.hosts, options).context("set up the client for Oura")?,
            connections: Connections::new(sdk, &config.connections_table),
            secrets: TokenStore::new(sdk, &config.tokens, &clock),
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
    let state = consume(deps, &body.state, &Proof::Patient(&patient)).await.map_err(Refusal::into_http)?;
    let callback = Callback { code: AuthorizationCode::new(body.code), scope: body.scope.as_deref(), portal };
    complete(deps, &state, &callback).await.map_err(Refusal::into_http)?;
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
    let stored = match consume(deps, state, &proof).await {
        Ok(stored) => stored,
        // The cookie of another flow proves nothing, and is no attack either: two tabs cause it.
        Err(Refusal::StateForeign) => return hand_over(deps, &unused).await,
        Err(refusal) => return finish(deps, None, Err(refusal)),
    };
    let callback = Callback { code: AuthorizationCode::new(code), scope: unused.scope, portal };
    let outcome = complete(deps, &stored, &callback).await;
    finish(deps, stored.return_to.as_deref(), outcome)
}

/// Proof by the browser that it began the flow.
fn browser_proof<'r>(deps: &Deps, request: &'r Request) -> Option<Proof<'r>> {
    let cookie = http::cookie(request, BINDING_COOKIE).filter(|value| !value.is_empty());
    match (deps.config.binding, cookie) {
        (Binding::None, _) => Some(Proof::Unbound),
        (Binding::Cookie, Some(cookie)) => Some(Proof::Cookie(cookie)),
        (Binding::Cookie, None) => None,
    }
}

/// Completes the flow of a consumed state; in either outcome nothing is pending after it.
async fn complete(deps: &Deps, state: &StoredState, callback: &Callback<'_>) -> Result<(), Refusal> {
    let outcome = complete::run(deps, state, callback).await;
    if outcome.is_err() {
        end_pending(deps, state).await;
    }
    outcome
}

async fn end_pending(deps: &Deps, state: &StoredState) {
    if let Err(error) = deps.connections.end_pending(&state.patient_id).await {
        tracing::warn!(event = "callback.pending_not_ended", %error, "pending consent was left to expire");
    }
}

/// Consumes a state with the proof that its flow was begun here.
async fn consume(deps: &Deps, state: &str, proof: &Proof<'_>) -> Result<StoredState, Refusal> {
    match deps.connections.consume_state(state, proof, deps.clock.now()).await {
        Ok(Consumed::State(stored)) => Ok(stored),
        Ok(Consumed::Unknown) => Err(Refusal::StateInvalid),
        Ok(Consumed::Foreign) => Err(Refusal::StateForeign),
        Err(error) => Err(Refusal::store(&error)),
    }
}

/// Ends a flow that the patient denied, or for which Oura could not ask for consent.
async fn denied(deps: &Deps, state: &str, proof: Option<&Proof<'_>>, error: &str) -> Response<Body> {
    let refusal = if error == "access_denied" { Refusal::AccessDenied } else { Refusal::AuthorizationFailed };
    let stored = match proof {
        Some(proof) => consume(deps, state, proof).await.ok(),
        None => None,
    };
    let Some(stored) = stored else {
        // Without proof the state is not consumed. The return address of the flow is not a secret.
        let peeked = deps.connections.peek_state(state, deps.clock.now()).await.unwrap_or_else(|error| {
            tracing::warn!(
                event = "callback.return_page_unknown",
                %error,
                "denied flow returned to the app's default page"
            );
            None
        });
        return match peeked {
            Some(peeked) => finish(deps, peeked.return_to.as_deref(), Err(refusal)),
            None => finish(deps, None, Err(Refusal::StateInvalid)),
        };
    };
    end_pending(deps, &stored).await;
    finish(deps, stored.return_to.as_deref(), Err(refusal))
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
    let response = match return_page(deps, return_to) {
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
    };
    // The flow has ended, and a new one sets its own cookie. A callback that was not this flow's leaves it open.
    let flow_ended = !matches!(outcome, Err(Refusal::StateForeign | Refusal::IssuerInvalid));
    if deps.config.binding == Binding::Cookie && flow_ended {
        http::with_cookie(response, &binding_cookie(None))
    } else {
        response
    }
}

/// Page that the browser returns to. The stored address is checked again: the allow-list may have shrunk since.
fn return_page(deps: &Deps, return_to: Option<&str>) -> Option<Url> {
    return_to.and_then(|url| deps.config.returns.resolve(url).ok()).or_else(|| deps.config.returns.page().cloned())
}
