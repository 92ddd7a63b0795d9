//! The request budget: one item in the table `Connections` from which all workers take, so that together they never pass
//! Oura's limit; and what holds all of them back: a limit that was reached all the same, an Oura that does not answer.
//!
//! Requests are taken several at once, as many as wait in this process, so that one write serves many requests. The
//! arithmetic is [`crate::oura::rate_limit`]'s.

mod item;

use std::collections::VecDeque;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};

use self::item::{State, attributes, state};
pub(super) use self::item::{is_item, is_outage, key};
use super::item::n;
use super::{SdkConfig, StoreError};
use crate::domain::{Clock, PatientId};
use crate::oura::rate_limit::{Allowance, Lane, Taken, usable_until};
use crate::oura::{OuraError, RateLimiter, RateTier, ThrottleReason, Throttled};
use crate::telemetry::{self, Metric};

/// Most requests taken at once.
const SLICE: u32 = 50;

/// How often an item that others change under our hands is tried again.
const RACES: usize = 40;

/// How long a request waits in this process before its message is sent back.
const PATIENCE: Duration = Duration::from_secs(25);

/// A pause of all that is this short is waited out here.
const SHORT_PAUSE: SignedDuration = SignedDuration::from_secs(3);

/// So many requests in a row without an answer, in one process and for more than one patient, are an outage: Oura may
/// stumble over the data of one alone...
const OUTAGE_AFTER: u32 = 8;

/// ... and so many right after a pause, one after the other: who tries whether Oura is back must not be everybody (the
/// half-open circuit breaker).
const STILL_OUT_AFTER: u32 = 2;

/// How long the one who tries is waited for, as it may have died: longer than a request for data takes at most.
const TRY_FOR: Duration = Duration::from_secs(30);

/// How often the others look whether they may go on.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The first and the longest pause of an outage; it doubles while it lasts.
const OUTAGE_PAUSES: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(15 * 60));

/// The pause after a 429 that does not say how long.
const LIMIT_PAUSE: Duration = Duration::from_secs(60);

/// How long a lowered allowance lasts.
const LOWERED_FOR: SignedDuration = SignedDuration::from_hours(6);

/// The budget of one process. Cheap to clone: all clones share what was taken.
#[derive(Clone)]
pub struct SharedRateLimit(Arc<Inner>);

struct Inner {
    client: Client,
    table: String,
    clock: Clock,
    configured: Allowance,
    /// As last read or written.
    known: Mutex<State>,
    live: ReservedSlots,
    nightly: ReservedSlots,
    unanswered: Mutex<Unanswered>,
}

/// Requests in a row that got no answer.
#[derive(Debug, Clone, Copy, Default)]
struct Unanswered {
    count: u32,
    /// Who asked last.
    by: u64,
    /// Whether somebody else had asked before.
    by_several: bool,
}

/// What one lane of this process has taken and not used.
#[derive(Default)]
struct ReservedSlots {
    taken: tokio::sync::Mutex<VecDeque<Timestamp>>,
    waiting: AtomicU32,
}

