//! Oura's cloud: its collections, its HTTP API, its OAuth. It does not depend on AWS.

pub mod breaker;
mod client;
mod error;
mod hosts;
pub mod model;
mod oauth;
mod page;
pub mod rate_limit;
mod rate_limiter;
mod secret;
mod signature;
mod subscriptions;
#[cfg(test)]
mod test_server;
mod throttled;
mod transport;
mod webhook_event;

pub use client::{Listing, OuraClient, Part, PersonalInfo};
pub use error::{OuraError, RateTier, TokenError, TokenFailure};
pub use hosts::{MalformedSetting, OuraHosts, Portal, UnknownIssuer};
pub use oauth::{OAuthApp, OAuthClient, OAuthHttp, PkceChallenge, TokenGrant};
pub use rate_limiter::RateLimiter;
pub use secret::{AccessToken, AuthorizationCode, ClientSecret, PkceVerifier, RefreshToken};
pub use signature::{SIGNATURE_HEADER, SignatureError, TIMESTAMP_HEADER, sign, verify};
pub use subscriptions::{
    AppKeys, MalformedSubscription, Subscription, SubscriptionClient, SubscriptionError, SubscriptionId,
    SubscriptionList, Topic, Wanted,
};
pub use throttled::{ThrottleReason, Throttled};
pub use transport::{HttpOptions, HttpSetupError};
pub use webhook_event::{InvalidWebhookEvent, parse_webhook_event};
