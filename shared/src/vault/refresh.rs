//! The driver of the protocol: carries its actions out on the stores and at Oura, and returns their results.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use jiff::Timestamp;
use tracing::Instrument;

use super::protocol::{Action, ActionResult, Need, Pair, Refresh, Verdict};
use super::refresh_state::RefreshState;
use super::revocations::Revocations;
use super::{Access, Vault, VaultError};
use crate::aws::{
    Advanced, Disconnected, LeaseOutcome, StoreError, Stored, StoredTokens, TokenEndpointStatus, TokenGate,
};
use crate::domain::{
    Connection, EventKind, GrantId, Lease, PatientEvent, PatientId, ReasonCode, RefreshIntent, Revocation, Suspect,
};
use crate::oura::{TokenError, TokenFailure, TokenGrant};

type Outcome = Result<ActionResult<String>, StoreError>;

/// One refresh, or one read of a pair that needs none.
struct Attempt {
    vault: Vault,
    /// As last seen.
    connection: Connection,
    owner: String,
    /// The newest pair that was read or issued.
    tokens: Option<StoredTokens>,
    pauses: Pauses,
    /// The last failures.
    store_error: Option<StoreError>,
    token_error: Option<TokenError>,
    /// Status of the token endpoint before the request.
    endpoint: TokenEndpointStatus,
    /// True if Oura issued tokens in this attempt.
    has_issued: bool,
    /// Time for which the token endpoint is paused.
    paused: Option<Duration>,
}

impl Vault {
    /// A token that meets the need: the stored one, or a refreshed one. The attempt is not cancelled with its caller.
    pub(super) async fn obtain(
        &self,
        need: Need,
        connection: &Connection,
        deadline: Timestamp,
    ) -> Result<Access, VaultError> {
        let attempt = Attempt::new(self.clone(), connection.clone());
        let running = self.attempts.subscribe();
        let attempt = async move {
            let result = attempt.run(need, deadline).await;
            drop(running);
            result
        };
        let task = tokio::spawn(attempt.in_current_span());
        // It is never aborted, so an error is a panic.
        task.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }
}

impl Attempt {
    fn new(vault: Vault, connection: Connection) -> Self {
        Self {
            owner: vault.entropy.uuid().to_string(),
            vault,
            connection,
            tokens: None,
            pauses: pauses(),
            store_error: None,
            token_error: None,
            endpoint: TokenEndpointStatus::default(),
            has_issued: false,
            paused: None,
        }
    }

    async fn run(mut self, need: Need, deadline: Timestamp) -> Result<Access, VaultError> {
        let (known, owner) = (RefreshState::from(&self.connection), self.owner.clone());
        let (mut refresh, mut action) =
            Refresh::begin(need, known, owner, deadline, self.vault.probe_after, self.vault.clock.now());
        loop {
            if let Action::Finish(verdict) = action {
                return self.finish(verdict);
            }
            let result = match self.carry_out(action).await {
                Ok(result) => result,
                Err(error) => self.failed(action, error),
            };
            let has_failed = matches!(result, ActionResult::Failed { .. });
            let next = refresh.on_result(result, self.vault.clock.now());
            if has_failed && action == Action::Store && next != Action::Pause {
                tracing::error!(
                    event = "refresh.pair_lost",
                    connection.grant = %self.connection.grant_id,
                    "a new token pair could not be stored"
                );
            }
            action = next;
        }
    }

    async fn carry_out(&mut self, action: Action) -> Outcome {
        let Self { vault, connection, owner, .. } = self;
        let (patient, grant) = (&connection.patient_id, &connection.grant_id);
        Ok(match action {
            Action::ReadPair => {
                let tokens = vault.secrets.get(patient, grant).await?;
                let pair = tokens.as_ref().map(pair_of);
                if tokens.is_some() {
                    self.tokens = tokens;
                }
                ActionResult::Pair(pair)
            }
            Action::ReadConnection => {
                ActionResult::Connection(vault.connections.get(patient).await?.as_ref().map(RefreshState::from))
            }
            Action::TakeLease { generation, until } => {
                if self.is_paused().await {
                    return Ok(ActionResult::Paused);
                }
                return self.take_lease(generation, until).await;
            }
            Action::Ask => return self.ask().await,
            Action::Store => match &self.tokens {
                Some(tokens) => match vault.secrets.put(patient, grant, tokens).await? {
                    Stored::Written => ActionResult::Written,
                    Stored::Occupied => ActionResult::Occupied,
                    Stored::Gone => ActionResult::Gone,
                },
                None => ActionResult::Failed { again: false },
            },
            Action::Advance { generation } => {
                return self.advance(generation).await;
            }
            Action::Release { keep_intent } => {
                vault.connections.release_lease(patient, grant, owner, keep_intent).await?;
                ActionResult::Done
            }
            Action::Refuse { refusals, keep_intent } => {
                vault.connections.record_refusal(patient, grant, owner, refusals, keep_intent).await?;
                ActionResult::Done
            }
            Action::HoldUntil(until) => {
                vault.connections.hold_lease(patient, grant, owner, until).await?;
                ActionResult::Done
            }
            Action::Suspect(suspect) => return self.suspect(suspect).await,
            Action::End(reason) => return self.end(reason).await,
            Action::Discard => {
                self.revoke().await;
                self.vault.secrets.delete(&self.connection.patient_id, &self.connection.grant_id).await?;
                ActionResult::Done
            }
            Action::Forget => {
                vault.secrets.delete(patient, grant).await?;
                ActionResult::Done
            }
            Action::Pause => {
                let pause = self.pauses.next().unwrap_or_default();
                vault.clock.sleep(pause).await;
                ActionResult::Done
            }
            Action::Finish(_) => ActionResult::Done,
        })
    }

