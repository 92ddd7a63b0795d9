//! The end of a connection: the writes of every end, the end that the patient requests, and the end that follows from Oura's
//! answers.

use std::time::Duration;

use jiff::Timestamp;

use super::item::{INTENT, LEASE, REFUSALS, SUSPECT};
use super::store::{Connections, is_live_on};
use crate::aws::error::StoreError;
use crate::aws::outbox::put_event;
use crate::aws::table::{Committed, Key, Transaction, equals, expires_at, less, missing};
use crate::domain::{
    BackfillState, Connection, ConnectionStatus, ConsentEnd, Day, PatientEvent, ReasonCode, Revocation,
};

const GUARD_TTL: Duration = Duration::from_secs(30 * 24 * 3600);

/// The end of ending a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disconnected {
    /// Recorded; the events are in the outbox.
    Recorded,
    /// The connection has another grant or generation. Nothing was changed.
    MovedOn,
    /// More patients than the guard allows were disconnected today: an operator has to act.
    GuardHolds,
}

/// The parts of an end's transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EndPart {
    Guard,
    Connection,
    Claim,
    Consent,
    Event,
}

impl Connections {
    /// Adds the writes of every end: of the connection, while it lives on this grant (and, if the end was decided on one, on
    /// this generation), and of the ring's claim.
    fn add_end(
        &self,
        transaction: &mut Transaction<EndPart>,
        connection: &Connection,
        reason: ReasonCode,
        generation: Option<u64>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let is_live = is_live_on(&connection.grant_id);
        // Oura has ended the others itself.
        let revocation = (reason == ReasonCode::UserRequest).then_some(Revocation::Pending);
        let condition = match generation {
            Some(generation) => is_live.and(equals("generation", generation)),
            None => is_live,
        };
        // A backfill that is not done will not be completed.
        let unfinished = connection.backfill.as_ref().is_some_and(|backfill| backfill.state != BackfillState::Done);
        let update = self
            .table
            .update(&Key::Connection(&connection.patient_id))
            .set("status", ConnectionStatus::Disconnected)
            .set("reasonCode", reason)
            .set("since", now)
            .set_or_remove("revocation", revocation)
            .set_some("backfillState", unfinished.then_some(BackfillState::Failed))
            .remove(["activeShard", "catchUpShard"])
            .remove(LEASE)
            .remove(INTENT)
            .remove(SUSPECT)
            .remove(REFUSALS)
            .when(condition);
        transaction.add(EndPart::Connection, update)?;
        transaction.add(EndPart::Claim, self.release_claim(connection))?;
        let consent = self.end_consent(connection, ConsentEnd::Ended(reason), now, revocation);
        transaction.add(EndPart::Consent, consent)?;
        Ok(())
    }

    /// Ends the connection on the patient's request, with its event. The guard does not apply, since the end does not follow
    /// from an answer of Oura. `false` if it had ended or has another grant by now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn disconnect_on_request(
        &self,
        connection: &Connection,
        event: &PatientEvent,
    ) -> Result<bool, StoreError> {
        let mut transaction = Transaction::new(&self.table, "disconnect the patient on request");
        self.add_end(&mut transaction, connection, ReasonCode::UserRequest, None, event.occurred_at)?;
        transaction.add(EndPart::Event, put_event(&self.table, event))?;
        Ok(transaction.commit().await?.is_done())
    }

    /// Ends the connection, with its events, unless `guard` patients were ended today.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn disconnect(
        &self,
        connection: &Connection,
        reason: ReasonCode,
        events: &[PatientEvent],
        guard: u32,
        now: Timestamp,
    ) -> Result<Disconnected, StoreError> {
        let mut transaction = Transaction::new(&self.table, "disconnect the patient");
        let count = self
            .table
            .update(&Key::DisconnectGuard(Day::of_utc(now)))
            .set("expiresAt", expires_at(now, GUARD_TTL))
            .add("disconnects", 1)
            .when(missing("disconnects").or(less("disconnects", guard)));
        transaction.add(EndPart::Guard, count)?;
        self.add_end(&mut transaction, connection, reason, Some(connection.generation), now)?;
        for event in events {
            transaction.add(EndPart::Event, put_event(&self.table, event))?;
        }
        Ok(match transaction.commit().await? {
            Committed::Done => Disconnected::Recorded,
            Committed::ConditionsFailed(parts) if parts.contains(&EndPart::Guard) => Disconnected::GuardHolds,
            Committed::ConditionsFailed(_) => Disconnected::MovedOn,
        })
    }
}
