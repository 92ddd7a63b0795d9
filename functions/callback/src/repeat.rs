//! A callback that is fetched again: the outcome of the first attempt.

use std::time::Duration;

use jiff::SignedDuration;
use shared::aws::TakenState;
use shared::domain::CONSENT_CONNECTED;

use crate::{ANSWER_TIMEOUT, Deps, Refusal};

/// Time between two reads of a running attempt.
const POLL: Duration = Duration::from_millis(250);

/// Waits for the outcome of the attempt that has taken the state.
///
/// An attempt that ended early has no outcome; then the connection decides, since the attempt's id is that of its grant.
///
/// # Errors
/// The refusal of the first attempt, or that of a failed store.
pub(crate) async fn outcome(deps: &Deps, state: &str, mut earlier: TakenState) -> Result<(), Refusal> {
    loop {
        if let Some(outcome) = &earlier.outcome {
            return read(outcome);
        }
        let age = deps.clock.now().duration_since(earlier.taken_at);
        if age > SignedDuration::try_from(ANSWER_TIMEOUT).unwrap_or(SignedDuration::MAX) {
            return ended_early(deps, &earlier).await;
        }
        tokio::time::sleep(POLL).await;
        let read = deps.connections.taken_state(state, deps.clock.now()).await;
        match read.map_err(|error| Refusal::store(&error))? {
            Some(current) => earlier = current,
            None => return ended_early(deps, &earlier).await,
        }
    }
}

fn read(outcome: &str) -> Result<(), Refusal> {
    if outcome == CONSENT_CONNECTED {
        return Ok(());
    }
    Err(outcome.parse().unwrap_or(Refusal::StateInvalid))
}

async fn ended_early(deps: &Deps, earlier: &TakenState) -> Result<(), Refusal> {
    let connection = deps.connections.get(&earlier.patient_id).await.map_err(|error| Refusal::store(&error))?;
    match connection.filter(|connection| connection.grant_id == earlier.attempt) {
        Some(_) => Ok(()),
        None => Err(Refusal::StateInvalid),
    }
}
