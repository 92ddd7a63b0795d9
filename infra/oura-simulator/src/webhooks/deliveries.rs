//! Deliveries: their due times, signatures, retries and final states.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::options::delivery_order::DeliveryOrder;
use crate::options::settings::Options;
use crate::random::shuffled;

use super::event::WebhookEvent;
use super::record::{DeliveryAttempt, DeliveryState, WebhookDeliveryRecord, WebhookRequest};
use super::signature::sign;
use super::subscriptions::{Subscription, later};

/// Retries after the first attempt (documented).
const MAX_RETRIES: usize = 10;

/// Wait before the first retry. Each further one is twice as long, so that ten take just under an hour (documented:
/// about an hour).
const FIRST_RETRY: Duration = Duration::from_millis(3500);

/// Ended deliveries that are kept.
const MAX_ENDED: usize = 10_000;

const USER_AGENT: &str = "simulated-oura-webhooks/1";

/// Body of a webhook, its fields in Oura's order.
#[derive(Serialize)]
struct Body<'a> {
    event_type: &'a str,
    data_type: &'a str,
    object_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_time: Option<String>,
    user_id: &'a str,
}

/// A delivery that has not ended.
struct Pending {
    subscription: Uuid,
    body: Vec<u8>,
    /// Timestamp and signature of the first attempt.
    signed: Option<(String, String)>,
    /// Start of the attempt in progress.
    taken: Option<Timestamp>,
    record: WebhookDeliveryRecord,
}

/// Consequence of a settled attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    /// There is no such attempt.
    NotInProgress,
    /// None beyond this delivery.
    Done,
    /// The receiver cancelled the subscription.
    SubscriptionCancelled(Uuid),
}

/// All deliveries.
#[derive(Default)]
pub(crate) struct Deliveries {
    last: u64,
    /// Deliveries since `webhook_lose_every` was set.
    counted: u32,
    pending: BTreeMap<u64, Pending>,
    ended: VecDeque<WebhookDeliveryRecord>,
}

impl Deliveries {
    /// Queues an event for a subscription, with the configured number of copies, and returns the ids.
    pub(crate) fn queue(
        &mut self,
        event: &WebhookEvent,
        to: &Subscription,
        options: &Options,
        now: Timestamp,
    ) -> Vec<u64> {
        let body = Body {
            event_type: &event.event_type,
            data_type: &event.data_type,
            object_id: &event.object_id,
            event_time: options.webhook_event_time.then(|| now.strftime("%Y-%m-%dT%H:%M:%S%.f+00:00").to_string()),
            user_id: &event.user_id,
        };
        // Texts always serialize.
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let due = later(now, Duration::from_secs(options.webhook_delay_seconds));
        (0..options.webhook_copies).map(|_| self.queue_one(event, to, &body, due, options, now)).collect()
    }

    fn queue_one(
        &mut self,
        event: &WebhookEvent,
        to: &Subscription,
        body: &[u8],
        due: Timestamp,
        options: &Options,
        now: Timestamp,
    ) -> u64 {
        self.last += 1;
        let id = self.last;
        let lost = self.loses(options.webhook_lose_every);
        let record = WebhookDeliveryRecord {
            id,
            subscription_id: to.id.to_string(),
            url: to.callback_url.clone(),
            event_type: event.event_type.clone(),
            data_type: event.data_type.clone(),
            object_id: event.object_id.clone(),
            user_id: event.user_id.clone(),
            queued_at: now,
            due_at: Some(due),
            attempts: vec![],
            state: DeliveryState::Pending,
        };
        if lost {
            self.end(record, DeliveryState::Lost);
        } else {
            let pending = Pending { subscription: to.id, body: body.to_vec(), signed: None, taken: None, record };
            self.pending.insert(id, pending);
        }
        id
    }

    fn loses(&mut self, every: Option<u32>) -> bool {
        let Some(every) = every else {
            self.counted = 0;
            return false;
        };
        self.counted = self.counted.wrapping_add(1);
        self.counted.is_multiple_of(every)
    }

    fn end(&mut self, mut record: WebhookDeliveryRecord, state: DeliveryState) {
        record.state = state;
        record.due_at = None;
        if self.ended.len() == MAX_ENDED {
            self.ended.pop_front();
        }
        self.ended.push_back(record);
    }

