//! The plan of a sync: data types of a range of days, or the documents that webhook events named.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use shared::aws::{PendingEvents, StoreError, StoredDay};
use shared::domain::{
    DataType, Day, DayRange, DocumentEvent, DocumentId, PatientId, Record, StoredRecord, WebhookEventType,
};

use crate::deps::Deps;
use crate::fetch_outcome::{FetchOutcome, FetchReport, FetchRequest};
use crate::fetcher::MAX_SINGLE_DOCUMENTS;
use crate::look_back::MAX_DAYS;
use crate::progress::Progress;
use crate::schedule::DueDays;

/// Stored days of a patient.
pub(crate) type StoredDays = BTreeMap<Day, StoredDay>;

/// Identity of a patient's document.
pub(crate) type DocumentKey = (DataType, DocumentId);

/// The same, borrowed.
pub(crate) type Key<'r> = (DataType, &'r DocumentId);

/// Returns the identity of the record's document.
pub(crate) fn key(record: &Record) -> Key<'_> {
    (record.data_type, &record.document_id)
}

/// Number of the newest days that a complete fetch holds at least (see the connection's watermarks).
pub(crate) const NEWEST_DAYS: i32 = 3;

/// A webhook event that arrives within this time was not redelivered by Oura.
const REDELIVERED_AFTER: SignedDuration = SignedDuration::from_mins(2);

/// Longest list that is fetched instead of a request for each of several older documents.
const MAX_LISTED_DAYS: i32 = 35;

/// Requests of a sync, and the stored days that may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyncPlan {
    pub(crate) requests: BTreeMap<DataType, FetchRequest>,
    /// Documents that Oura has deleted. They are not fetched.
    pub(crate) deleted: BTreeSet<DocumentKey>,
    /// Documents that Oura has deleted, but may have restored. They are fetched, and the response decides.
    pub(crate) possibly_deleted: BTreeSet<DocumentKey>,
    /// Deleted documents that are not stored. A concurrent sync that fetched before the deletion may be about to store them.
    pub(crate) pending_elsewhere: BTreeSet<DocumentKey>,
    /// Oldest day on which documents that webhook events named may be, if a later list has to reach back to it.
    pub(crate) oldest_days: BTreeMap<DataType, Day>,
    /// Stored days that may change.
    pub(crate) scope: ReadScope,
}

/// Stored days that a sync reads and may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReadScope {
    Range(DayRange),
    Days(BTreeSet<Day>),
}

impl ReadScope {
    pub(crate) fn contains(&self, day: Day) -> bool {
        match self {
            Self::Range(range) => range.contains(day),
            Self::Days(days) => days.contains(&day),
        }
    }

    /// Reads the stored days.
    pub(crate) async fn read(&self, deps: &Deps, patient: &PatientId) -> Result<StoredDays, StoreError> {
        match self {
            Self::Range(range) => deps.days.read(patient, *range).await,
            Self::Days(days) => deps.days.read_days(patient, days).await,
        }
    }
}

impl SyncPlan {
    /// Plans these data types, each for its days. Stored documents of `range` are read.
    pub(crate) fn of_data_types(range: DayRange, due: DueDays) -> Self {
        Self {
            requests: due.into_iter().map(|(data_type, days)| (data_type, FetchRequest::Days(days))).collect(),
            deleted: BTreeSet::new(),
            possibly_deleted: BTreeSet::new(),
            pending_elsewhere: BTreeSet::new(),
            oldest_days: BTreeMap::new(),
            scope: ReadScope::Range(range),
        }
    }

