//! Steps from the subscriptions at Oura to the desired ones. Pure: no request, no clock.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use shared::domain::{DataType, ScopeSet, WebhookEventType};
use shared::oura::{Subscription, SubscriptionId, Topic};
use url::Url;
use uuid::Uuid;

/// Desired subscriptions of this environment.
#[derive(Debug, Clone)]
pub struct DesiredSubscriptions {
    /// Topics to subscribe to.
    pub topics: BTreeSet<Topic>,
    /// Address of the webhook.
    pub url: Url,
    /// Remaining lifetime below which a subscription is renewed.
    pub renewal: SignedDuration,
    /// True if the app's unmanaged subscriptions of these topics are to be pointed here.
    pub adopt: bool,
}

/// Owner of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// It points here.
    Ours,
    /// It was created for an earlier address of this environment: the same path on another host, with an id in the path that
    /// no other environment has.
    Misdirected,
    /// It belongs to another environment or another service of the same app.
    Unmanaged,
}

/// Step for one desired topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The subscription lives long enough.
    Keep,
    /// There is no living subscription.
    Create,
    /// The subscription ends soon, or its end is not known.
    Renew(SubscriptionId),
    /// The subscription points elsewhere.
    Correct {
        /// Its id.
        id: SubscriptionId,
        /// True if it also ends soon, or its end is not known.
        renew: bool,
    },
}

/// Work for one desired topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The topic.
    pub topic: Topic,
    /// Its step.
    pub step: Step,
    /// Duplicates and expired subscriptions, to be removed.
    pub surplus: Vec<SubscriptionId>,
}

/// Work for all topics.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// One task for each desired topic.
    pub tasks: Vec<Task>,
    /// Subscriptions of this environment for topics that are no longer desired.
    pub undesired: Vec<Subscription>,
    /// Number of subscriptions of other environments and services, left unchanged.
    pub unmanaged: usize,
}

/// Coverage of the desired topics by the subscriptions at Oura.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coverage {
    /// Topics without a living subscription that points here.
    pub missing: Vec<Topic>,
    /// First end of a covered topic, if known. Of several subscriptions of one topic the last end counts.
    pub expires_first: Option<Timestamp>,
}

/// All topics of Oura's webhooks that these scopes open.
#[must_use]
pub fn topics(scopes: &ScopeSet) -> BTreeSet<Topic> {
    let is_open = |data_type: &DataType| data_type.has_webhook() && scopes.contains(data_type.scope());
    let data_types = DataType::ALL.into_iter().filter(is_open);
    data_types.flat_map(|data_type| WebhookEventType::ALL.map(|event| Topic { data_type, event })).collect()
}

impl DesiredSubscriptions {
    /// Returns the owner of a subscription.
    #[must_use]
    pub fn owner(&self, subscription: &Subscription) -> Owner {
        // Oura accepts texts that are not URLs.
        let Ok(url) = Url::parse(&subscription.callback_url) else { return Owner::Unmanaged };
        let path = |url: &Url| url.path().trim_end_matches('/').to_owned();
        if url == self.url {
            Owner::Ours
        } else if has_id(&self.url) && path(&url) == path(&self.url) {
            Owner::Misdirected
        } else {
            Owner::Unmanaged
        }
    }

    /// Plans the work, given all subscriptions of the app.
    #[must_use]
    pub fn plan(&self, actual: &[Subscription], now: Timestamp) -> Plan {
        let mut plan = Plan::default();
        let mut found: BTreeMap<Topic, Vec<(Owner, &Subscription)>> = BTreeMap::new();
        for subscription in actual {
            let owner = self.owner(subscription);
            match subscription.topic().filter(|topic| self.topics.contains(topic)) {
                Some(topic) if owner != Owner::Unmanaged || self.adopt => {
                    found.entry(topic).or_default().push((owner, subscription));
                }
                None if owner != Owner::Unmanaged => plan.undesired.push(subscription.clone()),
                _ => plan.unmanaged += 1,
            }
        }
        let task = |topic: &Topic| self.task(*topic, found.remove(topic).unwrap_or_default(), now);
        plan.tasks = self.topics.iter().map(task).collect();
        plan
    }

    fn task(&self, topic: Topic, mut found: Vec<(Owner, &Subscription)>, now: Timestamp) -> Task {
        // The best is sorted last: living, then pointing here, then the longest lifetime. The id makes the order total.
        found.sort_by_key(|(owner, it)| (is_living(it, now), *owner == Owner::Ours, it.expires_at, &it.id));
        let best = found.pop_if(|(_, it)| is_living(it, now));
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

    /// Returns the coverage of the desired topics, given all subscriptions of the app.
    #[must_use]
    pub fn coverage(&self, actual: &[Subscription], now: Timestamp) -> Coverage {
        let mut missing = self.topics.clone();
        let mut last: BTreeMap<Topic, Timestamp> = BTreeMap::new();
        for subscription in actual.iter().filter(|it| is_living(it, now) && self.owner(it) == Owner::Ours) {
            let Some(topic) = subscription.topic().filter(|topic| self.topics.contains(topic)) else { continue };
            missing.remove(&topic);
            if let Some(end) = subscription.expires_at {
                last.entry(topic).and_modify(|last| *last = end.max(*last)).or_insert(end);
            }
        }
        Coverage { missing: missing.into_iter().collect(), expires_first: last.into_values().min() }
    }
}

impl Plan {
    /// True if there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.undesired.is_empty() && self.tasks.iter().all(|task| task.step == Step::Keep && task.surplus.is_empty())
    }
}

/// True if a part of the path is a UUID, such as the unique id of a stack. Other paths are usual at several environments.
fn has_id(url: &Url) -> bool {
    url.path().split('/').any(|part| Uuid::try_parse(part).is_ok())
}

/// True if the subscription has not ended. One without a known end is in Oura's list, so it is living.
pub fn is_living(subscription: &Subscription, now: Timestamp) -> bool {
    subscription.expires_at.is_none_or(|end| end > now)
}
