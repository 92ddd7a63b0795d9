//! Ended consents that are still to be revoked at Oura. The pair is deleted; only its access token is kept, under a name of its
//! own that only the revocation reads, until the consent is revoked.

use crate::aws::{StoreError, Stored, StoredTokens, TokenStore};
use crate::domain::{GrantId, PatientId};
use crate::oura::{AccessToken, RefreshToken};

/// The kept access tokens.
#[derive(Debug, Clone)]
pub struct Revocations {
    tokens: TokenStore,
}

/// The token for revoking a consent.
#[derive(Debug, Clone)]
pub struct PendingRevocation {
    /// The access token.
    pub token: AccessToken,
    /// The host that issued it.
    pub issued_by: String,
}

impl Revocations {
    /// The kept access tokens in the store of token pairs.
    #[must_use]
    pub fn new(tokens: TokenStore) -> Self {
        Self { tokens }
    }

    /// Deletes the consent's pair and keeps its access token for the revocation. A repetition changes nothing.
    ///
    /// # Errors
    /// [`StoreError`]; to be retried.
    pub async fn keep_for_revocation(&self, patient: &PatientId, grant: &GrantId) -> Result<(), StoreError> {
        match self.tokens.get(patient, grant).await {
            Ok(Some(pair)) => {
                // The kept record has no refresh token.
                let kept = StoredTokens { refresh_token: RefreshToken::new(String::new()), ..pair };
                let revocation = grant.revocation();
                // By the pair's generation, so that the token of a newer pair replaces that of an earlier attempt.
                if self.tokens.put(patient, &revocation, &kept).await? == Stored::Gone {
                    self.tokens.create(patient, &revocation, &kept).await?;
                }
            }
            Ok(None) => return Ok(()),
            // An unreadable pair cannot be revoked, and is deleted.
            Err(StoreError::Corrupt { .. }) => {
                tracing::warn!(
                    event = "tokens.unreadable_deleted",
                    connection.grant = %grant,
                    "unreadable tokens were deleted without a revocation"
                );
            }
            Err(error) => return Err(error),
        }
        self.tokens.delete(patient, grant).await
    }

    /// The token for revoking the consent; `None` if there is nothing to revoke (any more).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self, patient: &PatientId, grant: &GrantId) -> Result<Option<PendingRevocation>, StoreError> {
        let kept = self.tokens.get(patient, &grant.revocation()).await?;
        Ok(kept.map(|kept| PendingRevocation { token: kept.access_token, issued_by: kept.token_host }))
    }

    /// Deletes the kept token after the consent was revoked, or the revocation abandoned.
    ///
    /// # Errors
    /// [`StoreError`]; to be retried.
    pub async fn forget(&self, patient: &PatientId, grant: &GrantId) -> Result<(), StoreError> {
        self.tokens.delete(patient, &grant.revocation()).await
    }
}