    /// Plans the documents that webhook events named, except those that an earlier fetch has brought already.
    ///
    /// `stored` holds the named documents as far as they are stored, `watermarks` the time of each data type's last complete
    /// fetch of the newest days.
    pub(crate) fn of_events(
        pending: &PendingEvents,
        stored: &StoredDays,
        watermarks: &BTreeMap<DataType, Timestamp>,
        recent: DayRange,
    ) -> Self {
        let known: BTreeMap<DocumentKey, &StoredRecord> = stored
            .values()
            .flat_map(|day| &day.records)
            .map(|stored| ((stored.record.data_type, stored.record.document_id.clone()), stored))
            .collect();
        let delete_events: BTreeSet<DocumentKey> = pending
            .events
            .iter()
            .filter(|event| event.event == WebhookEventType::Delete)
            .map(|event| (event.data_type, event.document_id.clone()))
            .collect();
        let mut fetched: BTreeMap<DataType, BTreeSet<DocumentId>> = BTreeMap::new();
        let (mut deleted, mut possibly_deleted, mut pending_elsewhere) =
            (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for (key, event) in newest_events(&pending.events) {
            let live = known.get(&key).copied().filter(|stored| !stored.deleted);
            if event.event == WebhookEventType::Delete {
                if !known.contains_key(&key) {
                    pending_elsewhere.insert(key.clone());
                }
                // A deletion is believed without a request, unless the document may have been restored since.
                if !live.is_some_and(|stored| may_be_restored(stored, event, pending)) {
                    deleted.insert(key);
                    continue;
                }
                possibly_deleted.insert(key.clone());
            } else if !delete_events.contains(&key)
                && live.is_some_and(|stored| is_fetched_since(stored, pending, watermarks.get(&key.0)))
            {
                continue;
            }
            // A document that was restored after its deletion may be missing at Oura for a moment, like any other.
            fetched.entry(key.0).or_default().insert(key.1);
        }
        for (data_type, ids) in &mut fetched {
            let is_stored = |id: &DocumentId| {
                let stored = known.get(&(*data_type, id.clone()));
                stored.is_some_and(|stored| stored.observed_at > pending.latest_at)
            };
            skip_stored(ids, is_stored);
        }
        let day_of = |data_type: DataType, id: &DocumentId| Some(known.get(&(data_type, id.clone()))?.record.day);
        // A new document of the ring follows those that have arrived. One that a patient enters may be of any day.
        let longest = DayRange::ending(recent.last(), MAX_DAYS).first();
        let possible_day = |data_type: DataType, id: &DocumentId| {
            day_of(data_type, id).or_else(|| (!data_type.facts().shows_ring).then_some(longest))
        };
        let oldest = |(data_type, ids): (&DataType, &BTreeSet<DocumentId>)| {
            Some((*data_type, ids.iter().filter_map(|id| possible_day(*data_type, id)).min()?))
        };
        let oldest_days = fetched.iter().filter_map(oldest).collect();
        let request = |(data_type, ids): (DataType, BTreeSet<DocumentId>)| {
            let stored_on = ids.iter().filter_map(|id| day_of(data_type, id));
            let days = listed_days(recent, stored_on.collect());
            (data_type, FetchRequest::Documents { ids, list: Some(days) })
        };
        Self {
            requests: fetched.into_iter().map(request).collect(),
            deleted,
            possibly_deleted,
            pending_elsewhere,
            oldest_days,
            scope: ReadScope::Days(stored.keys().copied().collect()),
        }
    }

    /// Removes the requests that an earlier delivery has completed, except for documents that are possibly deleted: they
    /// may have been stored since.
    pub(crate) fn skip_completed(&mut self, progress: &Progress) {
        let possibly_deleted = &self.possibly_deleted;
        self.requests.retain(|data_type, request| {
            if progress.get(data_type).is_none_or(|of| !of.state.is_final()) {
                return true;
            }
            match request {
                FetchRequest::Days(_) => false,
                FetchRequest::Documents { ids, .. } => {
                    ids.retain(|id| possibly_deleted.contains(&(*data_type, id.clone())));
                    !ids.is_empty()
                }
            }
        });
    }

    /// Turns missing documents that are possibly deleted into deleted ones. The others stay missing.
    pub(crate) fn resolve_missing(&mut self, report: &mut FetchReport) {
        for (data_type, outcome) in &mut report.outcomes {
            if let FetchOutcome::Fetched(fetched) = outcome {
                fetched.missing.retain(|id| {
                    let key = (*data_type, id.clone());
                    let is_deleted = self.possibly_deleted.contains(&key);
                    if is_deleted {
                        self.deleted.insert(key);
                    }
                    !is_deleted
                });
            }
        }
    }
}

/// True if a deleted document may have been restored: it was fetched after the deletion, or the event arrived so late that
/// a fetch may have found it unchanged, which leaves no trace.
fn may_be_restored(stored: &StoredRecord, deletion: &DocumentEvent, pending: &PendingEvents) -> bool {
    let delay = pending.latest_at.duration_since(deletion.happened_at);
    stored.observed_at > deletion.happened_at || delay > REDELIVERED_AFTER
}

/// True if a fetch of the newest days, begun after the last event arrived, held the document.
fn is_fetched_since(stored: &StoredRecord, pending: &PendingEvents, watermark: Option<&Timestamp>) -> bool {
    watermark.is_some_and(|fetched| {
        let newest_days = DayRange::ending(Day::of_utc(*fetched), NEWEST_DAYS);
        *fetched > pending.latest_at && newest_days.contains(stored.record.day)
    })
}

/// Of more documents than one delivery requests, removes those that an earlier delivery of the sync has stored, as far as others
/// take their places.
fn skip_stored(ids: &mut BTreeSet<DocumentId>, is_stored: impl Fn(&DocumentId) -> bool) {
    let mut surplus = ids.len().saturating_sub(MAX_SINGLE_DOCUMENTS);
    ids.retain(|id| {
        let is_skipped = surplus > 0 && is_stored(id);
        surplus -= usize::from(is_skipped);
        !is_skipped
    });
}

/// Returns the days of one list: the recent ones, and further back if several older documents were named.
fn listed_days(recent: DayRange, stored_on: Vec<Day>) -> DayRange {
    let longest = DayRange::ending(recent.last(), MAX_LISTED_DAYS);
    let older: Vec<Day> = stored_on.into_iter().filter(|day| longest.contains(*day) && *day < recent.first()).collect();
    match older.iter().min() {
        Some(oldest) if older.len() > 1 => recent.joined_with(&DayRange::ending(*oldest, 1)),
        _ => recent,
    }
}

/// Returns the newest event of each document. Of two events of the same moment, the one that is not a deletion counts,
/// since it leads to a request.
fn newest_events(events: &BTreeSet<DocumentEvent>) -> BTreeMap<DocumentKey, &DocumentEvent> {
    let mut newest: BTreeMap<DocumentKey, &DocumentEvent> = BTreeMap::new();
    let rank = |event: &DocumentEvent| (event.happened_at, event.event != WebhookEventType::Delete);
    for event in events {
        let known = newest.entry((event.data_type, event.document_id.clone())).or_insert(event);
        if rank(event) > rank(known) {
            *known = event;
        }
    }
    newest
}

#[cfg(test)]
mod tests {
    use shared::domain::{DataTypeProgress, FetchState, RecordMetrics};

