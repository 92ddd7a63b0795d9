//! One patient's pair: held still, copied, read back, and only then taken out of its old vault.

use std::time::Duration;

use shared::aws::{Connections, Resealed, StoreError, Stored, StoredTokens, TokenStore};
use shared::domain::{Clock, Connection, ConnectionStatus, Entropy, Lease, PatientId};

use super::Options;
use super::pace::Pace;

/// How long refreshes are held off at most. If the move dies they go on after that.
const HOLD: Duration = Duration::from_secs(120);

/// The old copy is not deleted with less of the hold left: a delete with all its repetitions takes 15 s.
const LEAST_HOLD: Duration = Duration::from_secs(30);

/// Secrets Manager may answer a moment late for what was just written: how often it is looked at, and the pause between.
const LOOKS: u32 = 5;
const LOOK_AGAIN: Duration = Duration::from_millis(300);

/// What was found of a patient, or done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Moved,
    There,
    Resealed,
    /// The connection is over: nothing to move.
    Ended,
    Busy,
    Missing,
}

/// What one patient's move needs.
pub(super) struct Mover {
    pub(super) connections: Connections,
    pub(super) source: TokenStore,
    pub(super) target: TokenStore,
    pub(super) clock: Clock,
    pub(super) entropy: Entropy,
    pub(super) pace: Pace,
    pub(super) options: Options,
}

impl Mover {
    /// Moves the patient's pair if it is not there, and seals it anew if that was asked for.
    pub(super) async fn take(&self, patient: &PatientId) -> Result<Found, StoreError> {
        let connection = self.connections.get(patient).await?;
        let Some(connection) = connection.filter(|connection| connection.status != ConnectionStatus::Disconnected)
        else {
            return Ok(Found::Ended);
        };
        let found = self.settle(&connection).await?;
        if found == Found::There && self.options.reseal && !self.options.dry_run {
            self.pace.turn().await;
            if self.target.reseal(patient, &connection.grant_id).await? == Some(Resealed::Done) {
                return Ok(Found::Resealed);
            }
        }
        Ok(found)
    }

    async fn settle(&self, connection: &Connection) -> Result<Found, StoreError> {
        let (patient, grant) = (&connection.patient_id, &connection.grant_id);
        // In the direction of the move, so that a refresh that moves the pair itself is not taken for a loss.
        if self.source.get(patient, grant).await?.is_none() {
            let there = self.target.get(patient, grant).await?.is_some();
            return Ok(if there { Found::There } else { Found::Missing });
        }
        if self.options.dry_run {
            return Ok(Found::Moved);
        }
        self.pace.turn().await;
        let now = self.clock.now();
        let lease = Lease { owner: self.entropy.uuid().to_string(), until: now + HOLD };
        if !self.connections.hold(connection, &lease, now).await? {
            return Ok(Found::Busy);
        }
        let moved = self.under_hold(connection, &lease).await;
        if let Err(error) = self.connections.let_go(patient, grant, &lease.owner).await {
            tracing::warn!(connection.grant = %grant, %error, "refreshes go on when the hold ends by itself");
        }
        moved
    }

    async fn under_hold(&self, connection: &Connection, lease: &Lease) -> Result<Found, StoreError> {
        let (patient, grant) = (&connection.patient_id, &connection.grant_id);
        let Some(pair) = self.source.get(patient, grant).await? else { return Ok(Found::Busy) };
        match self.target.get(patient, grant).await? {
            None => self.target.create(patient, grant, &pair).await?,
            // A walk that was broken off had copied an older one.
            Some(there) if there.generation < pair.generation => {
                if self.target.put(patient, grant, &pair).await? != Stored::Written {
                    return Ok(Found::Busy);
                }
            }
            Some(_) => {}
        }
        self.read_back(connection, &pair).await?;
        // The answer to a refresh that outlived its lease may have been stored since.
        let old = self.source.get(patient, grant).await?;
        if old.is_some_and(|old| old.generation > pair.generation) || self.clock.now() + LEAST_HOLD > lease.until {
            return Ok(Found::Busy);
        }
        self.source.delete(patient, grant).await?;
        Ok(Found::Moved)
    }

    /// The target gives this pair, or a newer one.
    async fn read_back(&self, connection: &Connection, pair: &StoredTokens) -> Result<(), StoreError> {
        for look in 0..LOOKS {
            if look > 0 {
                tokio::time::sleep(LOOK_AGAIN).await;
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
