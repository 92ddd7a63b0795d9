//! Disconnect on a patient's request. The request ends the connection at once; a queue message repeats it in case the request ended
//! early.
//!
//! 1. The connection ends, its ring account is free, and the event is in the outbox: one transaction.
//! 2. The tokens are deleted, except for a pending revocation.
//! 3. Running work is stopped: a sync writes nothing more, and the inbox accepts no more webhook events.

use jiff::Timestamp;

use crate::aws::{Connections, Inbox, Runs, SdkConfig, StoreError, TokenStore};
use crate::domain::{
    Connection, ConnectionStatus, EventKind, GrantId, PatientEvent, PatientId, ReasonCode, Revocation,
};
use crate::vault::Revocations;

/// Ends connections and deletes what they leave.
#[derive(Debug, Clone)]
pub struct Disconnect {
    connections: Connections,
    revocations: Revocations,
    runs: Runs,
    inbox: Inbox,
}

impl Disconnect {
    /// Creates it for this table and these tokens.
    #[must_use]
    pub fn new(sdk: &SdkConfig, connections_table: &str, tokens: TokenStore) -> Self {
        Self {
            connections: Connections::new(sdk, connections_table),
            revocations: Revocations::new(tokens),
            runs: Runs::new(sdk, connections_table),
            inbox: Inbox::new(sdk, connections_table),
        }
    }

    /// Ends the connection of this consent, if it still has one. `at`: time of the request.
    ///
    /// # Errors
    /// [`StoreError`]; to be retried.
    pub async fn end(&self, patient: &PatientId, grant: &GrantId, at: Timestamp) -> Result<(), StoreError> {
        let Some(connection) = self.live(patient).await?.filter(|connection| connection.grant_id == *grant) else {
            return Ok(());
        };
        let reason_code = ReasonCode::UserRequest;
        let kind =
            EventKind::Disconnected { grant_id: grant.clone(), reason_code, revocation: Some(Revocation::Pending) };
        let event = PatientEvent::new(patient.clone(), at, kind);
        // Otherwise the connection has ended already, or the patient has given a newer consent since.
        if self.connections.disconnect_on_request(&connection, &event).await? {
            tracing::info!(event = "disconnect.completed", connection.grant = %grant, "patient disconnected");
        }
        Ok(())
    }

    /// Deletes what the ended consent leaves: its tokens, and running work.
    ///
    /// # Errors
    /// [`StoreError`]; to be retried.
    pub async fn clean(&self, patient: &PatientId, grant: &GrantId) -> Result<(), StoreError> {
        self.revocations.keep_for_revocation(patient, grant).await?;
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
