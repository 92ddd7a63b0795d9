//! Carries out what the protocol decides: against the stores and Oura, and back with what came of it.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use jiff::Timestamp;

use super::known::Known;
use super::protocol::{Action, Guards, Need, Observed, Pair, Refresh, Verdict};
use super::{Access, Vault, VaultError};
use crate::aws::{Disconnected, LeaseOutcome, StoreError, Stored, StoredTokens};
use crate::domain::{Connection, EventKind, Lease, PatientEvent, ReasonCode, RefreshIntent, Suspect};
use crate::oura::{TokenError, TokenFailure, TokenGrant};

type Seen = Result<Observed<String>, StoreError>;

/// One refresh, or one look at the pair that finds none necessary.
struct Attempt<'a> {
    vault: &'a Vault,
    /// As last seen.
    connection: Connection,
    owner: String,
    /// The newest pair that was read, or that Oura gave.
    tokens: Option<StoredTokens>,
    pauses: Pauses,
    /// What went wrong last.
    store_error: Option<StoreError>,
    token_error: Option<TokenError>,
}

impl Vault {
    /// A token that meets the need: the stored one, or a refreshed one.
    pub(super) async fn obtain(
        &self,
        need: Need,
        connection: &Connection,
        deadline: Timestamp,
    ) -> Result<Access, VaultError> {
        let owner = self.entropy.uuid().to_string();
        let known = Known::from(connection);
        let (mut refresh, mut action) =
            Refresh::begin(need, known, owner.clone(), deadline, self.clock.now(), Guards::ALL);
        let mut attempt = Attempt {
            vault: self,
            connection: connection.clone(),
            owner,
            tokens: None,
            pauses: pauses(),
            store_error: None,
            token_error: None,
        };
        loop {
            if let Action::Finish(verdict) = action {
                return attempt.finish(verdict);
            }
            let observed = match attempt.carry_out(action).await {
                Ok(observed) => observed,
                Err(error) => attempt.failed(action, error),
            };
            let failed = matches!(observed, Observed::Failed { .. });
            let next = refresh.observe(observed, self.clock.now());
            if failed && action == Action::Store && next != Action::Pause {
                tracing::error!(connection.grant = %connection.grant_id, "a new token pair could not be stored");
            }
            action = next;
        }
    }
}

