//! Steps outside the workers: the end of the connection, and time.

use std::collections::BTreeSet;

use super::setting::{EndedBy, Setting, WorkerSetup};
use super::world::{Flight, NEW, OLD, Run, Secret, Worker, World, connected, slot};
use crate::domain::ReasonCode;

impl Setting {
    /// The next step of the connection's end, in the order of a disconnect, a purge or a callback.
    pub(super) fn end_step(&self, world: &World) -> Option<World> {
        let mut next = world.clone();
        next.end_steps += 1;
        let old = slot(OLD);
        match (self.ended_by, world.end_steps) {
            (EndedBy::Disconnect, 0) => {
                let item = next.item.as_mut()?;
                let generation = item.generation;
                item.end(&OLD, generation, ReasonCode::UserRequest);
            }
            (EndedBy::Purge, 0) => next.item = None,
            (EndedBy::Disconnect | EndedBy::Purge, 1) => next.end_token = next.secrets[old].map(|secret| secret.token),
            (EndedBy::Disconnect | EndedBy::Purge, 2) => next.secrets[old] = None,
            (EndedBy::Disconnect | EndedBy::Purge, 3) => {
                next.oura[old].revoked |= next.end_token == Some(next.oura[old].current);
                next.end_token = None;
            }
            (EndedBy::Reconnect, 0) => {
                next.secrets[slot(NEW)] = Some(Secret { generation: 1, token: 1, before: 1, written_at: 0 });
            }
            (EndedBy::Reconnect, 1) => next.item = Some(connected(NEW)),
            (EndedBy::Reconnect, 2) => next.secrets[old] = None,
            _ => return None,
        }
        Some(next)
    }

    /// The next times at which a decision could change.
    pub(super) fn moments(&self, world: &World) -> BTreeSet<i64> {
        let mut moments = BTreeSet::from([world.now + 9]);
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
