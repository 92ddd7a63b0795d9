//! Checks the progress of nightly runs.

use jiff::{SignedDuration, Timestamp};
use shared::aws::{NightlyRunState, RunStatus, StoreError};
use shared::domain::{Day, NightlyRun};

use crate::deps::Deps;
use crate::plan;
use crate::report::NightlyRunReport;

/// Time without progress after which planning is resumed: its invocation has crashed or ended.
const PLANNER_TIMEOUT: SignedDuration = SignedDuration::from_mins(2);

/// Time without a new outcome after which a run is stalled.
const STALLED_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// Time after which a run is closed: the next one has begun and covers the remaining patients.
const RUN_TTL: SignedDuration = SignedDuration::from_hours(26);

/// Checks the runs that may still be open: yesterday's and today's.
pub(crate) async fn run(deps: &Deps, deadline: Timestamp) -> Result<Vec<NightlyRunReport>, StoreError> {
    let today = Day::of_utc(deps.clock.now());
    let mut reports = Vec::new();
    for night in [NightlyRun::of(today.plus(-1)), NightlyRun::of(today)] {
        if let Some(run) = deps.nightly_runs.get(night).await?.filter(|run| run.state != NightlyRunState::Ended) {
            reports.push(check(deps, run, deadline).await?);
        }
    }
    Ok(reports)
}

async fn check(deps: &Deps, mut run: RunStatus, deadline: Timestamp) -> Result<NightlyRunReport, StoreError> {
    let now = deps.clock.now();
    let mut queued = 0;
    // 1. Interrupted planning is resumed.
    if run.state == NightlyRunState::Planning && now.duration_since(run.last_progress_at) > PLANNER_TIMEOUT {
        tracing::warn!(
            event = "nightly_run.planning_resumed",
            day = %run.night,
            planned = run.planned,
            "interrupted planning of a nightly run was resumed"
        );
        queued = plan::resume(deps, run.clone(), deadline).await?.queued;
        run = deps.nightly_runs.get(run.night).await?.unwrap_or(run);
    }
    // 2. The outcomes are counted. The run ends when every patient has one, or after its time to live.
    let counts = deps.nightly_runs.count(run.night).await?;
    let has_progress = queued > 0 || counts.over() > run.counts.over();
    let is_complete = run.state == NightlyRunState::Running && counts.over() >= run.planned;
    let is_expired = now.duration_since(run.started_at) > RUN_TTL;
    let has_ended = is_complete || is_expired;
    if has_progress || has_ended {
        deps.nightly_runs.record_counts(run.night, counts, has_progress, has_ended, now).await?;
    }
    let is_stalled = !has_ended && !has_progress && now.duration_since(run.last_progress_at) > STALLED_AFTER;
    // 3. What an operator has to know is logged.
    let state = if has_ended { NightlyRunState::Ended } else { run.state };
    let run = RunStatus { counts, state, ended_at: has_ended.then_some(now), ..run };
    if is_stalled {
        tracing::error!(
            event = "nightly_run.stalled",
            day = %run.night,
            remaining = run.left(),
            "a nightly run had no progress for an hour"
        );
    }
    if is_expired && !is_complete {
        tracing::error!(
            event = "nightly_run.expired",
            day = %run.night,
            remaining = run.left(),
            "a nightly run was closed with remaining patients"
        );
    }
    let failing = deps.oura_status.failing_collections().await?;
    Ok(NightlyRunReport::new(&run, queued, is_stalled, &failing))
}
