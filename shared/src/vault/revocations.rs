//! Consents that have ended here and are still to be revoked at Oura. The pair is gone; of it only the access token lies
//! aside, under a name of its own that nothing but the revocation reads, and not for longer than that takes.

use crate::aws::{StoreError, Stored, StoredTokens, TokenStore};
use crate::domain::{GrantId, PatientId};
use crate::oura::{AccessToken, RefreshToken};

/// What lies aside.
#[derive(Debug, Clone)]
pub struct Revocations {
    tokens: TokenStore,
}

/// What a consent is revoked with.
#[derive(Debug, Clone)]
pub struct PendingRevocation {
    /// The access token.
    pub token: AccessToken,
    /// The host that issued it.
    pub issued_by: String,
}

impl Revocations {
    /// In the store of the patients' tokens.
    #[must_use]
    pub fn new(tokens: TokenStore) -> Self {
        Self { tokens }
    }

    /// The consent's pair goes, and its access token is put aside. Done again it changes nothing.
    ///
    /// # Errors
    /// [`StoreError`]; to be tried again.
    pub async fn pending_revocation(&self, patient: &PatientId, grant: &GrantId) -> Result<(), StoreError> {
        match self.tokens.get(patient, grant).await {
            Ok(Some(pair)) => {
                // Nothing can be refreshed with what stays.
                let rest = StoredTokens { refresh_token: RefreshToken::new(String::new()), ..pair };
                let aside = grant.revocation();
                // By the pair's generation, so that a newer pair's token replaces what an earlier try put there.
                if self.tokens.put(patient, &aside, &rest).await? == Stored::Gone {
                    self.tokens.create(patient, &aside, &rest).await?;
                }
            }
            Ok(None) => return Ok(()),
            // What nobody can read cannot be revoked either, and goes.
            Err(StoreError::Corrupt { .. }) => {
                tracing::warn!(connection.grant = %grant, "tokens that cannot be read are deleted unrevoked");
            }
            Err(error) => return Err(error),
        }
        self.tokens.delete(patient, grant).await
    }

    /// What to revoke the consent with; `None` when there is nothing to revoke (any more).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self, patient: &PatientId, grant: &GrantId) -> Result<Option<PendingRevocation>, StoreError> {
        let rest = self.tokens.get(patient, &grant.revocation()).await?;
        Ok(rest.map(|rest| PendingRevocation { token: rest.access_token, issued_by: rest.token_host }))
    }

    /// The consent is revoked, or never will be: the last of its tokens goes.
    ///
    /// # Errors
    /// [`StoreError`]; to be tried again.
    pub async fn forget(&self, patient: &PatientId, grant: &GrantId) -> Result<(), StoreError> {
        self.tokens.delete(patient, &grant.revocation()).await
    }
}
