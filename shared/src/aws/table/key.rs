//! Every key of the three tables.
//!
//! `WearableData`: `patientId`, `sk` = `<day>#<data type>#<document id>`. `DailyStats`: `patientId`, `day`. `Connections`:
//!
//! | pk | sk | item |
//! |---|---|---|
//! | `PATIENT#<id>` | `CONNECTION#oura` | the connection |
//! | `PATIENT#<id>` | `CONNECTION#oura#PENDING#<sha-256>` | a consent that was started, by its state's hash (expires) |
//! | `PATIENT#<id>` | `CONNECTION#oura#REFUSED` | the reason for which the last consent was refused (expires) |
//! | `PATIENT#<id>` | `CONSENT#<grant id>` | a consent from which the patient returned, and its end |
//! | `PATIENT#<id>` | `PROFILE#oura` | personal information, if `PERSONAL_INFO` is `on` |
//! | `PATIENT#<id>` | `PURGE#oura` | a purge; until it has ended, no connect |
//! | `PATIENT#<id>` | `LIMIT#<name>` | the patient's recent requests of one kind (expires) |
//! | `PATIENT#<id>` | `TOKENS#<grant id>` | the grant's token pair, sealed, if that vault was chosen |
//! | `PATIENT#<id>` | `OUTBOX#<time>#<place>#<event id>` | an event to publish |
//! | `PATIENT#<id>` | `INBOX#oura` | webhook events that no sync has taken yet (expires) |
//! | `PATIENT#<id>` | `PROCESSED#oura` | fingerprints of webhook events that were processed lately (expires) |
//! | `PATIENT#<id>` | `SYNC#<sync id>` | the progress of one sync (expires) |
//! | `STATE#<sha-256>` | `STATE` | an OAuth state, by its hash (expires) |
//! | `OURA#<user id>` | `CLAIM` | the patient whom a ring account belongs to |
//! | `WEBHOOKS` | `DAY#<day>` | by data type, documents named by webhook events and missed by them (expires) |
//! | `GUARD` | `DISCONNECT#<day>` | number of patients disconnected on one day (expires) |
//! | `RATE_LIMIT` | `OURA` | the rate limit that all workers share, and Oura's status |
//! | `RATE_LIMIT` | `TOKEN_ENDPOINT` | the status of Oura's token endpoint |
//! | `NIGHTLY_RUNS` | `<day>` | the state of a nightly run (expires) |
//! | `NIGHTLY_RUN#<day>` | an alias of a patient | the patient's outcome in that run (expires) |

use aws_sdk_dynamodb::types::AttributeValue;

use super::condition::{Condition, equals};
use super::item::Item;
use crate::domain::{Day, GrantId, NightlyRun, OuraUserId, PatientEvent, PatientId, RecordKey, SyncId};

