//! The move of one patient's pair: take the lease, copy, read back, delete the old copy.

use std::time::Duration;

use shared::aws::{Connections, Resealed, StoreError, Stored, StoredTokens, TokenStore};
use shared::domain::{Clock, Connection, ConnectionStatus, Entropy, Lease, PatientId};

use super::Options;
use super::write_limiter::WriteLimiter;

/// Lifetime of the lease that keeps refreshes out. If the process ends early, refreshes resume after it.
const LEASE_TTL: Duration = Duration::from_secs(120);

/// Minimum rest of the lease for the deletion of the old copy: a delete with all its retries takes 15 s.
const MIN_LEASE: Duration = Duration::from_secs(30);

/// Number and interval of the attempts to read back: Secrets Manager is eventually consistent.
const MAX_READS: u32 = 5;
const READ_INTERVAL: Duration = Duration::from_millis(300);

/// Outcome of one patient's move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MoveOutcome {
    Moved,
    There,
    Resealed,
    /// The connection has ended, so there is nothing to move.
    Ended,
    Busy,
    Missing,
}

/// The two vaults and the lease between them.
pub(super) struct Mover {
    pub(super) connections: Connections,
    pub(super) source: TokenStore,
    pub(super) target: TokenStore,
    pub(super) clock: Clock,
    pub(super) entropy: Entropy,
    pub(super) limiter: WriteLimiter,
    pub(super) options: Options,
}

impl Mover {
    /// Moves the patient's pair if it is not in the destination, and reseals it if requested.
    pub(super) async fn run(&self, patient: &PatientId) -> Result<MoveOutcome, StoreError> {
        let connection = self.connections.get(patient).await?;
        let Some(connection) = connection.filter(|connection| connection.status != ConnectionStatus::Disconnected)
        else {
            return Ok(MoveOutcome::Ended);
        };
        let outcome = self.move_pair(&connection).await?;
        if outcome == MoveOutcome::There && self.options.reseal && !self.options.dry_run {
            self.limiter.acquire().await;
            if self.target.reseal(patient, &connection.grant_id).await? == Some(Resealed::Done) {
                return Ok(MoveOutcome::Resealed);
            }
        }
        Ok(outcome)
    }

    async fn move_pair(&self, connection: &Connection) -> Result<MoveOutcome, StoreError> {
        let (patient, grant) = (&connection.patient_id, &connection.grant_id);
        // Source first, then destination: a refresh that moves the pair in between is not mistaken for a loss.
        if self.source.get(patient, grant).await?.is_none() {
            let there = self.target.get(patient, grant).await?.is_some();
            return Ok(if there { MoveOutcome::There } else { MoveOutcome::Missing });
        }
        if self.options.dry_run {
            return Ok(MoveOutcome::Moved);
        }
        self.limiter.acquire().await;
        let now = self.clock.now();
        let lease = Lease { owner: self.entropy.uuid().to_string(), until: now + LEASE_TTL };
        if !self.connections.hold(connection, &lease, now).await? {
            return Ok(MoveOutcome::Busy);
        }
        let moved = self.under_lease(connection, &lease).await;
        if let Err(error) = self.connections.let_go(patient, grant, &lease.owner).await {
            tracing::warn!(event = "move_tokens.lease_kept", connection.grant = %grant, %error, "lease was not released; refreshes resume when it expires");
        }
        moved
    }

    async fn under_lease(&self, connection: &Connection, lease: &Lease) -> Result<MoveOutcome, StoreError> {
        let (patient, grant) = (&connection.patient_id, &connection.grant_id);
        let Some(pair) = self.source.get(patient, grant).await? else { return Ok(MoveOutcome::Busy) };
        match self.target.get(patient, grant).await? {
            None => self.target.create(patient, grant, &pair).await?,
            // An interrupted move had copied an older pair.
            Some(there) if there.generation < pair.generation => {
                if self.target.put(patient, grant, &pair).await? != Stored::Written {
                    return Ok(MoveOutcome::Busy);
                }
            }
            Some(_) => {}
        }
        self.read_back(connection, &pair).await?;
        // A refresh that outlived its lease may have stored its pair since.
        let old = self.source.get(patient, grant).await?;
        if old.is_some_and(|old| old.generation > pair.generation) || self.clock.now() + MIN_LEASE > lease.until {
            return Ok(MoveOutcome::Busy);
        }
        self.source.delete(patient, grant).await?;
        Ok(MoveOutcome::Moved)
    }

    /// Waits until the destination returns this pair, or a newer one.
    async fn read_back(&self, connection: &Connection, pair: &StoredTokens) -> Result<(), StoreError> {
        for read in 0..MAX_READS {
            if read > 0 {
                tokio::time::sleep(READ_INTERVAL).await;
            }
            let there = self.target.get(&connection.patient_id, &connection.grant_id).await?;
            if there.is_some_and(|there| there.generation > pair.generation || there.is(pair)) {
                return Ok(());
            }
        }
        Err(StoreError::Refused {
            action: "read the moved tokens back",
            code: "the vaults hold different pairs of one generation".to_owned(),
        })
    }
}
