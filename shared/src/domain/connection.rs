//! A patient's connection to Oura.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    DataType, Day, DayRange, FetchFailure, GrantId, OuraUserId, PatientId, ReasonCode, Revocation, ScopeSet, SyncId,
};

/// Status of a connection, as the frontend shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConnectionStatus {
    /// Data arrives.
    Connected,
    /// Ended: the patient has to connect (again).
    Disconnected,
    /// Still connected, but no data can arrive, for the reason in `reasonCode`.
    Error,
    /// The patient is at Oura's consent page.
    Pending,
}

/// A refresh in progress: its attempt, and the time until which no other attempt may refresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Attempt that holds it.
    pub owner: String,
    /// Expiry: after the holder's deadline, the flight time of its last request and the largest clock difference.
    pub until: Timestamp,
}

/// Record of a refresh, written before the refresh token is sent, so that the next attempt sees a crash in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshIntent {
    /// Generation of the refresh token that is sent.
    pub generation: u64,
    /// Attempt.
    pub attempt: String,
    /// Start time.
    pub started_at: Timestamp,
}

/// A refresh token that Oura called invalid once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Suspect {
    /// Time of Oura's first such answer.
    pub since: Timestamp,
    /// Time from which a second such answer ends the connection.
    pub probe_at: Timestamp,
    /// Reason of the disconnection if Oura repeats the answer.
    pub reason: ReasonCode,
}

impl Suspect {
    /// Time between Oura's first such answer and the probe: long enough for another worker's refresh to become visible.
    pub const PROBE_AFTER: Duration = Duration::from_secs(120);
}

/// Refusals of one generation's refresh token in other words than `invalid_grant`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RefreshRefusals {
    /// Number of refusals.
    pub count: u32,
    /// Time of the first one.
    pub since: Timestamp,
    /// Time of the last one.
    pub last: Timestamp,
}

/// Progress of the history after a connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackfillState {
    /// Requested, not started.
    Pending,
    /// Being fetched.
    Running,
    /// Everything that can arrive has arrived.
    Done,
    /// Abandoned for now; the nightly sync resumes it.
    Failed,
}

/// Progress of one data type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FetchState {
    /// Not fetched yet.
    Pending,
    /// Arrived from Oura and is being stored.
    Fetched,
    /// Fetched and stored.
    Done,
    /// The patient did not grant its scope.
    NotGranted,
    /// Oura does not offer it for this patient or app.
    NotAvailable,
    /// Some documents could not be read; the others are stored.
    Malformed,
    /// Did not arrive completely; it is retried.
    Failed,
}

impl FetchState {
    /// True if no retry in this sync could change anything.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Fetched | Self::Failed)
    }

    /// True if Oura's answer was read to its end.
    #[must_use]
    pub fn is_complete(self) -> bool {
        matches!(self, Self::Done | Self::Malformed)
    }
}

/// Progress of one data type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DataTypeProgress {
    /// Progress.
    pub state: FetchState,
    /// Documents of the range that Oura returned.
    pub documents: u64,
    /// Failure, if it did not arrive completely.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<FetchFailure>,
    /// Start time of the fetch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetched_at: Option<Timestamp>,
    /// First requested day; of a look-back that lacks stored samples, the day after them. If single documents were requested, the
    /// oldest day on which they may be, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Day>,
    /// Newest day that arrived; none if nothing did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest_day: Option<Day>,
}

impl DataTypeProgress {
    /// Progress before the first fetch.
    pub const PENDING: Self =
        Self { state: FetchState::Pending, documents: 0, error: None, fetched_at: None, from: None, newest_day: None };

    /// True if documents that webhook events named did not appear in time, and are left to a later sync.
    #[must_use]
    pub fn lacks_documents(&self) -> bool {
        self.state == FetchState::Done && self.error == Some(FetchFailure::NotFound)
    }
}

/// The history after a connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backfill {
    /// Progress.
    pub state: BackfillState,
    /// Id of the sync.
    pub sync_id: SyncId,
    /// Days.
    pub range: DayRange,
    /// By Oura collection.
    pub per_type: BTreeMap<DataType, DataTypeProgress>,
    /// True if it only covers the time since the patient was connected before.
    pub reconnected: bool,
    /// In that case, once it is done, the days whose stats are new or changed by it.
    pub days_repaired: Option<u64>,
    /// Time of the consent; none if an older version of this service wrote the connection.
    pub started_at: Option<Timestamp>,
    /// True if an event has reported that the history is incomplete.
    pub is_reported: bool,
}

