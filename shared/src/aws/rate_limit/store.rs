//! Reads and versioned writes of the shared rate limit's item, and this process's copy of it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use jiff::{SignedDuration, Timestamp};

use super::item::{RateLimitItem, State};
use crate::aws::error::StoreError;
use crate::aws::table::{Key, Outcome, Table, equals, missing};
use crate::domain::Clock;
use crate::oura::Throttled;

/// Retries of a change that met a concurrent one.
const MAX_CONFLICT_RETRIES: usize = 40;

/// Shortest and longest pause before such a retry, before jitter. The first retry follows at once: a conflict returns the
/// current state.
const CONFLICT_PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

/// Time after a conflict for which the item is read before it is changed. While several workers change it, each one's copy
/// is old; a read costs a quarter of a lost write.
const CONTENDED_FOR: SignedDuration = SignedDuration::from_mins(1);

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
    /// Time until which other workers probably change the item too.
    contended_until: Mutex<Timestamp>,
}

impl StateStore {
    pub(super) fn new(table: Table, clock: Clock) -> Self {
        Self { table, clock, cached: Mutex::default(), contended_until: Mutex::default() }
    }

    /// The state as last read or written by this process.
    pub(super) fn cached(&self) -> State {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
        // The cached state may be old, and an error that follows from it wrong: it is read before an error is returned.
        let mut is_fresh = self.is_contended();
        let mut state = if is_fresh { self.read().await.map_err(TakeError::Store)? } else { self.cached() };
        let mut pauses = pauses();
        for attempt in 0..MAX_CONFLICT_RETRIES {
            if attempt > 1 {
                // What the conflict returned is old after a pause.
                self.clock.sleep(pauses.next().unwrap_or_default()).await;
                state = self.read().await.map_err(TakeError::Store)?;
            }
            let version = state.version;
            let (next, result) = match decide(state, self.clock.now()) {
                Ok(decided) => decided,
                Err(error) if is_fresh => return Err(error),
                Err(_perhaps_by_an_old_state) => {
                    state = self.read().await.map_err(TakeError::Store)?;
                    is_fresh = true;
                    continue;
                }
            };
            match self.write(action, version, next).await.map_err(TakeError::Store)? {
                Outcome::Written(()) => return Ok(result),
                Outcome::ConditionFailed(current) => {
                    self.set_contended();
                    (state, is_fresh) = (current, true);
                }
            }
        }
        Err(TakeError::Store(StoreError::Unavailable { action, code: "Raced".to_owned() }))
    }

    fn is_contended(&self) -> bool {
        self.clock.now() < *self.contended_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_contended(&self) {
        let until = self.clock.now().saturating_add(CONTENDED_FOR).unwrap_or_default();
        *self.contended_until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    async fn read(&self) -> Result<State, StoreError> {
        const ACTION: &str = "read the rate limit";
        let item: Option<RateLimitItem> = self.table.get(ACTION, &Key::RateLimit).await?;
        let state = item.map(|item| item.state(ACTION)).transpose()?.unwrap_or_default();
        self.cache(&state);
        Ok(state)
    }

    async fn write(&self, action: &'static str, version: u64, next: State) -> Result<Outcome<(), State>, StoreError> {
        let next = State { version: version + 1, ..next };
        let is_unchanged = if version == 0 { missing("pk") } else { equals("version", version) };
        let update = self.table.update(&Key::RateLimit).set_all(RateLimitItem::from(&next)).when(is_unchanged);
        match update.send_or_current::<RateLimitItem>(action).await? {
            Outcome::Written(()) => {
                self.cache(&next);
                Ok(Outcome::Written(()))
            }
            Outcome::ConditionFailed(current) => {
                let current = current.map(|item| item.state(action)).transpose()?.unwrap_or_default();
                self.cache(&current);
                Ok(Outcome::ConditionFailed(current))
            }
        }
    }

    /// Keeps the newest state; a deleted item begins again at version 0.
    fn cache(&self, state: &State) {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        if state.version >= cached.version || state.version == 0 {
            cached.clone_from(state);
        }
    }
}

/// Growing pauses with jitter before the retries of one change, so that waiting workers do not retry all at once.
fn pauses() -> impl Iterator<Item = Duration> {
    let (min, max) = CONFLICT_PAUSES;
    ExponentialBuilder::default().with_min_delay(min).with_max_delay(max).with_jitter().without_max_times().build()
}