    use super::*;
    use crate::fetch_outcome::Fetched;

    const NOON: &str = "2026-03-18T12:00:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn event(event: WebhookEventType, id: &str, when: &str) -> DocumentEvent {
        DocumentEvent { data_type: DataType::Tag, event, happened_at: at(when), document_id: id.parse().unwrap() }
    }

    fn stored(id: &str, day: &str, observed_at: &str) -> StoredDays {
        let record = Record {
            data_type: DataType::Tag,
            day: day.parse().unwrap(),
            document_id: id.parse().unwrap(),
            metrics: Some(RecordMetrics::read(DataType::Tag, serde_json::json!({"codes": []})).unwrap()),
        };
        let day = record.day;
        let content_hash = record.content_hash();
        let stored = StoredRecord {
            record,
            revision: 1,
            observed_at: at(observed_at),
            content_hash,
            deleted: false,
            account: None,
        };
        BTreeMap::from([(day, StoredDay { records: vec![stored], stats: None })])
    }

    fn planned(events: &[DocumentEvent], stored: &StoredDays, fetched: Option<&str>) -> SyncPlan {
        let pending = PendingEvents { events: events.iter().cloned().collect(), latest_at: at(NOON), is_full: false };
        let watermarks = fetched.map(|fetched| (DataType::Tag, at(fetched))).into_iter().collect();
        let today: Day = "2026-03-18".parse().unwrap();
        SyncPlan::of_events(&pending, stored, &watermarks, DayRange::ending(today, 8))
    }