/// The key of one item.
#[derive(Debug, Clone)]
pub(in crate::aws) enum Key<'a> {
    Connection(&'a PatientId),
    /// By the SHA-256 of its state.
    PendingConsent(&'a PatientId, &'a str),
    RefusedConsent(&'a PatientId),
    Consent(&'a PatientId, &'a GrantId),
    Profile(&'a PatientId),
    Purge(&'a PatientId),
    Limit(&'a PatientId, &'a str),
    Tokens(&'a PatientId, &'a GrantId),
    Outbox(&'a PatientEvent),
    /// By the sort key of a stored event.
    OutboxEntry(&'a PatientId, &'a str),
    Inbox(&'a PatientId),
    ProcessedEvents(&'a PatientId),
    Sync(&'a PatientId, &'a SyncId),
    /// By the state's SHA-256.
    OAuthState(&'a str),
    Claim(&'a OuraUserId),
    WebhookDay(Day),
    DisconnectGuard(Day),
    RateLimit,
    TokenEndpoint,
    NightlyRun(NightlyRun),
    NightlyOutcome(NightlyRun, &'a PatientId),
    /// In `WearableData`.
    Record(&'a PatientId, &'a RecordKey),
    /// In `DailyStats`.
    DailyStats(&'a PatientId, Day),
}

/// All items with the same partition key.
#[derive(Debug, Clone, Copy)]
pub(in crate::aws) enum Partition<'a> {
    /// A patient's items in `Connections`.
    Patient(&'a PatientId),
    /// The outcomes of a nightly run's patients.
    NightlyOutcomes(NightlyRun),
    /// A patient's items in `WearableData` or `DailyStats`.
    Days(&'a PatientId),
}

/// Prefixes of sort keys in a patient's partition of `Connections`.
pub(in crate::aws) mod prefix {
    pub(in crate::aws) const CONNECTION: &str = "CONNECTION#";
    pub(in crate::aws) const PENDING_CONSENT: &str = "CONNECTION#oura#PENDING#";
    pub(in crate::aws) const CONSENT: &str = "CONSENT#";
    pub(in crate::aws) const LIMIT: &str = "LIMIT#";
    pub(in crate::aws) const OUTBOX: &str = "OUTBOX#";
    pub(in crate::aws) const SYNC: &str = "SYNC#";
}

const PATIENT: &str = "PATIENT#";
const STATE: &str = "STATE#";
const NIGHTLY_RUNS: &str = "NIGHTLY_RUNS";
const RATE_LIMIT: &str = "RATE_LIMIT";

impl Key<'_> {
    /// The key's two attributes.
    pub(in crate::aws) fn attributes(&self) -> Item {
        let (partition, sort) = self.names();
        let (partition_key, sort_key) = self.texts();
        Item::from([
            (partition.to_owned(), AttributeValue::S(partition_key)),
            (sort.to_owned(), AttributeValue::S(sort_key)),
        ])
    }

    /// The key of an OAuth state, by the partition key that its pending consent names.
    pub(in crate::aws) fn of_state(partition_key: &str) -> Option<Key<'_>> {
        partition_key.strip_prefix(STATE).map(Key::OAuthState)
    }

    /// The partition key as text.
    pub(in crate::aws) fn partition(&self) -> String {
        self.texts().0
    }

    /// The sort key as text.
    pub(in crate::aws) fn sort(&self) -> String {
        self.texts().1
    }

    /// True if the item has this key.
    pub(in crate::aws) fn is_of(&self, item: &Item) -> bool {
        self.attributes().iter().all(|(name, value)| item.get(name) == Some(value))
    }

    fn names(&self) -> (&'static str, &'static str) {
        match self {
            Self::Record(..) => ("patientId", "sk"),
            Self::DailyStats(..) => ("patientId", "day"),
            _ => ("pk", "sk"),
        }
    }

    fn texts(&self) -> (String, String) {
        let of_patient = |patient: &PatientId, sort: String| (format!("{PATIENT}{patient}"), sort);
        match self {
            Self::Connection(patient) => of_patient(patient, format!("{}oura", prefix::CONNECTION)),
            Self::PendingConsent(patient, state) => of_patient(patient, format!("{}{state}", prefix::PENDING_CONSENT)),
            Self::RefusedConsent(patient) => of_patient(patient, format!("{}oura#REFUSED", prefix::CONNECTION)),
            Self::Consent(patient, grant) => of_patient(patient, format!("{}{grant}", prefix::CONSENT)),
            Self::Profile(patient) => of_patient(patient, "PROFILE#oura".to_owned()),
            Self::Purge(patient) => of_patient(patient, "PURGE#oura".to_owned()),
            Self::Limit(patient, name) => of_patient(patient, format!("{}{name}", prefix::LIMIT)),
            Self::Tokens(patient, grant) => of_patient(patient, format!("TOKENS#{grant}")),
            Self::Inbox(patient) => of_patient(patient, "INBOX#oura".to_owned()),
            Self::ProcessedEvents(patient) => of_patient(patient, "PROCESSED#oura".to_owned()),
            Self::Sync(patient, sync) => of_patient(patient, format!("{}{sync}", prefix::SYNC)),
            // In the order in which a patient's events happened: by time, and by place within the same millisecond.
            Self::Outbox(event) => {
                let (at, place) = (event.occurred_at.as_millisecond(), event.place());
                of_patient(&event.patient_id, format!("{}{at:013}#{place}#{}", prefix::OUTBOX, event.event_id))
            }
            Self::OutboxEntry(patient, sort) => of_patient(patient, (*sort).to_owned()),
            Self::OAuthState(hash) => (format!("{STATE}{hash}"), "STATE".to_owned()),
            Self::Claim(user) => (format!("OURA#{user}"), "CLAIM".to_owned()),
            Self::WebhookDay(day) => ("WEBHOOKS".to_owned(), format!("DAY#{day}")),
            Self::DisconnectGuard(day) => ("GUARD".to_owned(), format!("DISCONNECT#{day}")),
            Self::RateLimit => (RATE_LIMIT.to_owned(), "OURA".to_owned()),
            Self::TokenEndpoint => (RATE_LIMIT.to_owned(), "TOKEN_ENDPOINT".to_owned()),
            Self::NightlyRun(run) => (NIGHTLY_RUNS.to_owned(), run.to_string()),
            Self::NightlyOutcome(run, patient) => (nightly_outcomes(*run), run.alias(patient)),
            Self::Record(patient, key) => (patient.to_string(), key.to_string()),
            Self::DailyStats(patient, day) => (patient.to_string(), day.to_string()),
        }
    }
}

fn nightly_outcomes(run: NightlyRun) -> String {
    format!("NIGHTLY_RUN#{run}")
}

impl Partition<'_> {
    /// The key condition of a query over the whole partition.
    pub(in crate::aws) fn whole(self) -> Condition {
        let (name, text) = match self {
            Self::Patient(patient) => ("pk", format!("{PATIENT}{patient}")),
            Self::NightlyOutcomes(run) => ("pk", nightly_outcomes(run)),
            Self::Days(patient) => ("patientId", patient.to_string()),
        };
        equals(name, text)
    }

    /// The patient of a partition key; `None` for a key of another form.
    pub(in crate::aws) fn patient(partition_key: &str) -> Option<PatientId> {
        partition_key.strip_prefix(PATIENT)?.parse().ok()
    }
}
