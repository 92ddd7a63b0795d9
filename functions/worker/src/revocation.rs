//! Revocation of an ended consent at Oura.
//!
//! 1. The connection ends, if it has not ended yet. Its tokens are kept for the revocation only.
//! 2. If the ring account has a newer consent here, nothing is revoked: that could end the newer one too.
//! 3. An expired access token is refreshed once. An expired one revokes nothing.
//! 4. The access token is revoked. A 401 is no proof: the pair is refreshed once, and the new token revoked.
//! 5. The outcome is recorded on the connection and in the patient's history, with an event.

use std::time::Duration;

use jiff::SignedDuration;
use shared::aws::StoreError;
use shared::domain::{Command, GrantId, OuraUserId, PatientId, Revocation};
use shared::oura::{OAuthClient, TokenError};
use shared::telemetry::{self, Metric};
use shared::vault::{PendingRevocation, RevocationState, RevocationStep, revocation_ended};

use crate::delivery::{Outcome, requeue_delay};
use crate::deps::Deps;

/// Time after which a revocation is abandoned.
const REVOCATION_TTL: SignedDuration = SignedDuration::from_hours(24);

/// The command's own part of a revocation.
struct Attempt<'a> {
    patient: &'a PatientId,
    grant: &'a GrantId,
    age: SignedDuration,
    has_newer_consent: bool,
}

/// A revocation that has not succeeded yet.
struct Unfinished {
    reason: &'static str,
    retry_after: Duration,
    /// True if a retry can succeed.
    retry: bool,
}

/// Ends the connection, if it has not ended yet, and then revokes the consent at Oura.
pub(crate) async fn run(
    deps: &Deps,
    command: &Command,
    grant: &GrantId,
    account: Option<&OuraUserId>,
) -> Result<Outcome, StoreError> {
    let patient = &command.patient_id;
    deps.disconnect.end(patient, grant, command.requested_at).await?;
    deps.disconnect.clean(patient, grant).await?;
    let Some(pending) = deps.revocations.get(patient, grant).await? else {
        return without_tokens(deps, patient, grant).await;
    };
    let has_newer_consent = match account {
        Some(account) => deps.connections.has_newer_consent(account, grant, command.requested_at).await?,
        None => false,
    };
    let age = deps.clock.now().duration_since(command.requested_at);
    let revoked = match deps.app.oauth().await {
        Ok(oauth) => revoke(deps, &oauth, &Attempt { patient, grant, age, has_newer_consent }, pending).await?,
        Err(error) => {
            tracing::warn!(event = "revocation.app_secret_unavailable", %error, "the app secret could not be read");
            Err(Unfinished { reason: "app_secret", retry_after: Duration::ZERO, retry: true })
        }
    };
    let Unfinished { reason, retry_after, retry } = match revoked {
        Ok(outcome) => return end(deps, patient, grant, outcome).await,
        Err(unfinished) => unfinished,
    };
    if !retry || age >= REVOCATION_TTL {
        // The tokens are deleted: no data can be fetched with this consent.
        tracing::error!(
            event = "revocation.abandoned",
            connection.grant = %grant,
            reason,
            "a consent could not be revoked at Oura"
        );
        return end(deps, patient, grant, Revocation::Unconfirmed).await;
    }
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
    Ok(Outcome::Requeue { after: requeue_delay(retry_after, age), reason: "revocation" })
}