impl Backfill {
    /// True if this data type has arrived completely, back to the first day.
    #[must_use]
    pub fn has_arrived(&self, data_type: DataType) -> bool {
        self.per_type.get(&data_type).is_some_and(|of| of.state.is_complete())
    }

    /// Time since its start, as far as it is known.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> SignedDuration {
        // The range ends on the day after the consent.
        now.duration_since(self.started_at.unwrap_or_else(|| self.range.last().start_utc()))
    }

    /// True if its incompleteness is to be reported to the platform now.
    #[must_use]
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.state != BackfillState::Done && !self.is_reported && self.age(now) >= BACKFILL_REPORT_AFTER
    }
}

/// One patient's connection, as stored in the table `Connections`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Patient.
    pub patient_id: PatientId,
    /// Status, as the frontend shows it.
    pub status: ConnectionStatus,
    /// Reason of a status other than `connected`.
    pub reason: Option<ReasonCode>,
    /// Start of this status.
    pub since: Timestamp,
    /// The ring account.
    pub oura_user_id: OuraUserId,
    /// Current grant.
    pub grant_id: GrantId,
    /// Generation recorded last; the vault may hold a newer one.
    pub generation: u64,
    /// Time at which Oura issued the pair of this generation; none if an older version of this service recorded it.
    pub tokens_issued_at: Option<Timestamp>,
    /// Scopes that the patient granted.
    pub scopes_granted: ScopeSet,
    /// Scopes that were requested.
    pub scopes_requested: ScopeSet,
    /// The running refresh, if any.
    pub lease: Option<Lease>,
    /// Refresh started last, if its outcome is not recorded.
    pub intent: Option<RefreshIntent>,
    /// Oura called this generation's refresh token invalid once; a second time, later, ends the connection.
    pub suspect: Option<Suspect>,
    /// Refusals of this generation's refresh token that were not called `invalid_grant`.
    pub refusals: Option<RefreshRefusals>,
    /// Progress of the ended consent's revocation at Oura; `None` while the connection lives, or if Oura ended it.
    pub revocation: Option<Revocation>,
    /// End of the last sync in which a data type arrived.
    pub last_sync_at: Option<Timestamp>,
    /// Newest day with data of the ring.
    pub last_data_day: Option<Day>,
    /// Start of the time in which Oura has answered no request.
    pub silent_since: Option<Timestamp>,
    /// Arrival of the last webhook event of this patient.
    pub last_webhook_at: Option<Timestamp>,
    /// Arrival of the last one about data that only a ring that has synced can have brought.
    pub last_ring_webhook_at: Option<Timestamp>,
    /// Arrival of the last one of each data type.
    pub last_webhooks: BTreeMap<DataType, Timestamp>,
    /// By data type, documents that nightly and catch-up syncs found without a webhook event, or that did not appear after it.
    pub missed_webhooks: BTreeMap<DataType, u64>,
    /// The history after the connect.
    pub backfill: Option<Backfill>,
    /// Data types whose last fetch failed.
    pub failing: BTreeMap<DataType, FetchFailure>,
    /// Start of the last complete fetch of each data type.
    pub watermarks: BTreeMap<DataType, Timestamp>,
    /// Start of each data type's last complete fetch of its whole look-back, the backfill not counted.
    pub looked_back: BTreeMap<DataType, Timestamp>,
    /// Newest day of each data type that arrived with a complete fetch. An empty answer does not move it.
    pub arrived_through: BTreeMap<DataType, Day>,
}

impl Connection {
    /// A connection of a first consent, whose scopes were all granted: no sync yet, no refresh.
    #[must_use]
    pub fn new(
        patient_id: PatientId,
        oura_user_id: OuraUserId,
        grant_id: GrantId,
        scopes: ScopeSet,
        since: Timestamp,
    ) -> Self {
        Self {
            patient_id,
            status: ConnectionStatus::Connected,
            reason: None,
            since,
            oura_user_id,
            grant_id,
            generation: 1,
            tokens_issued_at: Some(since),
            scopes_granted: scopes.clone(),
            scopes_requested: scopes,
            lease: None,
            intent: None,
            suspect: None,
            refusals: None,
            revocation: None,
            last_sync_at: None,
            last_data_day: None,
            silent_since: None,
            last_webhook_at: None,
            last_ring_webhook_at: None,
            last_webhooks: BTreeMap::new(),
            missed_webhooks: BTreeMap::new(),
            backfill: None,
            failing: BTreeMap::new(),
            watermarks: BTreeMap::new(),
            looked_back: BTreeMap::new(),
            arrived_through: BTreeMap::new(),
        }
    }

