//! Reads and versioned writes of the shared rate limit's item, and this process's copy of it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::item::{RateLimitItem, State};
use crate::aws::error::StoreError;
use crate::aws::table::{Key, Outcome, Table, equals, missing};
use crate::domain::Clock;
use crate::oura::Throttled;

/// Retries of a change that met a concurrent one.
const MAX_CONFLICT_RETRIES: usize = 40;

/// Reason for which no request was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TakeError {
    /// The rate limit is reached; retry after this time.
    Exhausted(Duration),
    /// All requests are paused.
    Paused(Throttled),
    /// The item cannot be read or changed.
    Store(StoreError),
}

/// The item, and this process's copy of it.
pub(super) struct StateStore {
    table: Table,
    clock: Clock,
    /// As last read or written.
    cached: Mutex<State>,
}

impl StateStore {
    pub(super) fn new(table: Table, clock: Clock) -> Self {
        Self { table, clock, cached: Mutex::default() }
    }

    /// The state as last read or written by this process.
    pub(super) fn cached(&self) -> State {
        *self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state unless `change` returns `None`. `true` if it was changed.
    pub(super) async fn update_if(
        &self,
        action: &'static str,
        change: impl Fn(State, Timestamp) -> Option<State>,
    ) -> Result<bool, StoreError> {
        let changed = self
            .update(action, |state, now| {
                change(state, now).map(|state| (state, ())).ok_or(TakeError::Exhausted(Duration::ZERO))
            })
            .await;
        match changed {
            Ok(()) => Ok(true),
            Err(TakeError::Store(error)) => Err(error),
            Err(TakeError::Exhausted(_) | TakeError::Paused(_)) => Ok(false),
        }
    }

    /// One change of the state, decided on the state at that moment.
    pub(super) async fn update<T>(
        &self,
        action: &'static str,
        decide: impl Fn(State, Timestamp) -> Result<(State, T), TakeError>,
    ) -> Result<T, TakeError> {
        let mut state = self.cached();
        // The cached state may be old, and an error that follows from it wrong: it is read before an error is returned.
        let mut is_fresh = false;
        for _ in 0..MAX_CONFLICT_RETRIES {
            let (next, result) = match decide(state, self.clock.now()) {
                Ok(decided) => decided,
                Err(error) if is_fresh => return Err(error),
                Err(_perhaps_by_an_old_state) => {
                    state = self.read().await.map_err(TakeError::Store)?;
                    is_fresh = true;
                    continue;
                }
            };
            match self.write(action, state.version, next).await.map_err(TakeError::Store)? {
                Outcome::Written(()) => return Ok(result),
                Outcome::ConditionFailed(current) => (state, is_fresh) = (current, true),
            }
        }
        Err(TakeError::Store(StoreError::Unavailable { action, code: "Raced".to_owned() }))
    }

    async fn read(&self) -> Result<State, StoreError> {
        const ACTION: &str = "read the rate limit";
        let item: Option<RateLimitItem> = self.table.get(ACTION, &Key::RateLimit).await?;
        Ok(self.cache(item.map(|item| item.state(ACTION)).transpose()?.unwrap_or_default()))
    }

    async fn write(&self, action: &'static str, version: u64, next: State) -> Result<Outcome<(), State>, StoreError> {
        let next = State { version: version + 1, ..next };
        let is_unchanged = if version == 0 { missing("pk") } else { equals("version", version) };
        let update = self.table.update(&Key::RateLimit).set_all(RateLimitItem::from(&next)).when(is_unchanged);
        match update.send_or_current::<RateLimitItem>(action).await? {
            Outcome::Written(()) => {
                self.cache(next);
                Ok(Outcome::Written(()))
            }
            Outcome::ConditionFailed(current) => {
                let current = current.map(|item| item.state(action)).transpose()?.unwrap_or_default();
                Ok(Outcome::ConditionFailed(self.cache(current)))
            }
        }
    }

    /// Keeps the newest state; a deleted item begins again at version 0.
    fn cache(&self, state: State) -> State {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        if state.version >= cached.version || state.version == 0 {
            *cached = state;
        }
        state
    }
}
