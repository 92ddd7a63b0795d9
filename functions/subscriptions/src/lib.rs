//! `subscriptions`: keeps Oura's webhook subscriptions as desired. Runs daily, and by hand after a deployment.
//!
//! 1. Desired: every pair of data type and event type that Oura's webhooks have and the scopes open, at this URL.
//! 2. Actual: Oura's own list. Without it nothing is changed, and the invocation fails so that Lambda retries it.
//! 3. The plan derives the steps: create, renew, correct the URL, remove. Subscriptions of another environment or service of
//!    the same app are unmanaged: they are left unchanged unless the request adopts them.
//! 4. The steps are executed, each pair independently.
//! 5. A fresh list shows the missing pairs: the report, log lines, and metrics.
//!
//! Runs may be repeated and may overlap.

mod changes;
mod failure;
mod plan;
mod reconcile;
mod report;
mod retry;
#[cfg(test)]
mod tests;

use std::time::Duration;

use anyhow::Context;
use futures::FutureExt;
use jiff::SignedDuration;
use lambda_runtime::Diagnostic;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use shared::aws::{AppSecrets, SdkConfig, StoreError};
use shared::domain::{Clock, ScopeSet};
use shared::env::{Env, EnvError};
use shared::oura::{AppKeys, HttpOptions, OuraHosts, SubscriptionClient, SubscriptionError};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::{Host, Url};

pub use crate::plan::{Coverage, DesiredSubscriptions, Owner, Plan, Step, Task, topics};
pub use crate::report::{Action, Failed, Pair, Report};

use crate::reconcile::Reconciler;

/// Time in which steps are begun: the function's 120 s, less the time of the last steps and of the list after them.
const STEPS_TIMEOUT: Duration = Duration::from_secs(60);

/// Settings of this function.
#[derive(Debug, Clone)]
pub struct Config {
    app_secret_id: String,
    scopes: ScopeSet,
    hosts: OuraHosts,
    webhook_url: Url,
    renewal_days: u32,
}

impl Config {
    /// Reads `OURA_APP_SECRET_ID`, `OURA_SCOPES`, `OURA_API_BASE_URL`, `WEBHOOK_URL` and `SUBSCRIPTION_RENEWAL_DAYS`.
    ///
    /// # Errors
    /// [`EnvError`] names the variable that is missing or malformed.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        Ok(Self {
            app_secret_id: env.required("OURA_APP_SECRET_ID")?,
            scopes: ScopeSet::parse(env.get("OURA_SCOPES").unwrap_or(ScopeSet::DEFAULT)),
            hosts: OuraHosts::from_env(env)?,
            webhook_url: webhook_url(env)?,
            renewal_days: env.bounded("SUBSCRIPTION_RENEWAL_DAYS", 7, 1..=60)?,
        })
    }
}

fn webhook_url(env: &Env) -> Result<Url, EnvError> {
    const NAME: &str = "WEBHOOK_URL";
    let url: Url = env.parsed(NAME)?;
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    let reason = match url.scheme() {
        "https" | "http" if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() => {
            "must have neither credentials nor a fragment"
        }
        "https" => return Ok(url),
        "http" if is_loopback => return Ok(url),
        "http" => "must begin with https:// unless it is on this machine",
        _ => "must begin with https://",
    };
    Err(EnvError::Malformed { name: NAME, reason: reason.to_owned() })
}

/// Clients and settings of the function.
#[derive(Debug)]
pub struct Deps {
    config: Config,
    secrets: AppSecrets,
    oura: SubscriptionClient,
    clock: Clock,
    steps_timeout: Duration,
}

impl Deps {
    /// Creates the clients; reads nothing yet.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn new(config: Config, sdk: &SdkConfig, clock: Clock) -> anyhow::Result<Self> {
        Ok(Self {
            secrets: AppSecrets::new(sdk, &config.app_secret_id, clock.clone()),
            oura: SubscriptionClient::new(&config.hosts, HttpOptions::default())
                .context("set up the client for Oura")?,
            config,
            clock,
            steps_timeout: STEPS_TIMEOUT,
        })
    }
}

/// Payload of an invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Request {
    /// True if the app's unmanaged subscriptions are to be pointed here.
    pub adopt: bool,
}

