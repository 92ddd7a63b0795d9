//! The decisions of one refresh, as a pure state machine: what was observed goes in, what to do next comes out. The driver
//! in `refresh` carries the actions out; the model check explores every order in which they can happen.
//!
//! Two ideas carry the protocol. A refresh token is sent only by who holds the lease, and the lease outlives its holder's
//! invocation: by the time that a request which was sent last may still be under way, and by the time that two clocks may
//! differ. And what a successful refresh gave is kept whatever happened to the lease: the generation decides, not who is
//! in time.

use std::time::Duration;

use jiff::Timestamp;

use super::known::Known;
use crate::aws::Advanced;
use crate::domain::{ReasonCode, Suspect};

/// A token is refreshed when it ends within this time: longer than any sync runs.
const MARGIN: Duration = Duration::from_secs(20 * 60);

/// A pair is refreshed at least this often: a refresh token that lies idle may end by itself (RFC 9700, section 4.14).
const IDLE: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// A pair younger than this is not refreshed because somebody asks for it: Secrets Manager wants no more than one write of
/// a secret in ten minutes.
const YOUNG: Duration = Duration::from_secs(10 * 60);

/// How long a request may still be at work at Oura after whoever sent it has gone.
const FLIGHT: Duration = Duration::from_secs(60);

/// How far the clocks of two workers may be apart. A lease lies in the table with this time added, so that a worker whose
/// clock is fast does not take over from one that lives. A dead holder is waited for as much longer.
const SKEW: Duration = Duration::from_secs(5 * 60);

/// A refresh is not begun with less time than this: 25 s for Oura, the rest to store the new pair.
const LEAST_TIME: Duration = Duration::from_secs(40);

/// Storing a new pair is not begun again with less time than this.
const LEAST_TIME_TO_STORE: Duration = Duration::from_secs(2);

/// Between a first `invalid_grant` and the one that counts.
const PROBE_AFTER: Duration = Duration::from_secs(120);

/// How long a waiter looks for another's result before it goes back to the queue.
const WAIT: Duration = Duration::from_secs(8);

/// The wait of who has to come back without knowing when.
const SOON: Duration = Duration::from_secs(5);

/// How often an old copy of a pair is read again.
const OLD_COPIES: u8 = 5;

/// What for a token is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Need {
    /// One that is good for a while.
    Good,
    /// One that is newer than the generation which Oura answered 401.
    NewerThan(u64),
    /// One that is fresh from Oura.
    Fresh,
}

/// What the protocol has to know of a token pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Pair {
    pub generation: u64,
    pub expires_at: Option<Timestamp>,
    pub refreshed_at: Option<Timestamp>,
}

/// What to do next.
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
    /// Store what Oura gave.
    Store,
    /// Make the generation known on the connection.
    Advance { generation: u64 },
    /// End the lease and, unless it has to be kept, the intent.
    Release { keep_intent: bool },
    /// Let the lease end at this time.
    HoldUntil(Timestamp),
    /// Remember the suspicion, which ends lease and intent.
    Suspect(Suspect),
    /// End the connection.
    End(ReasonCode),
    /// The grant is over: revoke the newest access token at Oura and delete the pair.
    Discard,
    /// Delete the pair, which Oura does not take any more.
    Forget,
    /// Wait a little.
    Pause,
    /// Done.
    Finish(Verdict),
}

/// What came of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Observed<I> {
    /// The pair, if there is one.
    Pair(Option<Pair>),
    /// The connection, if there is one.
    Connection(Option<Known<I>>),
    /// The lease was taken; the connection as it was before.
    Taken(Known<I>),
    /// The lease was not to be had; the connection as it is, if there is one.
    NotTaken(Option<Known<I>>),
    /// Oura gave a new pair.
    Granted,
    /// Oura does not know the refresh token (any more).
    InvalidGrant,
    /// Oura did not take the request, or it was not sent: nothing was spent.
    Refused,
    /// The refresh token may be spent.
    OutcomeUnknown,
    /// The new pair lies in the store.
    Written,
    /// Another pair of its generation lies there.
    Occupied,
    /// The grant has no place in the store any more.
    Gone,
    /// What became of advancing.
    Advanced(Advanced),
    /// The connection was ended.
    Ended,
    /// It has moved on and was not ended.
    MovedOn,
    /// Too many were ended today.
    GuardHolds,
    /// Done; or, of what is done for tidiness, tried.
    Done,
    /// A store of ours failed. `again`: another try may help.
    Failed { again: bool },
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Verdict {
    /// The newest pair that was read or stored is to be used.
    Use,
    /// Come back later.
    Busy(Duration),
    /// Oura's token endpoint gave nothing; nothing was concluded.
    Systemic,
    /// The guard against mass disconnection holds.
    GuardHolds,
    /// The connection is over.
    Ended(Option<ReasonCode>),
    /// The connection lives, but its pair is not there.
    PairMissing,
    /// A store failed.
    Failed,
}