    fn requested(plan: &SyncPlan) -> Vec<&str> {
        match plan.requests.get(&DataType::Tag) {
            Some(FetchRequest::Documents { ids, .. }) => ids.iter().map(DocumentId::as_str).collect(),
            _ => vec![],
        }
    }

    #[test]
    fn plan_uses_the_newest_event_of_a_document_in_any_order_of_arrival() {
        let create = event(WebhookEventType::Create, "a", "2026-03-18T10:00:00Z");
        let delete = event(WebhookEventType::Delete, "a", "2026-03-18T11:59:00Z");
        let live = stored("a", "2026-03-17", "2026-03-18T10:30:00Z");
        let deleted = planned(&[create, delete.clone()], &live, None);
        assert_eq!((requested(&deleted).len(), deleted.deleted.len(), deleted.pending_elsewhere.len()), (0, 1, 0));
        // An update of the same moment, or a later one: the document is fetched. If Oura has none, that proves no deletion yet.
        let again = event(WebhookEventType::Update, "a", "2026-03-18T11:59:00Z");
        let restored = planned(&[delete, again], &live, None);
        assert_eq!((requested(&restored), restored.deleted.len(), restored.possibly_deleted.len()), (vec!["a"], 0, 0));
    }

    #[test]
    fn plan_fetches_a_restored_document_although_a_later_fetch_held_it() {
        let events =
            [event(WebhookEventType::Delete, "a", "2026-03-18T11:50:00Z"), event(WebhookEventType::Create, "a", NOON)];
        let later = Some("2026-03-18T12:00:05Z");
        let plan = planned(&events, &stored("a", "2026-03-17", "2026-03-17T08:00:00Z"), later);
        assert_eq!((requested(&plan), plan.deleted.len(), plan.possibly_deleted.len()), (vec!["a"], 0, 0));
    }

    #[test]
    fn plan_shows_how_far_back_its_documents_may_be() {
        let update = |id: &str| event(WebhookEventType::Update, id, NOON);
        let oldest = |plan: SyncPlan| plan.oldest_days.into_values().next().unwrap().to_string();
        let old = stored("a", "2026-02-01", "2026-02-01T08:00:00Z");
        assert_eq!(oldest(planned(&[update("a")], &old, None)), "2026-02-01");
        assert_eq!(oldest(planned(&[update("a"), update("new")], &old, None)), "2025-12-17", "a patient enters tags");
        let night = DocumentEvent { data_type: DataType::Sleep, ..update("new") };
        assert!(planned(&[night], &old, None).oldest_days.is_empty(), "a new night follows the newest one");
    }

    #[test]
    fn plan_of_a_deletion_of_an_unstored_document_is_pending_elsewhere() {
        let delete = [event(WebhookEventType::Delete, "a", "2026-03-18T11:59:00Z")];
        let early = planned(&delete, &BTreeMap::new(), None);
        assert_eq!((early.deleted.len(), early.pending_elsewhere.len(), requested(&early).len()), (1, 1, 0));
    }

    #[test]
    fn skip_completed_keeps_possibly_deleted_documents() {
        let events =
            [event(WebhookEventType::Delete, "a", "2026-03-18T10:00:00Z"), event(WebhookEventType::Update, "b", NOON)];
        let mut plan = planned(&events, &stored("a", "2026-03-17", "2026-03-18T10:30:00Z"), None);
        let done = DataTypeProgress { state: FetchState::Done, documents: 1, ..DataTypeProgress::PENDING };
        plan.skip_completed(&BTreeMap::from([(DataType::Sleep, done.clone())]));
        assert_eq!(requested(&plan), ["a", "b"]);
        plan.skip_completed(&BTreeMap::from([(DataType::Tag, done)]));
        assert_eq!(requested(&plan), ["a"]);
    }

