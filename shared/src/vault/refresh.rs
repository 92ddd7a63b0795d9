//! One refresh, step by step.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use jiff::Timestamp;

use super::{Access, Vault, VaultError};
use crate::aws::{Disconnected, LeaseOutcome, StoreError, Stored, StoredTokens};
use crate::domain::{Connection, ConnectionStatus, EventKind, Lease, PatientEvent, ReasonCode, RefreshIntent, Suspect};
use crate::oura::{TokenError, TokenGrant};

/// Beyond the invocation's own deadline: the lease must not end while its holder lives.
const LEASE_AFTER_DEADLINE: Duration = Duration::from_secs(60);

/// A refresh is not begun with less time than this: 25 s for Oura, the rest to store the new pair.
const LEAST_TIME: Duration = Duration::from_secs(40);

/// Between a first `invalid_grant` and the one that counts.
const PROBE_AFTER: Duration = Duration::from_secs(120);

/// How long a waiter looks for another's result before it goes back to the queue.
const WAIT: Duration = Duration::from_secs(8);

/// A random part of the lease's owner is enough to tell attempts apart.
struct Attempt {
    owner: String,
    started: Timestamp,
}

impl Vault {
    /// Refreshes the pair of the connection's generation, or uses what another attempt has stored meanwhile.
    pub(super) async fn refresh(&self, connection: &Connection, deadline: Timestamp) -> Result<Access, VaultError> {
        let give_up = self.clock.now() + WAIT;
        let mut pauses = pauses();
        let mut connection = connection.clone();
        loop {
            let now = self.clock.now();
            if deadline < now + LEAST_TIME {
                return Err(VaultError::Busy { retry_after: Duration::from_secs(5) });
            }
            let attempt = Attempt { owner: self.entropy.uuid().to_string(), started: now };
            let lease = Lease { owner: attempt.owner.clone(), until: deadline + LEASE_AFTER_DEADLINE };
            let intent = RefreshIntent {
                generation: connection.generation,
                attempt: attempt.owner.clone(),
                started_at: attempt.started,
            };
            match self.connections.take_lease(&connection, &lease, &intent, now).await? {
                LeaseOutcome::Taken(before) => return self.refresh_under_lease(&before, &attempt, deadline).await,
                LeaseOutcome::Gone => return Err(VaultError::Ended { reason: None }),
                // The SDK repeats an update whose answer was lost, and the repeat meets our own lease.
                LeaseOutcome::Refused(current) if current.lease.as_ref().is_some_and(|l| l.owner == attempt.owner) => {
                    let before = Connection { intent: None, ..*current };
                    return self.refresh_under_lease(&before, &attempt, deadline).await;
                }
                LeaseOutcome::Refused(current) => {
                    if current.grant_id != connection.grant_id {
                        return Err(VaultError::Ended { reason: None });
                    }
                    if current.status == ConnectionStatus::Disconnected {
                        return Err(VaultError::Ended { reason: current.reason });
                    }
                    let stored = self.read(&current).await?;
                    if stored.generation > connection.generation {
                        return Ok(stored.into());
                    }
                    // The item had moved on without a newer pair being there (our copy was old): decide on the new one.
                    let live = current.lease.as_ref().filter(|lease| lease.until >= now);
                    let Some(lease) = live else {
                        connection = *current;
                        continue;
                    };
                    if now >= give_up {
                        let left = Duration::try_from(lease.until.duration_since(now)).unwrap_or_default();
                        return Err(VaultError::Busy { retry_after: left.clamp(Duration::from_secs(5), PROBE_AFTER) });
                    }
                    self.clock.sleep(pauses.next().unwrap_or(WAIT)).await;
                }
            }
        }
    }

    async fn refresh_under_lease(
        &self,
        connection: &Connection,
        attempt: &Attempt,
        deadline: Timestamp,
    ) -> Result<Access, VaultError> {
        // Between reading and taking the lease another attempt may have stored a newer pair and died.
        let tokens = self.read(connection).await?;
        if tokens.generation > connection.generation {
            return Ok(tokens.into());
        }
        let oauth = match self.app.oauth().await {
            Ok(oauth) => oauth,
            Err(error) => {
                self.release(connection, attempt).await;
                return Err(error.into());
            }
        };
        match oauth.refresh(&tokens.refresh_token).await {
            Ok(grant) => self.keep(connection, &tokens, grant, deadline).await,
            Err(TokenError::InvalidGrant) => self.invalid_grant(connection, attempt).await,
            Err(error @ TokenError::OutcomeUnknown { .. }) => {
                // The refresh token may be spent, and Oura may still be at work: lease and intent stay until the lease
                // ends by itself, so that whoever comes next knows.
                tracing::warn!(connection.grant = %connection.grant_id, %error, "a refresh has an unknown outcome");
                Err(VaultError::Systemic { code: error.code(), retry_after: None })
            }
            Err(error) => {
                self.release(connection, attempt).await;
                let retry_after = match &error {
                    TokenError::Refused { retry_after, .. } => *retry_after,
                    _ => None,
                };
                tracing::warn!(connection.grant = %connection.grant_id, %error, "a refresh was not possible");
                Err(VaultError::Systemic { code: error.code(), retry_after })
            }
        }
    }