impl SharedRateLimit {
    /// The budget in the table of this name. `per_window`: requests that all workers together may send in any five minutes.
    #[must_use]
    pub fn new(sdk: &SdkConfig, table: impl Into<String>, per_window: u32, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            client: Client::new(sdk),
            table: table.into(),
            clock,
            configured: Allowance::new(per_window),
            known: Mutex::default(),
            live: ReservedSlots::default(),
            nightly: ReservedSlots::default(),
            unanswered: Mutex::default(),
        }))
    }

    /// Admits the requests for one patient's data, in this lane.
    #[must_use]
    pub fn lane(&self, lane: Lane, patient: &PatientId) -> Arc<dyn RateLimiter> {
        let mut asker = DefaultHasher::new();
        patient.hash(&mut asker);
        Arc::new(LaneLimiter { rate_limit: self.clone(), lane, asker: asker.finish() })
    }

    /// What holds everybody back for longer than a moment, as far as this process knows: work need not even begin.
    #[must_use]
    pub fn held(&self) -> Option<Throttled> {
        let long = Duration::try_from(SHORT_PAUSE).unwrap_or_default();
        self.known().held(self.0.clock.now()).filter(|held| held.retry_after > long)
    }

    /// Takes at most `want` requests: the moments from which on they may be sent.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn take(&self, lane: Lane, want: u32) -> Result<Vec<Timestamp>, Refusal> {
        let slots = self
            .change("take from the request budget", |state, now| {
                if let Some(held) = state.held(now) {
                    return Err(Refusal::Closed(held));
                }
                let (trying, want) = match state.outages {
                    0 => (None, want),
                    _ if state.trying.is_some_and(|until| now < until) => return Err(Refusal::Later(LOOK_AGAIN)),
                    _ => (Some(after(now, TRY_FOR)), 1),
                };
                match state.ledger.take(state.allowance(self.0.configured, now), lane, want, now) {
                    Taken::ReservedSlots { ledger, slots } => Ok((State { ledger, trying, ..state }, slots)),
                    Taken::Wait(wait) => Err(Refusal::Later(wait)),
                }
            })
            .await?;
        Ok(slots)
    }

    async fn acquire(&self, lane: Lane) -> Result<(), Throttled> {
        let (inner, clock) = (&self.0, &self.0.clock);
        let own = inner.slots(lane);
        let give_up = after(clock.now(), PATIENCE);
        let _waiting = Waiting::new(&own.waiting);
        // Who asks at the same moment is counted before anything is taken, so that one write serves them all.
        tokio::task::yield_now().await;
        loop {
            let slot = {
                let mut taken = own.taken.lock().await;
                let now = clock.now();
                taken.retain(|slot| now <= usable_until(*slot));
                match taken.pop_front() {
                    Some(slot) => slot,
                    None => {
                        let want = own.waiting.load(Ordering::Relaxed).clamp(1, SLICE);
                        match self.take(lane, want).await {
                            Ok(slots) => taken.extend(slots),
                            // The others of this lane wait behind this one: they could not do better.
                            Err(Refusal::Later(wait)) if after(clock.now(), wait) <= give_up => clock.sleep(wait).await,
                            // Others wait as well: coming back at once would only be to wait again.
                            Err(Refusal::Later(wait)) => {
                                let is_out = self.known().outages > 0;
                                let reason = if is_out { ThrottleReason::Outage } else { ThrottleReason::RateLimit };
                                return Err(Throttled { reason, retry_after: wait.max(PATIENCE) });
                            }
                            Err(Refusal::Closed(held)) => {
                                if SignedDuration::try_from(held.retry_after).is_ok_and(|wait| wait > SHORT_PAUSE) {
                                    return Err(held);
                                }
                                clock.sleep(held.retry_after).await;
                            }
                            Err(Refusal::Store(error)) => {
                                tracing::warn!(%error, "without the request budget nothing is asked of Oura");
                                return Err(Throttled { reason: ThrottleReason::Unknown, retry_after: LIMIT_PAUSE });
                            }
                        }
                        continue;
                    }
                }
            };
            if let Ok(wait) = Duration::try_from(slot.duration_since(clock.now())) {
                clock.sleep(wait).await;
            }
            // Whoever was held up for too long asks anew: what is sent late could come on top of what others may send.
            if clock.now() <= usable_until(slot) {
                return Ok(());
            }
        }
    }

    async fn on_response(&self, asker: u64, error: Option<&OuraError>) {
        let changed = match error {
            Some(OuraError::Unavailable { .. }) => self.unanswered(asker).await,
            Some(OuraError::RateLimited { tier: Some(RateTier::Token), .. }) => {
                telemetry::count(self.0.clock.now(), Metric::OuraLimitsReached, 1, &[("tier", "token")]);
                self.answered().await
            }
            Some(OuraError::RateLimited { retry_after, limit, .. }) => self.limited(*retry_after, *limit).await,
            _ => self.answered().await,
        };
        if let Err(error) = changed {
            tracing::warn!(%error, "the other workers are not told how Oura is");
        }
    }

    /// Oura answered, whatever it said: an outage is over.
    async fn answered(&self) -> Result<(), StoreError> {
        self.count_unanswered(|_| Unanswered::default());
        if self.known().outages == 0 {
            return Ok(());
        }
        self.settle("end an outage", |state, _| {
            (state.outages > 0).then_some(State { outages: 0, trying: None, tried: 0, ..state })
        })
        .await?;
        tracing::info!("Oura answers again");
        Ok(())
    }

    /// Oura did not answer. Several times in a row, whoever was asked about, is an outage: everybody pauses.
    async fn unanswered(&self, asker: u64) -> Result<(), StoreError> {
        let so_far = self.count_unanswered(|before| Unanswered {
            count: before.count + 1,
            by: asker,
            by_several: before.by_several || (before.count > 0 && before.by != asker),
        });
        let was_out = self.known().outages > 0;
        if !was_out && (so_far.count < OUTAGE_AFTER || !so_far.by_several) {
            return Ok(());
        }
        self.count_unanswered(|_| Unanswered::default());
        let changed = self
            .settle("pause for an outage", |state, now| {
                // Somebody else has just found out the same.
                if state.held(now).is_some() {
                    return None;
                }
                let tried = state.tried + 1;
                if state.outages > 0 && tried < STILL_OUT_AFTER {
                    return Some(State { tried, trying: None, ..state });
                }
                let pause = (OUTAGE_PAUSES.0 * 2_u32.saturating_pow(state.outages.min(16))).min(OUTAGE_PAUSES.1);
                let closed = Some((after(now, pause), ThrottleReason::Outage));
                Some(State { closed, outages: state.outages + 1, trying: None, tried: 0, ..state })
            })
            .await?;
        let paused = changed && self.held().is_some();
        if paused {
            telemetry::count(self.0.clock.now(), Metric::OuraOutages, 1, &[]);
            tracing::warn!("Oura does not answer anybody; everybody pauses");
        }
        Ok(())
    }

    /// Oura said that the app sends too much (or did not say who does): everybody pauses, and goes on with less.
    async fn limited(&self, retry_after: Option<Duration>, told: Option<u32>) -> Result<(), StoreError> {
        let now = self.0.clock.now();
        telemetry::count(now, Metric::OuraLimitsReached, 1, &[("tier", "application")]);
        let configured = self.0.configured;
        let pause = retry_after.unwrap_or(LIMIT_PAUSE);
        self.settle("pause for Oura's limit", |state, now| {
            let until = after(now, pause);
            if state.closed.is_some_and(|(closed, why)| why == ThrottleReason::Limit && closed > now) {
                // The others that were under way at the same moment tell nothing new.
                let later = state.closed.is_some_and(|(closed, _)| closed < until);
                return later.then_some(State { closed: Some((until, ThrottleReason::Limit)), ..state });
            }
            let lowered = state.allowance(configured, now).lowered(told);
            let forget = now.saturating_add(LOWERED_FOR).unwrap_or(now);
            Some(State { closed: Some((until, ThrottleReason::Limit)), lowered: Some((lowered, forget)), ..state })
        })
        .await?;
        tracing::warn!(pause_s = pause.as_secs(), "Oura's limit for the app is reached; everybody pauses");
        Ok(())
    }

    /// Changes the item unless `change` finds nothing to change; whether it did.
    async fn settle(
        &self,
        action: &'static str,
        change: impl Fn(State, Timestamp) -> Option<State>,
    ) -> Result<bool, StoreError> {
        let changed = self
            .change(action, |state, now| {
                change(state, now).map(|state| (state, ())).ok_or(Refusal::Later(Duration::ZERO))
            })
            .await;
        match changed {
            Ok(()) => Ok(true),
            Err(Refusal::Store(error)) => Err(error),
            Err(Refusal::Later(_) | Refusal::Closed(_)) => Ok(false),
        }
    }

    /// One change of the item, decided on what it holds at that moment.
    async fn change<T>(
        &self,
        action: &'static str,
        decide: impl Fn(State, Timestamp) -> Result<(State, T), Refusal>,
    ) -> Result<T, Refusal> {
        let mut state = self.known();
        // What is known here may be old, and a refusal by it wrong: it is read before anybody is refused.
        let mut fresh = false;
        for _ in 0..RACES {
            let (next, result) = match decide(state, self.0.clock.now()) {
                Ok(decided) => decided,
                Err(refusal) if fresh => return Err(refusal),
                Err(_perhaps_by_an_old_state) => {
                    state = self.read().await.map_err(Refusal::Store)?;
                    fresh = true;
                    continue;
                }
            };
            match self.write(action, state.version, next).await.map_err(Refusal::Store)? {
                Written::Done => return Ok(result),
                Written::Raced(current) => (state, fresh) = (current, true),
            }
        }
        Err(Refusal::Store(StoreError::Unavailable { action, code: "Raced".to_owned() }))
    }

    async fn read(&self) -> Result<State, StoreError> {
        const ACTION: &str = "read the request budget";
        let answer = self
            .0
            .client
            .get_item()
            .table_name(&self.0.table)
            .set_key(Some(key()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::of(ACTION, &error))?;
        let state = answer.item.as_ref().map(|item| state(ACTION, item)).transpose()?.unwrap_or_default();
        Ok(self.remember(state))
    }

    async fn write(&self, action: &'static str, version: u64, next: State) -> Result<Written, StoreError> {
        let next = State { version: version + 1, ..next };
        let condition = if version == 0 { "attribute_not_exists(pk)" } else { "version = :version" };
        let mut put = self
            .0
            .client
            .update_item()
            .table_name(&self.0.table)
            .set_key(Some(key()))
            .condition_expression(condition)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if version > 0 {
            put = put.expression_attribute_values(":version", n(version));
        }
        let (mut set, mut remove) = (Vec::new(), Vec::new());
        for (name, value) in attributes(&next) {
            match value {
                Some(value) => {
                    set.push(format!("{name} = :{name}"));
                    put = put.expression_attribute_values(format!(":{name}"), value);
                }
                None => remove.push(name),
            }
        }
        let mut update = format!("SET version = :next, {}", set.join(", "));
        if !remove.is_empty() {
            update.push_str(&format!(" REMOVE {}", remove.join(", ")));
        }
        let sent = put.expression_attribute_values(":next", n(next.version)).update_expression(update).send().await;
        match sent {
            Ok(_) => {
                self.remember(next);
                Ok(Written::Done)
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    let current = failed.item().map(|item| state(action, item)).transpose()?.unwrap_or_default();
                    Ok(Written::Raced(self.remember(current)))
                }
                _ => Err(StoreError::of(action, &error)),
            },
        }
    }

    fn count_unanswered(&self, change: impl Fn(Unanswered) -> Unanswered) -> Unanswered {
        let mut unanswered = self.0.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
        *unanswered = change(*unanswered);
        *unanswered
    }

    fn known(&self) -> State {
        *self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the newest of what was seen; an item that somebody has deleted begins anew.
    fn remember(&self, state: State) -> State {
        let mut known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        if state.version >= known.version || state.version == 0 {
            *known = state;
        }
        state
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

/// Why nothing was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// All is given away for the moment.
    Later(Duration),
    /// Everybody is held back.
    Closed(Throttled),
    /// The item cannot be read or changed.
    Store(StoreError),
}

enum Written {
    Done,
    Raced(State),
}

#[derive(Debug)]
struct LaneLimiter {
    rate_limit: SharedRateLimit,
    lane: Lane,
    asker: u64,
}

impl RateLimiter for LaneLimiter {
    fn acquire(&self) -> BoxFuture<'_, Result<(), Throttled>> {
        Box::pin(self.rate_limit.acquire(self.lane))
    }

    fn on_response<'a>(&'a self, error: Option<&'a OuraError>) -> BoxFuture<'a, ()> {
        Box::pin(self.rate_limit.on_response(self.asker, error))
    }
}

/// Counts one that waits, as long as it lives.
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

fn after(now: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait).ok().and_then(|wait| now.saturating_add(wait).ok()).unwrap_or(now)
}

impl fmt::Debug for SharedRateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedRateLimit").field("configured", &self.0.configured).finish_non_exhaustive()
    }
}
