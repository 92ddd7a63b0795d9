//! `GET` and `POST /callback/oura`: the way back from Oura's consent page.
//!
//! 1. The state is spent, once, by whoever can show to be the one who began: the browser's cookie, or a JWT (`POST`).
//!    A callback with neither goes to the app with `code` and `state` unspent, for the `POST` route.
//! 2. The code is exchanged at once, at one host, never twice.
//! 3. `personal_info` tells whose ring it is; without it nothing counts as connected.
//! 4. Tokens go to their vault first; then connection, claim of the ring account and event in one transaction.
//! 5. The backfill is queued, the event published, and the browser returns to the app.

mod complete;
mod history;
mod page;

use std::time::Duration;

use anyhow::Context;
use lambda_http::http::{Method, StatusCode};
use lambda_http::{Body, Request, Response};
use serde::Deserialize;
use serde_json::json;
use shared::aws::{
    AppSecrets, Bus, Connections, Consumed, Outbox, Proof, Queue, SdkConfig, StoredState, TokenSettings, TokenStore,
};
use shared::domain::{Clock, Entropy, ScopeSet};
use shared::env::{Env, EnvError};
use shared::flow::{BINDING_COOKIE, Binding, ReturnAddresses, binding_cookie};
use shared::http::{self, HttpError};
use shared::oura::{AuthorizationCode, HttpOptions, OAuthHttp, OuraClient, OuraHosts};
use shared::token_policy::TokenPolicy;
use shared::vault::OuraApp;
use url::Url;

pub use complete::Refusal;

/// Oura's codes and our states are far shorter; anything longer is not theirs.
const LONGEST_PARAMETER: usize = 2048;

/// API Gateway ends a request after 30 s, and the function after 29.
const PATIENCE: Duration = Duration::from_secs(27);

/// Settings of this function.
#[derive(Debug, Clone)]
pub struct Config {
    app_secret_id: String,
    redirect_uri: String,
    scopes: ScopeSet,
    hosts: OuraHosts,
    connections_table: String,
    tokens: TokenSettings,
    live_queue_url: String,
    event_bus_name: String,
    token_policy: TokenPolicy,
    returns: ReturnAddresses,
    binding: Binding,
    backfill_days: u32,
}

impl Config {
    /// Reads `OURA_APP_SECRET_ID`, `OURA_REDIRECT_URI`, `OURA_SCOPES`, `OURA_TOKEN_URL`, `OURA_API_BASE_URL`,
    /// `CONNECTIONS_TABLE`, `TOKEN_VAULT`, `TOKEN_VAULT_MIGRATE_FROM`, `TOKEN_SECRET_PREFIX`, `TOKEN_KEY_RING_SECRET_ID`,
    /// `LIVE_QUEUE_URL`, `EVENT_BUS_NAME`, `PATIENT_ID_CLAIM`, `JWT_ALLOWED_AUDIENCES`, `JWT_ALLOWED_AZP`,
    /// `APP_RETURN_URL`, `APP_ALLOWED_ORIGINS`, `CALLBACK_BINDING` and `BACKFILL_DAYS`.
    ///
    /// # Errors
    /// [`EnvError`] names the variable that is missing or malformed.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        Ok(Self {
            app_secret_id: env.required("OURA_APP_SECRET_ID")?,
            redirect_uri: env.parsed::<Url>("OURA_REDIRECT_URI").and(env.required("OURA_REDIRECT_URI"))?,
            scopes: ScopeSet::parse(env.get("OURA_SCOPES").unwrap_or(ScopeSet::DEFAULT)),
            hosts: OuraHosts::from_env(env)?,
            connections_table: env.required("CONNECTIONS_TABLE")?,
            tokens: TokenSettings::from_env(env)?,
            live_queue_url: env.required("LIVE_QUEUE_URL")?,
            event_bus_name: env.required("EVENT_BUS_NAME")?,
            token_policy: TokenPolicy::from_env(env)?,
            returns: ReturnAddresses::from_env(env)?,
            binding: Binding::from_env(env)?,
            backfill_days: env.bounded("BACKFILL_DAYS", 30, 1..=400)?,
        })
    }
}

/// What this function works with.
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
    /// Makes the clients; reads nothing yet.
    ///
    /// # Errors
    /// When TLS cannot be set up.
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
        // Cut short, the flow is as safe as after a crash; the browser gets an answer of ours instead of API Gateway's.
        Method::GET => Ok(tokio::time::timeout(PATIENCE, from_browser(deps, &request)).await.unwrap_or_else(|_late| {
            tracing::error!("a callback took too long");
            finish(deps, None, Err(Refusal::OuraUnavailable))
        })),
        Method::POST => tokio::time::timeout(PATIENCE, from_app(deps, &request)).await.unwrap_or_else(|_late| {
            tracing::error!("a callback took too long");
            Err(Refusal::OuraUnavailable.into_http())
        }),
        _ => Err(HttpError::method_not_allowed("GET, POST")),
    };
    answer.unwrap_or_else(|refusal| http::failure(&refusal))
}

/// The body of the route for flows whose browser could not carry the cookie.
#[derive(Deserialize)]
struct CompleteRequest {
    code: String,
    state: String,
    #[serde(default)]
    scope: Option<String>,
}

