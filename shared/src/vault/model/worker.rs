//! The steps of one worker, and of its request.

use std::time::Duration;

use jiff::Timestamp;

use super::super::protocol::{Action, ActionResult, Pair, Refresh};
use super::setting::{Guard, Setting};
use super::world::{
    Answer, BEGIN, DECLINED_FOR, Event, FLIGHT, Flight, Run, Running, World, at, attempt, orphaned, slot,
};
use crate::domain::Suspect;

impl Setting {
    /// The next steps of one worker.
    pub(super) fn worker(&self, world: &World, worker: usize, ways: &mut Vec<(Event, World)>) {
        let mut way = |event: Event, next: World| ways.push((event, next));
        match &world.workers[worker].run {
            Run::Over => {}
            // They are alike, so the order of their starts does not matter.
            Run::Idle if worker > 0 && world.workers[worker - 1].run == Run::Idle => {}
            Run::Idle => way(Event::Starts(worker), self.start(world, worker)),
            Run::Running(running) => {
                if world.left.crashes > 0 {
                    let mut next = world.clone();
                    next.left.crashes -= 1;
                    next.leave(worker, running.ends + FLIGHT);
                    way(Event::Crashes(worker), next);
                }
                let flight = world.workers[worker].flight;
                match (running.action, flight) {
                    (Action::Ask, Flight::None) => {
                        let mut next = world.clone();
                        let (grant, token) = (running.grant, running.pair.1);
                        next.workers[worker].flight = Flight::Sent { grant, token };
                        way(Event::Sends(worker), next);
                    }
                    (Action::Ask, flight) => {
                        if let Flight::Answered(answer) = flight {
                            let mut next = world.clone();
                            next.workers[worker].flight = Flight::None;
                            let result = match answer {
                                Answer::Granted(token) => {
                                    next.running(worker).pair = (running.pair.0 + 1, token);
                                    ActionResult::Granted
                                }
                                Answer::InvalidGrant => ActionResult::InvalidGrant,
                                Answer::Refused => ActionResult::Refused,
                                Answer::Declined => ActionResult::Declined {
                                    served_at: self.served_at(world),
                                    of_several: self.several && !self.lacks(Guard::RefusalOfSeveral),
                                },
                            };
                            way(Event::AnswerArrives(worker), self.on_result(next, worker, result));
                        }
                        if world.left.lost > 0 {
                            let mut next = world.clone();
                            next.left.lost -= 1;
                            next.workers[worker].flight = orphaned(flight, world.now + FLIGHT);
                            way(
                                Event::AnswerIsLost(worker),
                                self.on_result(next, worker, ActionResult::OutcomeUnknown),
                            );
                        }
                    }
                    (Action::Store | Action::Advance { .. }, _) if world.left.failed_writes > 0 => {
                        let lacks_retry = running.action == Action::Store && self.lacks(Guard::StoreRetry);
                        let mut next = world.clone();
                        next.left.failed_writes -= 1;
                        way(
                            Event::FailsToWrite(worker),
                            self.on_result(next, worker, ActionResult::Failed { again: !lacks_retry }),
                        );
                        way(Event::Does(worker, running.action), self.act(world, worker));
                    }
                    (Action::ReadPair, _) => {
                        way(Event::Does(worker, running.action), self.act(world, worker));
                        let secret = world.secrets[slot(running.grant)];
                        let fresh = secret.filter(|secret| secret.written_at == world.now && world.left.stale > 0);
                        if let Some(secret) = fresh {
                            let mut next = world.clone();
                            next.left.stale -= 1;
                            let old = (secret.generation - 1, secret.before);
                            way(Event::ReadsAnOldCopy(worker), self.read(next, worker, old));
                        }
                    }
                    _ => way(Event::Does(worker, running.action), self.act(world, worker)),
                }
            }
        }
    }

