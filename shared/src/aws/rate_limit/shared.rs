//! The rate limit of one process: takes requests from the shared item and hands them to this process's callers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::SdkConfig;
use jiff::{SignedDuration, Timestamp};

use super::item::State;
use super::store::{StateStore, TakeError};
use crate::aws::error::StoreError;
use crate::aws::table::Table;
use crate::domain::{Clock, DataType};
use crate::oura::breaker::FailureStreak;
use crate::oura::rate_limit::{Allowance, Lane, Taken, usable_until};
use crate::oura::{ThrottleReason, Throttled};

/// Requests taken in one write.
const MAX_SLICE: u32 = 50;

/// Time that a request waits in this process before its message returns to the queue.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(25);

/// A pause up to this length is waited out here.
const SHORT_PAUSE: SignedDuration = SignedDuration::from_secs(3);

/// Time that the others wait for a probing request, whose worker may have died: longer than a request for data takes.
const PROBE_TIMEOUT: Duration = Duration::from_secs(30);

/// Interval at which the others check for the end of an outage.
const PROBE_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Delay before a retry if the rate limit's item is unavailable.
pub(super) const UNKNOWN_RETRY: Duration = Duration::from_secs(60);

/// The rate limit of one process. Cheap to clone: all clones share the requests that were taken.
#[derive(Clone)]
pub struct SharedRateLimit(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) store: StateStore,
    pub(super) clock: Clock,
    pub(super) configured: Allowance,
    pub(super) failures: Mutex<Failures>,
    live: ReservedSlots,
    nightly: ReservedSlots,
}

/// Consecutive failures that this process has seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Failures {
    /// Requests without a response, to whatever collection without an open breaker, since the last breaker opened.
    pub(super) all: FailureStreak,
    /// Their collections.
    pub(super) collections: BTreeSet<Option<DataType>>,
    /// Requests without a response, by collection.
    pub(super) by_collection: BTreeMap<DataType, FailureStreak>,
    /// 429 responses that name no patient's limit.
    pub(super) limits: FailureStreak,
}

/// Requests that one lane of this process has taken and not used.
#[derive(Default)]
struct ReservedSlots {
    taken: tokio::sync::Mutex<VecDeque<Timestamp>>,
    waiting: AtomicU32,
}

