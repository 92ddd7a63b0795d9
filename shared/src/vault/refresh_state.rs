//! A connection as the refresh protocol sees it, and the conditional updates of the protocol as pure functions. The table's
//! expressions do the same in DynamoDB; a test compares the two, and the model check runs on these.

use jiff::Timestamp;

use crate::aws::Advanced;
use crate::domain::{Connection, ConnectionStatus, ReasonCode, RefreshRefusals, Suspect};

/// A connection, as far as the protocol needs it. `I` is an id: text in production, a number in the model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RefreshState<I> {
    /// Its consent.
    pub grant: I,
    /// Generation of the newest token pair that is recorded on it.
    pub generation: u64,
    /// True if it is disconnected.
    pub ended: bool,
    /// Reason of its status.
    pub reason: Option<ReasonCode>,
    /// The attempt that holds the refresh lease, and the end of the lease.
    pub lease: Option<(I, Timestamp)>,
    /// The last attempt, if its outcome is unknown.
    pub intent: Option<I>,
    /// The first `invalid_grant`, if there was one.
    pub suspect: Option<Suspect>,
    /// Refusals in other words than `invalid_grant`.
    pub refusals: Option<RefreshRefusals>,
}

impl From<&Connection> for RefreshState<String> {
    fn from(connection: &Connection) -> Self {
        Self {
            grant: connection.grant_id.to_string(),
            generation: connection.generation,
            ended: connection.status == ConnectionStatus::Disconnected,
            reason: connection.reason,
            lease: connection.lease.as_ref().map(|lease| (lease.owner.clone(), lease.until)),
            intent: connection.intent.as_ref().map(|intent| intent.attempt.clone()),
            suspect: connection.suspect,
            refusals: connection.refusals,
        }
    }
}

impl<I: Clone + Eq> RefreshState<I> {
    /// Takes the lease and records the intent: only for this grant and generation, and only if no other lease is live.
    pub fn take_lease(&mut self, grant: &I, generation: u64, attempt: &I, until: Timestamp, now: Timestamp) -> bool {
        let free = self.lease.as_ref().is_none_or(|(_, until)| *until < now);
        let may = self.lives_on(grant) && self.generation == generation && free;
        if may {
            self.lease = Some((attempt.clone(), until));
            self.intent = Some(attempt.clone());
        }
        may
    }

    /// Records a newer generation, which ends lease, intent, suspicion and refusals.
    pub fn advance(&mut self, grant: &I, generation: u64) -> Advanced {
        if !self.lives_on(grant) {
            return Advanced::Over { reason: self.reason.filter(|_| self.grant == *grant) };
        }
        if self.generation >= generation {
            return Advanced::Known;
        }
        self.generation = generation;
        (self.suspect, self.refusals) = (None, None);
        self.free(false);
        Advanced::Now
    }

    /// Ends the attempt's lease; also its intent, unless an earlier attempt's intent has to be kept.
    pub fn release(&mut self, grant: &I, attempt: &I, keep_intent: bool) -> bool {
        let may = self.grant == *grant && self.is_held_by(attempt);
        if may {
            self.free(keep_intent);
        }
        may
    }

    /// Records a refusal, which ends the attempt's lease; also its intent, unless an earlier attempt's has to be kept.
    pub fn refuse(&mut self, grant: &I, attempt: &I, refusals: RefreshRefusals, keep_intent: bool) -> bool {
        let may = self.release(grant, attempt, keep_intent);
        if may {
            self.refusals = Some(refusals);
        }
        may
    }

    /// Changes the end of the attempt's lease.
    pub fn hold_until(&mut self, grant: &I, attempt: &I, until: Timestamp) -> bool {
        let may = self.grant == *grant && self.is_held_by(attempt);
        if may {
            self.lease = Some((attempt.clone(), until));
        }
        may
    }

    /// Records the first `invalid_grant`, which ends the attempt.
    pub fn begin_suspicion(&mut self, grant: &I, generation: u64, attempt: &I, suspect: Suspect) -> bool {
        let may =
            self.grant == *grant && self.generation == generation && self.is_held_by(attempt) && self.suspect.is_none();
        if may {
            self.suspect = Some(suspect);
            self.free(false);
        }
        may
    }

    /// Ends the connection.
    pub fn end(&mut self, grant: &I, generation: u64, reason: ReasonCode) -> bool {
        let may = self.lives_on(grant) && self.generation == generation;
        if may {
            (self.ended, self.reason, self.suspect, self.refusals) = (true, Some(reason), None, None);
            self.free(false);
        }
        may
    }

    fn lives_on(&self, grant: &I) -> bool {
        self.grant == *grant && !self.ended
    }

    fn is_held_by(&self, attempt: &I) -> bool {
        self.lease.as_ref().is_some_and(|(owner, _)| owner == attempt)
    }

    fn free(&mut self, keep_intent: bool) {
        self.lease = None;
        if !keep_intent {
            self.intent = None;
        }
    }
}