/// Why the pair is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Why {
    /// To see whether it does.
    Need,
    /// Somebody else refreshes, or has.
    Waiting { wanted: u64 },
    /// The lease is ours now; between reading and taking it somebody may have stored a newer pair and died.
    UnderLease,
    /// Oura said `invalid_grant`.
    Doubt,
    /// A pair of our new generation was there already.
    Occupied,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Step {
    Reading(Why),
    Missing(Why),
    OldCopy(Why),
    RollingForward(Why, Pair),
    Taking,
    PausingForOther,
    Asking,
    Storing,
    PausingToStore,
    Advancing,
    Suspecting,
    Ending(ReasonCode),
    /// Tidying up before the verdict.
    Leaving(Verdict),
    Finished,
}

/// The guards of the protocol. All are always on; the model check switches each one off to show what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Guards {
    /// The pair is read again under the lease.
    pub reread: bool,
    /// The pair is read again after an `invalid_grant`.
    pub doubt: bool,
    /// One `invalid_grant` ends nothing.
    pub second_probe: bool,
    /// Nor does a second one right after it.
    pub probe_delay: bool,
    /// A new pair is stored before it is used.
    pub store_first: bool,
    /// Storing a new pair is tried again.
    pub store_again: bool,
    /// An attempt that never reported back is remembered.
    pub intent: bool,
    /// After an unknown outcome the lease is not given back at once.
    pub hold: bool,
    /// A lease outlives its holder by the time that a request may be under way.
    pub flight: bool,
    /// A lease outlives its holder by the time that clocks may differ.
    pub skew: bool,
    /// A pair older than the connection's generation is not used.
    pub old_copy: bool,
    /// What was refreshed for a grant that is over is revoked and deleted.
    pub discard: bool,
}

impl Guards {
    pub(super) const ALL: Self = Self {
        reread: true,
        doubt: true,
        second_probe: true,
        probe_delay: true,
        store_first: true,
        store_again: true,
        intent: true,
        hold: true,
        flight: true,
        skew: true,
        old_copy: true,
        discard: true,
    };
}

/// One refresh, or one look at the pair that finds none necessary.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Refresh<I> {
    need: Need,
    attempt: I,
    deadline: Timestamp,
    give_up: Timestamp,
    known: Known<I>,
    step: Step,
    old_copies: u8,
    /// The pair that is there would do: the refresh is for later, and its failure is no harm now.
    spare: bool,
    guards: Guards,
}

impl<I: Clone + Eq> Refresh<I> {
    /// The first step. `deadline`: when this invocation ends, which ends a refresh in the middle.
    pub(super) fn begin(
        need: Need,
        known: Known<I>,
        attempt: I,
        deadline: Timestamp,
        now: Timestamp,
        guards: Guards,
    ) -> (Self, Action) {
        let step = Step::Reading(Why::Need);
        let give_up = now + WAIT;
        let refresh = Self { need, attempt, deadline, give_up, known, step, old_copies: 0, spare: false, guards };
        (refresh, Action::ReadPair)
    }