    /// True while Oura's token endpoint fails for several patients. Without its status the request is sent.
    async fn is_paused(&mut self) -> bool {
        match self.vault.endpoint.pass().await {
            Ok(TokenGate::Open(status)) => self.endpoint = status,
            Ok(TokenGate::Closed(wait)) => self.paused = Some(wait),
            Err(error) => unread(&error),
        }
        self.paused.is_some()
    }

    /// Records the generation of the pair that was read or issued last, with its scopes.
    async fn advance(&self, generation: u64) -> Outcome {
        let Some(tokens) = &self.tokens else { return Ok(ActionResult::Failed { again: false }) };
        let (vault, connection) = (&self.vault, &self.connection);
        let (patient, grant) = (&connection.patient_id, &connection.grant_id);
        let (issued_at, scopes) = (tokens.refreshed_at, &tokens.scope);
        let advanced = vault.connections.advance_generation(patient, grant, generation, issued_at, scopes).await?;
        // Not before the pair is stored: nothing may delay that.
        if self.has_issued {
            self.record_status(None).await;
        }
        if advanced == Advanced::Now && tokens.scope != connection.scopes_granted {
            tracing::info!(
                event = "connection.scopes_changed",
                connection.grant = %grant,
                scopes = %tokens.scope,
                "the granted scopes of a connection changed with a refresh"
            );
        }
        Ok(ActionResult::Advanced(advanced))
    }

    async fn take_lease(&mut self, generation: u64, until: Timestamp) -> Outcome {
        let now = self.vault.clock.now();
        self.connection.generation = generation;
        let lease = Lease { owner: self.owner.clone(), until };
        let intent = RefreshIntent { generation, attempt: self.owner.clone(), started_at: now };
        let (result, current) = match self.vault.connections.take_lease(&self.connection, &lease, &intent, now).await? {
            LeaseOutcome::Taken(before) => (ActionResult::Taken(RefreshState::from(&*before)), Some(before)),
            LeaseOutcome::Refused(current) => {
                (ActionResult::NotTaken(Some(RefreshState::from(&*current))), Some(current))
            }
            LeaseOutcome::Gone => (ActionResult::NotTaken(None), None),
        };
        // The refresh continues on the grant that it began with, or ends.
        if let Some(current) = current.filter(|current| current.grant_id == self.connection.grant_id) {
            self.connection = *current;
        }
        Ok(result)
    }

    /// Sends the refresh token that was read last, once, and keeps the new pair.
    async fn ask(&mut self) -> Outcome {
        let Some(old) = &self.tokens else { return Ok(ActionResult::Failed { again: false }) };
        let oauth = self.vault.app.oauth().await?;
        // Storing the new pair begins with short pauses.
        self.pauses = pauses();
        let refreshed = oauth.refresh(&old.refresh_token, &old.token_host).await;
        if let Err(error) = &refreshed {
            self.record_status(Some(error)).await;
        }
        match refreshed {
            Ok(grant) => {
                self.has_issued = true;
                self.tokens = Some(renewed(old, grant, self.vault.clock.now()));
                Ok(ActionResult::Granted)
            }
            Err(error) => {
                let grant = &self.connection.grant_id;
                tracing::warn!(
                    event = "refresh.failed",
                    connection.grant = %grant,
                    reason = error.failure().as_str(),
                    %error,
                    "a token refresh failed"
                );
                let result = match &error {
                    TokenError::InvalidGrant => ActionResult::InvalidGrant,
                    TokenError::OutcomeUnknown { .. } => ActionResult::OutcomeUnknown,
                    error if error.is_perhaps_of_token() => {
                        let endpoint = self.endpoint;
                        ActionResult::Declined {
                            served_at: endpoint.served_at,
                            of_several: endpoint.fails_for_several(),
                        }
                    }
                    TokenError::Refused { .. } | TokenError::NotSent => ActionResult::Refused,
                };
                self.token_error = Some(error);
                Ok(result)
            }
        }
    }

