//! A patient's connection to Oura.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{DataType, Day, DayRange, FetchFailure, GrantId, OuraUserId, PatientId, ReasonCode, ScopeSet, SyncId};

/// The four words that the platform's frontend shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConnectionStatus {
    /// Data arrives.
    Connected,
    /// Ended: the patient has to connect (again).
    Disconnected,
    /// Still connected, but something keeps data from arriving; `reasonCode` says what.
    Error,
    /// The patient was sent to Oura's consent page and has not come back yet.
    Pending,
}

/// A refresh in progress: its attempt, and the time until which no other attempt may refresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Attempt that holds it.
    pub owner: String,
    /// Expiry: well after the holder's own deadline, so never while the holder lives or what it sent is under
    /// way, whichever worker's clock is asked.
    pub until: Timestamp,
}

/// Written before a refresh token is spent, so that the next attempt sees a crash right after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshIntent {
    /// The generation whose refresh token is being spent.
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
    /// Reason of the disconnection if Oura repeats the answer.
    pub reason: ReasonCode,
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
    /// Asked for, not begun.
    Pending,
    /// Under way.
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
    /// The patient did not allow it: nothing to wait for.
    NotGranted,
    /// Oura does not offer it for this patient or app.
    NotAvailable,
    /// Some documents could not be read; the others are stored.
    Malformed,
    /// Did not arrive; will be tried again.
    Failed,
}

impl FetchState {
    /// True if no retry in this sync could change anything.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Fetched | Self::Failed)
    }
}

/// Progress of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DataTypeProgress {
    /// Progress.
    pub state: FetchState,
    /// Documents that Oura gave for the range.
    pub documents: u64,
    /// Failure, if it did not arrive completely.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<FetchFailure>,
    /// Start time of the fetch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetched_at: Option<Timestamp>,
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
}

/// One patient's connection, as stored in the table `Connections`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Patient.
    pub patient_id: PatientId,
    /// The word that the frontend shows.
    pub status: ConnectionStatus,
    /// Reason of a status other than `connected`.
    pub reason: Option<ReasonCode>,
    /// Since when it has this status.
    pub since: Timestamp,
    /// The ring account.
    pub oura_user_id: OuraUserId,
    /// The consent that it lives on.
    pub grant_id: GrantId,
    /// The generation of the token pair that was last made known here; the secret may be ahead.
    pub generation: u64,
    /// Scopes that the patient granted.
    pub scopes_granted: ScopeSet,
    /// Scopes that were requested.
    pub scopes_requested: ScopeSet,
    /// The running refresh, if any.
    pub lease: Option<Lease>,
    /// The refresh that was begun last and whose end is not known here.
    pub intent: Option<RefreshIntent>,
    /// Oura called this generation's refresh token invalid once; a second time, later, ends the connection.
    pub suspect: Option<Suspect>,
    /// Refusals of this generation's refresh token that were not called `invalid_grant`.
    pub refusals: Option<RefreshRefusals>,
    /// End of the last sync.
    pub last_sync_at: Option<Timestamp>,
    /// The newest day that has stats.
    pub last_data_day: Option<Day>,
    /// Since when nothing that is asked for arrives, because Oura does not answer.
    pub silent_since: Option<Timestamp>,
    /// Arrival of the last webhook event of this patient.
    pub last_webhook_at: Option<Timestamp>,
    /// Per kind, how many documents the last pull found that no notice had announced: more than a few mean that Oura's
    /// webhooks are silent.
    pub missed_webhooks: BTreeMap<DataType, u64>,
    /// The history after the connect.
    pub backfill: Option<Backfill>,
    /// Data types whose last fetch failed.
    pub failing: BTreeMap<DataType, FetchFailure>,
    /// For each kind, when the last complete fetch of it began.
    pub watermarks: BTreeMap<DataType, Timestamp>,
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
            scopes_granted: scopes.clone(),
            scopes_requested: scopes,
            lease: None,
            intent: None,
            suspect: None,
            refusals: None,
            last_sync_at: None,
            last_data_day: None,
            silent_since: None,
            last_webhook_at: None,
            missed_webhooks: BTreeMap::new(),
            backfill: None,
            failing: BTreeMap::new(),
            watermarks: BTreeMap::new(),
        }
    }

    /// True if webhooks keep this data type current: some arrived lately, and the last sync found nothing that they missed.
    #[must_use]
    pub fn is_kept_current(&self, data_type: DataType, now: Timestamp) -> bool {
        let lately = self.last_webhook_at.is_some_and(|at| now.duration_since(at) < WEBHOOK_SILENCE);
        data_type.has_webhook() && lately && !self.missed_webhooks.contains_key(&data_type)
    }

    /// True if it needs a sync before the next nightly run: its history has not arrived, a temporary failure kept data from
    /// arriving, or Oura's webhooks miss its changes. Kept in an index, so that an empty search costs nothing.
    #[must_use]
    pub fn needs_catch_up(&self) -> bool {
        let has_history = self.backfill.as_ref().is_none_or(|backfill| backfill.state == BackfillState::Done);
        let waits = self.failing.values().any(|failure| failure.is_passing());
        self.status == ConnectionStatus::Connected && (!has_history || waits || !self.missed_webhooks.is_empty())
    }
}

/// A patient of whom Oura has announced nothing for longer than this has no ring that syncs, or no webhooks that work.
const WEBHOOK_SILENCE: SignedDuration = SignedDuration::from_hours(48);
