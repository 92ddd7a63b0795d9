//! The app's own secret in Secrets Manager.

use secrecy::SecretString;
use serde::Deserialize;

use super::cached_secret::CachedSecret;
use super::{SdkConfig, StoreError};
use crate::domain::Clock;
use crate::oura::ClientSecret;

/// What the platform's operator put into the app secret.
#[derive(Debug, Clone)]
pub struct AppSecret {
    /// The OAuth client id; not secret.
    pub client_id: String,
    /// The OAuth client secret, and the key of webhook signatures.
    pub client_secret: ClientSecret,
    /// What Oura's webhook handshake must repeat.
    pub webhook_verification_token: SecretString,
}

#[derive(Deserialize)]
struct AppSecretWire {
    client_id: String,
    client_secret: String,
    #[serde(default)]
    webhook_verification_token: String,
}

/// The app secret, read once and kept for a while.
#[derive(Debug, Clone)]
pub struct AppSecrets(CachedSecret<AppSecret>);

/// What the template puts where a person has to fill something in.
const PLACEHOLDER: &str = "replace-me";

impl AppSecrets {
    /// The secret of this id.
    #[must_use]
    pub fn new(sdk: &SdkConfig, id: impl Into<String>, clock: Clock) -> Self {
        Self(CachedSecret::new(sdk, id, clock, "read the app secret", parse))
    }

    /// The secret, from memory when it was read lately. When it cannot be read again, the old value serves on.
    ///
    /// # Errors
    /// [`StoreError`] when it was never read.
    pub async fn get(&self) -> Result<AppSecret, StoreError> {
        self.0.get().await
    }

    /// The secret for somebody whom the value in memory does not fit: it may have been rotated. Read again at most once a
    /// minute.
    ///
    /// # Errors
    /// [`StoreError`] when it was never read.
    pub async fn get_rotated(&self) -> Result<AppSecret, StoreError> {
        self.0.get_rotated().await
    }
}

fn parse(action: &'static str, text: &str) -> Result<AppSecret, StoreError> {
    // serde's own error could quote the secret.
    let wire: AppSecretWire =
        serde_json::from_str(text).map_err(|_quotes_the_secret| StoreError::corrupt(action, "secret"))?;
    if [&wire.client_id, &wire.client_secret].iter().any(|text| text.is_empty() || *text == PLACEHOLDER) {
        return Err(StoreError::Refused { action, code: "the secret was not filled in".to_owned() });
    }
    Ok(AppSecret {
        client_id: wire.client_id,
        client_secret: ClientSecret::new(wire.client_secret),
        webhook_verification_token: SecretString::from(wire.webhook_verification_token),
    })
}
