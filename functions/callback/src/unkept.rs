//! Revocation at Oura of consents that are not kept: refused ones, and those that another account replaced. The worker does it, with
//! retries; here the tokens are put where it finds them.

use shared::aws::StoreError;
use shared::domain::{Command, CommandKind, Connection, ConnectionStatus, GrantId, OuraUserId, PatientId, ScopeSet};
use shared::oura::TokenGrant;

use crate::complete::tokens;
use crate::{Deps, Flow};

/// Revokes a new consent that did not become the connection's.
pub(crate) async fn revoke(deps: &Deps, flow: &Flow, grant: &TokenGrant, account: Option<OuraUserId>) {
    let (patient, consent) = (&flow.state.patient_id, &flow.attempt);
    let pair = tokens(deps, grant, &ScopeSet::default());
    let kept = deps.revocations.keep(patient, consent, &pair).await;
    // Where they were stored for the connection.
    if let Err(error) = deps.secrets.delete(patient, consent).await {
        tracing::error!(
            event = "callback.tokens_left_behind",
            %error,
            connection.grant = %consent,
            "unused tokens could not be deleted"
        );
    }
    queue(deps, patient, consent, account, kept).await;
}

/// Deletes the tokens of the previous consent. If it was of another ring account, it is revoked; one of the same account is not,
/// since that could end the new consent too.
pub(crate) async fn replace(deps: &Deps, patient: &PatientId, previous: &Connection, account: &OuraUserId) {
    let consent = &previous.grant_id;
    if previous.oura_user_id == *account || previous.status == ConnectionStatus::Disconnected {
        if let Err(error) = deps.secrets.delete(patient, consent).await {
            tracing::error!(
                event = "callback.tokens_left_behind",
                %error,
                connection.grant = %consent,
                "unused tokens could not be deleted"
            );
        }
        return;
    }
    let kept = deps.revocations.keep_for_revocation(patient, consent).await;
    queue(deps, patient, consent, Some(previous.oura_user_id.clone()), kept).await;
}

async fn queue(
    deps: &Deps,
    patient: &PatientId,
    consent: &GrantId,
    account: Option<OuraUserId>,
    kept: Result<(), StoreError>,
) {
    let kind = CommandKind::Revoke { grant_id: consent.clone(), oura_user_id: account };
    let command = Command { patient_id: patient.clone(), kind, requested_at: deps.clock.now() };
    // Twice, like that of a disconnect: the second message retries what the first one could not.
    let queued = match kept {
        Ok(()) => match deps.queue.send_later(command.clone(), Command::SAFETY_NET).await {
            Ok(()) => deps.queue.send(command).await,
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    };
    if let Err(error) = queued {
        tracing::error!(
            event = "callback.revocation_not_queued",
            %error,
            connection.grant = %consent,
            "a consent that is not kept could not be revoked at Oura"
        );
    }
}
