//! One sealed item per grant in the table `Connections`: `PATIENT#<id>`, `TOKENS#<grant id>`.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use secrecy::{ExposeSecret, SecretString};

use super::super::connections::patient_key;
use super::super::item::{Fields, Item, n, s};
use super::super::{SdkConfig, StoreError};
use super::key_ring::{Closed, KeyRing, KeyRings, Owner, Sealed, key_rings};
use super::{CREATE, DELETE, PUT, READ, Stored, StoredTokens};
use crate::domain::{Clock, GrantId, PatientId};

const RESEAL: &str = "seal the patient's tokens anew";

/// The sealed items.
#[derive(Debug, Clone)]
pub(super) struct SealedTokens {
    client: Client,
    table: String,
    rings: KeyRings,
}

/// How sealing a record anew ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resealed {
    /// It is sealed with the current key now.
    Done,
    /// It was already.
    Current,
    /// There is none, or it was written anew meanwhile.
    Gone,
}

impl SealedTokens {
    /// The items of this table, under the keys of this secret.
    pub(super) fn new(sdk: &SdkConfig, table: &str, key_ring: &str, clock: Clock) -> Self {
        Self { client: Client::new(sdk), table: table.to_owned(), rings: key_rings(sdk, key_ring, clock) }
    }

    /// The token pair as stored; `None` when the grant has no item (any more).
    pub(super) async fn get(&self, patient: &PatientId, grant: &GrantId) -> Result<Option<StoredTokens>, StoreError> {
        match self.item(READ, patient, grant).await? {
            None => Ok(None),
            Some(item) => self.open(READ, patient, grant, &item).await.map(Some),
        }
    }

    /// Stores the first token pair of a grant, once.
    pub(super) async fn create(
        &self,
        patient: &PatientId,
        grant: &GrantId,
        tokens: &StoredTokens,
    ) -> Result<Stored, StoreError> {
        let put = self.record(CREATE, patient, grant, tokens).await?;
        self.write_once(CREATE, put.condition_expression("attribute_not_exists(pk)"), patient, grant, tokens).await
    }

    /// Stores the token pair of the next generation, once: nothing of this generation or a later one is written over.
    pub(super) async fn put(
        &self,
        patient: &PatientId,
        grant: &GrantId,
        tokens: &StoredTokens,
    ) -> Result<Stored, StoreError> {
        let put = self.record(PUT, patient, grant, tokens).await?;
        let put = put
            .condition_expression("generation < :generation")
            .expression_attribute_values(":generation", n(tokens.generation));
        self.write_once(PUT, put, patient, grant, tokens).await
    }

    pub(super) async fn delete(&self, patient: &PatientId, grant: &GrantId) -> Result<(), StoreError> {
        self.client
            .delete_item()
            .table_name(&self.table)
            .key("pk", s(patient_key(patient)))
            .key("sk", s(tokens_key(grant)))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| StoreError::of(DELETE, &error))
    }

    /// Seals the record with the current key. A refresh that stores a new pair meanwhile wins.
    pub(super) async fn reseal(&self, patient: &PatientId, grant: &GrantId) -> Result<Resealed, StoreError> {
        let ring = self.rings.get().await?;
        let Some(item) = self.item(RESEAL, patient, grant).await? else { return Ok(Resealed::Gone) };
        let (_, sealed) = parts(RESEAL, &item)?;
        if sealed.key_version == ring.current() {
            return Ok(Resealed::Current);
        }
        let tokens = self.open(RESEAL, patient, grant, &item).await?;
        let put = self
            .record(RESEAL, patient, grant, &tokens)
            .await?
            .condition_expression("nonce = :nonce")
            .expression_attribute_values(":nonce", s(sealed.nonce));
        match put.send().await {
            Ok(_) => Ok(Resealed::Done),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Ok(Resealed::Gone)
            }
            Err(error) => Err(StoreError::of(RESEAL, &error)),
        }
    }

    async fn item(
        &self,
        action: &'static str,
        patient: &PatientId,
        grant: &GrantId,
    ) -> Result<Option<Item>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", s(patient_key(patient)))
            .key("sk", s(tokens_key(grant)))
            .consistent_read(true)
            .send()
            .await;
        answer.map(|answer| answer.item).map_err(|error| StoreError::of(action, &error))
    }

    /// A put of the sealed pair, without a condition yet.
    async fn record(
        &self,
        action: &'static str,
        patient: &PatientId,
        grant: &GrantId,
        tokens: &StoredTokens,
    ) -> Result<PutItemFluentBuilder, StoreError> {
        let owner = Owner { patient, grant, generation: tokens.generation };
        let sealed = self.rings.get().await?.seal(&owner, &tokens.to_secret());
        let sealed =
            sealed.map_err(|_unspecified| StoreError::Refused { action, code: "sealing failed".to_owned() })?;
        Ok(self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", s(patient_key(patient)))
            .item("sk", s(tokens_key(grant)))
            .item("generation", n(tokens.generation))
            .item("keyVersion", s(sealed.key_version))
            .item("nonce", s(sealed.nonce))
            .item("sealed", s(sealed.text)))
    }

    /// Sends a conditional put. Where it is refused, what lies there tells whether an earlier answer was lost.
    async fn write_once(
        &self,
        action: &'static str,
        put: PutItemFluentBuilder,
        patient: &PatientId,
        grant: &GrantId,
        tokens: &StoredTokens,
    ) -> Result<Stored, StoreError> {
        let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = put.send().await else { return Ok(Stored::Written) };
        let Some(PutItemError::ConditionalCheckFailedException(refused)) = error.as_service_error() else {
            return Err(StoreError::of(action, &error));
        };
        let Some(there) = refused.item() else { return Ok(Stored::Gone) };
        if parts(action, there)?.0 != tokens.generation {
            return Ok(Stored::Occupied);
        }
        let there = self.open(action, patient, grant, there).await?;
        Ok(if there.is(tokens) { Stored::Written } else { Stored::Occupied })
    }

    async fn open(
        &self,
        action: &'static str,
        patient: &PatientId,
        grant: &GrantId,
        item: &Item,
    ) -> Result<StoredTokens, StoreError> {
        let (generation, sealed) = parts(action, item)?;
        let owner = Owner { patient, grant, generation };
        let opened = |ring: Arc<KeyRing>| -> Result<SecretString, Closed> { ring.open(&owner, &sealed) };
        let text = match opened(self.rings.get().await?) {
            // A key that was added a moment ago.
            Err(Closed::UnknownKey) => opened(self.rings.get_rotated().await?),
            text => text,
        };
        let text = text.map_err(|closed| {
            let field = match closed {
                Closed::UnknownKey => "keyVersion",
                Closed::Tampered => "sealed",
            };
            StoreError::corrupt(action, field)
        })?;
        StoredTokens::parse(action, text.expose_secret())
    }
}

fn tokens_key(grant: &GrantId) -> String {
    format!("TOKENS#{grant}")
}

fn parts(action: &'static str, item: &Item) -> Result<(u64, Sealed), StoreError> {
    let fields = Fields::new(action, item);
    let sealed =
        Sealed { key_version: fields.get("keyVersion")?, nonce: fields.get("nonce")?, text: fields.get("sealed")? };
    Ok((fields.get("generation")?, sealed))
}
