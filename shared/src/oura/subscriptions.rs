//! Oura's webhook subscriptions (API v2, `/v2/webhook/subscription`): what the app asks to be told, and where to. The app
//! speaks for itself here; no patient and no token of a patient is involved.

mod list;

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderValue;
use reqwest::{RequestBuilder, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use url::Url;

use super::hosts::OuraHosts;
use super::secret::ClientSecret;
use super::transport::{self, Answer, HttpOptions, HttpSetupError, NoAnswer, NoBody};

pub use list::{Subscription, SubscriptionId, SubscriptionList, Topic};

/// More than any true list: one app has 48 subscriptions for each of its environments.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// Manages the subscriptions of whichever app asks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SubscriptionClient {
    http: reqwest::Client,
    hosts: Arc<OuraHosts>,
}

/// Who asks: the app as registered at Oura.
#[derive(Debug, Clone)]
pub struct AppKeys {
    /// Public.
    pub client_id: String,
    /// Not.
    pub client_secret: ClientSecret,
}

/// What a subscription shall be.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// What it is about.
    pub topic: Topic,
    /// Where its notices go. It has to answer Oura's handshake by then.
    pub callback_url: &'a Url,
    /// What Oura repeats in the handshake.
    pub verification_token: &'a SecretString,
}

/// Why Oura did not do it, shaped by what callers do about it. No text here holds a body, an address or a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubscriptionError {
    /// 401, and 403 where no single subscription is named: the app's id or secret is wrong. A person has to act.
    #[error("Oura does not accept the app's client id and secret")]
    Unauthorized,
    /// 403 (by the documentation), 404 and 410 for a named subscription: make a new one.
    #[error("Oura knows no such subscription")]
    Gone,
    /// 409: there is one for this already. The list says whose.
    #[error("Oura says that there is one already")]
    Conflict,
    /// 429: ask later.
    #[error("Oura's rate limit is reached")]
    RateLimited {
        /// When to come back, at most 15 minutes; Oura does not always say.
        retry_after: Option<Duration>,
    },
    /// 5xx, 408, no connection, time-out, an answer cut short: ask again later. What was asked may have been done.
    #[error("Oura does not answer{}", of_status(*.status))]
    Unavailable {
        /// The HTTP status, if there was one.
        status: Option<u16>,
    },
    /// Another answer that asking again will not change, such as that of a handshake that failed.
    #[error("Oura refused the request with status {status}")]
    Rejected {
        /// The HTTP status.
        status: u16,
    },
    /// The list as a whole is not what Oura documents.
    #[error("Oura's list of subscriptions cannot be read")]
    Malformed,
}

impl SubscriptionError {
    /// A stable word for it, for logs and alarms.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::Gone => "gone",
            Self::Conflict => "conflict",
            Self::RateLimited { .. } => "rate_limited",
            Self::Unavailable { .. } => "unavailable",
            Self::Rejected { .. } => "rejected",
            Self::Malformed => "malformed",
        }
    }
}

fn of_status(status: Option<u16>) -> String {
    status.map(|status| format!(" (status {status})")).unwrap_or_default()
}

impl SubscriptionClient {
    /// A client with a pool of connections of its own: make one and clone it.
    ///
    /// # Errors
    /// [`HttpSetupError`] when TLS cannot be set up.
    pub fn new(hosts: &OuraHosts, options: HttpOptions) -> Result<Self, HttpSetupError> {
        let http = transport::client(options.connect_timeout, options.data_timeout, &[&hosts.api_base])
            // A function may be frozen between two invocations, and what it kept open is dead when it thaws.
            .pool_idle_timeout(Duration::from_secs(30))
            .build()?;
        Ok(Self { http, hosts: Arc::new(hosts.clone()) })
    }

    /// All subscriptions of the app. One that cannot be read stands in [`SubscriptionList::malformed`].
    ///
    /// # Errors
    /// [`SubscriptionError`].
    pub async fn list(&self, keys: &AppKeys) -> Result<SubscriptionList, SubscriptionError> {
        let answer = send(keys, self.http.get(self.url([])), Named::None).await?;
        let body = answer.body.map_err(|why| match why {
            NoBody::Cut => SubscriptionError::Unavailable { status: None },
            NoBody::TooLarge => SubscriptionError::Malformed,
        })?;
        SubscriptionList::read(&String::from_utf8_lossy(&body)).ok_or(SubscriptionError::Malformed)
    }

