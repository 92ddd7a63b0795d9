//! What a sync has to bring: all kinds of a range of days, or the documents that Oura's notices named.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use shared::aws::{PendingEvents, StoreError, StoredDay};
use shared::domain::{
    DataType, DataTypeProgress, Day, DayRange, DocumentEvent, DocumentId, PatientId, StoredRecord, WebhookEventType,
};

use crate::Deps;
use crate::fetch::{Ask, Fetch, FetchOutcome};

/// A document of a patient.
pub type Key = (DataType, DocumentId);

/// How many of the newest days every sync holds that counts as a fetch of "now" (see the connection's watermarks).
pub const NEWEST_DAYS: i32 = 3;

/// A notice that arrives within this time was not repeated by Oura.
const LATE_AFTER: SignedDuration = SignedDuration::from_mins(2);

/// The most days that are listed to spare a request for each of several older documents.
const LONGEST_LIST: i32 = 35;

/// What a sync has to bring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// What is to be asked of each kind.
    pub asks: BTreeMap<DataType, Ask>,
    /// Documents that are gone, as Oura said: nothing is to be asked.
    pub gone: BTreeSet<Key>,
    /// Documents among the asked that Oura said are gone, but perhaps only for a while: what it answers now decides.
    pub doubted: BTreeSet<Key>,
    /// Documents that are gone, but are not stored either: whoever is about to store them has to be waited for.
    pub awaited: BTreeSet<Key>,
    /// What is stored and may change.
    pub reading: Reading,
}

/// Which stored days a sync looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// All of these.
    Range(DayRange),
    /// These only.
    Days(BTreeSet<Day>),
}

impl Reading {
    /// Whether the day is among them.
    #[must_use]
    pub fn holds(&self, day: Day) -> bool {
        match self {
            Self::Range(range) => range.contains(day),
            Self::Days(days) => days.contains(&day),
        }
    }

    /// The stored days, as last written.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read(&self, deps: &Deps, patient: &PatientId) -> Result<BTreeMap<Day, StoredDay>, StoreError> {
        match self {
            Self::Range(range) => deps.days.read(patient, *range).await,
            Self::Days(days) => deps.days.read_days(patient, days).await,
        }
    }
}

impl Assignment {
    /// Everything of these days.
    #[must_use]
    pub fn of_days(range: DayRange) -> Self {
        Self {
            asks: DataType::ALL.into_iter().map(|kind| (kind, Ask::Days(range))).collect(),
            gone: BTreeSet::new(),
            doubted: BTreeSet::new(),
            awaited: BTreeSet::new(),
            reading: Reading::Range(range),
        }
    }

    /// These kinds, each of its days; all of them among those of `range`.
    #[must_use]
    pub fn of_kinds(range: DayRange, kinds: BTreeMap<DataType, DayRange>) -> Self {
        let asks = kinds.into_iter().map(|(kind, days)| (kind, Ask::Days(days))).collect();
        Self { asks, ..Self::of_days(range) }
    }

    /// What was announced and is not satisfied yet. `stored` holds the announced documents as far as they are stored;
    /// `watermarks` says when each kind's newest days were last fetched.
    #[must_use]
    pub fn of_announced(
        announced: &PendingEvents,
        stored: &BTreeMap<Day, StoredDay>,
        watermarks: &BTreeMap<DataType, Timestamp>,
        recent: DayRange,
    ) -> Self {
        let known: BTreeMap<Key, &StoredRecord> = stored
            .values()
            .flat_map(|day| &day.records)
            .map(|stored| ((stored.record.data_type, stored.record.document_id.clone()), stored))
            .collect();
        let mut wanted: BTreeMap<DataType, BTreeSet<DocumentId>> = BTreeMap::new();
        let (mut gone, mut doubted, mut awaited) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let deleted: BTreeSet<Key> = announced
            .announcements
            .iter()
            .filter(|said| said.event == WebhookEventType::Delete)
            .map(|said| (said.data_type, said.document_id.clone()))
            .collect();
        for (key, announcement) in newest(&announced.announcements) {
            let stored = known.get(&key).copied().filter(|stored| !stored.deleted);
            if announcement.event == WebhookEventType::Delete {
                if !known.contains_key(&key) {
                    awaited.insert(key.clone());
                }
                if !stored.is_some_and(|stored| may_be_back(stored, announcement, announced)) {
                    gone.insert(key);
                    continue;
                }
                doubted.insert(key.clone());
            } else if deleted.contains(&key) {
                doubted.insert(key.clone());
            } else if stored.is_some_and(|stored| is_satisfied(stored, announced, watermarks.get(&key.0))) {
                continue;
            }
            wanted.entry(key.0).or_default().insert(key.1);
        }
        let ask = |(kind, ids): (DataType, BTreeSet<DocumentId>)| {
            let stored_on = ids.iter().filter_map(|id| Some(known.get(&(kind, id.clone()))?.record.day));
            let days = listed_days(recent, stored_on.collect());
            (kind, Ask::Documents { ids, days })
        };
        Self {
            asks: wanted.into_iter().map(ask).collect(),
            gone,
            doubted,
            awaited,
            reading: Reading::Days(stored.keys().copied().collect()),
        }
    }

