//! What a patient's wish to disconnect does. A request does it at once; a message in the queue does it again, in case the
//! request died on the way.
//!
//! 1. The connection ends, its ring is free, and the event waits in the outbox: one transaction.
//! 2. The tokens go; only what revokes the consent at Oura stays, aside.
//! 3. What is under way is stopped: a sync of this moment writes nothing more, and notices gather no longer.

use jiff::Timestamp;

use crate::aws::{Connections, Inbox, Runs, SdkConfig, StoreError, TokenStore};
use crate::domain::{Connection, ConnectionStatus, EventKind, GrantId, PatientEvent, PatientId, ReasonCode};
use crate::vault::Revocations;

/// Ends connections.
#[derive(Debug, Clone)]
pub struct Disconnect {
    connections: Connections,
    revocations: Revocations,
    runs: Runs,
    inbox: Inbox,
}

impl Disconnect {
    /// Over this table and these tokens.
    #[must_use]
    pub fn new(sdk: &SdkConfig, connections_table: &str, tokens: TokenStore) -> Self {
        Self {
            connections: Connections::new(sdk, connections_table),
            revocations: Revocations::new(tokens),
            runs: Runs::new(sdk, connections_table),
            inbox: Inbox::new(sdk, connections_table),
        }
    }

    /// Ends the connection that lives on this consent, if it does (still). `at`: when the patient asked for it.
    ///
    /// # Errors
    /// [`StoreError`]; to be tried again.
    pub async fn end(&self, patient: &PatientId, grant: &GrantId, at: Timestamp) -> Result<(), StoreError> {
        let Some(connection) = self.live(patient).await?.filter(|connection| connection.grant_id == *grant) else {
            return Ok(());
        };
        let reason_code = ReasonCode::UserRequest;
        let kind = EventKind::Disconnected { grant_id: grant.clone(), reason_code };
        let event = PatientEvent::new(patient.clone(), at, kind);
        // If not, it has ended otherwise, or a newer consent has come in between: the patient's own, and later, wish.
        if self.connections.disconnect_on_request(&connection, &event).await? {
            tracing::info!(event = "disconnect.completed", connection.grant = %grant, "patient disconnected");
        }
        Ok(())
    }

    /// Takes away what the ended consent leaves: its tokens, and the work that is under way.
    ///
    /// # Errors
    /// [`StoreError`]; to be tried again.
    pub async fn clean(&self, patient: &PatientId, grant: &GrantId) -> Result<(), StoreError> {
        self.revocations.pending_revocation(patient, grant).await?;
        if self.live(patient).await?.is_some() {
            return Ok(());
        }
        self.runs.stop(patient).await?;
        self.inbox.discard(patient).await
    }

    async fn live(&self, patient: &PatientId) -> Result<Option<Connection>, StoreError> {
        let connection = self.connections.get(patient).await?;
        Ok(connection.filter(|connection| connection.status != ConnectionStatus::Disconnected))
    }
}
