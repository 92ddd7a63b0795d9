//! What has to be done, from what is wanted and what is there. Pure: no request, no clock.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use shared::domain::{DataType, ScopeSet, WebhookEventType};
use shared::oura::{Subscription, SubscriptionId, Topic};
use url::Url;

/// What is wanted.
#[derive(Debug, Clone)]
pub struct Wish {
    /// What to be told of.
    pub topics: BTreeSet<Topic>,
    /// Where.
    pub url: Url,
    /// A subscription that has less than this left is renewed.
    pub renewal: SignedDuration,
    /// Whether the app's subscriptions that point elsewhere are to be pointed here.
    pub take_over: bool,
}

/// Whose a subscription is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// It points here.
    Ours,
    /// It was made for here, but the address has changed: same host, or same path other than the root.
    Misdirected,
    /// It belongs to another environment or another service of the same app.
    Foreign,
}

/// What has to be done about one wanted topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing: it stands and lives long enough.
    Keep,
    /// There is none that lives.
    Create,
    /// It stands but ends soon, or its end is not known.
    Renew(SubscriptionId),
    /// It lives but points elsewhere.
    Correct {
        /// Which.
        id: SubscriptionId,
        /// It also ends soon, or its end is not known.
        renew: bool,
    },
}

/// A wanted topic, what has to be done, and which further subscriptions of ours for it are one too many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Which.
    pub topic: Topic,
    /// What has to be done.
    pub step: Step,
    /// Duplicates, and those that have expired.
    pub surplus: Vec<SubscriptionId>,
}

/// What has to be done about everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// One for each wanted topic.
    pub tasks: Vec<Task>,
    /// Ours that nobody wants any longer.
    pub unwanted: Vec<Subscription>,
    /// How many are left alone because they belong to somebody else.
    pub foreign: usize,
}

/// How the wanted topics stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Those without a subscription that lives and points here.
    pub missing: Vec<Topic>,
    /// When the first of the others goes silent, as far as that is known: of several for one topic the last one counts.
    pub expires_first: Option<Timestamp>,
}

/// Everything that Oura's webhooks announce and that these scopes open.
#[must_use]
pub fn topics(scopes: &ScopeSet) -> BTreeSet<Topic> {
    let kinds = DataType::ALL.into_iter().filter(|kind| kind.has_webhook() && scopes.contains(kind.scope()));
    kinds.flat_map(|data_type| WebhookEventType::ALL.map(|event| Topic { data_type, event })).collect()
}

impl Wish {
    /// Whose this subscription is.
    #[must_use]
    pub fn owner(&self, subscription: &Subscription) -> Owner {
        // Not every text that somebody gave to Oura must be a URL here.
        let Ok(url) = Url::parse(&subscription.callback_url) else { return Owner::Foreign };
        let path = |url: &Url| url.path().trim_end_matches('/').to_owned();
        if url == self.url {
            Owner::Ours
        } else if url.host() == self.url.host() || (path(&url) == path(&self.url) && !path(&url).is_empty()) {
            Owner::Misdirected
        } else {
            Owner::Foreign
        }
    }

    /// What has to be done, given all subscriptions of the app.
    #[must_use]
    pub fn plan(&self, actual: &[Subscription], now: Timestamp) -> Plan {
        let mut plan = Plan::default();
        let mut found: BTreeMap<Topic, Vec<(Owner, &Subscription)>> = BTreeMap::new();
        for subscription in actual {
            let owner = self.owner(subscription);
            match subscription.topic().filter(|topic| self.topics.contains(topic)) {
                Some(topic) if owner != Owner::Foreign || self.take_over => {
                    found.entry(topic).or_default().push((owner, subscription));
                }
                None if owner != Owner::Foreign => plan.unwanted.push(subscription.clone()),
                _ => plan.foreign += 1,
            }
        }
        let task = |topic: &Topic| self.task(*topic, found.remove(topic).unwrap_or_default(), now);
        plan.tasks = self.topics.iter().map(task).collect();
        plan
    }

    fn task(&self, topic: Topic, mut found: Vec<(Owner, &Subscription)>, now: Timestamp) -> Task {
        // The best stands last: alive, then pointing here, then living longest. The id only makes the choice a firm one.
        found.sort_by_key(|(owner, it)| (lives(it, now), *owner == Owner::Ours, it.expires_at, &it.id));
        let best = found.pop_if(|(_, it)| lives(it, now));
        let step = best.map_or(Step::Create, |(owner, it)| {
            let renew = it.expires_at.is_none_or(|end| end.duration_since(now) < self.renewal);
            match owner {
                Owner::Ours if renew => Step::Renew(it.id.clone()),
                Owner::Ours => Step::Keep,
                _ => Step::Correct { id: it.id.clone(), renew },
            }
        });
        Task { topic, step, surplus: found.into_iter().map(|(_, it)| it.id.clone()).collect() }
    }

    /// How the wanted topics stand, given all subscriptions of the app.
    #[must_use]
    pub fn standing(&self, actual: &[Subscription], now: Timestamp) -> Standing {
        let mut last: BTreeMap<Topic, Timestamp> = BTreeMap::new();
        let mut missing = self.topics.clone();
        for subscription in actual.iter().filter(|it| lives(it, now) && self.owner(it) == Owner::Ours) {
            let Some(topic) = subscription.topic().filter(|topic| self.topics.contains(topic)) else { continue };
            missing.remove(&topic);
            if let Some(end) = subscription.expires_at {
                last.entry(topic).and_modify(|last| *last = end.max(*last)).or_insert(end);
            }
        }
        Standing { missing: missing.into_iter().collect(), expires_first: last.into_values().min() }
    }
}

impl Plan {
    /// Whether all is as wanted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.unwanted.is_empty() && self.tasks.iter().all(|task| task.step == Step::Keep && task.surplus.is_empty())
    }
}

/// Whether it has not ended. One whose end is not known stands in Oura's list, so it lives.
pub fn lives(subscription: &Subscription, now: Timestamp) -> bool {
    subscription.expires_at.is_none_or(|end| end > now)
}