impl Attempt<'_> {
    async fn carry_out(&mut self, action: Action) -> Seen {
        let Self { vault, connection, owner, .. } = self;
        let (patient, grant) = (&connection.patient_id, &connection.grant_id);
        Ok(match action {
            Action::ReadPair => {
                let tokens = vault.secrets.get(patient, grant).await?;
                let pair = tokens.as_ref().map(pair_of);
                if tokens.is_some() {
                    self.tokens = tokens;
                }
                Observed::Pair(pair)
            }
            Action::ReadConnection => {
                Observed::Connection(vault.connections.get(patient).await?.as_ref().map(Known::from))
            }
            Action::TakeLease { generation, until } => return self.take_lease(generation, until).await,
            Action::Ask => return self.ask().await,
            Action::Store => match &self.tokens {
                Some(tokens) => match vault.secrets.put(patient, grant, tokens).await? {
                    Stored::Written => Observed::Written,
                    Stored::Occupied => Observed::Occupied,
                    Stored::Gone => Observed::Gone,
                },
                None => Observed::Failed { again: false },
            },
            Action::Advance { generation } => {
                Observed::Advanced(vault.connections.advance_generation(patient, grant, generation).await?)
            }
            Action::Release { keep_intent } => {
                vault.connections.release_lease(patient, grant, owner, keep_intent).await?;
                Observed::Done
            }
            Action::HoldUntil(until) => {
                vault.connections.hold_lease(patient, grant, owner, until).await?;
                Observed::Done
            }
            Action::Suspect(suspect) => return self.suspect(suspect).await,
            Action::End(reason) => return self.end(reason).await,
            Action::Discard => {
                self.revoke().await;
                self.vault.secrets.delete(&self.connection.patient_id, &self.connection.grant_id).await?;
                Observed::Done
            }
            Action::Forget => {
                vault.secrets.delete(patient, grant).await?;
                Observed::Done
            }
            Action::Pause => {
                let pause = self.pauses.next().unwrap_or_default();
                vault.clock.sleep(pause).await;
                Observed::Done
            }
            Action::Finish(_) => Observed::Done,
        })
    }

    async fn take_lease(&mut self, generation: u64, until: Timestamp) -> Seen {
        let now = self.vault.clock.now();
        self.connection.generation = generation;
        let lease = Lease { owner: self.owner.clone(), until };
        let intent = RefreshIntent { generation, attempt: self.owner.clone(), started_at: now };
        let (outcome, seen) = match self.vault.connections.take_lease(&self.connection, &lease, &intent, now).await? {
            LeaseOutcome::Taken(before) => (Observed::Taken(Known::from(&*before)), Some(before)),
            LeaseOutcome::Refused(current) => (Observed::NotTaken(Some(Known::from(&*current))), Some(current)),
            LeaseOutcome::Gone => (Observed::NotTaken(None), None),
        };
        // What happens next is for the grant that was begun with, or nothing happens.
        if let Some(seen) = seen.filter(|seen| seen.grant_id == self.connection.grant_id) {
            self.connection = *seen;
        }
        Ok(outcome)
    }

    /// Sends the refresh token that was read last, once, and keeps what comes.
    async fn ask(&mut self) -> Seen {
        let Some(old) = &self.tokens else { return Ok(Observed::Failed { again: false }) };
        let oauth = self.vault.app.oauth().await?;
        // Whatever has to be stored from here on is stored at first with short pauses.
        self.pauses = pauses();
        match oauth.refresh(&old.refresh_token, &old.token_host).await {
            Ok(grant) => {
                self.tokens = Some(renewed(old, grant, self.vault.clock.now()));
                Ok(Observed::Granted)
            }
            Err(error) => {
                let grant = &self.connection.grant_id;
                tracing::warn!(connection.grant = %grant, %error, code = error.failure().as_str(), "a refresh gave no tokens");
                let observed = match &error {
                    TokenError::InvalidGrant => Observed::InvalidGrant,
                    TokenError::OutcomeUnknown { .. } => Observed::OutcomeUnknown,
                    TokenError::Refused { .. } | TokenError::NotSent => Observed::Refused,
                };
                self.token_error = Some(error);
                Ok(observed)
            }
        }
    }

    async fn suspect(&self, suspect: Suspect) -> Seen {
        let reason = suspect.reason;
        tracing::warn!(connection.grant = %self.connection.grant_id, ?reason, "a refresh token is suspect");
        self.vault.connections.suspect(&self.connection, &self.owner, suspect).await?;
        Ok(Observed::Done)
    }

    async fn end(&self, reason: ReasonCode) -> Seen {
        let (patient, grant_id) = (&self.connection.patient_id, &self.connection.grant_id);
        let now = self.vault.clock.now();
        let events = [
            EventKind::Disconnected { grant_id: grant_id.clone(), reason_code: reason },
            EventKind::ReconnectRequired { grant_id: grant_id.clone(), reason_code: reason },
        ]
        .map(|kind| PatientEvent::new(patient.clone(), now, kind));
        let guard = self.vault.guard;
        Ok(match self.vault.connections.disconnect(&self.connection, reason, &events, guard, now).await? {
            Disconnected::Recorded => {
                tracing::info!(connection.grant = %grant_id, ?reason, "a connection has ended");
                Observed::Ended
            }
            Disconnected::MovedOn => Observed::MovedOn,
            Disconnected::GuardHolds => {
                tracing::error!(connection.grant = %grant_id, "too many patients would be disconnected today; nobody is");
                Observed::GuardHolds
            }
        })
    }

    /// Revokes the newest access token at Oura. Best effort: what is deleted here is of no use to anybody but Oura.
    async fn revoke(&self) {
        let (Some(tokens), grant) = (&self.tokens, &self.connection.grant_id) else { return };
        tracing::info!(connection.grant = %grant, "a connection ended during a refresh; the new tokens are revoked");
        match self.vault.app.oauth().await {
            Ok(oauth) => {
                if let Err(error) = oauth.revoke(&tokens.access_token, &tokens.token_host).await {
                    tracing::warn!(connection.grant = %grant, %error, "tokens of an ended connection were not revoked");
                }
            }
            Err(error) => {
                tracing::warn!(connection.grant = %grant, %error, "tokens of an ended connection were not revoked");
            }
        }
    }

    /// A store of ours failed: says so where it matters, and keeps it for who asked.
    fn failed(&mut self, action: Action, error: StoreError) -> Observed<String> {
        let grant = &self.connection.grant_id;
        match action {
            Action::Store => {
                tracing::warn!(connection.grant = %grant, %error, "a new token pair is not stored yet")
            }
            Action::Advance { .. } => {
                tracing::warn!(connection.grant = %grant, %error, "the token generation will be rolled forward later");
            }
            Action::Release { .. } | Action::HoldUntil(_) => {
                tracing::warn!(connection.grant = %grant, %error, "a refresh lease will end by itself");
            }
            Action::Discard | Action::Forget => {
                tracing::warn!(connection.grant = %grant, %error, "dead tokens could not be deleted");
            }
            _ => {}
        }
        let again = !matches!(error, StoreError::Corrupt { .. });
        self.store_error = Some(error);
        Observed::Failed { again }
    }

    fn finish(self, verdict: Verdict) -> Result<Access, VaultError> {
        let corrupt = || StoreError::Corrupt { action: "read the patient's tokens", field: "secret".to_owned() };
        match (verdict, self.tokens) {
            (Verdict::Use, Some(tokens)) => Ok(tokens.into()),
            (Verdict::Busy(retry_after), _) => Err(VaultError::Busy { retry_after }),
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
        // RFC 6749, section 6: without a new one the old one stays good.
        refresh_token: grant.refresh_token.unwrap_or_else(|| old.refresh_token.clone()),
        expires_at: grant.expires_in.map(|life| now + life),
        scope: grant.scope.unwrap_or_else(|| old.scope.clone()),
        generation: old.generation + 1,
        token_host: grant.host,
        refreshed_at: Some(now),
    }
}

type Pauses = backon::ExponentialBackoff;

/// Growing pauses from 0.2 s to 2 s, jittered so that waiters do not come back all at once.
fn pauses() -> Pauses {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(200))
        .with_max_delay(Duration::from_secs(2))
        .with_jitter()
        .without_max_times()
        .build()
}