async fn from_app(deps: &Deps, request: &Request) -> Result<Response<Body>, HttpError> {
    let patient = http::patient(request, &deps.config.token_policy)?;
    let body: CompleteRequest = http::json_body(request)?;
    if [&body.code, &body.state].iter().any(|text| text.is_empty() || text.len() > LONGEST_PARAMETER) {
        return Err(HttpError::bad_request("invalid_body", "`code` and `state` must be those that Oura sent."));
    }
    let state = spend(deps, &body.state, &Proof::Patient(&patient)).await.map_err(Refusal::into_http)?;
    let code = AuthorizationCode::new(body.code);
    complete(deps, &state, &code, body.scope.as_deref()).await.map_err(Refusal::into_http)?;
    Ok(http::success(StatusCode::OK, &json!({ "source": "oura", "status": "connected" })))
}

async fn from_browser(deps: &Deps, request: &Request) -> Response<Body> {
    let Ok(query) = http::query(request) else { return finish(deps, None, Err(Refusal::StateInvalid)) };
    let parameter = |name: &str| {
        query.get(name).map(String::as_str).filter(|text| !text.is_empty() && text.len() <= LONGEST_PARAMETER)
    };
    let cookie = http::cookie(request, BINDING_COOKIE).filter(|value| !value.is_empty());
    let proof = match (deps.config.binding, cookie) {
        (Binding::None, _) => Some(Proof::Unbound),
        (Binding::Cookie, Some(cookie)) => Some(Proof::Cookie(cookie)),
        (Binding::Cookie, None) => None,
    };
    let Some(state) = parameter("state") else { return finish(deps, None, Err(Refusal::StateInvalid)) };
    if let Some(error) = parameter("error") {
        return denied(deps, state, proof.as_ref(), error).await;
    }
    let Some(code) = parameter("code") else { return finish(deps, None, Err(Refusal::CodeMissing)) };
    let Some(proof) = proof else { return hand_over(deps, state, code, parameter("scope")).await };
    let stored = match spend(deps, state, &proof).await {
        Ok(stored) => stored,
        // Another flow's cookie proves nothing, but it is no attack either: two tabs do this.
        Err(Refusal::StateForeign) => return hand_over(deps, state, code, parameter("scope")).await,
        Err(refusal) => return finish(deps, None, Err(refusal)),
    };
    let code = AuthorizationCode::new(code);
    let outcome = complete(deps, &stored, &code, parameter("scope")).await;
    finish(deps, stored.return_to.as_deref(), outcome)
}

/// Completes the flow of a spent state; either way nothing is pending after it.
async fn complete(
    deps: &Deps,
    state: &StoredState,
    code: &AuthorizationCode,
    callback_scope: Option<&str>,
) -> Result<(), Refusal> {
    let outcome = complete::run(deps, state, code, callback_scope).await;
    if outcome.is_err() {
        end_pending(deps, state).await;
    }
    outcome
}

async fn end_pending(deps: &Deps, state: &StoredState) {
    if let Err(error) = deps.connections.end_pending(&state.patient_id).await {
        tracing::warn!(%error, "the pending consent will expire by itself");
    }
}

/// Spends a state for whoever can show to be the one who began.
async fn spend(deps: &Deps, state: &str, proof: &Proof<'_>) -> Result<StoredState, Refusal> {
    match deps.connections.consume_state(state, proof, deps.clock.now()).await {
        Ok(Consumed::State(stored)) => Ok(stored),
        Ok(Consumed::Unknown) => Err(Refusal::StateInvalid),
        Ok(Consumed::Foreign) => Err(Refusal::StateForeign),
        Err(error) => Err(Refusal::store(&error)),
    }
}

/// The patient said no, or Oura would not ask.
async fn denied(deps: &Deps, state: &str, proof: Option<&Proof<'_>>, error: &str) -> Response<Body> {
    let refusal = if error == "access_denied" { Refusal::AccessDenied } else { Refusal::AuthorizationFailed };
    let stored = match proof {
        Some(proof) => spend(deps, state, proof).await.ok(),
        None => None,
    };
    let Some(stored) = stored else {
        // Without proof nothing is spent; where the flow would have returned to is no secret.
        let peeked = deps.connections.peek_state(state, deps.clock.now()).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "a denied flow returns to the app's own page");
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

/// Nothing shows that this browser began the flow: the app, where the patient is signed in, completes it by `POST`.
async fn hand_over(deps: &Deps, state: &str, code: &str, scope: Option<&str>) -> Response<Body> {
    let peeked = match deps.connections.peek_state(state, deps.clock.now()).await {
        Ok(Some(peeked)) => peeked,
        Ok(None) => return finish(deps, None, Err(Refusal::StateInvalid)),
        Err(error) => return finish(deps, None, Err(Refusal::store(&error))),
    };
    match return_page(deps, peeked.return_to.as_deref()) {
        Some(mut url) => {
            url.query_pairs_mut().append_pair("wearable", "oura").append_pair("code", code).append_pair("state", state);
            if let Some(scope) = scope {
                url.query_pairs_mut().append_pair("scope", scope);
            }
            http::see_other(url.as_str())
        }
        None => finish(deps, None, Err(Refusal::StateForeign)),
    }
}

/// Sends the browser back to the app, or, where no app page is set, shows a small page of our own.
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
    // The flow is over either way; a new one sets its own cookie.
    if matches!(deps.config.binding, Binding::Cookie) && !matches!(outcome, Err(Refusal::StateForeign)) {
        http::with_cookie(response, &binding_cookie(None))
    } else {
        response
    }
}

/// The stored address was checked when it was stored; it is checked again, as the allow-list may have shrunk since.
fn return_page(deps: &Deps, return_to: Option<&str>) -> Option<Url> {
    return_to.and_then(|url| deps.config.returns.resolve(url).ok()).or_else(|| deps.config.returns.page().cloned())
}