/// Carries out the steps of a revocation, as far as they lead in this delivery.
async fn revoke(
    deps: &Deps,
    oauth: &OAuthClient,
    attempt: &Attempt<'_>,
    mut pending: PendingRevocation,
) -> Result<Result<Revocation, Unfinished>, StoreError> {
    let mut refused: Option<Unfinished> = None;
    loop {
        let state = RevocationState {
            has_newer_consent: attempt.has_newer_consent,
            is_expired: pending.is_expired(deps.clock.now()),
            is_refused: refused.is_some(),
            can_refresh: pending.can_refresh(),
            age: attempt.age,
        };
        match (state.next(), refused.take()) {
            (RevocationStep::Supersede, _) => {
                tracing::info!(
                    event = "revocation.superseded",
                    connection.grant = %attempt.grant,
                    "a consent was not revoked, because its ring account has a newer one"
                );
                return Ok(Ok(Revocation::Superseded));
            }
            (RevocationStep::Wait(remaining), _) => {
                let retry_after = Duration::try_from(remaining).unwrap_or_default();
                return Ok(Err(Unfinished { reason: "refresh_may_be_running", retry_after, retry: true }));
            }
            (RevocationStep::GiveUp, Some(refusal)) => return Ok(Err(Unfinished { retry: false, ..refusal })),
            (RevocationStep::Revoke | RevocationStep::GiveUp, _) => {
                match oauth.revoke(&pending.tokens.access_token, &pending.tokens.token_host).await {
                    Ok(()) => return Ok(Ok(Revocation::Revoked)),
                    // No proof, if a new token can be had.
                    Err(error @ TokenError::Refused { status: 401, .. }) => refused = Some(unfinished(&error)),
                    Err(error) => return Ok(Err(unfinished(&error))),
                }
            }
            (RevocationStep::Refresh, _) => {
                pending = match refresh(deps, oauth, attempt, pending).await? {
                    Refreshed::Pair(pair) => pair,
                    Refreshed::ConsentEnded => return Ok(Ok(Revocation::Revoked)),
                    Refreshed::NotYet(unfinished) => return Ok(Err(unfinished)),
                };
            }
        }
    }
}

/// The end of a refresh before the revocation.
enum Refreshed {
    /// The pair to revoke. After a refresh whose answer is lost, the old one.
    Pair(PendingRevocation),
    /// Oura has ended the consent itself: neither token works any more.
    ConsentEnded,
    /// To be tried again.
    NotYet(Unfinished),
}

/// Refreshes the pair, once.
async fn refresh(
    deps: &Deps,
    oauth: &OAuthClient,
    attempt: &Attempt<'_>,
    pending: PendingRevocation,
) -> Result<Refreshed, StoreError> {
    let Attempt { patient, grant, .. } = attempt;
    let refresh_token = pending.tokens.refresh_token.clone();
    let begun = deps.revocations.begin_refresh(patient, grant, &pending, deps.entropy.uuid()).await?;
    match oauth.refresh(&refresh_token, &begun.tokens.token_host).await {
        Ok(answer) => {
            let refreshed = deps.revocations.end_refresh(patient, grant, &begun, answer, deps.clock.now()).await?;
            Ok(Refreshed::Pair(refreshed))
        }
        Err(TokenError::InvalidGrant) => Ok(Refreshed::ConsentEnded),
        // Certainly not used.
        Err(error @ (TokenError::NotSent | TokenError::Refused { .. })) => {
            deps.revocations.return_refresh_token(patient, grant, &begun, refresh_token).await?;
            Ok(Refreshed::NotYet(unfinished(&error)))
        }
        // Perhaps used: it is never sent again.
        Err(TokenError::OutcomeUnknown { .. }) => Ok(Refreshed::Pair(begun)),
    }
}

/// Without tokens nothing can be revoked: an earlier delivery has ended this, or the tokens were unreadable.
async fn without_tokens(deps: &Deps, patient: &PatientId, grant: &GrantId) -> Result<Outcome, StoreError> {
    let connection = deps.connections.get(patient).await?;
    let is_open = connection
        .is_some_and(|connection| connection.grant_id == *grant && connection.revocation == Some(Revocation::Pending));
    if is_open { end(deps, patient, grant, Revocation::Unconfirmed).await } else { Ok(Outcome::Done) }
}

fn unfinished(error: &TokenError) -> Unfinished {
    let retry_after = match error {
        TokenError::Refused { retry_after, .. } => retry_after.unwrap_or_default(),
        _ => Duration::ZERO,
    };
    Unfinished { reason: error.failure().as_str(), retry_after, retry: true }
}

/// Records the outcome, and deletes the kept tokens.
async fn end(deps: &Deps, patient: &PatientId, grant: &GrantId, revocation: Revocation) -> Result<Outcome, StoreError> {
    let now = deps.clock.now();
    let event = revocation_ended(patient, grant, revocation, now);
    deps.connections.record_revocation(patient, grant, revocation, &event).await?;
    deps.revocations.forget(patient, grant).await?;
    match revocation {
        Revocation::Revoked => telemetry::count(now, Metric::ConsentsRevoked, 1, &[]),
        Revocation::Unconfirmed => telemetry::count(now, Metric::RevocationsAbandoned, 1, &[]),
        Revocation::Superseded | Revocation::Pending => {}
    }
    Ok(Outcome::Done)
}