    /// Leaves out what an earlier delivery has brought already, but for documents that have only been stored since and of
    /// which Oura has said that they are gone.
    pub fn leave_out(&mut self, brought: &BTreeMap<DataType, DataTypeProgress>) {
        let doubted = &self.doubted;
        self.asks.retain(|kind, ask| {
            if brought.get(kind).is_none_or(|progress| !progress.state.is_final()) {
                return true;
            }
            match ask {
                Ask::Days(_) => false,
                Ask::Documents { ids, .. } => {
                    ids.retain(|id| doubted.contains(&(*kind, id.clone())));
                    !ids.is_empty()
                }
            }
        });
    }

    /// Of the documents that Oura does not have, those that were said to be gone are gone.
    pub fn settle(&mut self, fetch: &mut Fetch) {
        for (kind, outcome) in &mut fetch.kinds {
            if let FetchOutcome::Arrived(arrival) = outcome {
                arrival.missing.retain(|id| {
                    let key = (*kind, id.clone());
                    let doubted = self.doubted.contains(&key);
                    if doubted {
                        self.gone.insert(key);
                    }
                    !doubted
                });
            }
        }
    }
}

/// Whether a document that is said to be gone may have come back: it was seen since, or the deletion is told so late that
/// it may have been seen unchanged, which leaves no trace.
fn may_be_back(stored: &StoredRecord, deletion: &DocumentEvent, announced: &PendingEvents) -> bool {
    stored.observed_at > deletion.happened_at || announced.latest_at.duration_since(deletion.happened_at) > LATE_AFTER
}

/// Whether a fetch of the newest days, begun after the last notice had come in, has brought the document.
fn is_satisfied(stored: &StoredRecord, announced: &PendingEvents, fetched: Option<&Timestamp>) -> bool {
    fetched.is_some_and(|fetched| {
        let newest_days = DayRange::ending(Day::of_utc(*fetched), NEWEST_DAYS);
        *fetched > announced.latest_at && newest_days.contains(stored.record.day)
    })
}

/// The days that one list has to hold: the recent ones, and further back when several older documents were named.
fn listed_days(recent: DayRange, stored_on: Vec<Day>) -> DayRange {
    let reach = DayRange::ending(recent.last(), LONGEST_LIST);
    let older: Vec<Day> = stored_on.into_iter().filter(|day| reach.contains(*day) && *day < recent.first()).collect();
    match older.iter().min() {
        Some(oldest) if older.len() > 1 => recent.joined_with(&DayRange::ending(*oldest, 1)),
        _ => recent,
    }
}

/// What was said last of each document. Of two things said of the same moment the one that asks Oura counts.
fn newest(announcements: &BTreeSet<DocumentEvent>) -> BTreeMap<Key, &DocumentEvent> {
    let mut newest: BTreeMap<Key, &DocumentEvent> = BTreeMap::new();
    let rank = |said: &DocumentEvent| (said.happened_at, said.event != WebhookEventType::Delete);
    for said in announcements {
        let known = newest.entry((said.data_type, said.document_id.clone())).or_insert(said);
        if rank(said) > rank(known) {
            *known = said;
        }
    }
    newest
}

