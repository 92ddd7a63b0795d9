//! The decisions of one refresh, as a pure state machine: the result of an action goes in, the next action comes out. The
//! driver in `refresh` carries the actions out; the model check explores every order of events.
//!
//! The protocol has two principles. Only the holder of the lease sends the refresh token, and the lease outlasts the
//! holder's invocation by the time that its last request may be in flight and by the time that two clocks may differ. And a
//! refreshed pair is kept whatever happens to the lease: the generation decides, not the time.

use std::time::Duration;

use jiff::Timestamp;

use super::refresh_state::RefreshState;
use crate::aws::Advanced;
use crate::domain::{ReasonCode, RefreshRefusals, Suspect};

/// A token is refreshed if it expires within this time: longer than any sync runs.
const EXPIRY_MARGIN: Duration = Duration::from_secs(20 * 60);

/// Longest time between two refreshes: an idle refresh token may expire (RFC 9700, section 4.14).
const MAX_IDLE: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// A younger pair is not refreshed on request: Secrets Manager recommends at most one write of a secret in ten minutes.
pub(super) const MIN_AGE: Duration = Duration::from_secs(10 * 60);

/// Time for which a request may still be in flight after its sender has crashed.
const IN_FLIGHT_TIMEOUT: Duration = Duration::from_secs(60);

/// Largest difference between the clocks of two workers. It is added to a stored lease, so that a worker with a fast clock
/// does not take over a live lease. The wait for a crashed holder is longer by the same time.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(5 * 60);

/// Time that a refresh needs: 25 s for Oura, the rest to store the new pair.
const MIN_REFRESH_TIME: Duration = Duration::from_secs(40);

/// Time that a retry of storing a new pair needs.
const MIN_STORE_TIME: Duration = Duration::from_secs(2);

/// Refusals in other words than `invalid_grant` after which one counts as such, and the time over which they are spread.
/// Meanwhile the token endpoint has to have served another patient.
const MIN_REFUSALS: u32 = 3;
const MIN_REFUSED_TIME: Duration = Duration::from_secs(3600);

/// The same time if the token endpoint has served nobody else, and refused nobody else: perhaps there is no other patient.
const MIN_REFUSED_TIME_ALONE: Duration = Duration::from_secs(24 * 3600);

/// Shortest time between two refreshes of a refused token: until the refusals are enough, and after that.
const REFUSED_RETRIES: (Duration, Duration) = (Duration::from_secs(30 * 60), Duration::from_secs(2 * 3600));

/// Time for which a worker waits for another's refresh before its message returns to the queue.
const WAIT_TIMEOUT: Duration = Duration::from_secs(8);

/// Longest delay before the message of a worker that waits for another's lease is received again.
const MAX_LEASE_WAIT: Duration = Duration::from_secs(120);

/// Delay of a retry without a known time.
const DEFAULT_RETRY: Duration = Duration::from_secs(5);

/// Reads of an old copy of a pair before the wait is left to the queue.
const MAX_OLD_COPIES: u8 = 5;

/// Requirement on the requested token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Need {
    /// Valid for a while.
    Valid,
    /// Newer than the generation that Oura answered with 401.
    NewerThan(u64),
    /// Just issued by Oura.
    Fresh,
}

/// A token pair, as far as the protocol needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Pair {
    pub generation: u64,
    pub expires_at: Option<Timestamp>,
    pub refreshed_at: Option<Timestamp>,
}

/// The next step of the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Action {
    /// Read the grant's pair.
    ReadPair,
    /// Read the connection.
    ReadConnection,
    /// Take the lease of this generation until then, and record the intent.
    TakeLease { generation: u64, until: Timestamp },
    /// Send the refresh token that was read last to Oura, once.
    Ask,
    /// Store the new pair.
    Store,
    /// Record the generation on the connection.
    Advance { generation: u64 },
    /// End the lease and, unless it has to be kept, the intent.
    Release { keep_intent: bool },
    /// Let the lease end at this time.
    HoldUntil(Timestamp),
    /// Record the refusal, and end the lease and, unless it has to be kept, the intent.
    Refuse { refusals: RefreshRefusals, keep_intent: bool },
    /// Record the suspicion, which ends lease and intent.
    Suspect(Suspect),
    /// End the connection.
    End(ReasonCode),
    /// The grant is over: revoke the newest access token at Oura and delete the pair.
    Discard,
    /// Delete the pair, which Oura does not accept any more.
    Forget,
    /// Wait a little.
    Pause,
    /// Done.
    Finish(Verdict),
}

