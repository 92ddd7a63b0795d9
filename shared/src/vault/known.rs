//! What the refresh protocol knows of a connection, and what its conditional updates demand of the item and do to it, as
//! pure functions. The table's expressions say the same in DynamoDB's words; a test holds the two against each other, and
//! the model check runs on these.

use jiff::Timestamp;

use crate::aws::Advanced;
use crate::domain::{Connection, ConnectionStatus, ReasonCode, Suspect};

/// A connection, as far as refreshing goes. `I` is an id: text in production, a number in the model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Known<I> {
    /// The consent that it lives on.
    pub grant: I,
    /// Of the newest token pair that is known here.
    pub generation: u64,
    /// It is disconnected.
    pub ended: bool,
    /// Why it is not simply connected.
    pub reason: Option<ReasonCode>,
    /// Which attempt may refresh, and until when nobody else may.
    pub lease: Option<(I, Timestamp)>,
    /// The attempt that was begun last and whose end is not known.
    pub intent: Option<I>,
    /// Oura called the refresh token invalid once.
    pub suspect: Option<Suspect>,
}

impl From<&Connection> for Known<String> {
    fn from(connection: &Connection) -> Self {
        Self {
            grant: connection.grant_id.to_string(),
            generation: connection.generation,
            ended: connection.status == ConnectionStatus::Disconnected,
            reason: connection.reason,
            lease: connection.lease.as_ref().map(|lease| (lease.owner.clone(), lease.until)),
            intent: connection.intent.as_ref().map(|intent| intent.attempt.clone()),
            suspect: connection.suspect,
        }
    }
}

impl<I: Clone + Eq> Known<I> {
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

    /// Makes a newer generation known, which ends lease, intent and suspicion.
    pub fn advance(&mut self, grant: &I, generation: u64) -> Advanced {
        if !self.lives_on(grant) {
            return Advanced::Over { reason: self.reason.filter(|_| self.grant == *grant) };
        }
        if self.generation >= generation {
            return Advanced::Known;
        }
        self.generation = generation;
        self.suspect = None;
        self.free(false);
        Advanced::Now
    }

    /// Ends the attempt's lease; its intent too, unless that of an earlier attempt has to be kept in mind.
    pub fn release(&mut self, grant: &I, attempt: &I, keep_intent: bool) -> bool {
        let may = self.grant == *grant && self.is_held_by(attempt);
        if may {
            self.free(keep_intent);
        }
        may
    }

    /// Lets the attempt's lease end at another time than was planned.
    pub fn hold_until(&mut self, grant: &I, attempt: &I, until: Timestamp) -> bool {
        let may = self.grant == *grant && self.is_held_by(attempt);
        if may {
            self.lease = Some((attempt.clone(), until));
        }
        may
    }

    /// Remembers that Oura called the refresh token invalid, which ends the attempt.
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
            (self.ended, self.reason, self.suspect) = (true, Some(reason), None);
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