#[cfg(test)]
mod tests {
    use serde_json::Map;
    use shared::domain::{FetchState, MetricType, Record};

    use shared::oura::Listing;

    use super::*;
    use crate::fetch::Arrival;

    const NOON: &str = "2026-03-18T12:00:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn said(event: WebhookEventType, id: &str, when: &str) -> DocumentEvent {
        DocumentEvent { data_type: DataType::Tag, event, happened_at: at(when), document_id: id.parse().unwrap() }
    }

    fn stored(id: &str, day: &str, observed_at: &str) -> BTreeMap<Day, StoredDay> {
        let record = Record {
            metric_type: MetricType::Tag,
            data_type: DataType::Tag,
            day: day.parse().unwrap(),
            document_id: id.parse().unwrap(),
            metrics: Map::new(),
        };
        let day = record.day;
        let content_hash = record.content_hash();
        let stored = StoredRecord { record, revision: 1, observed_at: at(observed_at), content_hash, deleted: false };
        BTreeMap::from([(day, StoredDay { records: vec![stored], stats: None })])
    }

    fn assignment(
        announcements: &[DocumentEvent],
        stored: &BTreeMap<Day, StoredDay>,
        fetched: Option<&str>,
    ) -> Assignment {
        let announced = PendingEvents { announcements: announcements.iter().cloned().collect(), latest_at: at(NOON) };
        let watermarks = fetched.map(|fetched| (DataType::Tag, at(fetched))).into_iter().collect();
        let today: Day = "2026-03-18".parse().unwrap();
        Assignment::of_announced(&announced, stored, &watermarks, DayRange::ending(today, 8))
    }

    fn asked(assignment: &Assignment) -> Vec<&str> {
        match assignment.asks.get(&DataType::Tag) {
            Some(Ask::Documents { ids, .. }) => ids.iter().map(DocumentId::as_str).collect(),
            _ => vec![],
        }
    }

    #[test]
    fn what_was_said_last_of_a_document_counts_in_whatever_order_it_arrives() {
        let create = said(WebhookEventType::Create, "a", "2026-03-18T10:00:00Z");
        let delete = said(WebhookEventType::Delete, "a", "2026-03-18T11:59:00Z");
        let live = stored("a", "2026-03-17", "2026-03-18T10:30:00Z");
        let gone = assignment(&[create, delete.clone()], &live, None);
        assert_eq!((asked(&gone).len(), gone.gone.len(), gone.awaited.len()), (0, 1, 0));
        // Told of the same moment, or put back since: Oura is asked, and when it has none it is gone.
        let again = said(WebhookEventType::Update, "a", "2026-03-18T11:59:00Z");
        let there = assignment(&[delete, again], &live, None);
        assert_eq!((asked(&there), there.gone.len(), there.doubted.len()), (vec!["a"], 0, 1));
    }

    #[test]
    fn a_deletion_of_what_is_not_stored_waits_for_whoever_stores_it() {
        let delete = [said(WebhookEventType::Delete, "a", "2026-03-18T11:59:00Z")];
        let early = assignment(&delete, &BTreeMap::new(), None);
        assert_eq!((early.gone.len(), early.awaited.len(), asked(&early).len()), (1, 1, 0));
    }

    #[test]
    fn what_an_earlier_delivery_brought_is_left_out_but_for_doubts() {
        let said =
            [said(WebhookEventType::Delete, "a", "2026-03-18T10:00:00Z"), said(WebhookEventType::Update, "b", NOON)];
        let mut assignment = assignment(&said, &stored("a", "2026-03-17", "2026-03-18T10:30:00Z"), None);
        let done = DataTypeProgress { state: FetchState::Done, documents: 1, error: None, fetched_at: None };
        assignment.leave_out(&BTreeMap::from([(DataType::Sleep, done.clone())]));
        assert_eq!(asked(&assignment), ["a", "b"]);
        assignment.leave_out(&BTreeMap::from([(DataType::Tag, done)]));
        assert_eq!(asked(&assignment), ["a"]);
    }

    #[test]
    fn what_oura_does_not_have_is_gone_when_that_was_said_and_missing_when_not() {
        let delete =
            [said(WebhookEventType::Delete, "a", "2026-03-18T10:00:00Z"), said(WebhookEventType::Update, "b", NOON)];
        let mut assignment = assignment(&delete, &stored("a", "2026-03-17", "2026-03-18T10:30:00Z"), None);
        assert_eq!(asked(&assignment), ["a", "b"]);
        let missing = ["a", "b"].map(|id| id.parse().unwrap()).into();
        let arrival = Arrival { listing: Listing::empty(DataType::Tag), missing, failed: None };
        let kinds = BTreeMap::from([(DataType::Tag, FetchOutcome::Arrived(arrival))]);
        let mut fetch = Fetch { kinds, began: at(NOON) };
        assignment.settle(&mut fetch);
        assert_eq!(assignment.gone, BTreeSet::from([(DataType::Tag, "a".parse().unwrap())]));
        let FetchOutcome::Arrived(arrival) = &fetch.kinds[&DataType::Tag] else { panic!("it arrived") };
        assert_eq!(arrival.missing, BTreeSet::from(["b".parse().unwrap()]));
    }

    #[test]
    fn a_notice_is_satisfied_by_a_later_fetch_that_held_its_document() {
        let update = [said(WebhookEventType::Update, "a", "2026-03-18T11:59:00Z")];
        let recent = stored("a", "2026-03-17", "2026-03-17T08:00:00Z");
        let later = Some("2026-03-18T12:00:05Z");
        assert_eq!(asked(&assignment(&update, &recent, later)), [""; 0]);
        assert_eq!(asked(&assignment(&update, &recent, Some("2026-03-18T11:59:59Z"))), ["a"], "fetched before it");
        assert_eq!(asked(&assignment(&update, &recent, None)), ["a"], "never fetched");
        assert_eq!(asked(&assignment(&update, &BTreeMap::new(), later)), ["a"], "the fetch did not hold it");
        let old = stored("a", "2026-02-01", "2026-02-01T08:00:00Z");
        assert_eq!(asked(&assignment(&update, &old, later)), ["a"], "the fetch did not reach back that far");
        let tomorrow = stored("a", "2026-03-19", "2026-03-18T08:00:00Z");
        assert_eq!(asked(&assignment(&update, &tomorrow, later)), ["a"], "the fetch may not have held tomorrow");
        let mut tombstone = recent;
        for stored in tombstone.values_mut().flat_map(|day| &mut day.records) {
            stored.deleted = true;
        }
        assert_eq!(asked(&assignment(&update, &tombstone, later)), ["a"], "the fetch did not hold it either");
    }

    #[test]
    fn several_older_documents_are_worth_a_longer_list_and_a_single_one_is_not() {
        let recent = DayRange::ending("2026-03-19".parse().unwrap(), 8);
        let first = |days: &[&str]| listed_days(recent, days.iter().map(|day| day.parse().unwrap()).collect()).first();
        assert_eq!(first(&["2026-03-15", "2026-03-17"]), recent.first());
        assert_eq!(first(&["2026-03-01", "2026-03-17"]), recent.first());
        assert_eq!(first(&["2026-03-01", "2026-03-02", "2025-01-01"]).to_string(), "2026-03-01");
    }

    #[test]
    fn a_deletion_that_may_be_out_of_date_is_doubted() {
        let doubted = |happened_at: &str, observed_at: &str| {
            let delete = [said(WebhookEventType::Delete, "a", happened_at)];
            let found = assignment(&delete, &stored("a", "2026-03-17", observed_at), None);
            assert_eq!(asked(&found).len() + found.gone.len(), 1);
            found.doubted.len() == 1
        };
        assert!(doubted("2026-03-18T11:59:00Z", "2026-03-18T11:59:30Z"), "seen since");
        assert!(doubted("2026-03-18T11:30:00Z", "2026-03-18T09:00:00Z"), "told half an hour late");
        assert!(!doubted("2026-03-18T11:59:00Z", "2026-03-18T09:00:00Z"));
    }
}