    /// Takes what came of the last action and gives the next one.
    pub(super) fn observe(&mut self, observed: Observed<I>, now: Timestamp) -> Action {
        match (self.step, observed) {
            (Step::Reading(why), Observed::Pair(Some(pair))) => self.pair(why, pair, now),
            (Step::Reading(why), Observed::Pair(None)) => self.go(Step::Missing(why), Action::ReadConnection),
            (Step::Reading(Why::UnderLease), Observed::Failed { .. }) => self.release(Verdict::Failed),
            (Step::Missing(_), Observed::Connection(current)) => self.pair_missing(current),
            (Step::OldCopy(why), Observed::Done) => self.go(Step::Reading(why), Action::ReadPair),
            (Step::RollingForward(..) | Step::Advancing, Observed::Advanced(Advanced::Over { reason })) => {
                self.discard(reason)
            }
            (Step::RollingForward(why, pair), Observed::Advanced(_)) => self.decide(why, pair, now),
            (Step::Taking, Observed::Taken(before)) => self.under_lease(before),
            (Step::Taking, Observed::NotTaken(Some(current))) => self.not_taken(current),
            (Step::Taking, Observed::NotTaken(None)) => self.finish(Verdict::Ended(None)),
            (Step::PausingForOther, Observed::Done) => self.take(now),
            (Step::Asking, Observed::Granted) if self.guards.store_first => self.go(Step::Storing, Action::Store),
            (Step::Asking, Observed::Granted) => self.advance(self.known.generation + 1),
            (Step::Asking, Observed::InvalidGrant) if self.guards.doubt => {
                self.go(Step::Reading(Why::Doubt), Action::ReadPair)
            }
            (Step::Asking, Observed::InvalidGrant) => self.doubt(now),
            (Step::Asking, Observed::Refused) => self.release(Verdict::Systemic),
            // Oura may still be at work: whoever comes next waits until it cannot be, and finds the intent.
            (Step::Asking, Observed::OutcomeUnknown) if self.guards.hold => {
                self.go(Step::Leaving(Verdict::Systemic), Action::HoldUntil(self.outlived(now)))
            }
            (Step::Asking, Observed::OutcomeUnknown) => self.release(Verdict::Systemic),
            (Step::Asking, Observed::Failed { .. }) => self.release(Verdict::Failed),
            (Step::Storing, Observed::Written) => self.advance(self.known.generation + 1),
            (Step::Storing, Observed::Occupied) => {
                self.known.generation += 1;
                self.go(Step::Reading(Why::Occupied), Action::ReadPair)
            }
            (Step::Storing, Observed::Gone) => self.discard(None),
            // The only copy of a token pair is in this process: nothing else matters until it is stored.
            (Step::Storing, Observed::Failed { again: true })
                if self.guards.store_again && now + LEAST_TIME_TO_STORE < self.deadline =>
            {
                self.go(Step::PausingToStore, Action::Pause)
            }
            (Step::PausingToStore, Observed::Done) => self.go(Step::Storing, Action::Store),
            // The pair is safe; whoever reads it next rolls the connection forward.
            (Step::Advancing, Observed::Advanced(_) | Observed::Failed { .. }) => self.finish(Verdict::Use),
            (Step::Suspecting, Observed::Done) => self.finish(Verdict::Busy(PROBE_AFTER)),
            (Step::Ending(reason), Observed::Ended) => {
                self.go(Step::Leaving(Verdict::Ended(Some(reason))), Action::Forget)
            }
            (Step::Ending(_), Observed::MovedOn) => self.finish(Verdict::Busy(SOON)),
            (Step::Ending(_), Observed::GuardHolds) => self.release(Verdict::GuardHolds),
            (Step::Leaving(verdict), _) => self.finish(verdict),
            // A store failed; or, which would be our mistake, something was observed that nobody had asked for.
            (_, _) => self.finish(Verdict::Failed),
        }
    }

    fn go(&mut self, step: Step, action: Action) -> Action {
        self.step = step;
        action
    }

    fn finish(&mut self, verdict: Verdict) -> Action {
        let spared = matches!(verdict, Verdict::Busy(_) | Verdict::Systemic | Verdict::GuardHolds | Verdict::Failed);
        let verdict = if self.spare && spared { Verdict::Use } else { verdict };
        self.go(Step::Finished, Action::Finish(verdict))
    }

    /// Gives the lease back: the refresh token was not spent by this attempt. What an earlier one has done to it is as
    /// unknown as before, and so the intent stays if there was one.
    fn release(&mut self, verdict: Verdict) -> Action {
        let keep_intent = self.guards.intent && self.known.intent.is_some();
        self.go(Step::Leaving(verdict), Action::Release { keep_intent })
    }

    fn discard(&mut self, reason: Option<ReasonCode>) -> Action {
        let verdict = Verdict::Ended(reason);
        if self.guards.discard { self.go(Step::Leaving(verdict), Action::Discard) } else { self.finish(verdict) }
    }

    fn advance(&mut self, generation: u64) -> Action {
        self.go(Step::Advancing, Action::Advance { generation })
    }

    /// One that is ahead of the connection (its writer died in between) is rolled forward. One that is behind is an old
    /// copy of an eventually consistent store, and its refresh token is spent: it is read again.
    fn pair(&mut self, why: Why, pair: Pair, now: Timestamp) -> Action {
        if pair.generation > self.known.generation {
            let action = Action::Advance { generation: pair.generation };
            return self.go(Step::RollingForward(why, pair), action);
        }
        if pair.generation < self.known.generation && self.guards.old_copy {
            self.old_copies += 1;
            if self.old_copies > OLD_COPIES {
                return if why == Why::UnderLease {
                    self.release(Verdict::Busy(SOON))
                } else {
                    self.finish(Verdict::Busy(SOON))
                };
            }
            return self.go(Step::OldCopy(why), Action::Pause);
        }
        self.decide(why, pair, now)
    }

