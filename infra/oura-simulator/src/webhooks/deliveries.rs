//! Notices on their way: when they are due, how they are signed, what their answers mean.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::options::Options;

use super::DeliveryOrder;
use super::record::{DeliveryAttempt, DeliveryState, WebhookDeliveryRecord, WebhookRequest};
use super::signature::sign;
use super::subscriptions::{Subscription, later};

/// Retries after the first attempt (documented).
const RETRIES: usize = 10;

/// The wait before the first retry. Each further one is twice as long, so that ten take just under an hour (documented:
/// about an hour).
const FIRST_WAIT: Duration = Duration::from_millis(3500);

/// How many notices are kept when they have ended.
const KEPT: usize = 10_000;

const USER_AGENT: &str = "simulated-oura-webhooks/1";

/// What is to be told.
#[derive(Debug, Clone)]
pub(super) struct Announcement {
    pub(super) event_type: String,
    pub(super) data_type: String,
    pub(super) object_id: String,
    pub(super) user_id: String,
}

/// The body, its fields in Oura's order.
#[derive(Serialize)]
struct Body<'a> {
    event_type: &'a str,
    data_type: &'a str,
    object_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_time: Option<String>,
    user_id: &'a str,
}

/// A notice that has not ended.
struct Pending {
    subscription: Uuid,
    body: Vec<u8>,
    /// Timestamp and signature of the first attempt.
    signed: Option<(String, String)>,
    /// When the attempt began that is under way.
    taken: Option<Timestamp>,
    record: WebhookDeliveryRecord,
}

/// What a settled attempt means for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    /// There is no such attempt.
    NotUnderWay,
    /// It concerns this notice alone.
    Done,
    /// The receiver wants nothing more of this subscription.
    Gone(Uuid),
}

/// All notices.
#[derive(Default)]
pub(super) struct Deliveries {
    last: u64,
    /// Notices since losing some was switched on.
    counted: u32,
    pending: BTreeMap<u64, Pending>,
    ended: VecDeque<WebhookDeliveryRecord>,
}

impl Deliveries {
    /// Queues a notice for a subscription, as often as the options say, and gives the ids.
    pub(super) fn queue(
        &mut self,
        notice: &Announcement,
        to: &Subscription,
        options: &Options,
        now: Timestamp,
    ) -> Vec<u64> {
        let body = Body {
            event_type: &notice.event_type,
            data_type: &notice.data_type,
            object_id: &notice.object_id,
            event_time: options.webhook_event_time.then(|| now.strftime("%Y-%m-%dT%H:%M:%S%.f+00:00").to_string()),
            user_id: &notice.user_id,
        };
        // Texts always serialize.
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let due = later(now, Duration::from_secs(options.webhook_delay_seconds));
        (0..options.webhook_copies).map(|_| self.queue_one(notice, to, &body, due, options, now)).collect()
    }

    fn queue_one(
        &mut self,
        notice: &Announcement,
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
            event_type: notice.event_type.clone(),
            data_type: notice.data_type.clone(),
            object_id: notice.object_id.clone(),
            user_id: notice.user_id.clone(),
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
        if self.ended.len() == KEPT {
            self.ended.pop_front();
        }
        self.ended.push_back(record);
    }

    /// Signs and hands out what is due. A notice whose subscription is gone ends instead.
    pub(super) fn take_due(
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
            DeliveryOrder::Shuffled => due.sort_by_key(|(_, id)| mixed(*id)),
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

    /// What became of an attempt.
    pub(super) fn settle(&mut self, id: u64, status: Option<u16>, now: Timestamp) -> Settled {
        let Some(pending) = self.pending.get_mut(&id) else { return Settled::NotUnderWay };
        let Some(at) = pending.taken.take() else { return Settled::NotUnderWay };
        let subscription = pending.subscription;
        pending.record.attempts.push(DeliveryAttempt { at, status });
        match (status, pending.record.attempts.len()) {
            (Some(200..=299), _) => self.finish(id, DeliveryState::Delivered),
            (Some(410), _) => {
                self.finish(id, DeliveryState::Cancelled);
                return Settled::Gone(subscription);
            }
            (_, made @ 1..=RETRIES) => pending.record.due_at = Some(later(now, wait_after(made))),
            _ => self.finish(id, DeliveryState::Abandoned),
        }
        Settled::Done
    }

    fn finish(&mut self, id: u64, state: DeliveryState) {
        if let Some(pending) = self.pending.remove(&id) {
            self.end(pending.record, state);
        }
    }

    /// Ends what waits for a subscription. What is under way is settled by its answer, and ends then at the latest.
    pub(super) fn cancel(&mut self, subscription: Uuid) {
        let waits = |one: &Pending| one.subscription == subscription && one.taken.is_none();
        let ids: Vec<u64> = self.pending.iter().filter(|(_, one)| waits(one)).map(|(id, _)| *id).collect();
        for id in ids {
            self.finish(id, DeliveryState::Cancelled);
        }
    }

    /// What has not ended, oldest first.
    pub(super) fn pending(&self) -> Vec<WebhookDeliveryRecord> {
        self.pending.values().map(|one| one.record.clone()).collect()
    }

    /// What was tried or has ended, oldest first.
    pub(super) fn log(&self) -> Vec<WebhookDeliveryRecord> {
        let tried = self.pending.values().map(|one| &one.record).filter(|record| !record.attempts.is_empty());
        let mut log: Vec<WebhookDeliveryRecord> = self.ended.iter().chain(tried).cloned().collect();
        log.sort_by_key(|record| record.id);
        log
    }
}

/// The wait after this many failed attempts.
fn wait_after(made: usize) -> Duration {
    let doublings = u32::try_from(made.saturating_sub(1)).unwrap_or(u32::MAX);
    FIRST_WAIT.saturating_mul(2_u32.saturating_pow(doublings))
}

/// A number without visible order that is always the same (the last step of SplitMix64).
fn mixed(id: u64) -> u64 {
    let z = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
