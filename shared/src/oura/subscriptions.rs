//! Oura's webhook subscriptions (API v2, `/v2/webhook/subscription`). Requests are the app's own; no patient and no token of a
//! patient is involved.

mod list;

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderValue;
use reqwest::{RequestBuilder, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use strum::IntoStaticStr;
use url::Url;

use super::hosts::OuraHosts;
use super::secret::ClientSecret;
use super::transport::{self, Answer, BodyError, HttpOptions, HttpSetupError, NoAnswer};

pub use list::{MalformedSubscription, Subscription, SubscriptionId, SubscriptionList, Topic};

/// Upper bound of a list in bytes. One app has 48 subscriptions for each of its environments.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// Manages the subscriptions of any app. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SubscriptionClient {
    http: reqwest::Client,
    hosts: Arc<OuraHosts>,
}

/// Credentials of the app as registered at Oura.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "OAuth's own names")]
pub struct AppKeys {
    pub client_id: String,
    pub client_secret: ClientSecret,
}

/// A subscription to create or change.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Data type and event type.
    pub topic: Topic,
    /// Address of its webhook events. It has to answer Oura's handshake.
    pub callback_url: &'a Url,
    /// Token that Oura sends in the handshake.
    pub verification_token: &'a SecretString,
}

/// Reason of a failed request. No text here holds a body, an address or a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum SubscriptionError {
    /// 401, and 403 unless the request names a subscription: the app's id or secret is wrong. An operator has to act.
    #[error("Oura does not accept the app's client id and secret")]
    Unauthorized,
    /// 403 (by the documentation), 404 and 410 for a named subscription: a new one is needed.
    #[error("Oura knows no such subscription")]
    Gone,
    /// 409: the subscription exists. The list has its owner.
    #[error("Oura says that there is one already")]
    Conflict,
    /// 429: to be retried later.
    #[error("Oura's rate limit is reached")]
    RateLimited {
        /// Wait before a retry, at most 15 minutes, if Oura named one.
        retry_after: Option<Duration>,
    },
    /// 5xx, 408, no connection, time-out, a truncated answer: to be retried later. The change may have been made.
    #[error("Oura does not answer{}", of_status(*.status))]
    Unavailable {
        /// The HTTP status, if there was one.
        status: Option<u16>,
    },
    /// Another answer that a retry does not change, such as after a failed handshake.
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
    /// Stable code for logs and alarms.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.into()
    }
}

fn of_status(status: Option<u16>) -> String {
    status.map(|status| format!(" (status {status})")).unwrap_or_default()
}

impl SubscriptionClient {
    /// Creates a client with a connection pool of its own; clones share the pool.
    ///
    /// # Errors
    /// [`HttpSetupError`] if TLS cannot be set up.
    pub fn new(hosts: &OuraHosts, options: HttpOptions) -> Result<Self, HttpSetupError> {
        let http = transport::client(options.connect_timeout, options.data_timeout, &[&hosts.api_base])
            // A function may be frozen between two invocations, and its open connections are dead after that.
            .pool_idle_timeout(Duration::from_secs(30))
            .build()?;
        Ok(Self { http, hosts: Arc::new(hosts.clone()) })
    }

    /// Lists all subscriptions of the app. Unreadable ones are in [`SubscriptionList::malformed`].
    ///
    /// # Errors
    /// [`SubscriptionError`].
    pub async fn list(&self, keys: &AppKeys) -> Result<SubscriptionList, SubscriptionError> {
        let answer = send(keys, self.http.get(self.url([])), Named::None).await?;
        let body = answer.body.map_err(|reason| match reason {
            BodyError::Cut => SubscriptionError::Unavailable { status: None },
            BodyError::TooLarge => SubscriptionError::Malformed,
        })?;
        SubscriptionList::read(&String::from_utf8_lossy(&body)).ok_or(SubscriptionError::Malformed)
    }

    /// Creates a subscription. Oura calls the address meanwhile (its handshake), and refuses if that fails.
    ///
    /// # Errors
    /// [`SubscriptionError`].
    pub async fn create(&self, keys: &AppKeys, wanted: Wanted<'_>) -> Result<(), SubscriptionError> {
        send(keys, self.http.post(self.url([])).json(&Wire::of(wanted)), Named::None).await.map(drop)
    }

    /// Changes a subscription. Oura may repeat its handshake.
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

    /// Extends a subscription to about 90 days from now.
    ///
    /// # Errors
    /// [`SubscriptionError`].
    pub async fn renew(&self, keys: &AppKeys, id: &SubscriptionId) -> Result<(), SubscriptionError> {
        send(keys, self.http.put(self.url(["renew", id.as_str()])), Named::One).await.map(drop)
    }

    /// Ends a subscription.
    ///
    /// # Errors
    /// [`SubscriptionError`]; [`SubscriptionError::Gone`] if it has ended already.
    pub async fn delete(&self, keys: &AppKeys, id: &SubscriptionId) -> Result<(), SubscriptionError> {
        send(keys, self.http.delete(self.url([id.as_str()])), Named::One).await.map(drop)
    }

    fn url<const N: usize>(&self, more: [&str; N]) -> Url {
        self.hosts.api(["webhook", "subscription"].into_iter().chain(more))
    }
}

/// Subject of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    One,
    None,
}

/// Body of a request.
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

/// Sends a request of the app once. The body of a success is not used: the next list shows the result.
async fn send(keys: &AppKeys, request: RequestBuilder, named: Named) -> Result<Answer, SubscriptionError> {
    // Oura cannot have issued a secret that does not fit into a header.
    let Ok(mut secret) = HeaderValue::from_str(keys.client_secret.expose()) else {
        return Err(SubscriptionError::Unauthorized);
    };
    secret.set_sensitive(true);
    let request = request.header("x-client-id", &keys.client_id).header("x-client-secret", secret);
    let answer = transport::send(request, MAX_BODY).await.map_err(|reason| match reason {
        NoAnswer::Unsendable => SubscriptionError::Unauthorized,
        NoAnswer::NotConnected | NoAnswer::Unknown => SubscriptionError::Unavailable { status: None },
    })?;
    if answer.status.is_success() { Ok(answer) } else { Err(refusal(&answer, named)) }
}

/// Maps an answer other than a success by its status.
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