/// The result of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ActionResult<I> {
    /// The pair, if there is one.
    Pair(Option<Pair>),
    /// The connection, if there is one.
    Connection(Option<RefreshState<I>>),
    /// The lease was taken; the connection as it was before.
    Taken(RefreshState<I>),
    /// The lease was not taken; the connection as it is, if there is one.
    NotTaken(Option<RefreshState<I>>),
    /// Oura issued a new pair.
    Granted,
    /// Oura does not accept the refresh token (any more).
    InvalidGrant,
    /// Oura refused this token in other words than `invalid_grant`.
    Declined {
        /// Time at which it last served another patient.
        served_at: Option<Timestamp>,
        /// True if it has failed for several patients since its last answer.
        of_several: bool,
    },
    /// Oura refused the request, or it was not sent: nothing was spent.
    Refused,
    /// The token endpoint fails for several patients: no request may be sent.
    Paused,
    /// The refresh token may be spent.
    OutcomeUnknown,
    /// The new pair is stored.
    Written,
    /// Another pair of its generation is stored.
    Occupied,
    /// The grant has no place in the store any more.
    Gone,
    Advanced(Advanced),
    /// The connection was ended.
    Ended,
    /// It has moved on and was not ended.
    MovedOn,
    /// Too many were ended today.
    GuardHolds,
    /// Done; or attempted, for an action whose failure has no consequence.
    Done,
    /// A store failed. `again`: a retry may succeed.
    Failed {
        again: bool,
    },
}

/// The end of a refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Verdict {
    /// The newest pair that was read or stored is to be used.
    Use,
    /// Retry after this time.
    Busy(Duration),
    /// Oura's token endpoint failed; nothing was concluded.
    Systemic,
    /// Oura refused the token, and may be asked again after this time.
    Declined(Duration),
    /// The guard against mass disconnection holds.
    GuardHolds,
    /// The connection is over.
    Ended(Option<ReasonCode>),
    /// The connection is live, but its pair is missing.
    PairMissing,
    /// A store failed.
    Failed,
}

/// ReadReason the pair is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum ReadReason {
    /// Check against the need.
    Need,
    /// Another worker refreshes, or has refreshed.
    Waiting { wanted: u64 },
    /// The lease was taken. Another worker may have stored a newer pair before it crashed.
    UnderLease,
    /// Oura answered `invalid_grant`.
    InvalidGrant,
    /// The store has a pair of the new generation already.
    Occupied,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Step {
    Reading(ReadReason),
    Missing(ReadReason),
    OldCopy(ReadReason),
    RollingForward(ReadReason, Pair),
    Taking,
    PausingForOther,
    Asking,
    Storing,
    PausingToStore,
    Advancing,
    Suspecting,
    Ending(ReasonCode),
    /// Clean-up before the verdict.
    Leaving(Verdict),
    Finished,
}

/// One refresh, or one read of a pair that needs none.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Refresh<I> {
    need: Need,
    attempt: I,
    deadline: Timestamp,
    /// Time between a first `invalid_grant` and the probe that ends the connection.
    probe_after: Duration,
    give_up: Timestamp,
    known: RefreshState<I>,
    step: Step,
    old_copies: u8,
    /// The stored pair is still valid: the refresh is early, and its failure has no consequence yet.
    proactive: bool,
    /// The token was refused in other words than `invalid_grant`.
    declined: bool,
    /// Time before the request to Oura.
    asked_at: Timestamp,
}

impl<I: Clone + Eq> Refresh<I> {
    /// The first step. `deadline`: when this invocation ends, which ends a refresh in the middle. `probe_after`: time between a
    /// first `invalid_grant` and the probe that ends the connection.
    pub(super) fn begin(
        need: Need,
        known: RefreshState<I>,
        attempt: I,
        deadline: Timestamp,
        probe_after: Duration,
        now: Timestamp,
    ) -> (Self, Action) {
        let step = Step::Reading(ReadReason::Need);
        let give_up = now + WAIT_TIMEOUT;
        let refresh = Self {
            need,
            attempt,
            deadline,
            probe_after,
            give_up,
            known,
            step,
            old_copies: 0,
            proactive: false,
            declined: false,
            asked_at: now,
        };
        (refresh, Action::ReadPair)
    }

