//! Secrets Manager: the app's own secret, and one secret per grant that holds the patient's token pair.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::{SdkConfig, StoreError};
use crate::domain::{Clock, GrantId, PatientId, ScopeSet, derived_uuid};
use crate::oura::{AccessToken, ClientSecret, RefreshToken};

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
#[derive(Clone)]
pub struct AppSecrets {
    client: Client,
    id: String,
    clock: Clock,
    cached: Arc<Mutex<Cached>>,
}

#[derive(Default)]
struct Cached {
    secret: Option<AppSecret>,
    /// When it was last read, or was tried to be.
    tried_at: Option<Timestamp>,
}

/// What the template puts where a person has to fill something in.
const PLACEHOLDER: &str = "replace-me";

/// How long a value is used before it is read again, so that a rotation needs no deploy.
const APP_SECRET_LIFE: Duration = Duration::from_secs(300);

/// How soon a value that seems to be out of date may be read again: whoever sends us forged notices must not make us pay
/// for a read each.
const REREAD_AFTER: Duration = Duration::from_secs(60);

impl AppSecrets {
    /// The secret of this id.
    #[must_use]
    pub fn new(sdk: &SdkConfig, id: impl Into<String>, clock: Clock) -> Self {
        Self { client: Client::new(sdk), id: id.into(), clock, cached: Arc::default() }
    }

    /// The secret, from memory when it was read lately. When it cannot be read again, the old value serves on.
    ///
    /// # Errors
    /// [`StoreError`] when it was never read.
    pub async fn get(&self) -> Result<AppSecret, StoreError> {
        self.not_older_than(APP_SECRET_LIFE).await
    }

    /// The secret for somebody whom the value in memory does not fit: it may have been rotated. Read again at most once a
    /// minute.
    ///
    /// # Errors
    /// [`StoreError`] when it was never read.
    pub async fn get_rotated(&self) -> Result<AppSecret, StoreError> {
        self.not_older_than(REREAD_AFTER).await
    }

    async fn not_older_than(&self, life: Duration) -> Result<AppSecret, StoreError> {
        let mut cached = self.cached.lock().await;
        let now = self.clock.now();
        if let (Some(secret), Some(at)) = (&cached.secret, cached.tried_at)
            && now.duration_since(at).unsigned_abs() < life
        {
            return Ok(secret.clone());
        }
        let read = self.read().await;
        cached.tried_at = Some(now);
        match (read, &cached.secret) {
            (Ok(secret), _) => {
                cached.secret = Some(secret.clone());
                Ok(secret)
            }
            (Err(error), Some(secret)) => {
                tracing::warn!(%error, "the app secret could not be read again; the old value serves on");
                Ok(secret.clone())
            }
            (Err(error), None) => Err(error),
        }
    }

    async fn read(&self) -> Result<AppSecret, StoreError> {
        const ACTION: &str = "read the app secret";
        let answer = self
            .client
            .get_secret_value()
            .secret_id(&self.id)
            .send()
            .await
            .map_err(|error| StoreError::of(ACTION, &error))?;
        let text = answer.secret_string().ok_or(StoreError::corrupt(ACTION, "secret"))?;
        // serde's own error could quote the secret.
        let wire: AppSecretWire =
            serde_json::from_str(text).map_err(|_quotes_the_secret| StoreError::corrupt(ACTION, "secret"))?;
        if [&wire.client_id, &wire.client_secret].iter().any(|text| text.is_empty() || *text == PLACEHOLDER) {
            return Err(StoreError::Refused { action: ACTION, code: "the secret was not filled in".to_owned() });
        }
        Ok(AppSecret {
            client_id: wire.client_id,
            client_secret: ClientSecret::new(wire.client_secret),
            webhook_verification_token: SecretString::from(wire.webhook_verification_token),
        })
    }
}

impl fmt::Debug for AppSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppSecrets").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A patient's token pair, as it lies in the secret.
#[derive(Debug, Clone)]
pub struct StoredTokens {
    /// For the API.
    pub access_token: AccessToken,
    /// For exactly one refresh.
    pub refresh_token: RefreshToken,
    /// When Oura said the access token ends; `None` when it did not say.
    pub expires_at: Option<Timestamp>,
    /// What was granted.
    pub scope: ScopeSet,
    /// 1 at the connect, one more with every refresh.
    pub generation: u64,
    /// The host that issued them.
    pub token_host: String,
    /// When Oura gave them; `None` in what was stored before this was recorded.
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
    fn to_secret(&self) -> SecretString {
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

    fn parse(action: &'static str, text: &str) -> Result<Self, StoreError> {
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
}

/// The secrets of the patients' grants: `<prefix>/<patient hash>/<grant id>`.
#[derive(Debug, Clone)]
pub struct TokenSecrets {
    client: Client,
    prefix: String,
}

/// How storing a token pair ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// It lies there now.
    Written,
    /// Another pair of the same generation lies there: read it and use that one.
    Occupied,
    /// The grant's secret was deleted: the connection has ended, or lives on another grant.
    Gone,
}

impl TokenSecrets {
    /// The secrets under this prefix.
    #[must_use]
    pub fn new(sdk: &SdkConfig, prefix: impl Into<String>) -> Self {
        Self { client: Client::new(sdk), prefix: prefix.into() }
    }

