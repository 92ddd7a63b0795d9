//! The vault of the patients' token pairs: one secret per grant, or sealed items in the table `Connections`.
//!
//! Both keep the same record, write each generation of a grant once, and know nothing of refreshes: that protocol is
//! [`crate::vault`]'s.

mod key_ring;
mod pair;
mod sealed;
mod secret;
mod settings;

pub use pair::StoredTokens;
pub use sealed::Resealed;
pub use settings::{TokenSettings, TokenVaultKind};

use self::sealed::SealedTokens;
use self::secret::TokenSecrets;
use self::settings::PlaceSettings;
use super::{SdkConfig, StoreError};
use crate::domain::{Clock, GrantId, PatientId};

/// What is tried, for errors.
const READ: &str = "read the patient's tokens";
const CREATE: &str = "store the patient's first tokens";
const PUT: &str = "store the patient's new tokens";
const DELETE: &str = "delete the patient's tokens";

/// How storing a token pair ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// It lies there now.
    Written,
    /// Another pair of the same generation lies there: read it and use that one.
    Occupied,
    /// The grant's tokens were deleted: the connection has ended, or lives on another grant.
    Gone,
}

/// Where the token pairs lie. Cheap to clone.
#[derive(Debug, Clone)]
pub struct TokenStore {
    chosen: Place,
    /// While a fleet moves: where the pairs come from.
    source: Option<Place>,
}

#[derive(Debug, Clone)]
enum Place {
    Secret(TokenSecrets),
    Sealed(SealedTokens),
}

impl TokenStore {
    /// The vault of these settings; reads nothing yet.
    #[must_use]
    pub fn new(sdk: &SdkConfig, settings: &TokenSettings, clock: &Clock) -> Self {
        let place = |settings: &PlaceSettings| match settings {
            PlaceSettings::Secret { prefix } => Place::Secret(TokenSecrets::new(sdk, prefix)),
            PlaceSettings::Sealed { table, key_ring } => {
                Place::Sealed(SealedTokens::new(sdk, table, key_ring, clock.clone()))
            }
        };
        Self { chosen: place(&settings.chosen), source: settings.moving_from.as_ref().map(place) }
    }

    /// The token pair as stored; `None` when the grant has none (any more). While the fleet moves, the newer one of both
    /// vaults.
    ///
    /// # Errors
    /// [`StoreError`]. A pair that lies there and cannot be read is [`StoreError::Corrupt`], never `None`.
    pub async fn get(&self, patient: &PatientId, grant: &GrantId) -> Result<Option<StoredTokens>, StoreError> {
        // In the direction of the move: a pair that is moved between the two reads is seen by the second.
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
    /// [`StoreError`]; also when another pair lies there.
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
    /// [`StoreError`]; when unavailable, try again with the same pair.
    pub async fn put(&self, patient: &PatientId, grant: &GrantId, tokens: &StoredTokens) -> Result<Stored, StoreError> {
        let stored = self.chosen.put(patient, grant, tokens).await?;
        match &self.source {
            Some(source) if stored == Stored::Gone => self.put_over(source, patient, grant, tokens).await,
            _ => Ok(stored),
        }
    }

    /// Stores a pair whose predecessor may still lie in the source: it begins in the chosen vault, and what is older goes.
    async fn put_over(
        &self,
        source: &Place,
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
            // Of two who begin at once the vault takes one; the other's pair is judged like any.
            return self.chosen.put(patient, grant, tokens).await;
        }
        // Whoever deletes a grant's tokens deletes in the source first: if the predecessor is still there, a deletion that
        // is under way will find the new pair too. If it is not, the grant has ended, and nothing of it may come back.
        if source.get(patient, grant).await?.is_none() {
            self.chosen.delete(patient, grant).await?;
            return Ok(Stored::Gone);
        }
        if let Err(error) = source.delete(patient, grant).await {
            // The older pair loses against the newer one wherever both are read, and the move takes it away.
            tracing::warn!(connection.grant = %grant, %error, "a moved token pair is left in its old vault for now");
        }
        Ok(Stored::Written)
    }

    /// Deletes the grant's tokens at once, without a recovery window. That none are there is success.
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

    /// Seals the grant's record with the key ring's current key, unless it is; `None` where nothing is sealed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn reseal(&self, patient: &PatientId, grant: &GrantId) -> Result<Option<Resealed>, StoreError> {
        match &self.chosen {
            Place::Secret(_) => Ok(None),
            Place::Sealed(sealed) => sealed.reseal(patient, grant).await.map(Some),
        }
    }
}

impl Place {
    async fn get(&self, patient: &PatientId, grant: &GrantId) -> Result<Option<StoredTokens>, StoreError> {
        match self {
            Self::Secret(place) => place.get(patient, grant).await,
            Self::Sealed(place) => place.get(patient, grant).await,
        }
    }

    async fn create(&self, patient: &PatientId, grant: &GrantId, tokens: &StoredTokens) -> Result<Stored, StoreError> {
        match self {
            Self::Secret(place) => place.create(patient, grant, tokens).await,
            Self::Sealed(place) => place.create(patient, grant, tokens).await,
        }
    }

    async fn put(&self, patient: &PatientId, grant: &GrantId, tokens: &StoredTokens) -> Result<Stored, StoreError> {
        match self {
            Self::Secret(place) => place.put(patient, grant, tokens).await,
            Self::Sealed(place) => place.put(patient, grant, tokens).await,
        }
    }

    async fn delete(&self, patient: &PatientId, grant: &GrantId) -> Result<(), StoreError> {
        match self {
            Self::Secret(place) => place.delete(patient, grant).await,
            Self::Sealed(place) => place.delete(patient, grant).await,
        }
    }
}
