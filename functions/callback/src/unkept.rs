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
    let command = command(deps, patient, consent, account);
    // This message finishes what is cut short here. It finds the tokens also where they were stored for the connection.
    let safety_net = deps.queue.send_later(command.clone(), Command::SAFETY_NET).await;
    let kept = deps.revocations.keep(patient, consent, &tokens(deps, grant, &ScopeSet::default())).await;
    if kept.is_ok() {
        delete_tokens(deps, patient, consent).await;
    }
    let sent = deps.queue.send(command).await;
    report(consent, kept.and(safety_net).and(sent));
}

/// Deletes the tokens of the previous consent. If it was of another ring account, it is revoked; one of the same account is not,
/// since that could end the new consent too.
pub(crate) async fn replace(deps: &Deps, patient: &PatientId, previous: &Connection, account: &OuraUserId) {
    let consent = &previous.grant_id;
    if previous.oura_user_id == *account || previous.status == ConnectionStatus::Disconnected {
        return delete_tokens(deps, patient, consent).await;
    }
    // The worker moves the tokens to the revocation itself.
    let command = command(deps, patient, consent, Some(previous.oura_user_id.clone()));
    let safety_net = deps.queue.send_later(command.clone(), Command::SAFETY_NET).await;
    let sent = deps.queue.send(command).await;
    report(consent, safety_net.and(sent));
}

fn command(deps: &Deps, patient: &PatientId, consent: &GrantId, account: Option<OuraUserId>) -> Command {
    let kind = CommandKind::Revoke { grant_id: consent.clone(), oura_user_id: account };
    Command { patient_id: patient.clone(), kind, requested_at: deps.clock.now() }
}

async fn delete_tokens(deps: &Deps, patient: &PatientId, consent: &GrantId) {
    if let Err(error) = deps.secrets.delete(patient, consent).await {
        tracing::error!(
            event = "callback.tokens_left_behind",
            %error,
            connection.grant = %consent,
            "unused tokens could not be deleted"
        );
    }
}

/// Logs a failure. One of the two messages may still revoke the consent.
fn report(consent: &GrantId, queued: Result<(), StoreError>) {
    if let Err(error) = queued {
        tracing::error!(
            event = "callback.revocation_not_queued",
            %error,
            connection.grant = %consent,
            "a consent that is not kept could not be revoked at Oura"
        );
    }
}