    fn decide(&mut self, why: Why, pair: Pair, now: Timestamp) -> Action {
        let newer = pair.generation > self.known.generation;
        match why {
            Why::Need => {
                self.known.generation = pair.generation;
                if self.does(pair, now) { self.finish(Verdict::Use) } else { self.take(now) }
            }
            Why::Waiting { wanted } if pair.generation > wanted => self.finish(Verdict::Use),
            Why::Waiting { .. } => match &self.known.lease {
                Some((_, until)) if *until >= now => {
                    if now < self.give_up {
                        return self.go(Step::PausingForOther, Action::Pause);
                    }
                    let left = Duration::try_from(until.duration_since(now)).unwrap_or_default();
                    self.finish(Verdict::Busy(left.clamp(SOON, PROBE_AFTER)))
                }
                // The item had moved on without a newer pair being there (our copy was old): decide on the new one.
                _ => self.take(now),
            },
            Why::UnderLease | Why::Doubt if newer => self.finish(Verdict::Use),
            Why::UnderLease => self.go(Step::Asking, Action::Ask),
            Why::Doubt => self.doubt(now),
            Why::Occupied => self.advance(pair.generation),
        }
    }

    fn does(&mut self, pair: Pair, now: Timestamp) -> bool {
        let older_than = |age: Duration| pair.refreshed_at.is_some_and(|at| at + age <= now);
        match self.need {
            Need::Good => {
                // Without a stated end the token is used until Oura answers 401.
                self.spare = pair.expires_at.is_none_or(|end| end > now + MARGIN);
                self.spare && !older_than(IDLE)
            }
            Need::NewerThan(refused) => pair.generation > refused,
            // When it was refreshed is not known of a pair that an older version stored.
            Need::Fresh => pair.refreshed_at.is_some() && !older_than(YOUNG),
        }
    }

    fn pair_missing(&mut self, current: Option<Known<I>>) -> Action {
        self.finish(match current {
            Some(now) if now.grant == self.known.grant && !now.ended => Verdict::PairMissing,
            Some(now) => Verdict::Ended(now.reason.filter(|_| now.ended)),
            None => Verdict::Ended(None),
        })
    }

    fn take(&mut self, now: Timestamp) -> Action {
        if self.deadline < now + LEAST_TIME {
            return self.finish(Verdict::Busy(SOON));
        }
        let until = self.outlived(self.deadline);
        self.go(Step::Taking, Action::TakeLease { generation: self.known.generation, until })
    }

    /// When nothing that ends at this time can be under way any more, by anybody's clock.
    fn outlived(&self, end: Timestamp) -> Timestamp {
        let on = |guard: bool, time: Duration| if guard { time } else { Duration::ZERO };
        end + on(self.guards.flight, FLIGHT) + on(self.guards.skew, SKEW)
    }

    fn under_lease(&mut self, before: Known<I>) -> Action {
        self.known = before;
        if self.guards.reread {
            self.go(Step::Reading(Why::UnderLease), Action::ReadPair)
        } else {
            self.go(Step::Asking, Action::Ask)
        }
    }

    fn not_taken(&mut self, current: Known<I>) -> Action {
        if current.grant != self.known.grant {
            return self.finish(Verdict::Ended(None));
        }
        if current.ended {
            return self.finish(Verdict::Ended(current.reason));
        }
        // The SDK repeats an update whose answer was lost, and the repeat meets our own lease.
        if current.lease.as_ref().is_some_and(|(owner, _)| *owner == self.attempt) {
            return self.under_lease(Known { intent: None, ..current });
        }
        let wanted = self.known.generation;
        self.known = current;
        self.go(Step::Reading(Why::Waiting { wanted }), Action::ReadPair)
    }

    /// Oura called the refresh token invalid, and there is no newer one. Once may be a race or a fluke; twice, with time
    /// between, is the end.
    fn doubt(&mut self, now: Timestamp) -> Action {
        // An attempt that never reported back means that its answer was lost, not that anybody revoked.
        let lost = self.guards.intent && self.known.intent.is_some();
        let first = self.known.suspect.map_or(ReasonCode::Revoked, |suspect| suspect.reason);
        let reason = if lost { ReasonCode::RefreshLost } else { first };
        let probe_at = self.known.suspect.map(|suspect| suspect.since + PROBE_AFTER);
        match probe_at {
            None if self.guards.second_probe => {
                self.go(Step::Suspecting, Action::Suspect(Suspect { since: now, reason }))
            }
            Some(at) if now < at && self.guards.probe_delay => {
                let left = Duration::try_from(at.duration_since(now)).unwrap_or(PROBE_AFTER);
                self.release(Verdict::Busy(left.min(PROBE_AFTER)))
            }
            _ => self.go(Step::Ending(reason), Action::End(reason)),
        }
    }
}