    /// Records for the other workers how the token endpoint answered.
    async fn record_status(&self, error: Option<&TokenError>) {
        let endpoint = &self.vault.endpoint;
        let recorded = match error {
            None => endpoint.on_answer(&self.endpoint, true).await,
            Some(TokenError::InvalidGrant) => endpoint.on_answer(&self.endpoint, false).await,
            Some(_) => endpoint.on_failure(&self.endpoint, &self.connection.patient_id).await,
        };
        if let Err(error) = recorded {
            unread(&error);
        }
    }

    async fn suspect(&self, suspect: Suspect) -> Outcome {
        let reason = suspect.reason;
        let grant = &self.connection.grant_id;
        tracing::warn!(event = "refresh.token_suspect", connection.grant = %grant, ?reason, "Oura refused a refresh token");
        self.vault.connections.suspect(&self.connection, &self.owner, suspect).await?;
        Ok(ActionResult::Done)
    }

    async fn end(&self, reason: ReasonCode) -> Outcome {
        let (patient, grant_id) = (&self.connection.patient_id, &self.connection.grant_id);
        let now = self.vault.clock.now();
        let events = [
            EventKind::Disconnected { grant_id: grant_id.clone(), reason_code: reason, revocation: None },
            EventKind::ReconnectRequired { grant_id: grant_id.clone(), reason_code: reason },
        ]
        .map(|kind| PatientEvent::new(patient.clone(), now, kind));
        let guard = self.vault.guard;
        Ok(match self.vault.connections.disconnect(&self.connection, reason, &events, guard, now).await? {
            Disconnected::Recorded => {
                tracing::info!(event = "connection.ended", connection.grant = %grant_id, ?reason, "a connection ended");
                ActionResult::Ended
            }
            Disconnected::MovedOn => ActionResult::MovedOn,
            Disconnected::GuardHolds => {
                tracing::error!(
                    event = "disconnect.guard_reached",
                    connection.grant = %grant_id,
                    "a patient was not disconnected: too many were today"
                );
                ActionResult::GuardHolds
            }
        })
    }