    /// Stores the new pair before anybody uses it, then advances the generation.
    async fn keep(
        &self,
        connection: &Connection,
        old: &StoredTokens,
        grant: TokenGrant,
        deadline: Timestamp,
    ) -> Result<Access, VaultError> {
        let (patient, grant_id) = (&connection.patient_id, &connection.grant_id);
        let new = StoredTokens {
            access_token: grant.access_token,
            // RFC 6749, section 6: without a new one the old one stays good.
            refresh_token: grant.refresh_token.unwrap_or_else(|| old.refresh_token.clone()),
            expires_at: grant.expires_in.map(|life| self.clock.now() + life),
            scope: grant.scope.unwrap_or_else(|| old.scope.clone()),
            generation: old.generation + 1,
            token_host: old.token_host.clone(),
        };
        let mut pauses = pauses();
        let stored = loop {
            match self.secrets.put(patient, grant_id, &new).await {
                Ok(stored) => break stored,
                Err(error) => {
                    // The only copy of a token pair is in this process: nothing else matters until it is stored.
                    if self.clock.now() + Duration::from_secs(2) >= deadline
                        || matches!(error, StoreError::Corrupt { .. })
                    {
                        tracing::error!(connection.grant = %grant_id, %error, "a new token pair could not be stored");
                        return Err(error.into());
                    }
                    tracing::warn!(connection.grant = %grant_id, %error, "storing a new token pair is tried again");
                    self.clock.sleep(pauses.next().unwrap_or_default()).await;
                }
            }
        };
        let access = match stored {
            Stored::Written => new.into(),
            Stored::Occupied => self.read(connection).await?.into(),
            Stored::Gone => return Err(VaultError::Ended { reason: None }),
        };
        let Access { generation, .. } = access;
        if let Err(error) = self.connections.advance_generation(patient, grant_id, generation).await {
            // The pair is safe; whoever reads it next rolls the item forward.
            tracing::warn!(connection.grant = %grant_id, %error, "the token generation will be rolled forward later");
        }
        Ok(access)
    }

    /// Oura called the refresh token invalid. Once may be a race or a fluke; twice, with time between, is the end.
    async fn invalid_grant(&self, connection: &Connection, attempt: &Attempt) -> Result<Access, VaultError> {
        let tokens = self.read(connection).await?;
        if tokens.generation > connection.generation {
            return Ok(tokens.into());
        }
        let now = self.clock.now();
        // An intent of an attempt that never reported back means that its answer was lost, not that anybody revoked.
        let reason = match (&connection.suspect, &connection.intent) {
            (Some(suspect), _) => suspect.reason,
            (None, Some(_)) => ReasonCode::RefreshLost,
            (None, None) => ReasonCode::Revoked,
        };
        match &connection.suspect {
            Some(suspect) if now >= suspect.since + PROBE_AFTER => self.end(connection, attempt, reason, now).await,
            Some(suspect) => {
                self.release(connection, attempt).await;
                let left = (suspect.since + PROBE_AFTER).duration_since(now);
                Err(VaultError::Busy { retry_after: Duration::try_from(left).unwrap_or(PROBE_AFTER) })
            }
            None => {
                tracing::warn!(connection.grant = %connection.grant_id, ?reason, "a refresh token is suspect");
                self.connections.suspect(connection, &attempt.owner, Suspect { since: now, reason }).await?;
                Err(VaultError::Busy { retry_after: PROBE_AFTER })
            }
        }
    }

    async fn end(
        &self,
        connection: &Connection,
        attempt: &Attempt,
        reason: ReasonCode,
        now: Timestamp,
    ) -> Result<Access, VaultError> {
        let (patient, grant_id) = (&connection.patient_id, &connection.grant_id);
        let events = [
            EventKind::Disconnected { grant_id: grant_id.clone(), reason_code: reason },
            EventKind::ReconnectRequired { grant_id: grant_id.clone(), reason_code: reason },
        ]
        .map(|kind| PatientEvent::new(patient.clone(), now, kind));
        match self.connections.disconnect(connection, reason, &events, self.guard, now).await? {
            Disconnected::Recorded => {
                tracing::info!(connection.grant = %grant_id, ?reason, "a connection has ended");
                if let Err(error) = self.secrets.delete(patient, grant_id).await {
                    tracing::warn!(connection.grant = %grant_id, %error, "dead tokens could not be deleted");
                }
                Err(VaultError::Ended { reason: Some(reason) })
            }
            Disconnected::MovedOn => Err(VaultError::Busy { retry_after: Duration::from_secs(5) }),
            Disconnected::GuardHolds => {
                tracing::error!(connection.grant = %grant_id, "too many patients would be disconnected today; nobody is");
                self.release(connection, attempt).await;
                Err(VaultError::Systemic { code: "mass_disconnect_guard", retry_after: None })
            }
        }
    }

    async fn release(&self, connection: &Connection, attempt: &Attempt) {
        let released =
            self.connections.release_lease(&connection.patient_id, &connection.grant_id, &attempt.owner).await;
        if let Err(error) = released {
            tracing::warn!(connection.grant = %connection.grant_id, %error, "a refresh lease will end by itself");
        }
    }
}

/// Growing pauses from 0.2 s to 2 s, jittered so that waiters do not come back all at once.
pub(super) fn pauses() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(200))
        .with_max_delay(Duration::from_secs(2))
        .with_jitter()
        .without_max_times()
        .build()
}
