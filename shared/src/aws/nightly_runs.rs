//! Nightly runs: one item for each run, and one for the outcome of each of its patients.
//!
//! A patient's outcome is its own item, so a redelivered message is counted once.

use std::time::Duration;

use aws_config::SdkConfig;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::table::{Condition, Key, Partition, Table, differs, equals, expires_at, missing};
use crate::domain::{NightlyOutcome, NightlyRun, PatientId};

const RUN_TTL: Duration = Duration::from_secs(90 * 24 * 3600);

const OUTCOME_TTL: Duration = Duration::from_secs(14 * 24 * 3600);

/// The nightly runs in the table `Connections`.
#[derive(Debug, Clone)]
pub struct NightlyRuns {
    table: Table,
}

/// State of a nightly run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NightlyRunState {
    /// Patients are still being queued.
    Planning,
    /// All patients are queued, and some have no outcome yet.
    Running,
    /// All patients have an outcome, or the run was closed without some.
    Ended,
}

/// Position of the planner: after this patient of this shard.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlanCursor {
    /// Shard of the index of active connections.
    pub shard: u8,
    /// The last patient who was queued; `None` at the shard's beginning.
    pub after: Option<PatientId>,
}

/// Number of patients by outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NightlyRunCounts {
    /// Patients whose data has arrived.
    pub done: u64,
    /// Patients without anything to fetch.
    pub skipped: u64,
    /// Patients whose sync was abandoned.
    pub failed: u64,
    /// Requests to Oura for all of them.
    pub requests: u64,
}

/// A nightly run as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct RunStatus {
    pub night: NightlyRun,
    pub state: NightlyRunState,
    pub cursor: PlanCursor,
    /// Patients who were queued.
    pub planned: u64,
    pub started_at: Timestamp,
    /// Time of the last check that found progress.
    pub last_progress_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// As counted last.
    pub counts: NightlyRunCounts,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RunItem {
    state: NightlyRunState,
    plan_shard: u8,
    after: Option<PatientId>,
    planned: u64,
    started_at: Timestamp,
    last_progress_at: Timestamp,
    ended_at: Option<Timestamp>,
    done: Option<u64>,
    skipped: Option<u64>,
    failed: Option<u64>,
    requests: Option<u64>,
    expires_at: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OutcomeItem {
    outcome: NightlyOutcome,
    requests: u64,
    #[serde(skip_deserializing)]
    expires_at: i64,
}

impl NightlyRunCounts {
    /// Patients who have an outcome.
    #[must_use]
    pub fn over(self) -> u64 {
        self.done + self.skipped + self.failed
    }
}

impl RunStatus {
    /// Patients without an outcome.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.planned.saturating_sub(self.counts.over())
    }
}

impl NightlyRuns {
    /// The runs in the table of this name.
    #[must_use]
    pub fn new(sdk: &SdkConfig, table: impl Into<String>) -> Self {
        Self { table: Table::new(sdk, table) }
    }

