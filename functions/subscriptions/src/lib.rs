//! `subscriptions`: keeps Oura's webhook subscriptions as they should be. Runs daily, and by hand after a deployment.
//!
//! 1. What should be: every pair of data type and event type that Oura's webhooks know and the scopes open, at our URL.
//! 2. What is: Oura's own list. Without it nothing is done, and the invocation fails so that Lambda repeats it.
//! 3. The plan makes the one out of the other: create, renew, correct the URL, remove. What belongs to another environment
//!    or service of the same app at Oura is left alone, unless the request says to take it over.
//! 4. It is carried out, each pair for itself.
//! 5. A fresh list says what is missing now: the report, one line in the log, and metrics.
//!
//! Running it again, or twice at once, does no harm.

mod plan;
mod report;
#[cfg(test)]
mod tests;
mod work;

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

pub use crate::plan::{Owner, Plan, Standing, Step, Task, Wish, topics};
pub use crate::report::{Action, Failed, Pair, Report};
use crate::work::Work;

/// How long new things are begun: the function's 120 s, less what the last ones begun and the list after them may take.
const TIME_TO_BEGIN: Duration = Duration::from_secs(60);

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
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    let why = match url.scheme() {
        "https" | "http" if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() => {
            "must hold neither credentials nor a fragment"
        }
        "https" => return Ok(url),
        "http" if is_here => return Ok(url),
        "http" => "must begin with https:// unless it is on this machine",
        _ => "must begin with https://",
    };
    Err(EnvError::Malformed { name: NAME, why: why.to_owned() })
}

/// What this function works with.
#[derive(Debug)]
pub struct Deps {
    config: Config,
    secrets: AppSecrets,
    oura: SubscriptionClient,
    clock: Clock,
    time_to_begin: Duration,
}

impl Deps {
    /// Makes the clients; reads nothing yet.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(config: Config, sdk: &SdkConfig, clock: Clock) -> anyhow::Result<Self> {
        Ok(Self {
            secrets: AppSecrets::new(sdk, &config.app_secret_id, clock.clone()),
            oura: SubscriptionClient::new(&config.hosts, HttpOptions::default())
                .context("set up the client for Oura")?,
            config,
            clock,
            time_to_begin: TIME_TO_BEGIN,
        })
    }
}

/// What is asked of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Request {
    /// Whether the app's subscriptions that point to another environment or service are to be pointed here.
    pub take_over: bool,
}

impl Request {
    /// From the event of an invocation: a schedule's, or `{"takeOver": true}` by hand. Whatever says nothing of this asks
    /// for nothing special.
    #[must_use]
    pub fn of_event(event: Value) -> Self {
        if !event.is_object() {
            return Self::default();
        }
        serde_json::from_value(event).unwrap_or_else(|_quotes_the_event| {
            tracing::warn!("takeOver is neither true nor false; nothing is taken over");
            Self::default()
        })
    }
}

/// Why a run did not even begin, or does not know how it ended.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The app secret cannot be read, or was not filled in.
    #[error("the app's keys are not to be had")]
    AppSecret(#[source] StoreError),
    /// Without it no handshake can succeed.
    #[error("the app secret has no webhook_verification_token")]
    VerificationToken,
    /// Oura does not say which subscriptions there are.
    #[error("the webhook subscriptions could not be listed")]
    List(#[source] SubscriptionError),
}

impl Failure {
    /// A stable word for it, for logs and for Lambda's record of the failed run.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::AppSecret(_) => "app_secret",
            Self::VerificationToken => "verification_token",
            Self::List(error) => error.code(),
        }
    }
}

/// What Lambda is told about a failed run: its code as the type, and all its causes.
#[must_use]
pub fn diagnostic(error: &anyhow::Error) -> Diagnostic {
    let error_type = error.downcast_ref().map_or("unknown", Failure::code).to_owned();
    Diagnostic { error_type, error_message: format!("{error:#}") }
}

/// Looks after the subscriptions once.
///
/// # Errors
/// [`Failure`], in which case a repetition is due. What fails for single pairs stands in the report.
pub async fn handle(deps: &Deps, request: Request) -> anyhow::Result<Report> {
    match run(deps, request).boxed().await {
        Ok(report) => {
            report.publish(deps.clock.now());
            Ok(report)
        }
        Err(failure) => {
            let code = failure.code();
            let error = anyhow::Error::new(failure);
            tracing::error!(code, error = format!("{error:#}"), "nobody can look after the webhook subscriptions");
            Err(error)
        }
    }
}

async fn run(deps: &Deps, request: Request) -> Result<Report, Failure> {
    let ends = Instant::now() + deps.time_to_begin;
    let (keys, verification_token) = app_secret(deps).await?;
    let wish = Wish {
        topics: topics(&deps.config.scopes),
        url: deps.config.webhook_url.clone(),
        renewal: SignedDuration::from_hours(24 * i64::from(deps.config.renewal_days)),
        take_over: request.take_over,
    };
    let (oura, clock, listed_again) = (&deps.oura, &deps.clock, Mutex::default());
    let work = Work { oura, keys, verification_token, wish: &wish, clock, ends, listed_again };

    let mut list = work.list().await.map_err(Failure::List)?;
    let plan = wish.plan(&list.subscriptions, clock.now());
    let done = work.carry_out(&plan).await;
    if !plan.is_empty() {
        list = work.list().await.map_err(Failure::List)?;
    }

    let standing = wish.standing(&list.subscriptions, clock.now());
    if let Some(first) = list.malformed.first() {
        tracing::warn!(count = list.malformed.len(), member = first.path, "subscriptions cannot be read");
    }
    Ok(Report {
        ok: done.failed.is_empty() && standing.missing.is_empty(),
        desired: wish.topics.len(),
        kept: done.kept,
        created: done.created,
        renewed: done.renewed,
        corrected: done.corrected,
        removed: done.removed,
        foreign: plan.foreign,
        unreadable: list.malformed.len(),
        failed: done.failed,
        missing: standing.missing.into_iter().map(Pair::from).collect(),
        expires_first: standing.expires_first,
    })
}

/// Read anew nearly every time: whoever has just put in the right keys runs this next.
async fn app_secret(deps: &Deps) -> Result<(AppKeys, SecretString), Failure> {
    let secret = deps.secrets.get_rotated().await.map_err(Failure::AppSecret)?;
    if secret.webhook_verification_token.expose_secret().is_empty() {
        return Err(Failure::VerificationToken);
    }
    let keys = AppKeys { client_id: secret.client_id, client_secret: secret.client_secret };
    Ok((keys, secret.webhook_verification_token))
}