    /// Takes the result of the last action and returns the next one.
    pub(super) fn on_result(&mut self, result: ActionResult<I>, now: Timestamp) -> Action {
        match (self.step, result) {
            (Step::Reading(reason), ActionResult::Pair(Some(pair))) => self.pair(reason, pair, now),
            (Step::Reading(reason), ActionResult::Pair(None)) => self.go(Step::Missing(reason), Action::ReadConnection),
            (Step::Reading(ReadReason::UnderLease), ActionResult::Failed { .. }) => self.release(Verdict::Failed),
            (Step::Missing(_), ActionResult::Connection(current)) => self.pair_missing(current),
            (Step::OldCopy(reason), ActionResult::Done) => self.go(Step::Reading(reason), Action::ReadPair),
            (Step::RollingForward(..) | Step::Advancing, ActionResult::Advanced(Advanced::Over { reason })) => {
                self.discard(reason)
            }
            (Step::RollingForward(reason, pair), ActionResult::Advanced(_)) => self.decide(reason, pair, now),
            (Step::Taking, ActionResult::Taken(before)) => self.under_lease(before, now),
            (Step::Taking, ActionResult::Paused) => self.finish(Verdict::Systemic),
            (Step::Taking, ActionResult::NotTaken(Some(current))) => self.not_taken(current, now),
            (Step::Taking, ActionResult::NotTaken(None)) => self.finish(Verdict::Ended(None)),
            (Step::PausingForOther, ActionResult::Done) => self.take(now),
            (Step::Asking, ActionResult::Granted) => self.go(Step::Storing, Action::Store),
            (Step::Asking, ActionResult::InvalidGrant) => {
                self.go(Step::Reading(ReadReason::InvalidGrant), Action::ReadPair)
            }
            (Step::Asking, ActionResult::Declined { served_at, of_several }) => {
                self.on_declined(served_at, of_several, now)
            }
            (Step::Asking, ActionResult::Refused) => self.release(Verdict::Systemic),
            // The request may still be in flight: the next worker waits until it cannot be, and finds the intent.
            (Step::Asking, ActionResult::OutcomeUnknown) => {
                self.go(Step::Leaving(Verdict::Systemic), Action::HoldUntil(lease_expiry_after(now)))
            }
            (Step::Asking, ActionResult::Failed { .. }) => self.release(Verdict::Failed),
            (Step::Storing, ActionResult::Written) => self.advance(self.known.generation + 1),
            (Step::Storing, ActionResult::Occupied) => {
                self.known.generation += 1;
                self.go(Step::Reading(ReadReason::Occupied), Action::ReadPair)
            }
            (Step::Storing, ActionResult::Gone) => self.discard(None),
            // The only copy of the token pair is in this process: it has to be stored first.
            (Step::Storing, ActionResult::Failed { again: true }) if now + MIN_STORE_TIME < self.deadline => {
                self.go(Step::PausingToStore, Action::Pause)
            }
            (Step::PausingToStore, ActionResult::Done) => self.go(Step::Storing, Action::Store),
            // The pair is stored; its next reader rolls the connection forward.
            (Step::Advancing, ActionResult::Advanced(_) | ActionResult::Failed { .. }) => self.finish(Verdict::Use),
            (Step::Suspecting, ActionResult::Done) => self.finish(Verdict::Busy(self.probe_after)),
            (Step::Ending(reason), ActionResult::Ended) => {
                self.go(Step::Leaving(Verdict::Ended(Some(reason))), Action::Forget)
            }
            (Step::Ending(_), ActionResult::MovedOn) => self.finish(Verdict::Busy(DEFAULT_RETRY)),
            (Step::Ending(_), ActionResult::GuardHolds) => self.release(Verdict::GuardHolds),
            (Step::Leaving(verdict), _) => self.finish(verdict),
            // A store failed; or, by a mistake of the driver, the result belongs to another action.
            (_, _) => self.finish(Verdict::Failed),
        }
    }

    fn go(&mut self, step: Step, action: Action) -> Action {
        self.step = step;
        action
    }

    fn finish(&mut self, verdict: Verdict) -> Action {
        let can_wait = matches!(
            verdict,
            Verdict::Busy(_) | Verdict::Systemic | Verdict::Declined(_) | Verdict::GuardHolds | Verdict::Failed
        );
        let verdict = if self.proactive && can_wait { Verdict::Use } else { verdict };
        self.go(Step::Finished, Action::Finish(verdict))
    }

