//! Looks how the nights go.

use jiff::{SignedDuration, Timestamp};
use shared::aws::{NightlyRunState, RunStatus, StoreError};
use shared::domain::{Day, NightlyRun};

use crate::report::{NightlyRunReport, Report};
use crate::{Deps, plan};

/// A planner that has recorded nothing for so long has died or run out of time.
const PLANNER_GONE: SignedDuration = SignedDuration::from_mins(2);

/// A night of which nothing has moved for so long stands still.
const STANDS_STILL: SignedDuration = SignedDuration::from_hours(1);

/// A night that has not ended by then is closed: the next one has begun and brings what this one did not.
const CLOSED_AFTER: SignedDuration = SignedDuration::from_hours(26);

/// Looks at the nights that may still be open: today's and yesterday's.
pub(crate) async fn run(deps: &Deps, deadline: Timestamp) -> Result<Report, StoreError> {
    let today = Day::of_utc(deps.clock.now());
    let mut nights = Vec::new();
    for night in [NightlyRun::of(today.plus(-1)), NightlyRun::of(today)] {
        if let Some(run) = deps.nightly_runs.get(night).await?.filter(|run| run.state != NightlyRunState::Ended) {
            nights.push(look(deps, run, deadline).await?);
        }
    }
    Ok(Report::Watch(nights))
}

async fn look(deps: &Deps, mut run: RunStatus, deadline: Timestamp) -> Result<NightlyRunReport, StoreError> {
    let now = deps.clock.now();
    let mut queued = 0;
    if run.state == NightlyRunState::Planning && now.duration_since(run.moved_at) > PLANNER_GONE {
        tracing::warn!(night = %run.night, planned = run.planned, "planning stands still; it is taken up again");
        queued = plan::go_on(deps, run.clone(), deadline).await?.queued;
        run = deps.nightly_runs.get(run.night).await?.unwrap_or(run);
    }
    let counts = deps.nightly_runs.count(run.night).await?;
    let moved = queued > 0 || counts.over() > run.counts.over();
    let is_whole = run.state == NightlyRunState::Running && counts.over() >= run.planned;
    let is_late = now.duration_since(run.started_at) > CLOSED_AFTER;
    let ends = is_whole || is_late;
    if moved || ends {
        deps.nightly_runs.counted(run.night, counts, moved, ends, now).await?;
    }
    let stands_still = !ends && !moved && now.duration_since(run.moved_at) > STANDS_STILL;
    let state = if ends { NightlyRunState::Ended } else { run.state };
    let run = RunStatus { counts, state, ended_at: ends.then_some(now), ..run };
    if stands_still {
        tracing::error!(night = %run.night, left = run.left(), "a nightly run stands still");
    }
    if is_late && !is_whole {
        tracing::error!(night = %run.night, left = run.left(), "a nightly run was closed without these patients");
    }
    Ok(NightlyRunReport::of(&run, queued, stands_still))
}
