//! The model as the search sees it: its first state, the steps from a state, and the invariants.

use super::super::protocol::Need;
use super::super::refresh_state::RefreshState;
use super::search::Model;
use super::setting::{EndedBy, Faults, Setting};
use super::world::{BEGIN, Event, Flight, Grant, NEW, OLD, Run, Secret, Worker, World, connected, slot};

impl Model for Setting {
    type State = World;
    type Label = Event;

    fn first(&self) -> World {
        let alive = Grant { current: 1, withdrawn: false, revoked: false, family_dead: false };
        World {
            now: BEGIN,
            left: self.faults,
            item: Some(RefreshState { refusals: self.refusals, ..connected(OLD) }),
            secrets: [Some(Secret { generation: 1, token: 1, before: 1, written_at: 0 }), None],
            oura: [alive; 2],
            workers: self.workers.iter().map(|_| Worker { run: Run::Idle, flight: Flight::None }).collect(),
            end_steps: 0,
            kept: None,
            ended_at: None,
            false_refusal_at: None,
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
        if let Some(next) = self.end_step(world) {
            ways.push((Event::EndProceeds(world.end_steps), next));
        }
        if world.left.time_steps > 0 {
            ways.extend(self.moments(world).into_iter().map(|moment| {
                let mut next = world.clone();
                next.left.time_steps -= 1;
                next.now = moment;
                (Event::TimePasses(moment - world.now), next)
            }));
        }
        ways
    }

    fn wrong(&self, world: &World, stuck: bool) -> Option<&'static str> {
        let no_faults = (world.left.crashes, world.left.lost) == (self.faults.crashes, self.faults.lost);
        if let Some(wrong) = world.wrong {
            return Some(wrong);
        }
        if let Some(item) = world.item.as_ref().filter(|item| !item.ended) {
            let secret = world.secrets[slot(item.grant)];
            if secret.is_some_and(|secret| secret.generation < item.generation) {
                return Some("a generation is known that is not stored");
            }
            if no_faults && !world.oura[slot(item.grant)].is_dead() && world.is_lost(item.grant) {
                return Some("a token is lost without a crash or a lost answer");
            }
        }
        let all_valid = self.workers.iter().all(|worker| worker.need == Need::Valid);
        if no_faults && all_valid && world.oura[slot(OLD)].current > 2 {
            return Some("more than one refresh for one need");
        }
        let newer = world.oura[slot(NEW)];
        if newer.revoked {
            return Some("a newer consent is ended by the revocation of an older one");
        }
        let all_over = world.workers.iter().all(|worker| worker.run == Run::Over && worker.flight == Flight::None);
        if !stuck && !all_over {
            return None;
        }
        let end_is_complete = matches!((self.ended_by, world.end_steps), (EndedBy::Disconnect | EndedBy::Purge, 4));
        if end_is_complete
            && all_over
            && world.left.crashes == self.faults.crashes
            && world.left.lost == self.faults.lost
        {
            if world.secrets[slot(OLD)].is_some() {
                return Some("tokens of an ended connection are kept");
            }
            if !world.oura[slot(OLD)].is_dead() {
                return Some("an ended connection lives on at Oura");
            }
        }
        let undisturbed = no_faults
            && self.refusals.is_none()
            && self.faults.withdrawals == world.left.withdrawals
            && world.end_steps == 0;
        let small = |left: &Faults| [left.declines, left.false_refusals, left.refusals, left.failed_writes, left.stale];
        if all_over && undisturbed && small(&world.left) == small(&self.faults) {
            let item = world.item.as_ref();
            if !world.used {
                return Some("no worker got a token although nothing failed");
            }
            if item.is_none_or(|item| item.lease.is_some() || item.intent.is_some()) {
                return Some("a lease is left although nothing failed");
            }
        }
        None
    }
}
