//! A token pair and its stored text.

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::aws::error::StoreError;
use crate::domain::ScopeSet;
use crate::oura::{AccessToken, RefreshToken};

/// Actions, for errors.
pub(super) const READ: &str = "read the patient's tokens";
pub(super) const CREATE: &str = "store the patient's first tokens";
pub(super) const PUT: &str = "store the patient's new tokens";
pub(super) const DELETE: &str = "delete the patient's tokens";

/// The end of storing a token pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// Stored.
    Written,
    /// Another pair of the same generation is stored: read it and use that one.
    Occupied,
    /// The grant's tokens were deleted: the connection has ended, or has another grant.
    Gone,
}

/// A patient's token pair as stored.
#[derive(Debug, Clone)]
pub struct StoredTokens {
    /// Token for the API.
    pub access_token: AccessToken,
    /// Token for exactly one refresh.
    pub refresh_token: RefreshToken,
    /// Stated expiry of the access token; `None` if Oura stated none.
    pub expires_at: Option<Timestamp>,
    /// The granted scopes.
    pub scope: ScopeSet,
    /// 1 after the connect, one more with every refresh.
    pub generation: u64,
    /// Host that issued the pair.
    pub token_host: String,
    /// Time of the refresh or connect; `None` for a pair of an older version of this code.
    pub refreshed_at: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
struct TokensWire {
    access_token: String,
    refresh_token: String,
    expires_at: Option<Timestamp>,
    scope: ScopeText,
    generation: u64,
    token_host: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refreshed_at: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct ScopeText(String);

impl StoredTokens {
    /// The record as text, the same for the same pair.
    pub(super) fn to_secret(&self) -> SecretString {
        let wire = TokensWire {
            access_token: self.access_token.expose().to_owned(),
            refresh_token: self.refresh_token.expose().to_owned(),
            expires_at: self.expires_at,
            scope: ScopeText(self.scope.to_string()),
            generation: self.generation,
            token_host: self.token_host.clone(),
            refreshed_at: self.refreshed_at,
        };
        SecretString::from(serde_json::to_string(&wire).unwrap_or_default())
    }

    pub(super) fn parse(action: &'static str, text: &str) -> Result<Self, StoreError> {
        let wire: TokensWire =
            serde_json::from_str(text).map_err(|_quotes_the_secret| StoreError::corrupt(action, "secret"))?;
        Ok(Self {
            access_token: AccessToken::new(wire.access_token),
            refresh_token: RefreshToken::new(wire.refresh_token),
            expires_at: wire.expires_at,
            scope: ScopeSet::parse(&wire.scope.0),
            generation: wire.generation,
            token_host: wire.token_host,
            refreshed_at: wire.refreshed_at,
        })
    }

    /// True if both are the same pair with the same particulars.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.to_secret().expose_secret() == other.to_secret().expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_pair_survives_the_secret_and_never_prints() {
        let tokens = StoredTokens {
            access_token: AccessToken::new("access-s3cret".to_owned()),
            refresh_token: RefreshToken::new("refresh-s3cret".to_owned()),
            expires_at: Some("2026-05-01T00:00:00Z".parse().unwrap()),
            scope: ScopeSet::parse("daily spo2"),
            generation: 7,
            token_host: "api.ouraring.com".to_owned(),
            refreshed_at: Some("2026-04-01T00:00:00Z".parse().unwrap()),
        };
        let text = tokens.to_secret();
        let read = StoredTokens::parse("read", text.expose_secret()).unwrap();
        assert_eq!(read.access_token.expose(), "access-s3cret");
        assert_eq!(read.refresh_token.expose(), "refresh-s3cret");
        assert_eq!((read.expires_at, read.generation, &read.scope), (tokens.expires_at, 7, &tokens.scope));
        assert!(read.is(&tokens) && !read.is(&StoredTokens { generation: 8, ..tokens.clone() }));
        assert!(!format!("{tokens:?} {text:?}").contains("s3cret"));
        let error = StoredTokens::parse("read", r#"{"access_token":"s3cret"}"#).unwrap_err();
        assert!(!error.to_string().contains("s3cret"));
    }
}
