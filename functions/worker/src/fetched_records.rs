//! Records of what a sync has fetched, before they are compared with the stored ones.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use jiff::Timestamp;
use shared::aws::StoreError;
use shared::domain::{Connection, DataType, Day, DocumentId, OuraUserId, PatientId, Record};
use shared::normalize::{self, DayOffsets};
use shared::oura::Listing;

use crate::deps::Deps;
use crate::fetch_outcome::{FetchOutcome, FetchReport, FetchRequest};
use crate::sync_plan::{DocumentKey, ReadScope, StoredDays, SyncPlan};

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
    /// Normalizes the fetched documents of some data types. Local days of time series follow from the offsets of all
    /// fetched and stored documents.
    pub(crate) fn normalize(
        connection: &Connection,
        plan: &SyncPlan,
        report: &FetchReport,
        stored: &StoredDays,
        is_included: impl Fn(DataType) -> bool,
    ) -> Self {
        let listings: BTreeMap<DataType, &Listing> = report
            .outcomes
            .iter()
            .filter_map(|(data_type, outcome)| match outcome {
                FetchOutcome::Fetched(fetched) => Some((*data_type, &fetched.listing)),
                _ => None,
            })
            .collect();
        let live_records =
            stored.values().flat_map(|day| &day.records).filter(|stored| !stored.deleted).map(|stored| &stored.record);
        let offsets = DayOffsets::of_records(live_records)
            .merged_with(DayOffsets::of_documents(listings.values().map(|listing| &listing.documents)));
        let mut records = Vec::new();
        for (data_type, listing) in listings.into_iter().filter(|(data_type, _)| is_included(*data_type)) {
            let mut of_type = normalize::records(&connection.patient_id, &listing.documents, &offsets);
            if let Some(FetchRequest::Days(days)) = plan.requests.get(&data_type) {
                normalize::retain_days(&mut of_type, *days);
            }
            records.append(&mut of_type);
        }
        let deleted = plan.deleted.iter().filter(|(data_type, _)| is_included(*data_type)).cloned().collect();
        Self { records, deleted, observed_at: report.started_at, account: connection.oura_user_id.clone() }
    }

    /// Reads the further stored days that may change with the days of the plan: those of the records, and those on which
    /// Oura had a document before it moved.
    ///
    /// Rings are as old as the patient's first one, and webhook events name documents of any day.
    pub(crate) async fn read_further(
        &self,
        deps: &Deps,
        patient: &PatientId,
        scope: &ReadScope,
        stored: &mut StoredDays,
    ) -> Result<BTreeSet<Day>, StoreError> {
        // 1. Days of the records.
        let further = |days: &mut dyn Iterator<Item = Day>| -> BTreeSet<Day> {
            days.filter(|day| !scope.contains(*day)).collect()
        };
        let mut days = further(&mut self.records.iter().map(|record| record.day));
        stored.extend(deps.days.read_days(patient, &days).await?);
        // 2. Documents that are on none of the days read may be stored on another day.
        let known: HashSet<&DocumentId> =
            stored.values().flat_map(|day| &day.records).map(|stored| &stored.record.document_id).collect();
        let unknown: BTreeSet<DocumentId> = self
            .records
            .iter()
            .filter(|record| record.data_type.has_documents() && !known.contains(&record.document_id))
            .map(|record| record.document_id.clone())
            .collect();
        let located = deps.days.locate(patient, &unknown).await?;
        let located = further(&mut located.into_values().filter(|day| !days.contains(day)));
        stored.extend(deps.days.read_days(patient, &located).await?);
        days.extend(located);
        Ok(days)
    }
}