    /// Signs and returns the deliveries that are due. A delivery without a subscription is cancelled instead.
    pub(crate) fn take_due(
        &mut self,
        now: Timestamp,
        options: &Options,
        client_secret: &str,
        mut url_of: impl FnMut(Uuid) -> Option<String>,
    ) -> Vec<WebhookRequest> {
        let waits = |pending: &Pending| pending.taken.is_none() && pending.record.due_at.is_some_and(|due| due <= now);
        let mut due: Vec<(Option<Timestamp>, u64)> =
            self.pending.iter().filter(|(_, one)| waits(one)).map(|(id, one)| (one.record.due_at, *id)).collect();
        due.sort_unstable();
        match options.webhook_order {
            DeliveryOrder::Loose => {}
            DeliveryOrder::Reversed => due.reverse(),
            DeliveryOrder::Shuffled => due.sort_by_key(|(_, id)| shuffled(*id)),
        }
        let mut taken = Vec::with_capacity(due.len());
        for (_, id) in due {
            let Some(pending) = self.pending.get_mut(&id) else { continue };
            let Some(url) = url_of(pending.subscription) else {
                self.finish(id, DeliveryState::Cancelled);
                continue;
            };
            let signed = pending.signed.take().filter(|_| !options.webhook_resign);
            let (timestamp, signature) = signed.unwrap_or_else(|| {
                let number =
                    if options.webhook_timestamp_seconds { now.as_second() } else { now.as_millisecond() }.to_string();
                let signature = sign(client_secret, &number, &pending.body);
                (number, signature)
            });
            pending.signed = Some((timestamp.clone(), signature.clone()));
            pending.taken = Some(now);
            pending.record.url.clone_from(&url);
            let header = |name: &str, value: String| (name.to_owned(), value);
            let headers = vec![
                header("content-type", "application/json".to_owned()),
                header("user-agent", USER_AGENT.to_owned()),
                header("x-oura-signature", signature),
                header("x-oura-timestamp", timestamp),
            ];
            taken.push(WebhookRequest { id, url, headers, body: pending.body.clone() });
        }
        taken
    }

    /// Records the answer to an attempt.
    pub(crate) fn settle(&mut self, id: u64, status: Option<u16>, now: Timestamp) -> Settled {
        let Some(pending) = self.pending.get_mut(&id) else { return Settled::NotInProgress };
        let Some(at) = pending.taken.take() else { return Settled::NotInProgress };
        let subscription = pending.subscription;
        pending.record.attempts.push(DeliveryAttempt { at, status });
        match (status, pending.record.attempts.len()) {
            (Some(200..=299), _) => self.finish(id, DeliveryState::Delivered),
            (Some(410), _) => {
                self.finish(id, DeliveryState::Cancelled);
                return Settled::SubscriptionCancelled(subscription);
            }
            (_, made @ 1..=MAX_RETRIES) => pending.record.due_at = Some(later(now, wait_after(made))),
            _ => self.finish(id, DeliveryState::Abandoned),
        }
        Settled::Done
    }

    fn finish(&mut self, id: u64, state: DeliveryState) {
        if let Some(pending) = self.pending.remove(&id) {
            self.end(pending.record, state);
        }
    }

    /// Cancels the waiting deliveries of a subscription. A delivery in progress is settled by its answer.
    pub(crate) fn cancel(&mut self, subscription: Uuid) {
        let waits = |one: &Pending| one.subscription == subscription && one.taken.is_none();
        let ids: Vec<u64> = self.pending.iter().filter(|(_, one)| waits(one)).map(|(id, _)| *id).collect();
        for id in ids {
            self.finish(id, DeliveryState::Cancelled);
        }
    }

    /// Deliveries that have not ended, oldest first.
    pub(crate) fn pending(&self) -> Vec<WebhookDeliveryRecord> {
        self.pending.values().map(|one| one.record.clone()).collect()
    }

    /// Deliveries that were attempted or have ended, oldest first.
    pub(crate) fn log(&self) -> Vec<WebhookDeliveryRecord> {
        let tried = self.pending.values().map(|one| &one.record).filter(|record| !record.attempts.is_empty());
        let mut log: Vec<WebhookDeliveryRecord> = self.ended.iter().chain(tried).cloned().collect();
        log.sort_by_key(|record| record.id);
        log
    }
}

/// Wait after this many failed attempts.
fn wait_after(made: usize) -> Duration {
    let doublings = u32::try_from(made.saturating_sub(1)).unwrap_or(u32::MAX);
    FIRST_RETRY.saturating_mul(2_u32.saturating_pow(doublings))
}
