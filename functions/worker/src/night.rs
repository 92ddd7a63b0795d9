//! What a night hears of its patients.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use shared::domain::{NightlyOutcome, NightlyRun, SyncMessage, Trigger};

use crate::sync::{Delivery, Outcome};
use crate::tally::SyncCounters;
use crate::{Deps, ending};

/// How long a nightly pull may wait for its turn. The next night looks as far back as anything is missing, so it loses
/// nothing; a message that waited longer would only stand in its way.
const NIGHT: SignedDuration = SignedDuration::from_hours(20);

/// The same for a catch-up: the next one follows soon.
const UNTIL_THE_NEXT: SignedDuration = SignedDuration::from_hours(2);

/// How long any other message may wait before waiting counts as failing.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Whether the message has waited for so long that it is given up.
pub(crate) fn is_over(message: &SyncMessage, now: Timestamp) -> bool {
    let most = match (message.trigger, NightlyRun::of_sync(&message.sync_id)) {
        (Trigger::Daily, Some(_)) => NIGHT,
        (Trigger::Daily, None) => UNTIL_THE_NEXT,
        _ => DAY,
    };
    now.duration_since(message.requested_at) > most
}

/// Gives up a message that has only ever waited.
pub(crate) async fn abandon(deps: &Deps, message: &SyncMessage, after: Duration, why: &'static str) -> Outcome {
    if message.trigger != Trigger::Daily {
        return Outcome::Retry { after, why };
    }
    tracing::warn!(sync.id = %message.sync_id, why, "a pull had no turn; the next one brings what it should have");
    let left = async {
        let Some(run) = deps.runs.get(&message.patient_id, &message.sync_id).await? else { return Ok(()) };
        ending::leave_unfinished(deps, message, &run).await
    };
    if let Err(error) = left.await {
        let error: shared::aws::StoreError = error;
        tracing::warn!(sync.id = %message.sync_id, %error, "the connection does not say that its pull was given up");
    }
    Outcome::Abandoned
}

/// Tells the night of a nightly pull what became of the patient. As long as it does not know, the message comes again.
pub(crate) async fn tell(
    deps: &Deps,
    message: &SyncMessage,
    delivery: Delivery,
    outcome: Outcome,
    tally: &SyncCounters,
) -> Outcome {
    let Some(night) = NightlyRun::of_sync(&message.sync_id) else { return outcome.without_abandoning() };
    let became = match &outcome {
        Outcome::Done if tally.is_skipped() => NightlyOutcome::Skipped,
        Outcome::Done => NightlyOutcome::Done,
        Outcome::Abandoned => NightlyOutcome::Failed,
        // It goes to the dead-letter queue now; a redrive may still bring it.
        Outcome::Retry { .. } if delivery.is_last() => NightlyOutcome::Failed,
        Outcome::Retry { .. } | Outcome::Later { .. } => return outcome,
    };
    let told =
        deps.nightly_runs.record_outcome(night, &message.patient_id, became, tally.requests(), deps.clock.now()).await;
    match (told, outcome) {
        (Ok(()), outcome) => outcome.without_abandoning(),
        (Err(error), Outcome::Retry { after, why }) => {
            tracing::warn!(sync.id = %message.sync_id, %error, "the night does not hear of a patient");
            Outcome::Retry { after, why }
        }
        (Err(error), _) => {
            tracing::warn!(sync.id = %message.sync_id, %error, "the night does not hear of a patient yet");
            Outcome::Retry { after: delivery.wait(), why: "store" }
        }
    }
}