    /// Releases the lease: this attempt did not spend the refresh token. The outcome of an earlier attempt is as unknown as
    /// before, so its intent stays.
    fn release(&mut self, verdict: Verdict) -> Action {
        let keep_intent = self.known.intent.is_some();
        self.go(Step::Leaving(verdict), Action::Release { keep_intent })
    }

    fn discard(&mut self, reason: Option<ReasonCode>) -> Action {
        self.go(Step::Leaving(Verdict::Ended(reason)), Action::Discard)
    }

    fn advance(&mut self, generation: u64) -> Action {
        self.go(Step::Advancing, Action::Advance { generation })
    }

    /// Rolls the connection forward to a pair that is ahead of it (its writer crashed in between). A pair that is behind is an
    /// old copy of an eventually consistent store, and its refresh token is spent: it is read again.
    fn pair(&mut self, reason: ReadReason, pair: Pair, now: Timestamp) -> Action {
        if pair.generation > self.known.generation {
            let action = Action::Advance { generation: pair.generation };
            return self.go(Step::RollingForward(reason, pair), action);
        }
        if pair.generation < self.known.generation {
            self.old_copies += 1;
            if self.old_copies > MAX_OLD_COPIES {
                return if reason == ReadReason::UnderLease {
                    self.release(Verdict::Busy(DEFAULT_RETRY))
                } else {
                    self.finish(Verdict::Busy(DEFAULT_RETRY))
                };
            }
            return self.go(Step::OldCopy(reason), Action::Pause);
        }
        self.decide(reason, pair, now)
    }

    fn decide(&mut self, reason: ReadReason, pair: Pair, now: Timestamp) -> Action {
        let newer = pair.generation > self.known.generation;
        match reason {
            ReadReason::Need => {
                self.known.generation = pair.generation;
                if self.meets_need(pair, now) { self.finish(Verdict::Use) } else { self.take(now) }
            }
            ReadReason::Waiting { wanted } if pair.generation > wanted => self.finish(Verdict::Use),
            ReadReason::Waiting { .. } => match &self.known.lease {
                Some((_, until)) if *until >= now => {
                    if now < self.give_up {
                        return self.go(Step::PausingForOther, Action::Pause);
                    }
                    let left = Duration::try_from(until.duration_since(now)).unwrap_or_default();
                    self.finish(Verdict::Busy(left.clamp(DEFAULT_RETRY, MAX_LEASE_WAIT)))
                }
                // The connection has moved on without a newer pair (the first copy was old): decide on the new state.
                _ => self.take(now),
            },
            ReadReason::UnderLease | ReadReason::InvalidGrant if newer => self.finish(Verdict::Use),
            ReadReason::UnderLease => {
                self.asked_at = now;
                self.go(Step::Asking, Action::Ask)
            }
            ReadReason::InvalidGrant => self.on_invalid_grant(now),
            ReadReason::Occupied => self.advance(pair.generation),
        }
    }

    fn meets_need(&mut self, pair: Pair, now: Timestamp) -> bool {
        let older_than = |age: Duration| pair.refreshed_at.is_some_and(|at| at + age <= now);
        match self.need {
            Need::Valid => {
                // Without a stated expiry the token is used until Oura answers 401.
                self.proactive = pair.expires_at.is_none_or(|end| end > now + EXPIRY_MARGIN);
                self.proactive && !older_than(MAX_IDLE)
            }
            Need::NewerThan(refused) => pair.generation > refused,
            // A pair of an older version of this code has no time of its refresh.
            Need::Fresh => pair.refreshed_at.is_some() && !older_than(MIN_AGE),
        }
    }

    fn pair_missing(&mut self, current: Option<RefreshState<I>>) -> Action {
        self.finish(match current {
            Some(now) if now.grant == self.known.grant && !now.ended => Verdict::PairMissing,
            Some(now) => Verdict::Ended(now.reason.filter(|_| now.ended)),
            None => Verdict::Ended(None),
        })
    }

    fn take(&mut self, now: Timestamp) -> Action {
        if self.deadline < now + MIN_REFRESH_TIME {
            return self.finish(Verdict::Busy(DEFAULT_RETRY));
        }
        if let Some(wait) = self.refused_for(now) {
            return self.finish(Verdict::Declined(wait));
        }
        let until = lease_expiry_after(self.deadline);
        self.go(Step::Taking, Action::TakeLease { generation: self.known.generation, until })
    }

    fn under_lease(&mut self, before: RefreshState<I>, now: Timestamp) -> Action {
        self.known = before;
        // Another attempt was refused since the connection was read.
        if let Some(wait) = self.refused_for(now) {
            return self.release(Verdict::Declined(wait));
        }
        self.go(Step::Reading(ReadReason::UnderLease), Action::ReadPair)
    }