    #[test]
    fn resolve_missing_deletes_only_possibly_deleted_documents() {
        let delete =
            [event(WebhookEventType::Delete, "a", "2026-03-18T10:00:00Z"), event(WebhookEventType::Update, "b", NOON)];
        let mut plan = planned(&delete, &stored("a", "2026-03-17", "2026-03-18T10:30:00Z"), None);
        assert_eq!(requested(&plan), ["a", "b"]);
        let missing = ["a", "b"].map(|id| id.parse().unwrap()).into();
        let fetched = Fetched { missing, ..Fetched::default() };
        let outcomes = BTreeMap::from([(DataType::Tag, FetchOutcome::Fetched(fetched))]);
        let mut report = FetchReport { outcomes, started_at: at(NOON) };
        plan.resolve_missing(&mut report);
        assert_eq!(plan.deleted, BTreeSet::from([(DataType::Tag, "a".parse().unwrap())]));
        let FetchOutcome::Fetched(fetched) = &report.outcomes[&DataType::Tag] else { panic!("not fetched") };
        assert_eq!(fetched.missing, BTreeSet::from(["b".parse().unwrap()]));
    }

    #[test]
    fn plan_omits_a_document_that_a_later_fetch_held() {
        let update = [event(WebhookEventType::Update, "a", "2026-03-18T11:59:00Z")];
        let recent = stored("a", "2026-03-17", "2026-03-17T08:00:00Z");
        let later = Some("2026-03-18T12:00:05Z");
        assert_eq!(requested(&planned(&update, &recent, later)), [""; 0]);
        assert_eq!(requested(&planned(&update, &recent, Some("2026-03-18T11:59:59Z"))), ["a"], "fetched before it");
        assert_eq!(requested(&planned(&update, &recent, None)), ["a"], "never fetched");
        assert_eq!(requested(&planned(&update, &BTreeMap::new(), later)), ["a"], "the fetch did not hold it");
        let old = stored("a", "2026-02-01", "2026-02-01T08:00:00Z");
        assert_eq!(requested(&planned(&update, &old, later)), ["a"], "the fetch did not reach back that far");
        let tomorrow = stored("a", "2026-03-19", "2026-03-18T08:00:00Z");
        assert_eq!(requested(&planned(&update, &tomorrow, later)), ["a"], "the fetch may not have held tomorrow");
        let mut tombstone = recent;
        for stored in tombstone.values_mut().flat_map(|day| &mut day.records) {
            stored.deleted = true;
        }
        assert_eq!(requested(&planned(&update, &tombstone, later)), ["a"], "the fetch did not hold it either");
    }

    #[test]
    fn listed_days_reach_back_for_several_older_documents_only() {
        let recent = DayRange::ending("2026-03-19".parse().unwrap(), 8);
        let first = |days: &[&str]| listed_days(recent, days.iter().map(|day| day.parse().unwrap()).collect()).first();
        assert_eq!(first(&["2026-03-15", "2026-03-17"]), recent.first());
        assert_eq!(first(&["2026-03-01", "2026-03-17"]), recent.first());
        assert_eq!(first(&["2026-03-01", "2026-03-02", "2025-01-01"]).to_string(), "2026-03-01");
    }

    #[test]
    fn plan_fetches_a_deleted_document_that_may_be_restored() {
        let possibly_deleted = |happened_at: &str, observed_at: &str| {
            let delete = [event(WebhookEventType::Delete, "a", happened_at)];
            let found = planned(&delete, &stored("a", "2026-03-17", observed_at), None);
            assert_eq!(requested(&found).len() + found.deleted.len(), 1);
            found.possibly_deleted.len() == 1
        };
        assert!(possibly_deleted("2026-03-18T11:59:00Z", "2026-03-18T11:59:30Z"), "fetched since");
        assert!(possibly_deleted("2026-03-18T11:30:00Z", "2026-03-18T09:00:00Z"), "the event is half an hour late");
        assert!(!possibly_deleted("2026-03-18T11:59:00Z", "2026-03-18T09:00:00Z"));
    }
}
