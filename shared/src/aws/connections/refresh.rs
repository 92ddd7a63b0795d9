//! The conditional updates of the refresh protocol. Each names the grant and the generation that it was decided on, so late
//! work for an old consent or an old token pair changes nothing.

use jiff::Timestamp;

use super::item::{ConnectionItem, INTENT, LEASE, REFUSALS, SUSPECT};
use super::store::{Connections, is_live_on, is_on};
use crate::aws::error::StoreError;
use crate::aws::table::{Key, Outcome, Returned, Update, equals, less, missing};
use crate::domain::{
    Connection, ConnectionStatus, GrantId, Lease, PatientId, ReasonCode, RefreshIntent, RefreshRefusals, ScopeSet,
    Suspect,
};

/// The end of taking the refresh lease.
#[derive(Debug)]
pub enum LeaseOutcome {
    /// Taken. Holds the connection as it was before: its `intent`, if any, is of an attempt of unknown outcome.
    Taken(Box<Connection>),
    /// Not taken. Holds the connection as it is: with another live lease, or another grant or generation.
    Refused(Box<Connection>),
    /// There is no such connection any more.
    Gone,
}

/// The end of advancing a token generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Advanced {
    /// The connection has the generation now.
    Now,
    /// It had this generation already, or a newer one.
    Known,
    /// The grant is over: the connection has ended, has another grant, or does not exist.
    Over {
        /// Reason of the end, if this connection has ended.
        reason: Option<ReasonCode>,
    },
}

impl Connections {
    /// Takes the refresh lease and records the intent, in one update: only for this grant and generation, and only if no
    /// other lease is live.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take_lease(
        &self,
        connection: &Connection,
        lease: &Lease,
        intent: &RefreshIntent,
        now: Timestamp,
    ) -> Result<LeaseOutcome, StoreError> {
        const ACTION: &str = "take the refresh lease";
        let update = self
            .table
            .update(&Key::Connection(&connection.patient_id))
            .set("leaseOwner", &lease.owner)
            .set("leaseUntil", lease.until.as_millisecond())
            .set("intentGeneration", connection.generation)
            .set("intentAttempt", &intent.attempt)
            .set("intentStartedAt", intent.started_at)
            .when(
                is_live_on(&connection.grant_id)
                    .and(equals("generation", connection.generation))
                    .and(missing("leaseUntil").or(less("leaseUntil", now.as_millisecond()))),
            );
        let boxed = |item: ConnectionItem| item.connection(ACTION).map(Box::new);
        match update.send_returning::<ConnectionItem>(ACTION, Returned::Before).await? {
            Outcome::Written(before) => boxed(before).map(LeaseOutcome::Taken),
            Outcome::ConditionFailed(Some(current)) => boxed(current).map(LeaseOutcome::Refused),
            Outcome::ConditionFailed(None) => Ok(LeaseOutcome::Gone),
        }
    }

    /// Records that the stored token pair is of `generation`, with its time of issue (if known) and its scopes, and ends lease,
    /// intent and suspicion.
    /// Conditional on grant, status and an older generation, not on the lease.
    ///
    /// # Errors
    /// [`StoreError`]; the next reader of the pair retries.
    pub async fn advance_generation(
        &self,
        patient: &PatientId,
        grant: &GrantId,
        generation: u64,
        issued_at: Option<Timestamp>,
        scopes: &ScopeSet,
    ) -> Result<Advanced, StoreError> {
        const ACTION: &str = "advance the token generation";
        let update = self
            .table
            .update(&Key::Connection(patient))
            .set("generation", generation)
            .set_or_remove("tokensIssuedAt", issued_at)
            .set("scopesGranted", scopes.to_string())
            .remove(LEASE)
            .remove(INTENT)
            .remove(SUSPECT)
            .remove(REFUSALS)
            .when(is_live_on(grant).and(less("generation", generation)));
        let current = match update.send_or_current::<ConnectionItem>(ACTION).await? {
            Outcome::Written(()) => return Ok(Advanced::Now),
            Outcome::ConditionFailed(current) => current.map(|item| item.connection(ACTION)).transpose()?,
        };
        Ok(match current.filter(|current| current.grant_id == *grant) {
            Some(current) if current.status != ConnectionStatus::Disconnected => Advanced::Known,
            Some(ended) => Advanced::Over { reason: ended.reason },
            None => Advanced::Over { reason: None },
        })
    }

    /// Ends the lease of an attempt that did not spend the refresh token, and its intent unless an earlier attempt's intent
    /// has to be kept.
    ///
    /// # Errors
    /// [`StoreError`]; the lease then expires.
    pub async fn release_lease(
        &self,
        patient: &PatientId,
        grant: &GrantId,
        owner: &str,
        keep_intent: bool,
    ) -> Result<bool, StoreError> {
        let update = self.update_of_owner(patient, grant, owner).remove(LEASE);
        let update = if keep_intent { update } else { update.remove(INTENT) };
        Ok(update.send("release the refresh lease").await?.is_written())
    }

    /// Records a refusal that did not spend the refresh token, and ends the attempt's lease; also its intent, unless an
    /// earlier attempt's intent has to be kept.
    ///
    /// # Errors
    /// [`StoreError`]; the refusal then does not count.
    pub async fn record_refusal(
        &self,
        patient: &PatientId,
        grant: &GrantId,
        owner: &str,
        refusals: RefreshRefusals,
        keep_intent: bool,
    ) -> Result<bool, StoreError> {
        let update = self
            .update_of_owner(patient, grant, owner)
            .set("refusedCount", refusals.count)
            .set("refusedSince", refusals.since)
            .set("refusedAt", refusals.last)
            .remove(LEASE);
        let update = if keep_intent { update } else { update.remove(INTENT) };
        Ok(update.send("record a refused refresh").await?.is_written())
    }

    /// Lets the lease of an attempt that is over end at another time: its request may still be in flight.
    ///
    /// # Errors
    /// [`StoreError`]; the lease then expires as planned.
    pub async fn hold_lease(
        &self,
        patient: &PatientId,
        grant: &GrantId,
        owner: &str,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let update = self.update_of_owner(patient, grant, owner).set("leaseUntil", until.as_millisecond());
        Ok(update.send("extend the refresh lease").await?.is_written())
    }

    /// Records Oura's first `invalid_grant` and ends the attempt's lease and intent.
    ///
    /// # Errors
    /// [`StoreError`]; the next attempt meets the same answer.
    pub async fn suspect(&self, connection: &Connection, owner: &str, suspect: Suspect) -> Result<bool, StoreError> {
        let update = self
            .table
            .update(&Key::Connection(&connection.patient_id))
            .set("suspectSince", suspect.since)
            .set("suspectProbeAt", suspect.probe_at)
            .set("suspectReason", suspect.reason)
            .remove(LEASE)
            .remove(INTENT)
            .when(
                is_on(&connection.grant_id)
                    .and(equals("leaseOwner", owner))
                    .and(equals("generation", connection.generation))
                    .and(missing("suspectSince")),
            );
        Ok(update.send("record a suspect refresh token").await?.is_written())
    }

    fn update_of_owner(&self, patient: &PatientId, grant: &GrantId, owner: &str) -> Update {
        self.table.update(&Key::Connection(patient)).when(is_on(grant).and(equals("leaseOwner", owner)))
    }
}
