//! The app's own secret in Secrets Manager.

use aws_config::SdkConfig;
use secrecy::SecretString;
use serde::Deserialize;

use super::cached_secret::CachedSecret;
use super::error::StoreError;
use crate::domain::Clock;
use crate::oura::ClientSecret;

/// The app's credentials at Oura, as the operator stored them.
#[derive(Debug, Clone)]
pub struct AppSecret {
    /// The OAuth client id; not secret.
    pub client_id: String,
    /// The OAuth client secret, and the key of webhook signatures.
    pub client_secret: ClientSecret,
    /// Token that Oura's webhook handshake must repeat.
    pub webhook_verification_token: SecretString,
}

#[derive(Deserialize)]
struct AppSecretWire {
    client_id: String,
    client_secret: String,
    #[serde(default)]
    webhook_verification_token: String,
}

/// The app secret, cached.
#[derive(Debug, Clone)]
pub struct AppSecrets(CachedSecret<AppSecret>);

/// Value of the template that the operator has to replace.
const PLACEHOLDER: &str = "replace-me";

impl AppSecrets {
    /// The secret of this id.
    #[must_use]
    pub fn new(sdk: &SdkConfig, id: impl Into<String>, clock: Clock) -> Self {
        Self(CachedSecret::new(sdk, id, clock, "read the app secret", parse))
    }

    /// The secret, from the cache if it was read lately. If it cannot be read again, the cached value is used.
    ///
    /// # Errors
    /// [`StoreError`] if it was never read.
    pub async fn get(&self) -> Result<AppSecret, StoreError> {
        self.0.get().await
    }

    /// The secret after the cached value did not fit: it may have been rotated. Read at most once a minute.
    ///
    /// # Errors
    /// [`StoreError`] if it was never read.
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
