//! The store of token pairs: the chosen vault, and, while a fleet moves, the vault that it moves from.

use aws_config::SdkConfig;

use super::pair::{CREATE, Stored, StoredTokens};
use super::sealed::{Resealed, SealedTokens};
use super::secret::TokenSecrets;
use super::settings::{TokenSettings, VaultSettings};
use crate::aws::error::StoreError;
use crate::domain::{Clock, GrantId, PatientId};

/// The store of token pairs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct TokenStore {
    chosen: TokenVault,
    /// While a fleet moves: the vault that the pairs are moved from.
    source: Option<TokenVault>,
}

#[derive(Debug, Clone)]
enum TokenVault {
    Secret(TokenSecrets),
    Sealed(SealedTokens),
}

impl TokenStore {
    /// The store of these settings; reads nothing yet.
    #[must_use]
    pub fn new(sdk: &SdkConfig, settings: &TokenSettings, clock: &Clock) -> Self {
        let vault = |settings: &VaultSettings| match settings {
            VaultSettings::Secret { prefix } => TokenVault::Secret(TokenSecrets::new(sdk, prefix)),
            VaultSettings::Sealed { table, key_ring } => {
                TokenVault::Sealed(SealedTokens::new(sdk, table, key_ring, clock.clone()))
            }
        };
        Self { chosen: vault(&settings.chosen), source: settings.migrate_from.as_ref().map(vault) }
    }

    /// The token pair as stored; `None` if the grant has none (any more). While the fleet moves, the newer one of both vaults.
    ///
    /// # Errors
    /// [`StoreError`]. An unreadable pair is [`StoreError::Corrupt`], never `None`.
    pub async fn get(&self, patient: &PatientId, grant: &GrantId) -> Result<Option<StoredTokens>, StoreError> {
        // In the direction of the move: the second read finds a pair that is moved between the two.
        let old = match &self.source {
            Some(source) => source.get(patient, grant).await?,
            None => None,
        };
        let chosen = self.chosen.get(patient, grant).await?;
        // Of two of the same generation the last, which is the chosen vault's.
        Ok(old.into_iter().chain(chosen).max_by_key(|tokens| tokens.generation))
    }

    /// Stores the first token pair of a grant.
    ///
    /// # Errors
    /// [`StoreError`]; also if the grant has another pair.
    pub async fn create(&self, patient: &PatientId, grant: &GrantId, tokens: &StoredTokens) -> Result<(), StoreError> {
        match self.chosen.create(patient, grant, tokens).await? {
            Stored::Written => Ok(()),
            Stored::Occupied | Stored::Gone => {
                Err(StoreError::Refused { action: CREATE, code: "the grant has another pair".to_owned() })
            }
        }
    }

    /// Stores the token pair of the next generation, once: a second, different pair of the same generation is refused by
    /// the vault.
    ///
    /// # Errors
    /// [`StoreError`]; when unavailable, retry with the same pair.
    pub async fn put(&self, patient: &PatientId, grant: &GrantId, tokens: &StoredTokens) -> Result<Stored, StoreError> {
        let stored = self.chosen.put(patient, grant, tokens).await?;
        match &self.source {
            Some(source) if stored == Stored::Gone => self.put_over(source, patient, grant, tokens).await,
            _ => Ok(stored),
        }
    }

    /// Stores a pair whose predecessor may still be in the source: creates it in the chosen vault and deletes the older one.
    async fn put_over(
        &self,
        source: &TokenVault,
        patient: &PatientId,
        grant: &GrantId,
        tokens: &StoredTokens,
    ) -> Result<Stored, StoreError> {
        let Some(old) = source.get(patient, grant).await? else {
            // Moved since, or deleted.
            return self.chosen.put(patient, grant, tokens).await;
        };
        if old.generation >= tokens.generation {
            return Ok(if old.is(tokens) { Stored::Written } else { Stored::Occupied });
        }
        if self.chosen.create(patient, grant, tokens).await? == Stored::Occupied {
            // Another worker has created one at the same time; this pair is put like any other.
            return self.chosen.put(patient, grant, tokens).await;
        }
        // A deletion of a grant's tokens begins in the source. If the predecessor is still there, a running deletion will find
        // the new pair too. If it is not, the grant has ended, and its tokens must not be stored again.
        if source.get(patient, grant).await?.is_none() {
            self.chosen.delete(patient, grant).await?;
            return Ok(Stored::Gone);
        }
        if let Err(error) = source.delete(patient, grant).await {
            // Readers of both vaults use the newer pair, and the migration deletes the older one.
            tracing::warn!(
                event = "tokens.old_copy_kept",
                connection.grant = %grant,
                reason = %error,
                "a migrated token pair could not be deleted from its old vault"
            );
        }
        Ok(Stored::Written)
    }

    /// Deletes the grant's tokens at once, without a recovery window. Succeeds if there are none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete(&self, patient: &PatientId, grant: &GrantId) -> Result<(), StoreError> {
        // The order matters: see `put_over`.
        if let Some(source) = &self.source {
            source.delete(patient, grant).await?;
        }
        self.chosen.delete(patient, grant).await
    }

    /// Reseals the grant's record with the key ring's current key; `None` if the vault does not seal.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn reseal(&self, patient: &PatientId, grant: &GrantId) -> Result<Option<Resealed>, StoreError> {
        match &self.chosen {
            TokenVault::Secret(_) => Ok(None),
            TokenVault::Sealed(sealed) => sealed.reseal(patient, grant).await.map(Some),
        }
    }
}

impl TokenVault {
    async fn get(&self, patient: &PatientId, grant: &GrantId) -> Result<Option<StoredTokens>, StoreError> {
        match self {
            Self::Secret(vault) => vault.get(patient, grant).await,
            Self::Sealed(vault) => vault.get(patient, grant).await,
        }
    }

    async fn create(&self, patient: &PatientId, grant: &GrantId, tokens: &StoredTokens) -> Result<Stored, StoreError> {
        match self {
            Self::Secret(vault) => vault.create(patient, grant, tokens).await,
            Self::Sealed(vault) => vault.create(patient, grant, tokens).await,
        }
    }

    async fn put(&self, patient: &PatientId, grant: &GrantId, tokens: &StoredTokens) -> Result<Stored, StoreError> {
        match self {
            Self::Secret(vault) => vault.put(patient, grant, tokens).await,
            Self::Sealed(vault) => vault.put(patient, grant, tokens).await,
        }
    }

    async fn delete(&self, patient: &PatientId, grant: &GrantId) -> Result<(), StoreError> {
        match self {
            Self::Secret(vault) => vault.delete(patient, grant).await,
            Self::Sealed(vault) => vault.delete(patient, grant).await,
        }
    }
}
