//! Settings and clients of the planner.

use jiff::{SignedDuration, Timestamp};
use shared::aws::{Connections, NightlyRuns, OuraStatus, Queue, SdkConfig};
use shared::domain::{Clock, Day, DayRange, PatientId, QueueMessage, SyncId, SyncMessage, Trigger};
use shared::env::{Env, EnvError};
use shared::oura::rate_limit::MIN_ALLOWANCE;

/// Time reserved at the end of an invocation, in which no new page begins.
const CLOSING_TIME: SignedDuration = SignedDuration::from_secs(15);

/// Settings of this function.
#[derive(Debug, Clone)]
pub struct Config {
    connections_table: String,
    nightly_queue_url: String,
    lookback_days: u32,
    requests_per_window: u32,
}

impl Config {
    /// Reads `CONNECTIONS_TABLE`, `NIGHTLY_QUEUE_URL`, `LOOKBACK_DAYS` and `OURA_REQUESTS_PER_5_MIN`.
    ///
    /// # Errors
    /// [`EnvError`] names the variable that is missing or malformed.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        Ok(Self {
            connections_table: env.required("CONNECTIONS_TABLE")?,
            nightly_queue_url: env.required("NIGHTLY_QUEUE_URL")?,
            lookback_days: env.bounded("LOOKBACK_DAYS", 7, 1..=30)?,
            requests_per_window: env.bounded("OURA_REQUESTS_PER_5_MIN", 5000, MIN_ALLOWANCE..=10_000_000)?,
        })
    }
}

/// Clients and settings of this function.
#[derive(Debug)]
pub struct Deps {
    pub(crate) connections: Connections,
    pub(crate) nightly_runs: NightlyRuns,
    pub(crate) oura_status: OuraStatus,
    pub(crate) queue: Queue,
    pub(crate) clock: Clock,
    /// Oura's limit of requests in five minutes.
    pub(crate) requests_per_window: u32,
    lookback_days: u32,
}

impl Deps {
    /// Creates the clients, without any request.
    #[must_use]
    pub fn new(config: Config, sdk: &SdkConfig, clock: Clock) -> Self {
        Self {
            connections: Connections::new(sdk, &config.connections_table),
            nightly_runs: NightlyRuns::new(sdk, &config.connections_table),
            oura_status: OuraStatus::new(sdk, &config.connections_table),
            queue: Queue::new(sdk, &config.nightly_queue_url),
            clock,
            requests_per_window: config.requests_per_window,
            lookback_days: config.lookback_days,
        }
    }

    /// Returns the messages of this sync for these patients.
    ///
    /// Its days are those of the look-back, up to the day after `today`: east of UTC it may be tomorrow already.
    pub(crate) fn messages(&self, patients: &[PatientId], sync_id: &SyncId, today: Day) -> Vec<QueueMessage> {
        let range = DayRange::ending(today.plus(1), i32::try_from(self.lookback_days).unwrap_or(7) + 1);
        let requested_at = self.clock.now();
        let message = |patient_id: &PatientId| SyncMessage {
            patient_id: patient_id.clone(),
            sync_id: sync_id.clone(),
            trigger: Trigger::Daily,
            range,
            requested_at,
        };
        patients.iter().map(|patient| message(patient).into()).collect()
    }

    pub(crate) fn has_time(&self, deadline: Timestamp) -> bool {
        deadline.duration_since(self.clock.now()) > CLOSING_TIME
    }
}
