//! Oura's cloud: its collections, its HTTP API, its OAuth. Knows nothing of AWS.

mod admission;
pub mod budget;
mod client;
mod data_type;
mod error;
mod hosts;
pub mod model;
mod notice;
mod oauth;
mod page;
mod secret;
mod signature;
mod subscriptions;
#[cfg(test)]
mod test_server;
mod transport;

pub use admission::{Admission, Held, HeldBy};
pub use client::{Listing, OuraClient, PersonalInfo};
pub use data_type::{DataType, RangeQuery, UnknownDataType};
pub use error::{OuraError, RateTier, TokenError};
pub use hosts::OuraHosts;
pub use notice::{InvalidNotice, parse_notice};
pub use oauth::{OAuthApp, OAuthClient, OAuthHttp, PkceChallenge, TokenGrant};
pub use secret::{AccessToken, AuthorizationCode, ClientSecret, PkceVerifier, RefreshToken};
pub use signature::{SIGNATURE_HEADER, SignatureError, TIMESTAMP_HEADER, sign, verify};
pub use subscriptions::{
    AppKeys, Subscription, SubscriptionClient, SubscriptionError, SubscriptionId, SubscriptionList, Topic, Wanted,
};
pub use transport::{HttpOptions, HttpSetupError};
