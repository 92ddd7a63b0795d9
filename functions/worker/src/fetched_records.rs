//! Records of what a sync has fetched, before they are compared with the stored ones.

use std::collections::BTreeSet;

use jiff::Timestamp;
use shared::domain::{Connection, OuraUserId, PatientId, Record, StoredRecord};
use shared::normalize::{self, DayOffsets, OuraAccount};

use crate::arrivals::Arrival;
use crate::sync_plan::DocumentKey;

/// Normalized records of fetched documents.
#[derive(Debug)]
pub(crate) struct FetchedRecords {
    /// Records of any day.
    pub(crate) records: Vec<Record>,
    /// Documents that Oura has deleted.
    pub(crate) deleted: BTreeSet<DocumentKey>,
    /// Time before the fetch.
    pub(crate) observed_at: Timestamp,
    pub(crate) patient: PatientId,
    /// Oura account of the records.
    pub(crate) user_id: OuraUserId,
    /// Offsets that place samples on local days.
    pub(crate) offsets: DayOffsets,
}

impl FetchedRecords {
    /// Normalizes documents. Local days of time series follow from the offsets.
    pub(crate) fn normalize<'a>(
        connection: &Connection,
        arrivals: impl Iterator<Item = &'a Arrival>,
        offsets: &DayOffsets,
        observed_at: Timestamp,
    ) -> Self {
        let records = arrivals.flat_map(|arrival| {
            let mut records = normalize::records(account_of(connection), &arrival.documents, offsets);
            if let Some(days) = arrival.days {
                normalize::retain_days(&mut records, days);
            }
            records
        });
        Self {
            records: records.collect(),
            deleted: BTreeSet::new(),
            observed_at,
            patient: connection.patient_id.clone(),
            user_id: connection.oura_user_id.clone(),
            offsets: offsets.clone(),
        }
    }

    pub(crate) fn account(&self) -> OuraAccount<'_> {
        OuraAccount { patient: &self.patient, user_id: &self.user_id }
    }

    /// True if the stored record is of the same Oura account.
    pub(crate) fn is_of_account(&self, stored: &StoredRecord) -> bool {
        stored.account.as_ref() == Some(&self.user_id)
    }
}

pub(crate) fn account_of(connection: &Connection) -> OuraAccount<'_> {
    OuraAccount { patient: &connection.patient_id, user_id: &connection.oura_user_id }
}
