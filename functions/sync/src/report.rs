//! The report of a call: its response, a line in the log, and metrics.

use jiff::Timestamp;
use serde::Serialize;
use shared::aws::{NightlyRunState, RunStatus};
use shared::domain::DataType;
use shared::telemetry::{self, Metric};

/// Report of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "task")]
pub enum Report {
    /// The nightly run that was planned.
    Nightly(NightlyRunReport),
    /// Open nightly runs.
    Watch {
        /// One report per run.
        runs: Vec<NightlyRunReport>,
    },
    /// Patients queued for a catch-up sync.
    CatchUp {
        /// Number of patients queued by this call.
        queued: usize,
    },
}

/// Status of a nightly run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NightlyRunReport {
    /// Day that identifies the run.
    pub day: String,
    /// `planning`, `running` or `ended`.
    pub state: &'static str,
    /// Patients queued by this call.
    pub queued: usize,
    /// Patients queued in all.
    pub planned: u64,
    /// Patients whose data has arrived.
    pub done: u64,
    /// Patients without available data.
    pub skipped: u64,
    /// Patients whose sync was abandoned.
    pub failed: u64,
    /// Patients without outcome yet.
    pub remaining: u64,
    /// Requests to Oura so far.
    pub requests: u64,
    /// Duration so far, in seconds.
    pub seconds: u64,
    /// True if there was no progress for an hour.
    pub stalled: bool,
    /// Data types that Oura does not serve at present, for several patients.
    pub failing_collections: Vec<&'static str>,
}

impl NightlyRunReport {
    pub(crate) fn new(run: &RunStatus, queued: usize, stalled: bool, failing: &[DataType]) -> Self {
        let until = run.ended_at.unwrap_or(run.last_progress_at);
        Self {
            day: run.night.to_string(),
            state: match run.state {
                NightlyRunState::Planning => "planning",
                NightlyRunState::Running => "running",
                NightlyRunState::Ended => "ended",
            },
            queued,
            planned: run.planned,
            done: run.counts.done,
            skipped: run.counts.skipped,
            failed: run.counts.failed,
            remaining: run.left(),
            requests: run.counts.requests,
            seconds: u64::try_from(until.duration_since(run.started_at).as_secs()).unwrap_or(0),
            stalled,
            failing_collections: failing.iter().map(|data_type| data_type.as_str()).collect(),
        }
    }

    fn publish(&self, now: Timestamp) {
        let Self { day, state, planned, done, skipped, failed, remaining, requests, seconds, .. } = self;
        tracing::info!(
            event = "nightly_run.status",
            day,
            state,
            planned,
            done,
            skipped,
            failed,
            remaining,
            requests,
            seconds,
            failing_collections = self.failing_collections.join(" "),
            "the status of a nightly run was reported"
        );
        telemetry::count(now, Metric::NightlyPatientsRemaining, *remaining, &[]);
        telemetry::count(now, Metric::NightlyRunsStalled, u64::from(self.stalled), &[]);
    }

    /// Counts the totals of a run. Only the watch that ends the run sees it in the state `ended`.
    fn publish_totals(&self, now: Timestamp) {
        let Self { state, done, skipped, failed, remaining, requests, seconds, .. } = self;
        if *state == "ended" {
            telemetry::count(now, Metric::NightlyPatients, *done, &[("outcome", "done")]);
            telemetry::count(now, Metric::NightlyPatients, *skipped, &[("outcome", "skipped")]);
            telemetry::count(now, Metric::NightlyPatientsFailed, *failed + *remaining, &[]);
            telemetry::count(now, Metric::NightlyRequests, *requests, &[]);
            telemetry::count(now, Metric::NightlyRunSeconds, *seconds, &[]);
        }
    }
}

impl Report {
    /// Writes the log lines and metrics of this report.
    pub(crate) fn publish(&self, now: Timestamp) {
        match self {
            Self::Nightly(run) => {
                telemetry::count(now, Metric::NightlyRunsPlanned, 1, &[]);
                run.publish(now);
            }
            Self::Watch { runs } => runs.iter().for_each(|run| {
                run.publish(now);
                run.publish_totals(now);
            }),
            Self::CatchUp { queued } => {
                tracing::info!(event = "catch_up.queued", queued, "patients were queued for a catch-up sync");
                telemetry::count(now, Metric::CatchUpPatients, *queued as u64, &[]);
            }
        }
    }
}
