//! Commands of patients: refresh of their tokens, end of their consent, deletion of their data.
//!
//! Every command can be repeated at any point. A command that has to wait for Oura is re-enqueued, which does not count as
//! a failure.

use std::time::Duration;

use jiff::SignedDuration;
use shared::aws::StoreError;
use shared::domain::{Command, CommandKind, ConnectionStatus, GrantId};
use shared::oura::TokenError;
use shared::telemetry::{self, Metric};
use shared::vault::VaultError;

use crate::delivery::{Delivery, MAX_DELAY, Outcome, publish_outbox};
use crate::deps::Deps;
use crate::purge;

/// Time after which a revocation is abandoned. The access token has expired by then.
const REVOCATION_TTL: SignedDuration = SignedDuration::from_hours(24);

/// Time after which a requested refresh is abandoned. The next sync refreshes the tokens if they are about to expire.
const REFRESH_TTL: SignedDuration = SignedDuration::from_hours(1);

const MIN_DELAY: Duration = Duration::from_secs(30);

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
        CommandKind::Revoke { grant_id } => revoke(deps, command, grant_id).await,
        CommandKind::Purge => purge::run(deps, patient, delivery).await,
        CommandKind::Sweep => purge::sweep(deps, patient, delivery).await,
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

/// Ends the connection, if it has not ended yet, and then revokes the consent at Oura.
async fn revoke(deps: &Deps, command: &Command, grant: &GrantId) -> Result<Outcome, StoreError> {
    let patient = &command.patient_id;
    deps.disconnect.end(patient, grant, command.requested_at).await?;
    deps.disconnect.clean(patient, grant).await?;
    let Some(pending) = deps.revocations.get(patient, grant).await? else { return Ok(Outcome::Done) };
    let failure = match deps.app.oauth().await {
        Ok(oauth) => match oauth.revoke(&pending.token, &pending.issued_by).await {
            Ok(()) => None,
            Err(error) => Some((error.failure().as_str(), retry_after(&error))),
        },
        Err(error) => {
            tracing::warn!(event = "revocation.app_secret_unavailable", %error, "the app secret could not be read");
            Some(("app_secret", Duration::ZERO))
        }
    };
    let now = deps.clock.now();
    let age = now.duration_since(command.requested_at);
    match failure {
        None => telemetry::count(now, Metric::ConsentsRevoked, 1, &[]),
        Some((reason, _)) if age >= REVOCATION_TTL => {
            // The access token has expired and the refresh token is deleted: no data can be fetched with this consent.
            tracing::error!(
                event = "revocation.abandoned",
                connection.grant = %grant,
                reason,
                "a consent could not be revoked at Oura within a day"
            );
            telemetry::count(now, Metric::RevocationsAbandoned, 1, &[]);
        }
        Some((reason, retry_after)) => {
            tracing::warn!(
                event = "revocation.failed",
                connection.grant = %grant,
                reason,
                "a consent could not be revoked at Oura yet"
            );
            if age.unsigned_abs() < Command::SAFETY_NET {
                // A second message of the same command is still to be received and retries this.
                return Ok(Outcome::Done);
            }
            return Ok(Outcome::Requeue { after: requeue_delay(retry_after, age), reason: "revocation" });
        }
    }
    deps.revocations.forget(patient, grant).await?;
    Ok(Outcome::Done)
}

fn retry_after(error: &TokenError) -> Duration {
    match error {
        TokenError::Refused { retry_after, .. } => retry_after.unwrap_or_default(),
        _ => Duration::ZERO,
    }
}

/// Delay before a command of this age is received again: half its age, or longer if Oura asked for it.
fn requeue_delay(retry_after: Duration, age: SignedDuration) -> Duration {
    let half_age = Duration::try_from(age).unwrap_or_default() / 2;
    retry_after.max(half_age.clamp(MIN_DELAY, MAX_DELAY)).min(MAX_DELAY)
}
