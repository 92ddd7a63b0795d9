//! Stored documents that a list does not hold.
//!
//! A list is no proof of a deletion: Oura may answer with a part of it, or with nothing. Only Oura's answer to a request for
//! the document itself is, or a delete event.

use std::collections::{BTreeMap, BTreeSet};

use shared::domain::{Connection, DataType, Day, DocumentId, StoredRecord, SyncId, derived_uuid};
use shared::normalize::has_derived_id;

use crate::fetch_outcome::{FetchOutcome, FetchReport, FetchRequest};
use crate::fetched_records::account_of;
use crate::sync_plan::{DocumentKey, StoredDays, SyncPlan};

/// Documents of one list that a sync looks up by id. A list that lost all its documents costs this many requests, and later
/// syncs look up the rest.
const MAX_LOOK_UPS: usize = 20;

/// Returns the stored documents that can be looked up by id. Documents of another Oura account, and those to which Oura gave
/// no id, cannot.
pub(crate) fn lookable(connection: &Connection, stored: &StoredDays) -> Vec<(Day, DocumentKey)> {
    let is_lookable = |stored: &&StoredRecord| {
        let record = &stored.record;
        !stored.deleted
            && record.data_type.has_documents()
            && stored.account.as_ref() == Some(&connection.oura_user_id)
            && !has_derived_id(account_of(connection), record)
            // No URL can end with a dot segment.
            && !matches!(record.document_id.as_str(), "." | "..")
    };
    let records = stored.values().flat_map(|day| &day.records).filter(is_lookable).map(|stored| &stored.record);
    records.map(|record| (record.day, (record.data_type, record.document_id.clone()))).collect()
}

/// Returns requests for stored documents that the list of their data type and days does not hold.
///
/// Each sync draws other ones: documents that Oura still has stay unlisted, and must not keep the others from being looked
/// up.
pub(crate) fn unlisted(
    sync: &SyncId,
    plan: &SyncPlan,
    report: &FetchReport,
    lookable: &[(Day, DocumentKey)],
) -> BTreeMap<DataType, FetchRequest> {
    let mut requests = BTreeMap::new();
    for (data_type, request) in &plan.requests {
        let (FetchRequest::Days(days), Some(FetchOutcome::Fetched(fetched))) =
            (request, report.outcomes.get(data_type))
        else {
            continue;
        };
        let mut unlisted: Vec<&DocumentId> = lookable
            .iter()
            .filter(|(day, (of, id))| of == data_type && days.contains(*day) && !fetched.ids.contains(id))
            .map(|(_, (_, id))| id)
            .collect();
        if unlisted.is_empty() {
            continue;
        }
        unlisted.sort_by_cached_key(|id| derived_uuid(&[sync.as_str(), id.as_str()]));
        let ids: BTreeSet<DocumentId> = unlisted.iter().take(MAX_LOOK_UPS).map(|id| (*id).clone()).collect();
        tracing::info!(
            event = "fetch.documents_unlisted",
            sync.id = %sync,
            data_type = data_type.as_str(),
            documents = unlisted.len(),
            looked_up = ids.len(),
            "stored documents were not in Oura's list"
        );
        requests.insert(*data_type, FetchRequest::Documents { ids, list: None });
    }
    requests
}

/// Returns the documents that Oura does not have. A document that it still has arrives, on whatever day it is now; any other
/// answer proves nothing.
pub(crate) fn proven_deleted(answers: FetchReport) -> impl Iterator<Item = DocumentKey> {
    answers.outcomes.into_iter().flat_map(|(data_type, answer)| {
        let missing = match answer {
            FetchOutcome::Fetched(answer) => answer.missing,
            _ => BTreeSet::new(),
        };
        missing.into_iter().map(move |id| (data_type, id))
    })
}