impl SharedRateLimit {
    /// The rate limit in the table of this name. `per_window`: requests that all workers together may send in any five
    /// minutes.
    #[must_use]
    pub fn new(sdk: &SdkConfig, table: impl Into<String>, per_window: u32, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            store: StateStore::new(Table::new(sdk, table), clock.clone()),
            clock,
            configured: Allowance::new(per_window),
            failures: Mutex::default(),
            live: ReservedSlots::default(),
            nightly: ReservedSlots::default(),
        }))
    }

    /// A pause of all requests that is too long to wait out here, as far as this process has read: work need not begin.
    #[must_use]
    pub fn throttled(&self) -> Option<Throttled> {
        let long = Duration::try_from(SHORT_PAUSE).unwrap_or_default();
        self.0.store.cached().throttled(self.0.clock.now()).filter(|throttled| throttled.retry_after > long)
    }

    /// Takes at most `want` requests. Returns the times from which they may be sent.
    ///
    /// # Errors
    /// [`TakeError`].
    pub async fn take(&self, lane: Lane, want: u32) -> Result<Vec<Timestamp>, TakeError> {
        let decide = |state: State, now| {
            if let Some(throttled) = state.throttled(now) {
                return Err(TakeError::Paused(throttled));
            }
            // After an outage one request probes (the half-open circuit breaker).
            let (probing_until, want) = match state.outages {
                0 => (None, want),
                _ if state.probing_until.is_some_and(|until| now < until) => {
                    return Err(TakeError::Exhausted(PROBE_CHECK_INTERVAL));
                }
                _ => (Some(after(now, PROBE_TIMEOUT)), 1),
            };
            let state = state.raised(self.0.configured, now);
            match state.gcra.take(state.allowance(self.0.configured, now), lane, want, now) {
                Taken::ReservedSlots { ledger, slots } => {
                    let taken = state.taken.plus(slots.len(), now);
                    Ok((State { gcra: ledger, probing_until, taken, ..state }, slots))
                }
                Taken::Wait(wait) => Err(TakeError::Exhausted(wait)),
            }
        };
        self.0.store.update("take from the rate limit", decide).await
    }

    /// Waits until a request to this collection may be sent.
    pub(super) async fn acquire(&self, lane: Lane, data_type: Option<DataType>) -> Result<(), Throttled> {
        if let Some(data_type) = data_type {
            self.pass_breaker(data_type).await?;
        }
        let (inner, clock) = (&self.0, &self.0.clock);
        let slots = inner.slots(lane);
        let deadline = after(clock.now(), ACQUIRE_TIMEOUT);
        let _waiting = Waiting::new(&slots.waiting);
        // Concurrent callers are counted before anything is taken, so that one write serves them all.
        tokio::task::yield_now().await;
        loop {
            let Some(slot) = self.next_slot(lane, slots, deadline).await? else { continue };
            if let Ok(wait) = Duration::try_from(slot.duration_since(clock.now())) {
                clock.sleep(wait).await;
            }
            // A slot that was missed is not used: a late request could exceed the limit together with the others'.
            if clock.now() <= usable_until(slot) {
                return Ok(());
            }
        }
    }

    /// Lets a request to a failing collection through only to probe it, one at a time among all workers.
    async fn pass_breaker(&self, data_type: DataType) -> Result<(), Throttled> {
        let (store, clock) = (&self.0.store, &self.0.clock);
        let throttled = |retry_after| Throttled { reason: ThrottleReason::Collection, retry_after };
        let Some(breaker) = store.cached().breakers.get(&data_type).copied() else { return Ok(()) };
        if let Some(wait) = breaker.closed_for(clock.now()) {
            return Err(throttled(wait));
        }
        let probe = |mut state: State, now| {
            let breaker = state.breakers.get_mut(&data_type).filter(|breaker| breaker.closed_for(now).is_none())?;
            *breaker = breaker.probed(now);
            Some(state)
        };
        match store.update_if("probe a collection", probe).await {
            Ok(true) => Ok(()),
            // Another worker probes, or has found that the collection responds.
            Ok(false) => {
                match store.cached().breakers.get(&data_type).and_then(|breaker| breaker.closed_for(clock.now())) {
                    Some(wait) => Err(throttled(wait)),
                    None => Ok(()),
                }
            }
            Err(error) => Err(unavailable(&error)),
        }
    }

    /// A slot that this lane has reserved, or takes now. `None` after a wait for one.
    async fn next_slot(
        &self,
        lane: Lane,
        slots: &ReservedSlots,
        deadline: Timestamp,
    ) -> Result<Option<Timestamp>, Throttled> {
        let clock = &self.0.clock;
        let mut taken = slots.taken.lock().await;
        let now = clock.now();
        taken.retain(|slot| now <= usable_until(*slot));
        if let Some(slot) = taken.pop_front() {
            return Ok(Some(slot));
        }
        let want = slots.waiting.load(Ordering::Relaxed).clamp(1, MAX_SLICE);
        match self.take(lane, want).await {
            Ok(slots) => taken.extend(slots),
            // The others of this lane wait for the lock: they could not take anything either.
            Err(TakeError::Exhausted(wait)) if after(clock.now(), wait) <= deadline => clock.sleep(wait).await,
            // Others wait as well: an immediate retry would only wait again.
            Err(TakeError::Exhausted(wait)) => {
                let is_outage = self.0.store.cached().outages > 0;
                let reason = if is_outage { ThrottleReason::Outage } else { ThrottleReason::RateLimit };
                return Err(Throttled { reason, retry_after: wait.max(ACQUIRE_TIMEOUT) });
            }
            Err(TakeError::Paused(throttled)) => {
                if SignedDuration::try_from(throttled.retry_after).is_ok_and(|wait| wait > SHORT_PAUSE) {
                    return Err(throttled);
                }
                clock.sleep(throttled.retry_after).await;
            }
            Err(TakeError::Store(error)) => return Err(unavailable(&error)),
        }
        Ok(None)
    }
}

impl Inner {
    fn slots(&self, lane: Lane) -> &ReservedSlots {
        match lane {
            Lane::Live => &self.live,
            Lane::Nightly => &self.nightly,
        }
    }
}

/// Counts a waiting caller until it is dropped.
struct Waiting<'a>(&'a AtomicU32);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicU32) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn unavailable(error: &StoreError) -> Throttled {
    tracing::warn!(
        event = "rate_limit.unavailable",
        reason = %error,
        "the rate limit could not be read; no request was sent to Oura"
    );
    Throttled { reason: ThrottleReason::Unknown, retry_after: UNKNOWN_RETRY }
}

pub(super) fn after(now: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait).ok().and_then(|wait| now.saturating_add(wait).ok()).unwrap_or(now)
}

impl fmt::Debug for SharedRateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedRateLimit").field("configured", &self.0.configured).finish_non_exhaustive()
    }
}
