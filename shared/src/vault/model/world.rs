//! The state of the model: the stores, Oura, the workers, the clock.

use jiff::Timestamp;

use super::super::protocol::{Action, Refresh, Verdict};
use super::super::refresh_state::RefreshState;
use super::setting::Faults;
use crate::domain::ReasonCode;

/// The consent of the beginning, and that of a reconnect.
pub(super) const OLD: u8 = 1;
pub(super) const NEW: u8 = 2;

/// Start of the model's clock, in seconds.
pub(super) const BEGIN: i64 = 100_000;

/// Seconds for which Oura declines a valid token while it serves other patients.
pub(super) const DECLINED_FOR: i64 = 3500;

/// Seconds for which a request may be in flight after its sender has ended.
pub(super) const FLIGHT: i64 = 60;

/// An event. The number is a worker's.
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
    OuraDeclines(usize),
    RequestVanishes(usize),
    PatientWithdraws,
    EndProceeds(u8),
    TimePasses(i64),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) now: i64,
    pub(super) left: Faults,
    pub(super) item: Option<RefreshState<u8>>,
    pub(super) secrets: [Option<Secret>; 2],
    pub(super) oura: [Grant; 2],
    pub(super) workers: Vec<Worker>,
    /// Steps of the connection's end.
    pub(super) end_steps: u8,
    /// Generation and token of the pair that is kept for the revocation.
    pub(super) kept: Option<(u64, u8)>,
    /// Time of the connection's end.
    pub(super) ended_at: Option<i64>,
    pub(super) false_refusal_at: Option<i64>,
    /// A worker has obtained a token.
    pub(super) used: bool,
    /// A violated invariant.
    pub(super) wrong: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Secret {
    pub(super) generation: u64,
    pub(super) token: u8,
    pub(super) before: u8,
    pub(super) written_at: i64,
}

/// A grant at Oura. Its refresh tokens are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Grant {
    pub(super) current: u8,
    pub(super) withdrawn: bool,
    pub(super) revoked: bool,
    pub(super) family_dead: bool,
}

impl Grant {
    pub(super) fn is_dead(&self) -> bool {
        self.withdrawn || self.revoked || self.family_dead
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Worker {
    pub(super) run: Run,
    pub(super) flight: Flight,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Run {
    Idle,
    Running(Box<Running>),
    Over,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Running {
    pub(super) refresh: Refresh<u8>,
    pub(super) action: Action,
    pub(super) grant: u8,
    pub(super) ends: i64,
    /// The newest pair that was read or granted: generation and refresh token.
    pub(super) pair: (u64, u8),
    /// The generation that was seen when the lease was taken.
    pub(super) held: u64,
    /// The generation of the connection as last seen.
    pub(super) seen: u64,
    /// The next read of the pair is left out ([`Guard::Reread`](super::setting::Guard::Reread)).
    pub(super) skips_read: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Flight {
    None,
    Sent {
        grant: u8,
        token: u8,
    },
    Answered(Answer),
    /// The sender has ended; in flight until then at the latest.
    Orphan {
        grant: u8,
        token: u8,
        until: i64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Answer {
    Granted(u8),
    InvalidGrant,
    Refused,
    /// Refused in other words than `invalid_grant`.
    Declined,
}

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

pub(super) fn slot(grant: u8) -> usize {
    usize::from(grant - OLD)
}

/// A worker's id as an attempt.
pub(super) fn attempt(worker: usize) -> u8 {
    10 + u8::try_from(worker).unwrap()
}

pub(super) fn connected(grant: u8) -> RefreshState<u8> {
    RefreshState {
        grant,
        generation: 1,
        ended: false,
        reason: None,
        lease: None,
        intent: None,
        suspect: None,
        refusals: None,
    }
}

impl World {
    pub(super) fn running(&mut self, worker: usize) -> &mut Running {
        match &mut self.workers[worker].run {
            Run::Running(running) => running,
            Run::Idle | Run::Over => panic!("worker {worker} does not run"),
        }
    }

    pub(super) fn finish(&mut self, worker: usize, verdict: Verdict) {
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

    pub(super) fn leave(&mut self, worker: usize, until: i64) {
        let worker = &mut self.workers[worker];
        worker.run = Run::Over;
        worker.flight = orphaned(worker.flight, until);
    }

    /// True if no worker has, or will get, the refresh token that Oura accepts next.
    pub(super) fn is_lost(&self, grant: u8) -> bool {
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

    pub(super) fn wrong_end(&self, grant: u8, reason: ReasonCode) -> Option<&'static str> {
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

/// The request of a worker that has ended.
pub(super) fn orphaned(flight: Flight, until: i64) -> Flight {
    match flight {
        Flight::Sent { grant, token } => Flight::Orphan { grant, token, until },
        Flight::Orphan { .. } => flight,
        Flight::None | Flight::Answered(_) => Flight::None,
    }
}
