//! The actions of a worker on the stores and Oura.
//!
//! A guard that is switched off is taken away here, outside the protocol: its action is left out or changed, or the worker sees
//! a state in which it does not apply.

use jiff::Timestamp;

use super::super::protocol::{Action, ActionResult};
use super::super::refresh_state::RefreshState;
use super::setting::{Guard, Setting};
use super::world::{FLIGHT, NEW, OLD, Running, Secret, World, at, attempt, slot};
use crate::aws::Advanced;
use crate::domain::ReasonCode;

/// Seconds by which the protocol lets clocks differ.
const CLOCK_SKEW: i64 = 300;

impl Setting {
    /// Carries out the worker's action.
    pub(super) fn act(&self, world: &World, worker: usize) -> World {
        let mut next = world.clone();
        let running = next.running(worker).clone();
        let (grant, me, now) = (running.grant, attempt(worker), self.clock(world, worker));
        let here = slot(grant);
        let result = match running.action {
            Action::ReadPair if running.skips_read => {
                next.running(worker).skips_read = false;
                return self.read(next, worker, running.pair);
            }
            Action::ReadPair => match world.secrets[here] {
                Some(secret) => return self.read(next, worker, (secret.generation, secret.token)),
                None => ActionResult::Pair(None),
            },
            Action::ReadConnection => ActionResult::Connection(world.item.clone()),
            Action::TakeLease { generation, until } => {
                let until = self.shortened(until);
                let before = world.item.clone();
                let update = |item: &mut RefreshState<u8>| {
                    self.with_conditions(item, grant, generation, true, |item| {
                        item.take_lease(&grant, generation, &me, until, now)
                    })
                };
                match (next.item.as_mut().map(update), before) {
                    (Some(true), Some(before)) => {
                        let running = next.running(worker);
                        (running.held, running.seen) = (before.generation, before.generation);
                        running.skips_read = self.lacks(Guard::Reread);
                        ActionResult::Taken(self.as_seen(before))
                    }
                    (_, current) => {
                        if let Some(current) = &current {
                            next.running(worker).seen = current.generation;
                        }
                        ActionResult::NotTaken(current)
                    }
                }
            }
            Action::Store if self.lacks(Guard::StoreFirst) => ActionResult::Written,
            Action::Store => match next.secrets[here] {
                None => ActionResult::Gone,
                Some(secret) if secret.generation >= running.pair.0 => ActionResult::Occupied,
                Some(secret) => {
                    let (generation, token) = running.pair;
                    next.secrets[here] =
                        Some(Secret { generation, token, before: secret.token, written_at: world.now });
                    ActionResult::Written
                }
            },
            Action::Advance { generation } => ActionResult::Advanced(match &mut next.item {
                None => Advanced::Over { reason: None },
                Some(item) => self.with_conditions(item, grant, 0, false, |item| item.advance(&grant, generation)),
            }),
            Action::Release { keep_intent } => {
                next.item.as_mut().map(|item| item.release(&grant, &me, keep_intent));
                ActionResult::Done
            }
            Action::Refuse { refusals, keep_intent } => {
                next.item.as_mut().map(|item| item.refuse(&grant, &me, refusals, keep_intent));
                ActionResult::Done
            }
            Action::HoldUntil(_) if self.lacks(Guard::HeldLease) => {
                next.item.as_mut().map(|item| item.release(&grant, &me, false));
                ActionResult::Done
            }
            Action::HoldUntil(until) => {
                let until = self.shortened(until);
                next.item.as_mut().map(|item| item.hold_until(&grant, &me, until));
                ActionResult::Done
            }
            Action::Suspect(suspect) if self.lacks(Guard::SecondProbe) => {
                self.end(world, &mut next, &running, suspect.reason);
                ActionResult::Done
            }
            Action::Suspect(suspect) => {
                next.item.as_mut().map(|item| item.begin_suspicion(&grant, running.held, &me, suspect));
                ActionResult::Done
            }
            Action::End(reason) => {
                if self.end(world, &mut next, &running, reason) {
                    ActionResult::Ended
                } else {
                    ActionResult::MovedOn
                }
            }
            Action::Discard if self.lacks(Guard::Discard) => ActionResult::Done,
            Action::Discard | Action::Forget => {
                let is_replaced = next.item.as_ref().is_some_and(|item| item.grant == NEW && grant == OLD);
                let of_oura = &mut next.oura[here];
                if running.action == Action::Discard {
                    match &mut next.kept {
                        Some(kept) if grant == OLD => *kept = (*kept).max(running.pair),
                        // A revocation ends every consent of the account with this app.
                        _ if is_replaced && !self.lacks(Guard::NewerConsent) => {}
                        // An access token of an older pair may not reach the newer one at Oura.
                        _ => {
                            let revoked = of_oura.current == running.pair.1;
                            of_oura.revoked |= revoked;
                            next.oura[slot(NEW)].revoked |= revoked && is_replaced;
                        }
                    }
                }
                next.secrets[here] = None;
                ActionResult::Done
            }
            // Sending is an event of its own; the others end with their decision.
            Action::Ask | Action::Pause | Action::Finish(_) => ActionResult::Done,
        };
        self.on_result(next, worker, result)
    }

    /// Ends the connection; checks that it may end.
    fn end(&self, world: &World, next: &mut World, running: &Running, reason: ReasonCode) -> bool {
        let (grant, held) = (running.grant, running.held);
        let update = |item: &mut RefreshState<u8>| {
            self.with_conditions(item, grant, held, false, |item| item.end(&grant, held, reason))
        };
        let is_ended = next.item.as_mut().is_some_and(update);
        if is_ended {
            next.wrong = next.wrong.or(world.wrong_end(grant, reason));
        }
        is_ended
    }

    /// The end of a lease without the time of a guard that is switched off.
    fn shortened(&self, until: Timestamp) -> Timestamp {
        let seconds = match self.without {
            Some(Guard::InFlightTime) => FLIGHT,
            Some(Guard::ClockSkew) => CLOCK_SKEW,
            _ => 0,
        };
        at(until.as_second() - seconds)
    }

    /// The connection as a worker sees it that lacks a guard.
    fn as_seen(&self, mut item: RefreshState<u8>) -> RefreshState<u8> {
        if self.lacks(Guard::Intent) {
            item.intent = None;
        }
        if self.lacks(Guard::RefusalTime)
            && let Some(refusals) = &mut item.refusals
        {
            refusals.since = at(0);
        }
        if self.lacks(Guard::ProbeDelay)
            && let Some(suspect) = &mut item.suspect
        {
            suspect.probe_at = at(0);
        }
        item
    }

    /// Carries out an update without the condition that is switched off: its attribute is hidden meanwhile.
    fn with_conditions<R>(
        &self,
        item: &mut RefreshState<u8>,
        grant: u8,
        generation: u64,
        leasing: bool,
        update: impl FnOnce(&mut RefreshState<u8>) -> R,
    ) -> R {
        let real = item.clone();
        if self.lacks(Guard::GrantCondition) {
            item.grant = grant;
        }
        if self.lacks(Guard::StatusCondition) {
            item.ended = false;
        }
        if self.lacks(Guard::GenerationCondition) {
            item.generation = generation;
        }
        if leasing && self.lacks(Guard::LeaseCondition) {
            item.lease = None;
        }
        let shown = item.clone();
        let result = update(item);
        item.grant = real.grant;
        if item.ended == shown.ended {
            (item.ended, item.reason) = (real.ended, real.reason);
        }
        if item.generation == shown.generation {
            item.generation = real.generation;
        }
        if item.lease == shown.lease {
            item.lease = real.lease;
        }
        result
    }
}
