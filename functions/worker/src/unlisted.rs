//! Stored documents that a list does not hold.
//!
//! A list is no proof of a deletion: Oura may answer with a part of it, or with nothing. Only Oura's answer to a request for
//! the document itself is, or a delete event.

use std::collections::{BTreeMap, BTreeSet};

use shared::domain::{Connection, DataType, DocumentId, SyncId, derived_uuid};
use shared::normalize::has_derived_id;

use crate::fetch_outcome::{FetchOutcome, FetchReport, FetchRequest, Fetched};
use crate::sync_plan::{StoredDays, SyncPlan};

/// Documents of one list that a sync looks up by id. A list that lost all its documents costs this many requests, and later
/// syncs look up the rest.
const MAX_LOOK_UPS: usize = 20;

/// Returns requests for stored documents that the list of their data type and days does not hold.
///
/// Each sync draws other ones: documents that Oura still has stay unlisted, and must not keep the others from being looked
/// up. Documents of another Oura account, and those to which Oura gave no id, cannot be looked up.
pub(crate) fn unlisted(
    connection: &Connection,
    sync: &SyncId,
    plan: &SyncPlan,
    report: &FetchReport,
    stored: &StoredDays,
) -> BTreeMap<DataType, FetchRequest> {
    let mut requests = BTreeMap::new();
    for (data_type, request) in &plan.requests {
        let (FetchRequest::Days(days), Some(FetchOutcome::Fetched(fetched))) =
            (request, report.outcomes.get(data_type))
        else {
            continue;
        };
        if !data_type.has_documents() {
            continue;
        }
        let listed = fetched.listing.documents.ids();
        let of_days = stored.iter().filter(|(day, _)| days.contains(**day)).flat_map(|(_, day)| &day.records);
        let mut unlisted: Vec<&DocumentId> = of_days
            .filter(|stored| stored.record.data_type == *data_type && !stored.deleted)
            .filter(|stored| stored.observed_at <= report.started_at)
            .filter(|stored| stored.account.as_ref().is_none_or(|account| *account == connection.oura_user_id))
            .map(|stored| &stored.record)
            .filter(|record| !listed.contains(&record.document_id) && !has_derived_id(&connection.patient_id, record))
            .map(|record| &record.document_id)
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

/// Adds the answers: a document that Oura still has joins its list, on whatever day it is now; one that Oura does not have
/// is deleted. Any other answer proves nothing.
pub(crate) fn add_answers(answers: FetchReport, plan: &mut SyncPlan, report: &mut FetchReport) {
    for (data_type, answer) in answers.outcomes {
        let (FetchOutcome::Fetched(answer), Some(FetchOutcome::Fetched(Fetched { listing, .. }))) =
            (answer, report.outcomes.get_mut(&data_type))
        else {
            continue;
        };
        plan.deleted.extend(answer.missing.into_iter().map(|id| (data_type, id)));
        listing.documents.append(answer.listing.documents);
    }
}