    fn name(&self, patient: &PatientId, grant: &GrantId) -> String {
        format!("{}/{}/{grant}", self.prefix, patient.opaque())
    }

    /// The token pair as stored; `None` when the grant has no secret (any more).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self, patient: &PatientId, grant: &GrantId) -> Result<Option<StoredTokens>, StoreError> {
        const ACTION: &str = "read the patient's tokens";
        match self.client.get_secret_value().secret_id(self.name(patient, grant)).send().await {
            Ok(answer) => {
                let text = answer.secret_string().ok_or(StoreError::corrupt(ACTION, "secret"))?;
                StoredTokens::parse(ACTION, text).map(Some)
            }
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => Ok(None),
            Err(error) => Err(StoreError::of(ACTION, &error)),
        }
    }

    /// Stores the first token pair of a grant.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn create(&self, patient: &PatientId, grant: &GrantId, tokens: &StoredTokens) -> Result<(), StoreError> {
        self.client
            .create_secret()
            .name(self.name(patient, grant))
            .description("Tokens of one consent of one patient at Oura")
            .client_request_token(version_id(grant, tokens.generation))
            .secret_string(tokens.to_secret().expose_secret())
            .send()
            .await
            .map(|_| ())
            .map_err(|error| StoreError::of("store the patient's first tokens", &error))
    }

    /// Stores the token pair of the next generation, once: the version id is derived from grant and generation, so a
    /// second, different pair of the same generation is refused by Secrets Manager.
    ///
    /// # Errors
    /// [`StoreError`]; when unavailable, try again with the same pair.
    pub async fn put(&self, patient: &PatientId, grant: &GrantId, tokens: &StoredTokens) -> Result<Stored, StoreError> {
        let answer = self
            .client
            .put_secret_value()
            .secret_id(self.name(patient, grant))
            .client_request_token(version_id(grant, tokens.generation))
            .secret_string(tokens.to_secret().expose_secret())
            .send()
            .await;
        match answer {
            Ok(_) => Ok(Stored::Written),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_exists_exception()) => {
                Ok(Stored::Occupied)
            }
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {
                Ok(Stored::Gone)
            }
            Err(error) => Err(StoreError::of("store the patient's new tokens", &error)),
        }
    }

    /// Deletes the grant's tokens at once, without a recovery window. That none are there is success.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete(&self, patient: &PatientId, grant: &GrantId) -> Result<(), StoreError> {
        let answer = self
            .client
            .delete_secret()
            .secret_id(self.name(patient, grant))
            .force_delete_without_recovery(true)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => Ok(()),
            Err(error) => Err(StoreError::of("delete the patient's tokens", &error)),
        }
    }
}

/// A `ClientRequestToken` becomes the version's id: 32 to 64 characters.
fn version_id(grant: &GrantId, generation: u64) -> String {
    derived_uuid(&["token-generation", grant.as_str(), &generation.to_string()]).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_pair_survives_the_secret_and_never_prints() {
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
        assert_eq!((read.expires_at, read.generation, read.scope), (tokens.expires_at, 7, tokens.scope.clone()));
        assert_eq!((read.token_host, read.refreshed_at), (tokens.token_host.clone(), tokens.refreshed_at));
        let older = text.expose_secret().replace(r#","refreshed_at":"2026-04-01T00:00:00Z""#, "");
        assert_eq!(StoredTokens::parse("read", &older).unwrap().refreshed_at, None, "{}", older.len());
        assert!(!format!("{tokens:?} {text:?}").contains("s3cret"));
        let error = StoredTokens::parse("read", r#"{"access_token":"s3cret"}"#).unwrap_err();
        assert!(!error.to_string().contains("s3cret"));
    }

    #[test]
    fn a_version_id_is_stable_and_differs_by_generation() {
        let grant = GrantId::parse("g").unwrap();
        assert_eq!(version_id(&grant, 2), version_id(&grant, 2));
        assert_ne!(version_id(&grant, 2), version_id(&grant, 3));
        assert_eq!(version_id(&grant, 2).len(), 36);
    }
}
