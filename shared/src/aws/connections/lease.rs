//! The refresh lease without a refresh: it keeps a token pair unchanged while it is moved.

use jiff::Timestamp;

use super::item::LEASE;
use super::store::{Connections, is_live_on, is_on};
use crate::aws::error::StoreError;
use crate::aws::table::{Key, equals, less, missing};
use crate::domain::{Connection, GrantId, Lease, PatientId};

impl Connections {
    /// Takes the refresh lease without an intent: no refresh begins until it ends, and a crash of its holder is not taken for
    /// a refresh whose answer was lost. Only for this grant and generation, if no other lease is live, and if there is no
    /// attempt of unknown outcome, whose pair could otherwise be stored in the old place. `false` if not taken.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn hold(&self, connection: &Connection, lease: &Lease, now: Timestamp) -> Result<bool, StoreError> {
        // The SDK repeats an update whose answer was lost, and the repeated one meets this lease.
        let is_free =
            missing("leaseUntil").or(less("leaseUntil", now.as_millisecond())).or(equals("leaseOwner", &lease.owner));
        let update = self
            .table
            .update(&Key::Connection(&connection.patient_id))
            .set("leaseOwner", &lease.owner)
            .set("leaseUntil", lease.until.as_millisecond())
            .when(
                is_live_on(&connection.grant_id)
                    .and(equals("generation", connection.generation))
                    .and(missing("intentAttempt"))
                    .and(is_free),
            );
        Ok(update.send("hold the refresh lease").await?.is_written())
    }

    /// Ends a hold and changes nothing else. `false` if it had expired and the lease has another owner.
    ///
    /// # Errors
    /// [`StoreError`]; the hold then expires.
    pub async fn let_go(&self, patient: &PatientId, grant: &GrantId, owner: &str) -> Result<bool, StoreError> {
        let update = self.table.update(&Key::Connection(patient)).remove(LEASE);
        let update = update.when(is_on(grant).and(equals("leaseOwner", owner)));
        Ok(update.send("end the hold of the refresh lease").await?.is_written())
    }
}