    fn not_taken(&mut self, current: RefreshState<I>, now: Timestamp) -> Action {
        if current.grant != self.known.grant {
            return self.finish(Verdict::Ended(None));
        }
        if current.ended {
            return self.finish(Verdict::Ended(current.reason));
        }
        // The SDK repeats an update whose answer was lost, and the repeated one meets this attempt's lease.
        if current.lease.as_ref().is_some_and(|(owner, _)| *owner == self.attempt) {
            return self.under_lease(RefreshState { intent: None, ..current }, now);
        }
        let wanted = self.known.generation;
        self.known = current;
        self.go(Step::Reading(ReadReason::Waiting { wanted }), Action::ReadPair)
    }

    /// Time before a refused token may be sent again; `None` if it may be sent now. The probe of a suspicion that follows
    /// from refusals has its own time.
    fn refused_for(&self, now: Timestamp) -> Option<Duration> {
        let refusals = self.known.refusals?;
        let is_enough = refusals.count >= MIN_REFUSALS;
        if is_enough && self.known.suspect.is_some() {
            return None;
        }
        let retry = if is_enough { REFUSED_RETRIES.1 } else { REFUSED_RETRIES.0 };
        Duration::try_from((refusals.last + retry).duration_since(now)).ok().filter(|wait| !wait.is_zero())
    }

    /// Decides on a refusal in other words than `invalid_grant`. If it was repeated for long enough while Oura served other
    /// patients, it concerns this patient's token, and counts as `invalid_grant`. While it fails for several patients and
    /// serves none, refusals show nothing about this token, and the count begins again.
    fn on_declined(&mut self, served_at: Option<Timestamp>, of_several: bool, now: Timestamp) -> Action {
        // Others may have been served while this request was in flight.
        let none = RefreshRefusals { count: 0, since: self.asked_at, last: now };
        let before = self.known.refusals.unwrap_or(none);
        let is_served = served_at.is_some_and(|at| at >= before.since);
        if of_several && !is_served {
            return self.leave_declined(none);
        }
        let refusals = RefreshRefusals { count: before.count.saturating_add(1), last: now, ..before };
        let min_time = if is_served { MIN_REFUSED_TIME } else { MIN_REFUSED_TIME_ALONE };
        if refusals.count >= MIN_REFUSALS && refusals.since + min_time <= now {
            self.declined = true;
            return self.go(Step::Reading(ReadReason::InvalidGrant), Action::ReadPair);
        }
        self.leave_declined(refusals)
    }

    /// Records refusals that end nothing.
    fn leave_declined(&mut self, refusals: RefreshRefusals) -> Action {
        let retry = if refusals.count >= MIN_REFUSALS { REFUSED_RETRIES.1 } else { REFUSED_RETRIES.0 };
        let keep_intent = self.known.intent.is_some();
        self.go(Step::Leaving(Verdict::Declined(retry)), Action::Refuse { refusals, keep_intent })
    }

    /// Decides on an `invalid_grant` without a newer pair. One may be a race or a fault of Oura; a second one, some time later,
    /// ends the connection.
    fn on_invalid_grant(&mut self, now: Timestamp) -> Action {
        // The intent of an attempt of unknown outcome means a lost answer, not a revocation.
        // Nor does a refusal in other words name one.
        let lost = self.known.intent.is_some() || self.declined;
        let first = self.known.suspect.map_or(ReasonCode::Revoked, |suspect| suspect.reason);
        let reason = if lost { ReasonCode::RefreshLost } else { first };
        match self.known.suspect.map(|suspect| suspect.probe_at) {
            None => {
                let suspect = Suspect { since: now, probe_at: now + self.probe_after, reason };
                self.go(Step::Suspecting, Action::Suspect(suspect))
            }
            Some(at) if now < at => {
                let left = Duration::try_from(at.duration_since(now)).unwrap_or(self.probe_after);
                self.release(Verdict::Busy(left.min(self.probe_after)))
            }
            Some(_) => self.go(Step::Ending(reason), Action::End(reason)),
        }
    }
}

/// End of a lease whose holder ends at this time: its last request cannot be in flight any more, by any worker's clock.
fn lease_expiry_after(end: Timestamp) -> Timestamp {
    end + IN_FLIGHT_TIMEOUT + MAX_CLOCK_SKEW
}
