//! Ended consents that are still to be revoked at Oura. Their pair is kept under a name of its own that only the revocation reads,
//! until the consent is revoked.
//!
//! An access token that has expired revokes nothing: Oura answers 401 and the consent lives on. So the pair is refreshed once
//! before. Its refresh token is removed from the record before it is sent, so that it is never sent twice.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::aws::{StoreError, Stored, StoredTokens, TokenStore};
use crate::domain::{GrantId, PatientId};
use crate::oura::{RefreshToken, TokenGrant};

/// The kept token pairs.
#[derive(Debug, Clone)]
pub struct Revocations {
    tokens: TokenStore,
}

/// Beginning of what the record holds in place of a refresh token that has been sent. After it, the attempt: of two concurrent
/// deliveries, only one can write its own.
const USED: &str = "used/";

/// The tokens for revoking a consent.
#[derive(Debug, Clone)]
pub struct PendingRevocation {
    /// The kept pair.
    pub tokens: StoredTokens,
}

impl PendingRevocation {
    /// True if the refresh token has not been sent yet.
    #[must_use]
    pub fn can_refresh(&self) -> bool {
        let refresh_token = self.tokens.refresh_token.expose();
        !refresh_token.is_empty() && !refresh_token.starts_with(USED)
    }

    /// True if the access token is known to have expired, or expires within a minute.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.tokens.expires_at.is_some_and(|at| at <= now + SignedDuration::from_secs(60))
    }
}

impl Revocations {
    /// The kept pairs in the store of token pairs.
    #[must_use]
    pub fn new(tokens: TokenStore) -> Self {
        Self { tokens }
    }

    /// Moves the consent's pair to the pending revocations. A repetition changes nothing.
    ///
    /// # Errors
    /// [`StoreError`]; to be retried.
    pub async fn keep_for_revocation(&self, patient: &PatientId, grant: &GrantId) -> Result<(), StoreError> {
        match self.tokens.get(patient, grant).await {
            Ok(Some(pair)) => self.keep(patient, grant, &pair).await?,
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

    /// Keeps a pair for the revocation of its consent.
    ///
    /// # Errors
    /// [`StoreError`]; to be retried.
    pub async fn keep(&self, patient: &PatientId, grant: &GrantId, pair: &StoredTokens) -> Result<(), StoreError> {
        let revocation = grant.revocation();
        // By the pair's generation, so that a newer pair replaces that of an earlier attempt.
        if self.tokens.put(patient, &revocation, pair).await? == Stored::Gone {
            self.tokens.create(patient, &revocation, pair).await?;
        }
        Ok(())
    }

    /// Replaces the kept pair by a newer one. `false` if none is kept.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn replace(&self, patient: &PatientId, grant: &GrantId, pair: &StoredTokens) -> Result<bool, StoreError> {
        Ok(self.tokens.put(patient, &grant.revocation(), pair).await? == Stored::Written)
    }

    /// The tokens for revoking the consent; `None` if there is nothing to revoke (any more).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self, patient: &PatientId, grant: &GrantId) -> Result<Option<PendingRevocation>, StoreError> {
        let kept = self.tokens.get(patient, &grant.revocation()).await?;
        Ok(kept.map(|tokens| PendingRevocation { tokens }))
    }

    /// Removes the refresh token from the record, before it is sent. Returns the record as it is then.
    ///
    /// # Errors
    /// [`StoreError`]; the token must not be sent then.
    pub async fn begin_refresh(
        &self,
        patient: &PatientId,
        grant: &GrantId,
        pending: &PendingRevocation,
        attempt: Uuid,
    ) -> Result<PendingRevocation, StoreError> {
        let refresh_token = RefreshToken::new(format!("{USED}{attempt}"));
        self.next(patient, grant, StoredTokens { refresh_token, ..pending.tokens.clone() }).await
    }

    /// Returns a refresh token that was certainly not used.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn return_refresh_token(
        &self,
        patient: &PatientId,
        grant: &GrantId,
        begun: &PendingRevocation,
        refresh_token: RefreshToken,
    ) -> Result<(), StoreError> {
        self.next(patient, grant, StoredTokens { refresh_token, ..begun.tokens.clone() }).await.map(drop)
    }

    /// Keeps the access token of a refresh.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_refresh(
        &self,
        patient: &PatientId,
        grant: &GrantId,
        begun: &PendingRevocation,
        answer: TokenGrant,
        now: Timestamp,
    ) -> Result<PendingRevocation, StoreError> {
        let tokens = StoredTokens {
            access_token: answer.access_token,
            expires_at: answer.expires_in.and_then(|ttl| now.checked_add(ttl).ok()),
            token_host: answer.host,
            refreshed_at: Some(now),
            ..begun.tokens.clone()
        };
        self.next(patient, grant, tokens).await
    }

    /// Deletes the kept pair after the consent was revoked, or the revocation abandoned.
    ///
    /// # Errors
    /// [`StoreError`]; to be retried.
    pub async fn forget(&self, patient: &PatientId, grant: &GrantId) -> Result<(), StoreError> {
        self.tokens.delete(patient, &grant.revocation()).await
    }

    /// Writes the record's next generation. Only one of two concurrent deliveries can.
    async fn next(
        &self,
        patient: &PatientId,
        grant: &GrantId,
        tokens: StoredTokens,
    ) -> Result<PendingRevocation, StoreError> {
        const ACTION: &str = "store the tokens of a revocation";
        let tokens = StoredTokens { generation: tokens.generation + 1, ..tokens };
        match self.tokens.put(patient, &grant.revocation(), &tokens).await? {
            Stored::Written => Ok(PendingRevocation { tokens }),
            Stored::Occupied | Stored::Gone => {
                Err(StoreError::Unavailable { action: ACTION, code: "NotHeld".to_owned() })
            }
        }
    }
}
