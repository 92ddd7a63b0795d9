//! Steps outside the workers: the end of the connection, and time.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::super::revocation_step::{RUNNING_REFRESH, RevocationState, RevocationStep};
use super::setting::{EndedBy, Guard, Setting, WorkerSetup};
use super::world::{Flight, NEW, OLD, Run, Secret, Worker, World, connected, slot};
use crate::domain::ReasonCode;

impl Setting {
    /// The next step of the connection's end, in the order of a disconnect, a purge or a callback.
    pub(super) fn end_step(&self, world: &World) -> Option<World> {
        let mut next = world.clone();
        next.end_steps += 1;
        let old = slot(OLD);
        match (self.ended_by, world.end_steps) {
            (EndedBy::Disconnect | EndedBy::DisconnectAndReconnect, 0) => {
                let item = next.item.as_mut()?;
                let generation = item.generation;
                item.end(&OLD, generation, ReasonCode::UserRequest);
                next.ended_at = Some(world.now);
            }
            (EndedBy::Purge, 0) => (next.item, next.ended_at) = (None, Some(world.now)),
            (EndedBy::Disconnect | EndedBy::Purge | EndedBy::DisconnectAndReconnect, 1) => {
                next.kept = next.kept.max(next.secrets[old].map(|secret| (secret.generation, secret.token)));
            }
            (EndedBy::Disconnect | EndedBy::Purge | EndedBy::DisconnectAndReconnect, 2) => next.secrets[old] = None,
            (EndedBy::Disconnect | EndedBy::Purge, 3) | (EndedBy::DisconnectAndReconnect, 4) => {
                self.revoke(&mut next)?
            }
            (EndedBy::Reconnect, 0) => {
                next.secrets[slot(NEW)] = Some(Secret { generation: 1, token: 1, before: 1, written_at: 0 });
            }
            (EndedBy::Reconnect, 1) => next.item = Some(connected(NEW)),
            (EndedBy::Reconnect, 2) => next.secrets[old] = None,
            (EndedBy::DisconnectAndReconnect, 3) => {
                next.secrets[slot(NEW)] = Some(Secret { generation: 1, token: 1, before: 1, written_at: 0 });
                next.item = Some(connected(NEW));
            }
            _ => return None,
        }
        Some(next)
    }

    /// The revocation of the ended consent, by the production decision. `None` while it waits.
    ///
    /// The access token of the first generation has expired. A revocation ends every consent of the account with this app.
    fn revoke(&self, next: &mut World) -> Option<()> {
        let Some((generation, token)) = next.kept.take() else { return Some(()) };
        let age = next.now - next.ended_at?;
        let state = RevocationState {
            has_newer_consent: self.ended_by == EndedBy::DisconnectAndReconnect && !self.lacks(Guard::NewerConsent),
            is_expired: generation == 1 && !self.lacks(Guard::RefreshBeforeRevocation),
            is_refused: false,
            can_refresh: true,
            age: if self.lacks(Guard::RunningRefresh) { RUNNING_REFRESH } else { SignedDuration::from_secs(age) },
        };
        let (of_old, is_held) = (slot(OLD), !next.is_lost(OLD));
        let grant = &mut next.oura[of_old];
        let revoked = match state.next() {
            RevocationStep::Supersede | RevocationStep::GiveUp => false,
            RevocationStep::Wait(_) => return None,
            RevocationStep::Revoke => generation > 1 && grant.current == token,
            RevocationStep::Refresh if grant.is_dead() => false,
            RevocationStep::Refresh if grant.current == token => {
                grant.current += 1;
                true
            }
            RevocationStep::Refresh => {
                // A worker has sent it too, and has its answer still.
                if is_held {
                    next.wrong = Some("a refresh token is spent twice");
                }
                next.oura[of_old].family_dead |= self.family;
                false
            }
        };
        next.oura[of_old].revoked |= revoked;
        next.oura[slot(NEW)].revoked |= revoked && self.ended_by == EndedBy::DisconnectAndReconnect;
        Some(())
    }

    /// The next times at which a decision could change.
    pub(super) fn moments(&self, world: &World) -> BTreeSet<i64> {
        let mut moments = BTreeSet::from([world.now + 9]);
        moments.extend(world.ended_at.map(|ended_at| ended_at + RUNNING_REFRESH.as_secs()));
        if let Some(item) = &world.item {
            for WorkerSetup { fast, .. } in &self.workers {
                moments.extend(item.lease.iter().map(|(_, until)| until.as_second() - fast + 1));
                moments.extend(item.refusals.iter().map(|refusals| refusals.last.as_second() - fast + 1800));
                moments.extend(item.suspect.iter().map(|suspect| suspect.probe_at.as_second() - fast));
            }
        }
        // Lambda ends an invocation at its deadline, and a request is in flight for a limited time: time stops before both.
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