    /// True if the patient granted the scope of this data type.
    #[must_use]
    pub fn is_granted(&self, data_type: DataType) -> bool {
        self.scopes_granted.contains(data_type.scope())
    }

    /// First day of the history that this data type still owes: it is granted, and has never arrived completely since the
    /// connect.
    #[must_use]
    pub fn owes_history(&self, data_type: DataType) -> Option<Day> {
        let backfill = self.backfill.as_ref()?;
        (self.is_granted(data_type) && !backfill.has_arrived(data_type)).then(|| backfill.range.first())
    }

    /// True if webhooks keep this data type current: one of its own has arrived since about the last nightly run, and the last sync
    /// found nothing that they missed. Events get lost, so those of one data type say nothing about another.
    #[must_use]
    pub fn is_kept_current(&self, data_type: DataType, now: Timestamp) -> bool {
        let last = self.last_webhooks.get(&data_type);
        let lately = last.is_some_and(|at| now.duration_since(*at) < WEBHOOK_INTERVAL);
        data_type.has_webhook() && lately && !self.missed_webhooks.contains_key(&data_type)
    }

    /// True if documents of the data type's last webhook events did not appear, and may yet.
    #[must_use]
    pub fn awaits_documents(&self, data_type: DataType, now: Timestamp) -> bool {
        let last = self.last_webhooks.get(&data_type);
        let lately = last.is_some_and(|at| now.duration_since(*at) < WEBHOOK_SILENCE);
        lately && self.missed_webhooks.contains_key(&data_type)
    }

    /// True if webhooks work for this patient, so that an event would have named new data of this type.
    #[must_use]
    pub fn has_working_webhooks(&self, data_type: DataType, now: Timestamp) -> bool {
        let last = if data_type.facts().shows_ring { self.last_ring_webhook_at } else { self.last_webhook_at };
        let lately = last.is_some_and(|at| now.duration_since(at) < WEBHOOK_SILENCE);
        data_type.has_webhook() && lately && !self.missed_webhooks.contains_key(&data_type)
    }

    /// True if webhooks are silent about this patient: none has arrived since the connect, or some documents had none.
    #[must_use]
    pub fn has_silent_webhooks(&self) -> bool {
        self.last_ring_webhook_at.is_none() || !self.missed_webhooks.is_empty()
    }

    /// True if the ring has brought nothing for two days.
    #[must_use]
    pub fn is_ring_away(&self, now: Timestamp) -> bool {
        let connected_on = self.backfill.as_ref().map(|backfill| backfill.range.last().plus(-1));
        let last = self.last_data_day.max(connected_on).unwrap_or_else(|| Day::of_utc(self.since));
        Day::of_utc(now).days_since(last) > RING_AWAY_DAYS
    }

    /// True if it may need a sync before the next nightly run: its history has not arrived, a temporary failure kept data from
    /// arriving, or webhooks are silent about it. Kept in an index, so that an empty search costs nothing.
    #[must_use]
    pub fn needs_catch_up(&self) -> bool {
        let awaits_history = self.awaits_history();
        let waits = self.failing.values().any(|failure| failure.is_passing());
        self.status == ConnectionStatus::Connected && (awaits_history || waits || self.has_silent_webhooks())
    }

    /// True if it needs a sync now: not if only its webhooks are silent, and its ring is away. The nightly run finds it when it
    /// is back.
    #[must_use]
    pub fn needs_catch_up_at(&self, now: Timestamp) -> bool {
        let waits = self.failing.values().any(|failure| failure.is_passing());
        self.needs_catch_up() && (self.awaits_history() || waits || !self.is_ring_away(now))
    }

    /// True while the history has not arrived. Once it is reported as incomplete, it is left to the nightly runs.
    fn awaits_history(&self) -> bool {
        self.backfill.as_ref().is_some_and(|backfill| backfill.state != BackfillState::Done && !backfill.is_reported)
    }
}

/// Time without webhook events of a patient after which the ring does not sync, or webhooks do not work.
const WEBHOOK_SILENCE: SignedDuration = SignedDuration::from_hours(48);

/// Age of a data type's last webhook event at which a nightly run requests the data type again: the time between two runs.
const WEBHOOK_INTERVAL: SignedDuration = SignedDuration::from_hours(24);

/// Days without data after which a ring counts as away.
const RING_AWAY_DAYS: i32 = 2;

/// Age of an incomplete backfill at which the platform is informed.
const BACKFILL_REPORT_AFTER: SignedDuration = SignedDuration::from_hours(24);