impl Request {
    /// Reads the event of an invocation: a schedule's, or `{"adopt": true}` by hand. Any other event adopts nothing.
    #[must_use]
    pub fn of_event(event: Value) -> Self {
        if !event.is_object() {
            return Self::default();
        }
        serde_json::from_value(event).unwrap_or_else(|_quotes_the_event| {
            tracing::warn!(
                event = "subscriptions.request_malformed",
                "`adopt` was neither true nor false; nothing was adopted"
            );
            Self::default()
        })
    }
}

/// Reason for which a run could not begin, or could not read its result.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The app secret cannot be read, or was not filled in.
    #[error("the app's keys could not be read")]
    AppSecret(#[source] StoreError),
    /// Without the token no handshake can succeed.
    #[error("the app secret has no webhook_verification_token")]
    VerificationToken,
    /// Oura did not return the list of subscriptions.
    #[error("the webhook subscriptions could not be listed")]
    List(#[source] SubscriptionError),
}

impl Failure {
    /// Stable code for logs and for Lambda's record of the failed run.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::AppSecret(_) => "app_secret",
            Self::VerificationToken => "verification_token",
            Self::List(error) => error.code(),
        }
    }
}

/// Diagnostic of a failed run for Lambda: its code as the type, and all its causes.
#[must_use]
pub fn diagnostic(error: &anyhow::Error) -> Diagnostic {
    let error_type = error.downcast_ref().map_or("unknown", Failure::code).to_owned();
    Diagnostic { error_type, error_message: format!("{error:#}") }
}

/// Reconciles the subscriptions once.
///
/// # Errors
/// [`Failure`]; the run is to be retried. Failures of single pairs are in the report.
pub async fn handle(deps: &Deps, request: Request) -> anyhow::Result<Report> {
    match run(deps, request).boxed().await {
        Ok(report) => {
            report.publish(deps.clock.now());
            Ok(report)
        }
        Err(failure) => {
            let reason = failure.code();
            let error = anyhow::Error::new(failure);
            tracing::error!(
                event = "subscriptions.run_failed",
                reason,
                error = format!("{error:#}"),
                "webhook subscriptions could not be reconciled"
            );
            Err(error)
        }
    }
}

async fn run(deps: &Deps, request: Request) -> Result<Report, Failure> {
    let deadline = Instant::now() + deps.steps_timeout;
    let (keys, verification_token) = app_secret(deps).await?;
    let desired = DesiredSubscriptions {
        topics: topics(&deps.config.scopes),
        url: deps.config.webhook_url.clone(),
        renewal: SignedDuration::from_hours(24 * i64::from(deps.config.renewal_days)),
        adopt: request.adopt,
    };
    let (oura, clock, relisted) = (&deps.oura, &deps.clock, Mutex::default());
    let reconciler = Reconciler { oura, keys, verification_token, desired: &desired, clock, deadline, relisted };

    let mut list = reconciler.list().await.map_err(Failure::List)?;
    let plan = desired.plan(&list.subscriptions, clock.now());
    let changes = reconciler.apply(&plan).await;
    if !plan.is_empty() {
        list = reconciler.list().await.map_err(Failure::List)?;
    }

    let coverage = desired.coverage(&list.subscriptions, clock.now());
    if let Some(first) = list.malformed.first() {
        tracing::warn!(
            event = "subscriptions.unreadable",
            count = list.malformed.len(),
            member = first.path,
            "entries of Oura's subscription list could not be read"
        );
    }
    Ok(Report {
        ok: changes.failed.is_empty() && coverage.missing.is_empty(),
        desired: desired.topics.len(),
        kept: changes.kept,
        created: changes.created,
        renewed: changes.renewed,
        corrected: changes.corrected,
        removed: changes.removed,
        unmanaged: plan.unmanaged,
        unreadable: list.malformed.len(),
        failed: changes.failed,
        missing: coverage.missing.into_iter().map(Pair::from).collect(),
        expires_first: coverage.expires_first,
    })
}

/// Reads the secret without its cache, where it was not read within the last minute: a run by hand follows a change of the
/// keys.
async fn app_secret(deps: &Deps) -> Result<(AppKeys, SecretString), Failure> {
    let secret = deps.secrets.get_rotated().await.map_err(Failure::AppSecret)?;
    if secret.webhook_verification_token.expose_secret().is_empty() {
        return Err(Failure::VerificationToken);
    }
    let keys = AppKeys { client_id: secret.client_id, client_secret: secret.client_secret };
    Ok((keys, secret.webhook_verification_token))
}
