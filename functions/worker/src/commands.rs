//! Commands of patients: refresh of their tokens, end of their consent, deletion of their data.
//!
//! Every command can be repeated at any point. A command that has to wait for Oura is re-enqueued, which does not count as
//! a failure.

use jiff::SignedDuration;
use shared::aws::StoreError;
use shared::domain::{Command, CommandKind, ConnectionStatus, GrantId};
use shared::vault::VaultError;

use crate::delivery::{Delivery, Outcome, publish_outbox, requeue_delay};
use crate::deps::Deps;
use crate::{purge, revocation};

/// Time after which a requested refresh is abandoned. The next sync refreshes the tokens if they are about to expire.
const REFRESH_TTL: SignedDuration = SignedDuration::from_hours(1);

/// Does one command and publishes the patient's outbox.
pub(crate) async fn run(deps: &Deps, command: &Command, delivery: Delivery) -> Outcome {
    let outcome = match execute(deps, command, delivery).await {
        Ok(outcome) => outcome,
        Err(error) => {
            let name = command.kind.as_str();
            tracing::warn!(event = "command.failed", command = name, delivery = delivery.count, %error, "a command failed");
            delivery.retry("store")
        }
    };
    publish_outbox(deps, &command.patient_id, delivery, outcome).await
}

async fn execute(deps: &Deps, command: &Command, delivery: Delivery) -> Result<Outcome, StoreError> {
    let patient = &command.patient_id;
    match &command.kind {
        CommandKind::Refresh { grant_id, generation } => refresh(deps, command, grant_id, *generation, delivery).await,
        CommandKind::Revoke { grant_id, oura_user_id } => {
            revocation::run(deps, command, grant_id, oura_user_id.as_ref()).await
        }
        CommandKind::Purge => purge::run(deps, patient, delivery).await,
        CommandKind::Sweep => purge::sweep(deps, patient, command.requested_at, delivery).await,
    }
}

/// Refreshes the token pair, unless the connection has ended or has a newer pair.
async fn refresh(
    deps: &Deps,
    command: &Command,
    grant: &GrantId,
    generation: u64,
    delivery: Delivery,
) -> Result<Outcome, StoreError> {
    let connection = deps.connections.get(&command.patient_id).await?.filter(|connection| {
        connection.status != ConnectionStatus::Disconnected
            && connection.grant_id == *grant
            && connection.generation <= generation
    });
    let Some(connection) = connection else { return Ok(Outcome::Done) };
    let (retry_after, reason) = match deps.vault.renew(&connection, delivery.deadline).await {
        Ok(_) | Err(VaultError::Ended { .. }) => return Ok(Outcome::Done),
        Err(VaultError::Store(error)) => return Err(error),
        Err(VaultError::Busy { retry_after }) => (retry_after, "tokens_busy"),
        Err(VaultError::Systemic { reason, retry_after }) => (retry_after.unwrap_or_default(), reason.as_str()),
    };
    let age = deps.clock.now().duration_since(command.requested_at);
    if age >= REFRESH_TTL {
        tracing::warn!(
            event = "refresh.expired",
            connection.grant = %grant,
            reason,
            "a requested refresh expired; the next sync refreshes if necessary"
        );
        return Ok(Outcome::Done);
    }
    Ok(Outcome::Requeue { after: requeue_delay(retry_after, age), reason })
}
