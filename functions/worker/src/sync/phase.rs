//! Context and early exits that all phases of a sync share.

use shared::aws::StoreError;
use shared::domain::{Connection, ConnectionStatus, PatientId, SyncMessage};
use shared::vault::VaultError;

use crate::counters::SyncCounters;
use crate::delivery::{Delivery, Outcome};
use crate::deps::Deps;

/// Context of one delivery of a sync.
#[derive(Debug, Clone, Copy)]
pub(super) struct SyncContext<'a> {
    pub(super) deps: &'a Deps,
    pub(super) delivery: Delivery,
    pub(super) counters: &'a SyncCounters,
}

/// End of a sync before its last phase.
#[derive(Debug)]
pub(super) enum Exit {
    Outcome(Outcome),
    Error(VaultError),
}

/// Result of a phase: the value for the next phase, or the end of the sync.
pub(super) type Phase<T> = Result<T, Exit>;

impl From<Outcome> for Exit {
    fn from(outcome: Outcome) -> Self {
        Self::Outcome(outcome)
    }
}

impl From<VaultError> for Exit {
    fn from(error: VaultError) -> Self {
        Self::Error(error)
    }
}

impl From<StoreError> for Exit {
    fn from(error: StoreError) -> Self {
        Self::Error(error.into())
    }
}

impl SyncContext<'_> {
    /// Returns the patient's connection, unless it has ended.
    pub(super) async fn live_connection(&self, patient: &PatientId) -> Result<Option<Connection>, StoreError> {
        let connection = self.deps.connections.get(patient).await?;
        Ok(connection.filter(|connection| connection.status != ConnectionStatus::Disconnected))
    }

    /// Returns the exit of a sync whose connection ended while it ran. If the patient has reconnected meanwhile, the
    /// message is retried on the new connection.
    pub(super) async fn connection_ended(&self, message: &SyncMessage) -> Exit {
        tracing::info!(event = "sync.stopped", sync.id = %message.sync_id, "the connection ended during its sync");
        match self.live_connection(&message.patient_id).await {
            Ok(Some(_)) => self.delivery.retry("reconnected").into(),
            Ok(None) => Outcome::Done.into(),
            Err(error) => error.into(),
        }
    }
}
