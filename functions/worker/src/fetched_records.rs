//! Records of what a sync has fetched, before they are compared with the stored ones.

use std::collections::BTreeSet;

use jiff::Timestamp;
use shared::domain::{Connection, OuraUserId, Record};
use shared::normalize::{self, DayOffsets};

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
    /// Oura account of the records.
    pub(crate) account: OuraUserId,
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
            let mut records = normalize::records(&connection.patient_id, &arrival.documents, offsets);
            if let Some(days) = arrival.days {
                normalize::retain_days(&mut records, days);
            }
            records
        });
        let account = connection.oura_user_id.clone();
        Self { records: records.collect(), deleted: BTreeSet::new(), observed_at, account }
    }
}
