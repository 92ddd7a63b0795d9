//! Storing what arrived: normalized, compared with what is stored, and written a day at a time.

use std::collections::{BTreeMap, BTreeSet};

use shared::aws::{Commit, StoreError, StoredDay};
use shared::domain::{DataType, Day, PatientId, SyncMessage, Trigger};
use shared::normalize::{self, DayOffsets};
use shared::oura::Listing;

use crate::Deps;
use crate::assignment::{Assignment, Key};
use crate::due::Due;
use crate::fetch::{Ask, Fetch, FetchOutcome};
use crate::plan::{self, Fetched};

/// How often days that change under our hands are read again.
const RACES: usize = 5;

/// Stores what arrived. `stored` is what was read of the assignment's days; a history was never announced.
pub(crate) async fn store(
    deps: &Deps,
    message: &SyncMessage,
    assignment: &Assignment,
    fetch: &Fetch,
    mut stored: BTreeMap<Day, StoredDay>,
    is_history: bool,
) -> Result<Commit, StoreError> {
    let patient = &message.patient_id;
    let fetched = normalized(&message.patient_id, assignment, fetch, &stored);
    // Rings are as old as the patient's first one, and an announced document may be of any day.
    let elsewhere: BTreeSet<Day> =
        fetched.records.iter().map(|record| record.day).filter(|day| !assignment.reading.holds(*day)).collect();
    let announced = if is_history { None } else { announced(deps, message).await? };
    for _ in 0..RACES {
        stored.extend(deps.days.read_days(patient, &elsewhere).await?);
        let now = deps.clock.now();
        let mut changes = plan::changes(patient, &stored, &fetched, now);
        if let Some(announced) = &announced {
            for write in changes.iter_mut().flat_map(|change| &mut change.records) {
                let record = &write.record.record;
                let key = (record.data_type, record.document_id.clone());
                write.missed_webhooks = record.data_type.has_webhook() && !announced.contains(&key);
            }
        }
        match deps.days.commit(patient, &changes, &message.sync_id, now).await? {
            Commit::Raced => stored = assignment.reading.read(deps, patient).await?,
            ended => return Ok(ended),
        }
    }
    Ok(Commit::Raced)
}

/// For a nightly pull: the documents that were announced and only wait for their sync. Whatever else it finds, a webhook
/// should have announced. `None` for every other sync: a history was never announced, and whoever asks for a sync may
/// be quicker than Oura.
async fn announced(deps: &Deps, message: &SyncMessage) -> Result<Option<BTreeSet<Key>>, StoreError> {
    if message.trigger != Trigger::Daily {
        return Ok(None);
    }
    let gathered = deps.inbox.get(&message.patient_id).await?;
    let announcements = gathered.into_iter().flat_map(|gathered| gathered.announcements);
    Ok(Some(announcements.map(|said| (said.data_type, said.document_id)).collect()))
}

/// Whether what arrived of the kinds that every night asks for is not all stored already: then the ring has synced since.
pub(crate) fn holds_news(
    message: &SyncMessage,
    assignment: &Assignment,
    fetch: &Fetch,
    stored: &BTreeMap<Day, StoredDay>,
) -> bool {
    let fetched = normalized(&message.patient_id, assignment, fetch, stored);
    let changes = plan::changes(&message.patient_id, stored, &fetched, fetch.began);
    changes.iter().flat_map(|change| &change.records).any(|write| Due::shows_a_sync(write.record.record.data_type))
}

/// The records of everything that arrived.
fn normalized(
    patient: &PatientId,
    assignment: &Assignment,
    fetch: &Fetch,
    stored: &BTreeMap<Day, StoredDay>,
) -> Fetched {
    let listings: BTreeMap<DataType, &Listing> = fetch
        .kinds
        .iter()
        .filter_map(|(kind, outcome)| match outcome {
            FetchOutcome::Arrived(arrival) => Some((*kind, &arrival.listing)),
            _ => None,
        })
        .collect();
    let known =
        stored.values().flat_map(|day| &day.records).filter(|stored| !stored.deleted).map(|stored| &stored.record);
    let offsets = DayOffsets::of_records(known)
        .merged_with(DayOffsets::of_documents(listings.values().map(|listing| &listing.documents)));
    let whole_days = |kind: DataType| match assignment.asks.get(&kind) {
        Some(Ask::Days(days)) => Some(*days),
        _ => None,
    };
    let mut records = Vec::new();
    for (kind, listing) in &listings {
        let mut of_kind = normalize::records(patient, &listing.documents, &offsets);
        if let Some(days) = whole_days(*kind) {
            normalize::retain_days(&mut of_kind, days);
        }
        records.append(&mut of_kind);
    }
    let complete = listings.iter().filter(|(_, listing)| listing.malformed.is_empty());
    Fetched {
        records,
        complete: complete.filter_map(|(kind, _)| Some((*kind, whole_days(*kind)?))).collect(),
        gone: assignment.gone.clone(),
        observed_at: fetch.began,
    }
}
