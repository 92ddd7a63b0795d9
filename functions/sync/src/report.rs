//! What a call came to: its answer, one line in the log, and metrics.

use jiff::Timestamp;
use serde::Serialize;
use shared::aws::{NightlyRunState, RunStatus};
use shared::telemetry::{self, Metric};

/// What a call came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "task")]
pub enum Report {
    /// Of the night that was planned.
    NightlyRun(NightlyRunReport),
    /// Of the nights that are open.
    #[serde(serialize_with = "nights")]
    Watch(Vec<NightlyRunReport>),
    /// Of a catch-up.
    CatchUp {
        /// Patients who were queued.
        queued: usize,
    },
}

fn nights<S: serde::Serializer>(nights: &[NightlyRunReport], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct NightlyRuns<'a> {
        nights: &'a [NightlyRunReport],
    }
    NightlyRuns { nights }.serialize(serializer)
}

/// How a night stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NightlyRunReport {
    /// Which one: its day.
    pub night: String,
    /// `planning`, `running` or `ended`.
    pub state: &'static str,
    /// Patients whom this call queued.
    pub queued: usize,
    /// Patients who were queued in all.
    pub planned: u64,
    /// Patients whose data is in.
    pub done: u64,
    /// Patients for whom there was nothing to be had.
    pub skipped: u64,
    /// Patients whose sync was given up.
    pub failed: u64,
    /// Patients whose turn is still to come.
    pub left: u64,
    /// Requests to Oura so far.
    pub requests: u64,
    /// How long it took, or has taken so far, in seconds.
    pub seconds: u64,
    /// Nothing has moved for long.
    pub stands_still: bool,
}

impl NightlyRunReport {
    pub(crate) fn of(run: &RunStatus, queued: usize, stands_still: bool) -> Self {
        let until = run.ended_at.unwrap_or(run.moved_at);
        Self {
            night: run.night.to_string(),
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
            left: run.left(),
            requests: run.counts.requests,
            seconds: u64::try_from(until.duration_since(run.started_at).as_secs()).unwrap_or(0),
            stands_still,
        }
    }

    fn tell(&self, now: Timestamp) {
        let Self { night, state, planned, done, skipped, failed, left, requests, seconds, .. } = self;
        tracing::info!(night, state, planned, done, skipped, failed, left, requests, seconds, "a nightly run");
        telemetry::count(now, Metric::NightlyPatientsRemaining, *left, &[]);
        telemetry::count(now, Metric::NightlyRunsStalled, u64::from(self.stands_still), &[]);
    }

    /// Told once, by the watch that ended it.
    fn tell_its_end(&self, now: Timestamp) {
        let Self { state, done, skipped, failed, left, requests, seconds, .. } = self;
        if *state == "ended" {
            telemetry::count(now, Metric::NightlyPatients, *done, &[("outcome", "done")]);
            telemetry::count(now, Metric::NightlyPatients, *skipped, &[("outcome", "skipped")]);
            telemetry::count(now, Metric::NightlyPatientsFailed, *failed + *left, &[]);
            telemetry::count(now, Metric::NightlyRequests, *requests, &[]);
            telemetry::count(now, Metric::NightlyRunSeconds, *seconds, &[]);
        }
    }
}

impl Report {
    pub(crate) fn tell(&self, now: Timestamp) {
        match self {
            Self::NightlyRun(night) => {
                telemetry::count(now, Metric::NightlyRunsPlanned, 1, &[]);
                night.tell(now);
            }
            Self::Watch(nights) => nights.iter().for_each(|night| {
                night.tell(now);
                night.tell_its_end(now);
            }),
            Self::CatchUp { queued } => {
                tracing::info!(queued, "patients who should not wait for the night");
                telemetry::count(now, Metric::CatchUpPatients, *queued as u64, &[]);
            }
        }
    }
}