    /// The next steps of a worker's request.
    pub(super) fn flight(&self, world: &World, worker: usize, ways: &mut Vec<(Event, World)>) {
        let (grant, token, orphan) = match world.workers[worker].flight {
            Flight::Sent { grant, token } => (grant, token, false),
            Flight::Orphan { grant, token, .. } => (grant, token, true),
            Flight::None | Flight::Answered(_) => return,
        };
        let answered = |mut next: World, answer: Answer| {
            next.workers[worker].flight = if orphan { Flight::None } else { Flight::Answered(answer) };
            next
        };
        let mut next = world.clone();
        let dead = next.oura[slot(grant)].is_dead();
        let invalid = if self.other_words { Answer::Declined } else { Answer::InvalidGrant };
        let answer = if dead {
            invalid
        } else if next.oura[slot(grant)].current == token {
            next.oura[slot(grant)].current += 1;
            Answer::Granted(token + 1)
        } else {
            if !world.is_lost(grant) {
                next.wrong = Some("a refresh token is spent twice");
            }
            next.oura[slot(grant)].family_dead = self.family;
            invalid
        };
        ways.push((Event::OuraWorks(worker), answered(next, answer)));
        if orphan {
            let mut next = world.clone();
            next.workers[worker].flight = Flight::None;
            ways.push((Event::RequestVanishes(worker), next));
            return;
        }
        if world.left.false_refusals > 0 && world.false_refusal_at.is_none_or(|at| at == world.now) {
            let mut next = world.clone();
            next.left.false_refusals -= 1;
            next.false_refusal_at = Some(world.now);
            ways.push((Event::OuraErrs(worker), answered(next, Answer::InvalidGrant)));
        }
        // While Oura serves other patients, it declines a valid token for less than an hour.
        if world.left.declines > 0 && (!self.served || world.now < BEGIN + DECLINED_FOR) {
            let mut next = world.clone();
            next.left.declines -= 1;
            ways.push((Event::OuraDeclines(worker), answered(next, Answer::Declined)));
        }
        if world.left.refusals > 0 {
            let mut next = world.clone();
            next.left.refusals -= 1;
            ways.push((Event::OuraRefuses(worker), answered(next, Answer::Refused)));
        }
    }

    /// The time at which Oura last served another patient.
    fn served_at(&self, world: &World) -> Option<Timestamp> {
        (self.served || self.lacks(Guard::RefusalServed)).then(|| at(world.now))
    }

    pub(super) fn clock(&self, world: &World, worker: usize) -> Timestamp {
        at(world.now + self.workers[worker].fast)
    }

    fn start(&self, world: &World, worker: usize) -> World {
        let mut next = world.clone();
        let Some(known) = world.item.clone().filter(|item| !item.ended) else {
            next.workers[worker].run = Run::Over;
            return next;
        };
        let (now, grant, held) = (self.clock(world, worker), known.grant, known.generation);
        let setup = self.workers[worker];
        let deadline = now + Duration::from_secs(setup.life.unsigned_abs());
        let (refresh, action) = Refresh::begin(setup.need, known, attempt(worker), deadline, Suspect::PROBE_AFTER, now);
        let ends = world.now + setup.life;
        next.workers[worker].run = Run::Running(Box::new(Running {
            refresh,
            action,
            grant,
            ends,
            pair: (0, 0),
            held,
            seen: held,
            skips_read: false,
        }));
        next
    }

    /// Passes a result to the worker, which decides on its next action.
    pub(super) fn on_result(&self, mut next: World, worker: usize, result: ActionResult<u8>) -> World {
        let now = self.clock(&next, worker);
        let mut result = result;
        loop {
            let running = next.running(worker);
            running.action = running.refresh.on_result(result, now);
            // No other worker sees these, so they need no step of their own.
            match running.action {
                Action::Pause => result = ActionResult::Done,
                Action::Finish(verdict) => {
                    next.finish(worker, verdict);
                    return next;
                }
                _ => return next,
            }
        }
    }

    pub(super) fn read(&self, mut next: World, worker: usize, pair: (u64, u8)) -> World {
        let seen = next.running(worker).seen;
        let pair = if self.lacks(Guard::OldCopyCheck) { (pair.0.max(seen), pair.1) } else { pair };
        next.running(worker).pair = pair;
        let expires_at = (pair.0 == 1).then(|| at(0));
        let pair = Pair { generation: pair.0, expires_at, refreshed_at: None };
        self.on_result(next, worker, ActionResult::Pair(Some(pair)))
    }
}
