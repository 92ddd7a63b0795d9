//! `POST /connect/oura`: sends a signed-in patient to Oura's consent page.
//!
//! 1. The patient is the JWT claim verified by the authorizer.
//! 2. The return address is checked against the allow-list.
//! 3. A patient who asks too often is refused.
//! 4. A state of 256 bits is stored, hashed, for ten minutes and one use. A cookie binds it to the browser.
//! 5. The answer is Oura's authorize URL, with the prerequisites that the patient should know before the consent.

mod guidance;

use std::time::Duration;

use anyhow::Context;
use lambda_http::http::{Method, StatusCode};
use lambda_http::{Body, Request, Response};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use shared::aws::{AppSecrets, Connections, Limits, PendingConnect, Rate, SdkConfig, StoreError};
use shared::domain::{Clock, ConsentVersion, Entropy, ScopeSet};
use shared::env::{Env, EnvError};
use shared::flow::{Binding, BindingCookie, ReturnAddresses, pkce_enabled};
use shared::http::{self, HttpError};
use shared::oura::{HttpOptions, OAuthHttp, OuraHosts, PkceVerifier};
use shared::token_policy::TokenPolicy;
use shared::vault::OuraApp;

/// Consents that a patient may begin: ten at once, then one a minute.
const RATE: Rate = Rate { interval: Duration::from_secs(60), burst: 10 };

/// Settings of this function.
#[derive(Debug, Clone)]
pub struct Config {
    app_secret_id: String,
    redirect_uri: String,
    scopes: String,
    hosts: OuraHosts,
    connections_table: String,
    token_policy: TokenPolicy,
    returns: ReturnAddresses,
    binding: Binding,
    cookie: BindingCookie,
    pkce: bool,
}

impl Config {
    /// Reads `OURA_APP_SECRET_ID`, `OURA_REDIRECT_URI`, `OURA_SCOPES`, `OURA_AUTHORIZE_URL`, `OURA_PKCE`,
    /// `CONNECTIONS_TABLE`, `PATIENT_ID_CLAIM`, `JWT_ALLOWED_AUDIENCES`, `JWT_ALLOWED_AZP`, `APP_RETURN_URL`,
    /// `APP_ALLOWED_ORIGINS` and `CALLBACK_BINDING`.
    ///
    /// # Errors
    /// [`EnvError`] names the variable that is missing or malformed.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        let callback: url::Url = env.parsed("OURA_REDIRECT_URI")?;
        Ok(Self {
            app_secret_id: env.required("OURA_APP_SECRET_ID")?,
            redirect_uri: env.required("OURA_REDIRECT_URI")?,
            scopes: env.get("OURA_SCOPES").unwrap_or(ScopeSet::DEFAULT).to_owned(),
            hosts: OuraHosts::from_env(env)?,
            connections_table: env.required("CONNECTIONS_TABLE")?,
            token_policy: TokenPolicy::from_env(env)?,
            returns: ReturnAddresses::from_env(env)?,
            binding: Binding::from_env(env)?,
            cookie: BindingCookie::of_callback(&callback),
            pkce: pkce_enabled(env)?,
        })
    }
}

/// Clients and settings of the function.
#[derive(Debug)]
pub struct Deps {
    config: Config,
    app: OuraApp,
    connections: Connections,
    limits: Limits,
    clock: Clock,
    entropy: Entropy,
}

impl Deps {
    /// Creates the clients; reads nothing yet.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn new(config: Config, sdk: &SdkConfig, clock: Clock, entropy: Entropy) -> anyhow::Result<Self> {
        let oauth = OAuthHttp::new(&config.hosts, HttpOptions::default()).context("set up the client for Oura")?;
        let secrets = AppSecrets::new(sdk, &config.app_secret_id, clock.clone());
        Ok(Self {
            app: OuraApp::new(secrets, oauth, &config.redirect_uri),
            connections: Connections::new(sdk, &config.connections_table),
            limits: Limits::new(sdk, &config.connections_table),
            config,
            clock,
            entropy,
        })
    }
}

/// Body of a request; all fields are optional.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConnectRequest {
    return_to: Option<String>,
    /// Version of the consent text that the platform has shown.
    consent_version: Option<ConsentVersion>,
}

/// Answers one request.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    match connect(deps, &request).await {
        Ok(response) => response,
        Err(refusal) => http::failure(&refusal),
    }
}

async fn connect(deps: &Deps, request: &Request) -> Result<Response<Body>, HttpError> {
    match http::route(request) {
        Some("/connect/oura") if request.method() == Method::POST => {}
        Some("/connect/oura") => return Err(HttpError::method_not_allowed("POST")),
        _ => return Err(HttpError::not_found()),
    }
    let patient = http::patient(request, &deps.config.token_policy)?;
    let body: ConnectRequest = http::json_body(request)?;
    let return_to = body.return_to.as_deref().map(|page| deps.config.returns.resolve(page)).transpose()?;

    let now = deps.clock.now();
    if let Some(wait) = deps.limits.take(&patient, "connect", RATE, now).await.map_err(unavailable)? {
        return Err(HttpError::too_many("too_many_connects", wait));
    }
    let state = deps.entropy.secret();
    let binding = deps.entropy.secret();
    let verifier = deps.config.pkce.then(|| PkceVerifier::generate(&deps.entropy));
    let verifier_secret = verifier.as_ref().map(|verifier| SecretString::from(verifier.expose().to_owned()));
    let oauth = deps.app.oauth().await.map_err(unavailable)?;
    let expires_at = deps
        .connections
        .begin_connect(&PendingConnect {
            state: &state,
            binding: &binding,
            verifier: verifier_secret.as_ref(),
            patient_id: &patient,
            return_to: return_to.as_ref().map(url::Url::as_str),
            consent_version: body.consent_version.as_ref(),
            now,
        })
        .await
        .map_err(unavailable)?;
    let challenge = verifier.as_ref().map(PkceVerifier::challenge);
    let auth_url = oauth.authorize_url(&deps.config.scopes, state.expose_secret(), challenge.as_ref());
    let answer = json!({
        "authUrl": auth_url.as_str(),
        "expiresAt": expires_at,
        "prerequisites": guidance::PREREQUISITES,
        "scopes": guidance::scopes(&deps.config.scopes),
    });
    let response = http::success(StatusCode::OK, &answer);
    Ok(match deps.config.binding {
        Binding::Cookie => http::with_cookie(response, &deps.config.cookie.header(&binding)),
        Binding::None => response,
    })
}

fn unavailable(error: StoreError) -> HttpError {
    tracing::error!(event = "connect.store_failed", %error, "connect could not be started");
    HttpError::unavailable()
}