    /// Hands the newest pair to the pending revocation. If there is none (yet), revokes its access token at Oura: after the
    /// deletion only Oura has the token.
    async fn revoke(&self) {
        let (Some(tokens), grant) = (&self.tokens, &self.connection.grant_id) else { return };
        let (patient, revocations) = (&self.connection.patient_id, Revocations::new(self.vault.secrets.clone()));
        tracing::info!(
            event = "refresh.discarded",
            connection.grant = %grant,
            "a connection ended during a refresh; the new tokens were discarded"
        );
        match revocations.replace(patient, grant, tokens).await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => unrevoked(grant, &error),
        }
        // A revocation could end a newer consent of the same account too.
        let Connection { oura_user_id, since, .. } = &self.connection;
        match self.vault.connections.has_newer_consent(oura_user_id, grant, *since).await {
            Ok(false) => {}
            Ok(true) => {
                tracing::info!(
                    event = "revocation.superseded",
                    connection.grant = %grant,
                    "a consent was not revoked, because its ring account has a newer one"
                );
                return;
            }
            Err(error) => return unrevoked(grant, &error),
        }
        let revoked = match self.vault.app.oauth().await {
            Ok(oauth) => oauth.revoke(&tokens.access_token, &tokens.token_host).await,
            Err(error) => return unrevoked(grant, &error),
        };
        if let Err(error) = revoked {
            return unrevoked(grant, &error);
        }
        let event = revocation_ended(patient, grant, Revocation::Revoked, self.vault.clock.now());
        let recorded = self.vault.connections.record_revocation(patient, grant, Revocation::Revoked, &event).await;
        if let Err(error) = recorded {
            tracing::warn!(
                event = "revocation.not_recorded",
                connection.grant = %grant,
                reason = %error,
                "a revocation at Oura could not be recorded"
            );
        }
    }

    /// Records the failure of a store.
    fn failed(&mut self, action: Action, error: StoreError) -> ActionResult<String> {
        let grant = &self.connection.grant_id;
        match action {
            Action::Store => tracing::warn!(
                event = "refresh.store_failed",
                connection.grant = %grant,
                reason = %error,
                "a new token pair could not be stored yet"
            ),
            Action::Advance { .. } => tracing::warn!(
                event = "refresh.advance_failed",
                connection.grant = %grant,
                reason = %error,
                "a token generation could not be recorded on its connection"
            ),
            Action::Release { .. } | Action::HoldUntil(_) => tracing::warn!(
                event = "refresh.lease_not_released",
                connection.grant = %grant,
                reason = %error,
                "a refresh lease could not be released"
            ),
            Action::Discard | Action::Forget => tracing::warn!(
                event = "tokens.delete_failed",
                connection.grant = %grant,
                reason = %error,
                "tokens of an ended connection could not be deleted"
            ),
            _ => {}
        }
        let again = !matches!(error, StoreError::Corrupt { .. });
        self.store_error = Some(error);
        ActionResult::Failed { again }
    }

    fn finish(self, verdict: Verdict) -> Result<Access, VaultError> {
        let corrupt = || StoreError::Corrupt { action: "read the patient's tokens", field: "secret".to_owned() };
        match (verdict, self.tokens) {
            (Verdict::Use, Some(tokens)) => Ok(tokens.into()),
            (Verdict::Busy(retry_after), _) => Err(VaultError::Busy { retry_after }),
            (Verdict::Systemic, _) if self.paused.is_some() => {
                Err(VaultError::Systemic { reason: TokenFailure::TokenPaused, retry_after: self.paused })
            }
            (Verdict::Declined(wait), _) => {
                Err(VaultError::Systemic { reason: TokenFailure::TokenDeclined, retry_after: Some(wait) })
            }
            (Verdict::Systemic, _) => Err(VaultError::Systemic {
                reason: self.token_error.as_ref().map_or(TokenFailure::TokenRefused, TokenError::failure),
                retry_after: match self.token_error {
                    Some(TokenError::Refused { retry_after, .. }) => retry_after,
                    _ => None,
                },
            }),
            (Verdict::GuardHolds, _) => {
                Err(VaultError::Systemic { reason: TokenFailure::MassDisconnectGuard, retry_after: None })
            }
            (Verdict::Ended(reason), _) => Err(VaultError::Ended { reason }),
            (Verdict::Failed, _) => Err(self.store_error.unwrap_or_else(corrupt).into()),
            (Verdict::PairMissing | Verdict::Use, _) => Err(corrupt().into()),
        }
    }
}

fn pair_of(tokens: &StoredTokens) -> Pair {
    Pair { generation: tokens.generation, expires_at: tokens.expires_at, refreshed_at: tokens.refreshed_at }
}

/// The next pair of a grant.
fn renewed(old: &StoredTokens, grant: TokenGrant, now: Timestamp) -> StoredTokens {
    StoredTokens {
        access_token: grant.access_token,
        // RFC 6749, section 6: without a new one the old one stays valid.
        refresh_token: grant.refresh_token.unwrap_or_else(|| old.refresh_token.clone()),
        expires_at: grant.expires_in.map(|life| now + life),
        // Section 5.1: an answer without a scope grants what was requested. An empty text is none.
        scope: grant.scope.filter(|scope| !scope.is_empty()).unwrap_or_else(|| old.scope.clone()),
        generation: old.generation + 1,
        token_host: grant.host,
        refreshed_at: Some(now),
    }
}

fn unread(error: &StoreError) {
    tracing::warn!(
        event = "oura.token_endpoint_status_unavailable",
        reason = %error,
        "the status of Oura's token endpoint could not be read or recorded"
    );
}

/// The event of a disconnect's revocation that has ended.
#[must_use]
pub fn revocation_ended(patient: &PatientId, grant: &GrantId, outcome: Revocation, now: Timestamp) -> PatientEvent {
    let reason_code = ReasonCode::UserRequest;
    let kind = EventKind::Disconnected { grant_id: grant.clone(), reason_code, revocation: Some(outcome) };
    PatientEvent::new(patient.clone(), now, kind)
}

/// Logs a token that was deleted without a revocation.
fn unrevoked(grant: &GrantId, error: &impl std::fmt::Display) {
    tracing::warn!(
        event = "tokens.not_revoked",
        connection.grant = %grant,
        reason = %error,
        "tokens of an ended connection could not be revoked"
    );
}

type Pauses = backon::ExponentialBackoff;

/// Growing pauses from 0.2 s to 2 s, jittered so that waiting workers do not retry all at once.
fn pauses() -> Pauses {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(200))
        .with_max_delay(Duration::from_secs(2))
        .with_jitter()
        .without_max_times()
        .build()
}
