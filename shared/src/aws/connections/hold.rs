//! Holding a connection's token pair still, for somebody who moves it and spends nothing.

use jiff::Timestamp;

use super::super::StoreError;
use super::super::item::{n, s};
use super::Connections;
use crate::domain::{Connection, GrantId, Lease, PatientId};

impl Connections {
    /// Takes the refresh lease without an intent: nobody refreshes until it ends, and should its holder die, nobody takes
    /// that for a refresh whose answer was lost. Only for this grant and generation, if no other lease is live, and if no
    /// attempt of unknown outcome stands: what it may still store must find the pair where it left it. `false` when not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn hold(&self, connection: &Connection, lease: &Lease, now: Timestamp) -> Result<bool, StoreError> {
        self.update_of_grant(
            "hold refreshes off",
            &connection.patient_id,
            &connection.grant_id,
            "SET leaseOwner = :owner, leaseUntil = :until",
            // The SDK repeats an update whose answer was lost, and the repeat meets our own lease.
            "generation = :generation AND #status <> :disconnected AND attribute_not_exists(intentAttempt) \
             AND (attribute_not_exists(leaseUntil) OR leaseUntil < :now OR leaseOwner = :owner)",
            vec![
                (":owner", s(&lease.owner)),
                (":until", n(lease.until.as_millisecond())),
                (":generation", n(connection.generation)),
                (":disconnected", s("disconnected")),
                (":now", n(now.as_millisecond())),
            ],
            &[("#status", "status")],
        )
        .await
    }

    /// Ends a hold and leaves everything else as it is. `false` when it had ended by itself and the lease is another's.
    ///
    /// # Errors
    /// [`StoreError`]; the hold ends by itself.
    pub async fn let_go(&self, patient: &PatientId, grant: &GrantId, owner: &str) -> Result<bool, StoreError> {
        self.update_of_grant(
            "let refreshes go on",
            patient,
            grant,
            "REMOVE leaseOwner, leaseUntil",
            "leaseOwner = :owner",
            vec![(":owner", s(owner))],
            &[],
        )
        .await
    }
}
