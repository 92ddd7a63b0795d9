//! One secret in Secrets Manager per grant.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use secrecy::ExposeSecret;

use super::pair::{CREATE, DELETE, PUT, READ, Stored, StoredTokens};
use crate::aws::error::StoreError;
use crate::domain::{GrantId, PatientId, derived_uuid};

/// The secrets of the patients' grants: `<prefix>/<patient hash>/<grant id>`.
#[derive(Debug, Clone)]
pub(super) struct TokenSecrets {
    client: Client,
    prefix: String,
}

impl TokenSecrets {
    /// The secrets under this prefix.
    #[must_use]
    pub(super) fn new(sdk: &SdkConfig, prefix: impl Into<String>) -> Self {
        Self { client: Client::new(sdk), prefix: prefix.into() }
    }

    fn name(&self, patient: &PatientId, grant: &GrantId) -> String {
        format!("{}/{}/{grant}", self.prefix, patient.opaque())
    }

    /// The token pair as stored; `None` if the grant has no secret (any more).
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn get(&self, patient: &PatientId, grant: &GrantId) -> Result<Option<StoredTokens>, StoreError> {
        match self.client.get_secret_value().secret_id(self.name(patient, grant)).send().await {
            Ok(answer) => {
                let text = answer.secret_string().ok_or(StoreError::corrupt(READ, "secret"))?;
                StoredTokens::parse(READ, text).map(Some)
            }
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => Ok(None),
            Err(error) => Err(StoreError::of(READ, &error)),
        }
    }

    /// Stores the first token pair of a grant, once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn create(
        &self,
        patient: &PatientId,
        grant: &GrantId,
        tokens: &StoredTokens,
    ) -> Result<Stored, StoreError> {
        let answer = self
            .client
            .create_secret()
            .name(self.name(patient, grant))
            .description("Tokens of one consent of one patient at Oura")
            .client_request_token(version_id(grant, tokens.generation))
            .secret_string(tokens.to_secret().expose_secret())
            .send()
            .await;
        match answer {
            Ok(_) => Ok(Stored::Written),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_exists_exception()) => {
                Ok(Stored::Occupied)
            }
            Err(error) => Err(StoreError::of(CREATE, &error)),
        }
    }

    /// Stores the token pair of the next generation, once: the version id is derived from grant and generation, so a
    /// second, different pair of the same generation is refused by Secrets Manager.
    ///
    /// # Errors
    /// [`StoreError`]; when unavailable, retry with the same pair.
    pub(super) async fn put(
        &self,
        patient: &PatientId,
        grant: &GrantId,
        tokens: &StoredTokens,
    ) -> Result<Stored, StoreError> {
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
            Err(error) => Err(StoreError::of(PUT, &error)),
        }
    }

    /// Deletes the grant's tokens at once, without a recovery window. Succeeds if there are none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn delete(&self, patient: &PatientId, grant: &GrantId) -> Result<(), StoreError> {
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
            Err(error) => Err(StoreError::of(DELETE, &error)),
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
    fn version_id_is_stable_and_differs_by_generation() {
        let grant = GrantId::parse("g").unwrap();
        assert_eq!(version_id(&grant, 2), version_id(&grant, 2));
        assert_ne!(version_id(&grant, 2), version_id(&grant, 3));
        assert_eq!(version_id(&grant, 2).len(), 36);
    }
}
