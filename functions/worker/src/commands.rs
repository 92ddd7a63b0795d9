//! What patients ask for: a refresh of their tokens, the end of their consent, the end of their data. Every command can be
//! done again at any point; what has to wait for Oura waits without counting as a failure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use shared::aws::StoreError;
use shared::domain::{Command, CommandKind, ConnectionStatus, GrantId, PatientId};
use shared::oura::TokenError;
use shared::telemetry::{self, Metric};
use shared::vault::VaultError;

use crate::Deps;
use crate::purge;
use crate::sync::{Delivery, Outcome};

/// For so long Oura is asked to end a consent. Its access token has ended by itself by then.
const REVOKED_WITHIN: SignedDuration = SignedDuration::from_hours(24);

/// For so long a refresh that somebody asked for is tried. After that the next sync does what is due.
const REFRESHED_WITHIN: SignedDuration = SignedDuration::from_hours(1);

const SHORTEST_WAIT: Duration = Duration::from_secs(30);

/// SQS delays no message by more.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// Does one command and publishes what waits in the patient's outbox.
pub async fn run(deps: &Deps, command: &Command, delivery: Delivery) -> Outcome {
    let word = command.kind.as_str();
    let outcome = match act(deps, command, delivery).await {
        Ok(outcome) => outcome,
        Err(error) => {
            tracing::warn!(command = word, delivery = delivery.count, %error, "a command could not be done");
            Outcome::Retry { after: delivery.wait(), why: "store" }
        }
    };
    let left = match deps.outbox.drain(&command.patient_id).await {
        Ok(drained) => drained.left > 0,
        Err(error) => {
            tracing::warn!(command = word, %error, "the outbox could not be drained");
            true
        }
    };
    match outcome {
        Outcome::Done if left => Outcome::Retry { after: delivery.wait(), why: "outbox" },
        outcome => outcome,
    }
}

async fn act(deps: &Deps, command: &Command, delivery: Delivery) -> Result<Outcome, StoreError> {
    let patient = &command.patient_id;
    match &command.kind {
        CommandKind::Refresh { grant_id, generation } => refresh(deps, command, grant_id, *generation, delivery).await,
        CommandKind::Revoke { grant_id } => revoke(deps, command, grant_id).await,
        CommandKind::Purge => purge::run(deps, patient, delivery).await,
        CommandKind::Sweep => purge::sweep(deps, patient, delivery).await,
    }
}

/// Refreshes the pair, if it is still the one that was meant.
async fn refresh(
    deps: &Deps,
    command: &Command,
    grant: &GrantId,
    generation: u64,
    delivery: Delivery,
) -> Result<Outcome, StoreError> {
    let connection = deps.connections.get(&command.patient_id).await?;
    let is_meant = |status: ConnectionStatus, now: &GrantId| status != ConnectionStatus::Disconnected && now == grant;
    let Some(connection) = connection.filter(|now| is_meant(now.status, &now.grant_id)) else {
        return Ok(Outcome::Done);
    };
    if connection.generation > generation {
        return Ok(Outcome::Done);
    }
    let (wait, why) = match deps.vault.renew(&connection, delivery.deadline).await {
        Ok(_) | Err(VaultError::Ended { .. }) => return Ok(Outcome::Done),
        Err(VaultError::Store(error)) => return Err(error),
        Err(VaultError::Busy { retry_after }) => (retry_after, "tokens_busy"),
        Err(VaultError::Systemic { code, retry_after }) => (retry_after.unwrap_or_default(), code),
    };
    let asked_for = deps.clock.now().duration_since(command.requested_at);
    if asked_for >= REFRESHED_WITHIN {
        tracing::warn!(connection.grant = %grant, why, "a refresh that was asked for is left to the next sync");
        return Ok(Outcome::Done);
    }
    Ok(Outcome::Later { after: wait.max(growing(asked_for)).min(LONGEST_WAIT), why })
}

/// Ends the consent here, in case that nobody has, and then at Oura.
async fn revoke(deps: &Deps, command: &Command, grant: &GrantId) -> Result<Outcome, StoreError> {
    let patient = &command.patient_id;
    deps.disconnect.end(patient, grant, command.requested_at).await?;
    deps.disconnect.clean(patient, grant).await?;
    let Some(aside) = deps.revocations.get(patient, grant).await? else { return Ok(Outcome::Done) };
    let code = match deps.app.oauth().await {
        Ok(oauth) => match oauth.revoke_issued(&aside.token, &aside.issued_by).await {
            Ok(()) => None,
            Err(error) => Some((error.code(), wanted_wait(&error))),
        },
        Err(error) => {
            tracing::warn!(%error, "without the app secret nothing can be revoked");
            Some(("app_secret", Duration::ZERO))
        }
    };
    let now = deps.clock.now();
    let asked_for = now.duration_since(command.requested_at);
    match code {
        None => count(now, Metric::ConsentsRevoked),
        Some((code, _)) if asked_for >= REVOKED_WITHIN => {
            // Its access token has ended by now, and nobody has the other one: no data can be fetched with this consent.
            tracing::error!(connection.grant = %grant, code, "a consent could not be revoked at Oura for a day");
            count(now, Metric::RevocationsAbandoned);
        }
        Some((code, wait)) => {
            tracing::warn!(connection.grant = %grant, code, "a consent is not revoked at Oura yet");
            if asked_for.unsigned_abs() < Command::SAFETY_NET {
                // The second message is still to come, and is the one that goes on.
                return Ok(Outcome::Done);
            }
            let after = wait.max(growing(asked_for)).min(LONGEST_WAIT);
            return Ok(Outcome::Later { after, why: "revocation" });
        }
    }
    deps.revocations.forget(patient, grant).await?;
    Ok(Outcome::Done)
}

fn count(now: Timestamp, metric: Metric) {
    telemetry::count(now, metric, 1, &[]);
}

fn wanted_wait(error: &TokenError) -> Duration {
    match error {
        TokenError::Refused { retry_after, .. } => retry_after.unwrap_or_default(),
        _ => Duration::ZERO,
    }
}

/// The longer it has been tried the longer the waits.
fn growing(asked_for: SignedDuration) -> Duration {
    (Duration::try_from(asked_for).unwrap_or_default() / 2).clamp(SHORTEST_WAIT, LONGEST_WAIT)
}

/// Sends a command of the patient's that comes after the wait.
pub(crate) async fn send_later(
    deps: &Deps,
    patient: &PatientId,
    kind: CommandKind,
    wait: Duration,
) -> Result<(), StoreError> {
    let command = Command { patient_id: patient.clone(), kind, requested_at: deps.clock.now() };
    deps.live.send_later(command, wait).await
}