    /// Starts the run, or returns its status if it was started before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin(&self, night: NightlyRun, now: Timestamp) -> Result<RunStatus, StoreError> {
        const ACTION: &str = "begin the nightly run";
        let item = RunItem {
            state: NightlyRunState::Planning,
            plan_shard: 0,
            after: None,
            planned: 0,
            started_at: now,
            last_progress_at: now,
            ended_at: None,
            done: None,
            skipped: None,
            failed: None,
            requests: None,
            expires_at: expires_at(now, RUN_TTL),
        };
        self.table.put(&Key::NightlyRun(night), item).when(missing("pk")).send(ACTION).await?.ignore();
        self.get(night).await?.ok_or_else(|| StoreError::corrupt(ACTION, "sk"))
    }

    /// Status of the run; `None` if it was never started.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self, night: NightlyRun) -> Result<Option<RunStatus>, StoreError> {
        let item: Option<RunItem> = self.table.get("read the nightly run", &Key::NightlyRun(night)).await?;
        Ok(item.map(|item| item.status(night)))
    }

    /// Records that `queued` more patients are in the queue and that planning continues at `next`; without `next` planning
    /// is complete. `false` if another planner has moved the cursor: continue from there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn advance(
        &self,
        run: &RunStatus,
        queued: usize,
        next: Option<&PlanCursor>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let state = if next.is_some() { NightlyRunState::Planning } else { NightlyRunState::Running };
        let at_cursor: Condition = match &run.cursor.after {
            Some(after) => equals("after", after),
            None => missing("after"),
        };
        let update = self
            .table
            .update(&Key::NightlyRun(run.night))
            .set("state", state)
            .set("lastProgressAt", now)
            .set("planShard", next.map_or(run.cursor.shard, |next| next.shard))
            .set_or_remove("after", next.and_then(|next| next.after.as_ref()))
            .add("planned", queued)
            .when(equals("state", NightlyRunState::Planning).and(equals("planShard", run.cursor.shard)).and(at_cursor));
        Ok(update.send("record the planner's position").await?.is_written())
    }

    /// Records a patient's outcome. [`NightlyOutcome::Done`] is final.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record_outcome(
        &self,
        night: NightlyRun,
        patient: &PatientId,
        outcome: NightlyOutcome,
        requests: u64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let item = OutcomeItem { outcome, requests, expires_at: expires_at(now, OUTCOME_TTL) };
        let is_open = missing("pk").or(differs("outcome", NightlyOutcome::Done));
        let put = self.table.put(&Key::NightlyOutcome(night, patient), item).when(is_open);
        put.send("record a patient's nightly outcome").await?.ignore();
        Ok(())
    }

    /// Counts the outcomes so far.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count(&self, night: NightlyRun) -> Result<NightlyRunCounts, StoreError> {
        let outcomes = self.table.query(Partition::NightlyOutcomes(night).whole()).only(&["outcome", "requests"]);
        let outcomes: Vec<OutcomeItem> = outcomes.consistent().all("count the nightly outcomes").await?;
        let mut counts = NightlyRunCounts::default();
        for OutcomeItem { outcome, requests, .. } in outcomes {
            match outcome {
                NightlyOutcome::Done => counts.done += 1,
                NightlyOutcome::Skipped => counts.skipped += 1,
                NightlyOutcome::Failed => counts.failed += 1,
            }
            counts.requests += requests;
        }
        Ok(counts)
    }

    /// Records the counts. `progressed`: they are higher than at the last check; `ended`: the run is over. `false` if it was
    /// over before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record_counts(
        &self,
        night: NightlyRun,
        counts: NightlyRunCounts,
        progressed: bool,
        ended: bool,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let update = self
            .table
            .update(&Key::NightlyRun(night))
            .set("done", counts.done)
            .set("skipped", counts.skipped)
            .set("failed", counts.failed)
            .set("requests", counts.requests)
            .set_some("lastProgressAt", progressed.then_some(now))
            .set_some("state", ended.then_some(NightlyRunState::Ended))
            .set_some("endedAt", ended.then_some(now))
            .when(differs("state", NightlyRunState::Ended));
        Ok(update.send("record the nightly counts").await?.is_written())
    }
}

impl RunItem {
    fn status(self, night: NightlyRun) -> RunStatus {
        RunStatus {
            night,
            state: self.state,
            cursor: PlanCursor { shard: self.plan_shard, after: self.after },
            planned: self.planned,
            started_at: self.started_at,
            last_progress_at: self.last_progress_at,
            ended_at: self.ended_at,
            counts: NightlyRunCounts {
                done: self.done.unwrap_or_default(),
                skipped: self.skipped.unwrap_or_default(),
                failed: self.failed.unwrap_or_default(),
                requests: self.requests.unwrap_or_default(),
            },
        }
    }
}