    /// Makes a subscription. Oura calls the address meanwhile (its handshake), and refuses when that fails.
    ///
    /// # Errors
    /// [`SubscriptionError`].
    pub async fn create(&self, keys: &AppKeys, wanted: Wanted<'_>) -> Result<(), SubscriptionError> {
        send(keys, self.http.post(self.url([])).json(&Wire::of(wanted)), Named::None).await.map(drop)
    }

    /// Changes a subscription into what is wanted. Whether Oura repeats its handshake then is not known.
    ///
    /// # Errors
    /// [`SubscriptionError`].
    pub async fn update(
        &self,
        keys: &AppKeys,
        id: &SubscriptionId,
        wanted: Wanted<'_>,
    ) -> Result<(), SubscriptionError> {
        send(keys, self.http.put(self.url([id.as_str()])).json(&Wire::of(wanted)), Named::One).await.map(drop)
    }

    /// Lets a subscription live for another term (about 90 days) from now.
    ///
    /// # Errors
    /// [`SubscriptionError`].
    pub async fn renew(&self, keys: &AppKeys, id: &SubscriptionId) -> Result<(), SubscriptionError> {
        send(keys, self.http.put(self.url(["renew", id.as_str()])), Named::One).await.map(drop)
    }

    /// Ends a subscription.
    ///
    /// # Errors
    /// [`SubscriptionError`]; [`SubscriptionError::Gone`] when it has ended already.
    pub async fn delete(&self, keys: &AppKeys, id: &SubscriptionId) -> Result<(), SubscriptionError> {
        send(keys, self.http.delete(self.url([id.as_str()])), Named::One).await.map(drop)
    }

    fn url<const N: usize>(&self, more: [&str; N]) -> Url {
        self.hosts.api(["webhook", "subscription"].into_iter().chain(more))
    }
}

/// Whether the request is about one subscription by its id.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    One,
    None,
}

/// The body of a request.
#[derive(Serialize)]
struct Wire<'a> {
    callback_url: &'a str,
    verification_token: &'a str,
    event_type: &'static str,
    data_type: &'static str,
}

impl<'a> Wire<'a> {
    fn of(wanted: Wanted<'a>) -> Self {
        Self {
            callback_url: wanted.callback_url.as_str(),
            verification_token: wanted.verification_token.expose_secret(),
            event_type: wanted.topic.event.as_str(),
            data_type: wanted.topic.data_type.as_str(),
        }
    }
}

/// Sends a request of the app once. What a success says beyond that is not believed: the next list shows what came of it.
async fn send(keys: &AppKeys, request: RequestBuilder, named: Named) -> Result<Answer, SubscriptionError> {
    // No header can hold such a secret, so Oura cannot have issued it as one.
    let Ok(mut secret) = HeaderValue::from_str(keys.client_secret.expose()) else {
        return Err(SubscriptionError::Unauthorized);
    };
    secret.set_sensitive(true);
    let request = request.header("x-client-id", &keys.client_id).header("x-client-secret", secret);
    let answer = transport::send(request, MAX_BODY).await.map_err(|why| match why {
        NoAnswer::Unsendable => SubscriptionError::Unauthorized,
        NoAnswer::NotConnected | NoAnswer::Unknown => SubscriptionError::Unavailable { status: None },
    })?;
    if answer.status.is_success() { Ok(answer) } else { Err(refusal(&answer, named)) }
}

/// What an answer other than a success means. The status decides, whatever the body says.
fn refusal(answer: &Answer, named: Named) -> SubscriptionError {
    let status = answer.status.as_u16();
    match answer.status {
        StatusCode::UNAUTHORIZED => SubscriptionError::Unauthorized,
        StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::GONE if named == Named::One => {
            SubscriptionError::Gone
        }
        StatusCode::FORBIDDEN => SubscriptionError::Unauthorized,
        StatusCode::CONFLICT => SubscriptionError::Conflict,
        StatusCode::TOO_MANY_REQUESTS => {
            SubscriptionError::RateLimited { retry_after: transport::retry_after(&answer.headers) }
        }
        StatusCode::REQUEST_TIMEOUT => SubscriptionError::Unavailable { status: Some(status) },
        other if other.is_server_error() => SubscriptionError::Unavailable { status: Some(status) },
        _ => SubscriptionError::Rejected { status },
    }
}

#[cfg(test)]
#[path = "subscriptions_tests.rs"]
mod tests;
