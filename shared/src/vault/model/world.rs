//! A small world in which refreshes meet everything that can go wrong: the stores, Oura, workers that run the production
//! transition function, somebody who disconnects, a clock. Whatever can happen next is one step.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::super::known::Known;
use super::super::protocol::{Action, Guards, Need, Observed, Pair, Refresh, Verdict};
use super::search::Model;
use crate::aws::Advanced;
use crate::domain::ReasonCode;

/// The consent of the beginning, and the one of a reconnect.
const OLD: u8 = 1;
const NEW: u8 = 2;

/// When the world begins, in seconds.
const BEGIN: i64 = 100_000;

/// How long what was sent to Oura may be at work after the sender has gone.
const FLIGHT: i64 = 60;

/// What there is, what may go wrong and how often, and which guards are on.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    pub workers: Vec<Hand>,
    /// Oura ends the whole grant when a spent refresh token is used again.
    pub family: bool,
    pub ender: Ender,
    pub budget: Budget,
    pub guards: Guards,
    pub conditions: Conditions,
}

/// A worker, before it starts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hand {
    pub need: Need,
    /// By how many seconds its clock is fast.
    pub fast: i64,
    /// How many seconds its invocation may last.
    pub life: i64,
}

impl Hand {
    pub(super) const USUAL: Self = Self { need: Need::Good, fast: 0, life: 100 };
}

/// How often things may happen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Budget {
    pub crashes: u8,
    /// Answers of Oura that are lost, or come too late.
    pub lost: u8,
    /// `invalid_grant` for a good token. All within one moment.
    pub flukes: u8,
    /// Other refusals.
    pub refusals: u8,
    /// Writes of a pair, or of its generation, that fail.
    pub failed_writes: u8,
    /// Reads of a pair, in the moment of its writing, that give the one before.
    pub stale: u8,
    /// The patient withdraws the consent at Oura.
    pub withdrawals: u8,
    /// Leaps of time.
    pub leaps: u8,
}

/// What of the conditions of the table's updates holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Conditions {
    pub lease: bool,
    pub generation: bool,
    pub grant: bool,
    pub status: bool,
}

impl Conditions {
    pub(super) const ALL: Self = Self { lease: true, generation: true, grant: true, status: true };
}

/// Who ends the connection meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Ender {
    Nobody,
    Disconnect,
    Purge,
    Reconnect,
}

/// One thing that happens. The number is a worker's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    Starts(usize),
    Does(usize, Action),
    Sends(usize),
    Crashes(usize),
    AnswerArrives(usize),
    AnswerIsLost(usize),
    FailsToWrite(usize),
    ReadsAnOldCopy(usize),
    OuraWorks(usize),
    OuraErrs(usize),
    OuraRefuses(usize),
    RequestVanishes(usize),
    PatientWithdraws,
    EnderActs(u8),
    TimePasses(i64),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct World {
    now: i64,
    left: Budget,
    item: Option<Known<u8>>,
    secrets: [Option<Secret>; 2],
    oura: [Grant; 2],
    workers: Vec<Worker>,
    ender: u8,
    /// What the ender found to revoke.
    ender_token: Option<u8>,
    fluke_at: Option<i64>,
    /// Somebody went away with a token.
    used: bool,
    /// What must never happen has just happened.
    wrong: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Secret {
    generation: u64,
    token: u8,
    before: u8,
    written_at: i64,
}

/// A grant at Oura. Its refresh tokens are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Grant {
    current: u8,
    withdrawn: bool,
    revoked: bool,
    family_dead: bool,
}

