//! One sealed item per grant in the table `Connections`: `PATIENT#<id>`, `TOKENS#<grant id>`.

use std::sync::Arc;

use aws_config::SdkConfig;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::key_ring::{KeyRing, KeyRings, OpenError, Owner, Sealed, key_rings};
use super::pair::{CREATE, DELETE, PUT, READ, Stored, StoredTokens};
use crate::aws::error::StoreError;
use crate::aws::table::{Key, Outcome, Put, Table, equals, less, missing};
use crate::domain::{Clock, GrantId, PatientId};

const RESEAL: &str = "reseal the patient's tokens";

/// The sealed items.
#[derive(Debug, Clone)]
pub(super) struct SealedTokens {
    table: Table,
    rings: KeyRings,
}

/// The end of resealing a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resealed {
    /// It is sealed with the current key now.
    Done,
    /// It was sealed with the current key before.
    Current,
    /// There is none, or it was written again meanwhile.
    Gone,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SealedItem {
    generation: u64,
    key_version: String,
    nonce: String,
    /// The sealed text.
    sealed: String,
}

impl SealedTokens {
    /// The items of this table, under the keys of this secret.
    pub(super) fn new(sdk: &SdkConfig, table: &str, key_ring: &str, clock: Clock) -> Self {
        Self { table: Table::new(sdk, table), rings: key_rings(sdk, key_ring, clock) }
    }

    /// The token pair as stored; `None` if the grant has no item (any more).
    pub(super) async fn get(&self, patient: &PatientId, grant: &GrantId) -> Result<Option<StoredTokens>, StoreError> {
        match self.table.get(READ, &Key::Tokens(patient, grant)).await? {
            None => Ok(None),
            Some(item) => self.open(READ, patient, grant, item).await.map(Some),
        }
    }

    /// Stores the first token pair of a grant, once.
    pub(super) async fn create(
        &self,
        patient: &PatientId,
        grant: &GrantId,
        tokens: &StoredTokens,
    ) -> Result<Stored, StoreError> {
        let put = self.record(CREATE, patient, grant, tokens).await?.when(missing("pk"));
        self.write_once(CREATE, put, patient, grant, tokens).await
    }

    /// Stores the token pair of the next generation, once: a pair of this generation or a later one is not overwritten.
    pub(super) async fn put(
        &self,
        patient: &PatientId,
        grant: &GrantId,
        tokens: &StoredTokens,
    ) -> Result<Stored, StoreError> {
        let put = self.record(PUT, patient, grant, tokens).await?.when(less("generation", tokens.generation));
        self.write_once(PUT, put, patient, grant, tokens).await
    }

    pub(super) async fn delete(&self, patient: &PatientId, grant: &GrantId) -> Result<(), StoreError> {
        self.table.delete(&Key::Tokens(patient, grant)).send(DELETE).await?.ignore();
        Ok(())
    }

    /// Seals the record with the current key. A refresh that stores a new pair meanwhile wins.
    pub(super) async fn reseal(&self, patient: &PatientId, grant: &GrantId) -> Result<Resealed, StoreError> {
        let ring = self.rings.get().await?;
        let item: Option<SealedItem> = self.table.get(RESEAL, &Key::Tokens(patient, grant)).await?;
        let Some(item) = item else { return Ok(Resealed::Gone) };
        if item.key_version == ring.current() {
            return Ok(Resealed::Current);
        }
        let is_unchanged = equals("nonce", &item.nonce);
        let tokens = self.open(RESEAL, patient, grant, item).await?;
        let put = self.record(RESEAL, patient, grant, &tokens).await?.when(is_unchanged);
        Ok(match put.send(RESEAL).await? {
            Outcome::Written(()) => Resealed::Done,
            Outcome::ConditionFailed(()) => Resealed::Gone,
        })
    }

    /// A put of the sealed pair, without a condition yet.
    async fn record(
        &self,
        action: &'static str,
        patient: &PatientId,
        grant: &GrantId,
        tokens: &StoredTokens,
    ) -> Result<Put, StoreError> {
        let owner = Owner { patient, grant, generation: tokens.generation };
        let sealed = self.rings.get().await?.seal(&owner, &tokens.to_secret());
        let sealed =
            sealed.map_err(|_unspecified| StoreError::Refused { action, code: "sealing failed".to_owned() })?;
        let item = SealedItem {
            generation: tokens.generation,
            key_version: sealed.key_version,
            nonce: sealed.nonce,
            sealed: sealed.text,
        };
        Ok(self.table.put(&Key::Tokens(patient, grant), item))
    }

    /// Sends a conditional put. If it is refused, the stored pair shows whether an earlier answer was lost.
    async fn write_once(
        &self,
        action: &'static str,
        put: Put,
        patient: &PatientId,
        grant: &GrantId,
        tokens: &StoredTokens,
    ) -> Result<Stored, StoreError> {
        let current = match put.send_or_current::<SealedItem>(action).await? {
            Outcome::Written(()) => return Ok(Stored::Written),
            Outcome::ConditionFailed(None) => return Ok(Stored::Gone),
            Outcome::ConditionFailed(Some(current)) => current,
        };
        if current.generation != tokens.generation {
            return Ok(Stored::Occupied);
        }
        let current = self.open(action, patient, grant, current).await?;
        Ok(if current.is(tokens) { Stored::Written } else { Stored::Occupied })
    }

    async fn open(
        &self,
        action: &'static str,
        patient: &PatientId,
        grant: &GrantId,
        item: SealedItem,
    ) -> Result<StoredTokens, StoreError> {
        let owner = Owner { patient, grant, generation: item.generation };
        let sealed = Sealed { key_version: item.key_version, nonce: item.nonce, text: item.sealed };
        let opened = |ring: Arc<KeyRing>| -> Result<SecretString, OpenError> { ring.open(&owner, &sealed) };
        let text = match opened(self.rings.get().await?) {
            // The key may have been added a moment ago.
            Err(OpenError::UnknownKey) => opened(self.rings.get_rotated().await?),
            text => text,
        };
        let text = text.map_err(|error| {
            let field = match error {
                OpenError::UnknownKey => "keyVersion",
                OpenError::Tampered => "sealed",
            };
            StoreError::corrupt(action, field)
        })?;
        StoredTokens::parse(action, text.expose_secret())
    }
}
