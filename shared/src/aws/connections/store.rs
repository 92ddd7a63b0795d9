//! Reads of the table `Connections`, and the conditions that its writes share.

use aws_config::SdkConfig;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::item::ConnectionItem;
use crate::aws::error::StoreError;
use crate::aws::table::{
    Condition, Delete, Item, Key, Partition, Table, begins_with, differs, equals, missing, prefix, read,
};
use crate::domain::{Connection, ConnectionStatus, GrantId, OuraUserId, PatientId, ReasonCode};

/// The table `Connections`. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Connections {
    pub(in crate::aws) table: Table,
}

/// A patient's connection and consents.
#[derive(Debug, Clone, Default)]
pub struct PatientConnections {
    /// `None` if the patient was never connected.
    pub connection: Option<Connection>,
    /// Time at which the patient was last sent to Oura's consent page, if that consent is not completed.
    pub pending_since: Option<Timestamp>,
    /// Time and reason of the last consent's refusal, if it was lately and no consent was recorded since.
    pub refused: Option<(Timestamp, ReasonCode)>,
}

/// A pending or refused consent, as far as it is read here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConsentItem {
    since: Timestamp,
    reason_code: Option<ReasonCode>,
    #[serde(default)]
    ended: bool,
    expires_at: i64,
}

/// The claim of a ring account.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClaimItem {
    pub(super) patient_id: PatientId,
    pub(super) since: Timestamp,
}

/// True while the connection is on this grant.
pub(super) fn is_on(grant: &GrantId) -> Condition {
    equals("grantId", grant)
}

/// True while the connection is on this grant and has not ended.
pub(super) fn is_live_on(grant: &GrantId) -> Condition {
    is_on(grant).and(differs("status", ConnectionStatus::Disconnected))
}

/// True if the ring account is free or this patient's.
pub(super) fn may_claim(patient: &PatientId) -> Condition {
    missing("pk").or(equals("patientId", patient))
}

/// True if the item's sort key begins like this.
fn has_prefix(item: &Item, prefix: &str) -> bool {
    item.get("sk").and_then(|key| key.as_s().ok()).is_some_and(|key| key.starts_with(prefix))
}

impl Connections {
    /// The table of this name.
    #[must_use]
    pub fn new(sdk: &SdkConfig, table: impl Into<String>) -> Self {
        Self { table: Table::new(sdk, table) }
    }

    /// The patient's connection, as last written.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self, patient: &PatientId) -> Result<Option<Connection>, StoreError> {
        const ACTION: &str = "read the connection";
        let item: Option<ConnectionItem> = self.table.get(ACTION, &Key::Connection(patient)).await?;
        item.map(|item| item.connection(ACTION)).transpose()
    }

    /// The patient whom this ring account belongs to; `None` if it is not connected.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn owner(&self, user: &OuraUserId) -> Result<Option<PatientId>, StoreError> {
        let claim: Option<ClaimItem> = self.table.get("find the patient of a ring account", &Key::Claim(user)).await?;
        Ok(claim.map(|claim| claim.patient_id))
    }

    /// True if the ring account has a live connection on another consent, which began after this time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_newer_consent(
        &self,
        user: &OuraUserId,
        grant: &GrantId,
        after: Timestamp,
    ) -> Result<bool, StoreError> {
        let Some(owner) = self.owner(user).await? else { return Ok(false) };
        Ok(self.get(&owner).await?.is_some_and(|connection| {
            connection.oura_user_id == *user
                && connection.grant_id != *grant
                && connection.status != ConnectionStatus::Disconnected
                && connection.since > after
        }))
    }

    /// The patient's connection and consents, in one read.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn of_patient(&self, patient: &PatientId, now: Timestamp) -> Result<PatientConnections, StoreError> {
        const ACTION: &str = "read the patient's connections";
        let keys = Partition::Patient(patient).whole().and(begins_with("sk", prefix::CONNECTION));
        let page = self.table.query(keys).consistent().page(ACTION).await?;
        let (refused, own) = (Key::RefusedConsent(patient), Key::Connection(patient));
        let mut found = PatientConnections::default();
        for item in page.items {
            if own.is_of(&item) {
                found.connection = Some(read::<ConnectionItem>(ACTION, item)?.connection(ACTION)?);
                continue;
            }
            let (is_pending, is_refused) = (has_prefix(&item, prefix::PENDING_CONSENT), refused.is_of(&item));
            if !is_pending && !is_refused {
                continue;
            }
            let consent: ConsentItem = read(ACTION, item)?;
            // Time-to-live deletes late: an expired item does not count.
            if consent.expires_at <= now.as_second() || consent.ended {
                continue;
            }
            if is_pending {
                found.pending_since = found.pending_since.max(Some(consent.since));
            } else {
                let reason = consent.reason_code.ok_or_else(|| StoreError::corrupt(ACTION, "reasonCode"))?;
                found.refused = Some((consent.since, reason));
            }
        }
        Ok(found)
    }

    /// The write that frees the ring account of a connection that ends.
    pub(super) fn release_claim(&self, old: &Connection) -> Delete {
        self.table.delete(&Key::Claim(&old.oura_user_id)).when(may_claim(&old.patient_id))
    }
}