impl Grant {
    fn is_dead(&self) -> bool {
        self.withdrawn || self.revoked || self.family_dead
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Worker {
    run: Run,
    flight: Flight,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Run {
    Idle,
    Running(Box<Running>),
    Over,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Running {
    refresh: Refresh<u8>,
    action: Action,
    grant: u8,
    ends: i64,
    /// The newest pair that was read or granted: generation and refresh token.
    pair: (u64, u8),
    /// The generation that was seen when the lease was taken.
    held: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Flight {
    None,
    Sent {
        grant: u8,
        token: u8,
    },
    Answered(Answer),
    /// The sender has gone; at work until then at the latest.
    Orphan {
        grant: u8,
        token: u8,
        until: i64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Answer {
    Granted(u8),
    InvalidGrant,
    Refused,
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn slot(grant: u8) -> usize {
    usize::from(grant - OLD)
}

/// A worker's id as an attempt.
fn attempt(worker: usize) -> u8 {
    10 + u8::try_from(worker).unwrap()
}

impl Model for Setting {
    type State = World;
    type Label = Event;

    fn first(&self) -> World {
        let alive = Grant { current: 1, withdrawn: false, revoked: false, family_dead: false };
        World {
            now: BEGIN,
            left: self.budget,
            item: Some(connected(OLD)),
            secrets: [Some(Secret { generation: 1, token: 1, before: 1, written_at: 0 }), None],
            oura: [alive; 2],
            workers: self.workers.iter().map(|_| Worker { run: Run::Idle, flight: Flight::None }).collect(),
            ender: 0,
            ender_token: None,
            fluke_at: None,
            used: false,
            wrong: None,
        }
    }

    fn next(&self, world: &World) -> Vec<(Event, World)> {
        let mut ways = Vec::new();
        for worker in 0..world.workers.len() {
            self.worker(world, worker, &mut ways);
            self.flight(world, worker, &mut ways);
        }
        if world.left.withdrawals > 0 {
            let mut next = world.clone();
            next.left.withdrawals -= 1;
            next.oura[slot(OLD)].withdrawn = true;
            ways.push((Event::PatientWithdraws, next));
        }
        if let Some(next) = self.ender(world) {
            ways.push((Event::EnderActs(world.ender), next));
        }
        if world.left.leaps > 0 {
            ways.extend(self.moments(world).into_iter().map(|moment| {
                let mut next = world.clone();
                next.left.leaps -= 1;
                next.now = moment;
                (Event::TimePasses(moment - world.now), next)
            }));
        }
        ways
    }

    fn wrong(&self, world: &World, stuck: bool) -> Option<&'static str> {
        let faultless = (world.left.crashes, world.left.lost) == (self.budget.crashes, self.budget.lost);
        if let Some(wrong) = world.wrong {
            return Some(wrong);
        }
        if let Some(item) = world.item.as_ref().filter(|item| !item.ended) {
            let secret = world.secrets[slot(item.grant)];
            if secret.is_some_and(|secret| secret.generation < item.generation) {
                return Some("a generation is known that is not stored");
            }
            if faultless && !world.oura[slot(item.grant)].is_dead() && world.is_lost(item.grant) {
                return Some("a token is lost without a crash or a lost answer");
            }
        }
        let good_only = self.workers.iter().all(|hand| hand.need == Need::Good);
        if faultless && good_only && world.oura[slot(OLD)].current > 2 {
            return Some("more than one refresh for one need");
        }
        let all_over = world.workers.iter().all(|worker| worker.run == Run::Over && worker.flight == Flight::None);
        if !stuck && !all_over {
            return None;
        }
        let ender_done = matches!((self.ender, world.ender), (Ender::Disconnect | Ender::Purge, 4));
        if ender_done && all_over && world.left.crashes == self.budget.crashes && world.left.lost == self.budget.lost {
            if world.secrets[slot(OLD)].is_some() {
                return Some("tokens of an ended connection are kept");
            }
            if !world.oura[slot(OLD)].is_dead() {
                return Some("an ended connection lives on at Oura");
            }
        }
        let undisturbed = faultless && self.budget.withdrawals == world.left.withdrawals && world.ender == 0;
        let harmless = (world.left.flukes, world.left.refusals) == (self.budget.flukes, self.budget.refusals);
        if all_over && undisturbed && harmless && world.left.stale == self.budget.stale {
            let item = world.item.as_ref();
            if !world.used {
                return Some("nobody got a token although nothing failed");
            }
            if item.is_none_or(|item| item.lease.is_some() || item.intent.is_some()) {
                return Some("a lease is left although nothing failed");
            }
        }
        None
    }
}

fn connected(grant: u8) -> Known<u8> {
    Known { grant, generation: 1, ended: false, reason: None, lease: None, intent: None, suspect: None }
}

impl Setting {
    /// What one worker can do, or suffer, next.
    fn worker(&self, world: &World, worker: usize, ways: &mut Vec<(Event, World)>) {
        let mut way = |event: Event, next: World| ways.push((event, next));
        match &world.workers[worker].run {
            Run::Over => {}
            // They are alike, so the order in which they start does not matter.
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
                            let observed = match answer {
                                Answer::Granted(token) => {
                                    next.running(worker).pair = (running.pair.0 + 1, token);
                                    Observed::Granted
                                }
                                Answer::InvalidGrant => Observed::InvalidGrant,
                                Answer::Refused => Observed::Refused,
                            };
                            way(Event::AnswerArrives(worker), self.told(next, worker, observed));
                        }
                        if world.left.lost > 0 {
                            let mut next = world.clone();
                            next.left.lost -= 1;
                            next.workers[worker].flight = orphaned(flight, world.now + FLIGHT);
                            way(Event::AnswerIsLost(worker), self.told(next, worker, Observed::OutcomeUnknown));
                        }
                    }
                    (Action::Store | Action::Advance { .. }, _) if world.left.failed_writes > 0 => {
                        let mut next = world.clone();
                        next.left.failed_writes -= 1;
                        way(Event::FailsToWrite(worker), self.told(next, worker, Observed::Failed { again: true }));
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

    /// What can become of a worker's request.
    fn flight(&self, world: &World, worker: usize, ways: &mut Vec<(Event, World)>) {
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
        let answer = if dead {
            Answer::InvalidGrant
        } else if next.oura[slot(grant)].current == token {
            next.oura[slot(grant)].current += 1;
            Answer::Granted(token + 1)
        } else {
            if !world.is_lost(grant) {
                next.wrong = Some("a refresh token is spent twice");
            }
            next.oura[slot(grant)].family_dead = self.family;
            Answer::InvalidGrant
        };
        ways.push((Event::OuraWorks(worker), answered(next, answer)));
        if orphan {
            let mut next = world.clone();
            next.workers[worker].flight = Flight::None;
            ways.push((Event::RequestVanishes(worker), next));
            return;
        }
        if world.left.flukes > 0 && world.fluke_at.is_none_or(|at| at == world.now) {
            let mut next = world.clone();
            next.left.flukes -= 1;
            next.fluke_at = Some(world.now);
            ways.push((Event::OuraErrs(worker), answered(next, Answer::InvalidGrant)));
        }
        if world.left.refusals > 0 {
            let mut next = world.clone();
            next.left.refusals -= 1;
            ways.push((Event::OuraRefuses(worker), answered(next, Answer::Refused)));
        }
    }

    fn clock(&self, world: &World, worker: usize) -> Timestamp {
        at(world.now + self.workers[worker].fast)
    }

    fn start(&self, world: &World, worker: usize) -> World {
        let mut next = world.clone();
        let Some(known) = world.item.clone().filter(|item| !item.ended) else {
            next.workers[worker].run = Run::Over;
            return next;
        };
        let (now, grant, held) = (self.clock(world, worker), known.grant, known.generation);
        let hand = self.workers[worker];
        let deadline = now + Duration::from_secs(hand.life.unsigned_abs());
        let (refresh, action) = Refresh::begin(hand.need, known, attempt(worker), deadline, now, self.guards);
        let ends = world.now + hand.life;
        next.workers[worker].run = Run::Running(Box::new(Running { refresh, action, grant, ends, pair: (0, 0), held }));
        next
    }

    /// The worker learns what came of its action, and decides.
    fn told(&self, mut next: World, worker: usize, observed: Observed<u8>) -> World {
        let now = self.clock(&next, worker);
        let mut observed = observed;
        loop {
            let running = next.running(worker);
            running.action = running.refresh.observe(observed, now);
            // Neither is seen by anybody else, so they need no place of their own in the order of events.
            match running.action {
                Action::Pause => observed = Observed::Done,
                Action::Finish(verdict) => {
                    next.finish(worker, verdict);
                    return next;
                }
                _ => return next,
            }
        }
    }

    fn read(&self, mut next: World, worker: usize, pair: (u64, u8)) -> World {
        next.running(worker).pair = pair;
        let expires_at = (pair.0 == 1).then(|| at(0));
        let pair = Pair { generation: pair.0, expires_at, refreshed_at: None };
        self.told(next, worker, Observed::Pair(Some(pair)))
    }

    /// The worker does what it decided to do.
    fn act(&self, world: &World, worker: usize) -> World {
        let mut next = world.clone();
        let running = next.running(worker).clone();
        let (grant, me, now) = (running.grant, attempt(worker), self.clock(world, worker));
        let here = slot(grant);
        let observed = match running.action {
            Action::ReadPair => match world.secrets[here] {
                Some(secret) => return self.read(next, worker, (secret.generation, secret.token)),
                None => Observed::Pair(None),
            },
            Action::ReadConnection => Observed::Connection(world.item.clone()),
            Action::TakeLease { generation, until } => {
                let before = world.item.clone();
                let blind = |item: &mut Known<u8>| {
                    self.blinded(item, grant, generation, true, |item| {
                        item.take_lease(&grant, generation, &me, until, now)
                    })
                };
                match (next.item.as_mut().map(blind), before) {
                    (Some(true), Some(before)) => {
                        next.running(worker).held = before.generation;
                        Observed::Taken(before)
                    }
                    (_, before) => Observed::NotTaken(before),
                }
            }
            Action::Store => match next.secrets[here] {
                None => Observed::Gone,
                Some(secret) if secret.generation >= running.pair.0 => Observed::Occupied,
                Some(secret) => {
                    let (generation, token) = running.pair;
                    next.secrets[here] =
                        Some(Secret { generation, token, before: secret.token, written_at: world.now });
                    Observed::Written
                }
            },
            Action::Advance { generation } => Observed::Advanced(match &mut next.item {
                None => Advanced::Over { reason: None },
                Some(item) => self.blinded(item, grant, 0, false, |item| item.advance(&grant, generation)),
            }),
            Action::Release { keep_intent } => {
                next.item.as_mut().map(|item| item.release(&grant, &me, keep_intent));
                Observed::Done
            }
            Action::HoldUntil(until) => {
                next.item.as_mut().map(|item| item.hold_until(&grant, &me, until));
                Observed::Done
            }
            Action::Suspect(suspect) => {
                next.item.as_mut().map(|item| item.begin_suspicion(&grant, running.held, &me, suspect));
                Observed::Done
            }
            Action::End(reason) => {
                let blind = |item: &mut Known<u8>| {
                    self.blinded(item, grant, running.held, false, |item| item.end(&grant, running.held, reason))
                };
                if next.item.as_mut().is_some_and(blind) {
                    next.wrong = next.wrong.or(world.wrong_end(grant, reason));
                    Observed::Ended
                } else {
                    Observed::MovedOn
                }
            }
            Action::Discard | Action::Forget => {
                let of_oura = &mut next.oura[here];
                // An access token of an older pair may not reach the newer one at Oura.
                of_oura.revoked |= running.action == Action::Discard && of_oura.current == running.pair.1;
                next.secrets[here] = None;
                Observed::Done
            }
            // Sending is an event of its own; the others are over as soon as they are decided on.
            Action::Ask | Action::Pause | Action::Finish(_) => Observed::Done,
        };
        self.told(next, worker, observed)
    }

    /// Carries an update out with only those conditions that hold: what the others would look at is hidden meanwhile.
    fn blinded<R>(
        &self,
        item: &mut Known<u8>,
        grant: u8,
        generation: u64,
        leasing: bool,
        update: impl FnOnce(&mut Known<u8>) -> R,
    ) -> R {
        let real = item.clone();
        let conditions = self.conditions;
        if !conditions.grant {
            item.grant = grant;
        }
        if !conditions.status {
            item.ended = false;
        }
        if !conditions.generation {
            item.generation = generation;
        }
        if leasing && !conditions.lease {
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

    /// The connection is ended from outside, in the order in which a disconnect, a purge, a callback do it.
    fn ender(&self, world: &World) -> Option<World> {
        let mut next = world.clone();
        next.ender += 1;
        let old = slot(OLD);
        match (self.ender, world.ender) {
            (Ender::Disconnect, 0) => {
                let item = next.item.as_mut()?;
                let generation = item.generation;
                item.end(&OLD, generation, ReasonCode::UserRequest);
            }
            (Ender::Purge, 0) => next.item = None,
            (Ender::Disconnect | Ender::Purge, 1) => next.ender_token = next.secrets[old].map(|secret| secret.token),
            (Ender::Disconnect | Ender::Purge, 2) => next.secrets[old] = None,
            (Ender::Disconnect | Ender::Purge, 3) => {
                next.oura[old].revoked |= next.ender_token == Some(next.oura[old].current);
                next.ender_token = None;
            }
            (Ender::Reconnect, 0) => {
                next.secrets[slot(NEW)] = Some(Secret { generation: 1, token: 1, before: 1, written_at: 0 });
            }
            (Ender::Reconnect, 1) => next.item = Some(connected(NEW)),
            (Ender::Reconnect, 2) => next.secrets[old] = None,
            _ => return None,
        }
        Some(next)
    }

    /// The next moments at which something would be decided otherwise.
    fn moments(&self, world: &World) -> BTreeSet<i64> {
        let mut moments = BTreeSet::from([world.now + 9]);
        if let Some(item) = &world.item {
            for Hand { fast, .. } in &self.workers {
                moments.extend(item.lease.iter().map(|(_, until)| until.as_second() - fast + 1));
                moments.extend(item.suspect.iter().map(|suspect| suspect.since.as_second() - fast + 120));
            }
        }
        // Lambda ends an invocation at its deadline, and nothing flies longer than it may: time waits for both.
        let bound = |worker: &Worker| {
            let ends = match &worker.run {
                Run::Running(running) => running.ends - 3,
                Run::Idle | Run::Over => i64::MAX,
            };
            match worker.flight {
                Flight::Orphan { until, .. } => ends.min(until),
                _ => ends,
            }
        };
        let last = world.workers.iter().map(bound).min().unwrap_or(i64::MAX);
        moments.retain(|moment| (world.now + 1..=last).contains(moment));
        moments
    }
}

impl World {
    fn running(&mut self, worker: usize) -> &mut Running {
        match &mut self.workers[worker].run {
            Run::Running(running) => running,
            Run::Idle | Run::Over => panic!("worker {worker} does not run"),
        }
    }

    fn finish(&mut self, worker: usize, verdict: Verdict) {
        let running = self.running(worker).clone();
        if verdict == Verdict::Use {
            self.used = true;
            let lives = self.item.as_ref().is_some_and(|item| item.grant == running.grant && !item.ended);
            let stored = self.secrets[slot(running.grant)].is_some_and(|secret| secret.generation >= running.pair.0);
            if lives && !stored {
                self.wrong = Some("a token is used before it is stored");
            }
        }
        self.leave(worker, self.now);
    }

    fn leave(&mut self, worker: usize, until: i64) {
        let worker = &mut self.workers[worker];
        worker.run = Run::Over;
        worker.flight = orphaned(worker.flight, until);
    }

    /// Nobody has, or will get, the refresh token that Oura takes next.
    fn is_lost(&self, grant: u8) -> bool {
        let current = self.oura[slot(grant)].current;
        let stored = self.secrets[slot(grant)].is_some_and(|secret| secret.token == current);
        let held = self.workers.iter().any(|worker| match &worker.run {
            Run::Running(running) if running.grant == grant => {
                running.pair.1 == current || worker.flight == Flight::Answered(Answer::Granted(current))
            }
            _ => false,
        });
        !stored && !held
    }

    fn wrong_end(&self, grant: u8, reason: ReasonCode) -> Option<&'static str> {
        let item = self.item.as_ref()?;
        let of_oura = self.oura[slot(item.grant)];
        if item.grant != grant {
            return Some("an older consent ended a newer one");
        }
        if !of_oura.is_dead() && !self.is_lost(grant) {
            return Some("a healthy connection is ended");
        }
        if reason == ReasonCode::Revoked && !of_oura.withdrawn && !of_oura.revoked {
            return Some("a loss of ours is called a revocation");
        }
        None
    }
}

/// What becomes of a request when its sender has gone.
fn orphaned(flight: Flight, until: i64) -> Flight {
    match flight {
        Flight::Sent { grant, token } => Flight::Orphan { grant, token, until },
        Flight::Orphan { .. } => flight,
        Flight::None | Flight::Answered(_) => Flight::None,
    }
}
