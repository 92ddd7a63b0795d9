//! Execution of a plan at Oura. Each pair is independent: the failure of one is recorded, and the others continue.

use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt};
use secrecy::SecretString;
use shared::domain::Clock;
use shared::oura::{
    AppKeys, Subscription, SubscriptionClient, SubscriptionError, SubscriptionId, SubscriptionList, Topic, Wanted,
};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use crate::changes::Changes;
use crate::failure::SubscriptionFailure;
use crate::plan::{DesiredSubscriptions, Owner, Plan, Step, Task, is_living};
use crate::report::{Action, Pair};
use crate::retry::with_retry;

/// Pairs changed at once. Every change makes Oura call the webhook, which may have to start first.
const CONCURRENCY: usize = 4;

/// One run against Oura.
pub struct Reconciler<'a> {
    pub(crate) oura: &'a SubscriptionClient,
    pub(crate) keys: AppKeys,
    pub(crate) verification_token: SecretString,
    pub(crate) desired: &'a DesiredSubscriptions,
    pub(crate) clock: &'a Clock,
    /// Time after which no step is begun.
    pub(crate) deadline: Instant,
    /// The list as read after the first conflict, shared by all pairs that meet one.
    pub(crate) relisted: Mutex<Option<Vec<Subscription>>>,
}

/// State of a pair after a step.
enum Outcome {
    /// There is a subscription.
    Settled,
    /// There is this subscription, created by another run.
    SettledByOther(SubscriptionId),
    /// There is none, or not as desired.
    Unsettled,
}

impl Reconciler<'_> {
    /// Lists all subscriptions of the app.
    pub async fn list(&self) -> Result<SubscriptionList, SubscriptionError> {
        with_retry(|| self.oura.list(&self.keys)).await
    }

    /// Executes the plan.
    pub async fn apply(&self, plan: &Plan) -> Changes {
        let mut pairs: Vec<BoxFuture<'_, Changes>> = Vec::new();
        pairs.extend(plan.tasks.iter().map(|task| self.settle(task).boxed()));
        pairs.extend(plan.undesired.iter().map(|subscription| self.remove_undesired(subscription).boxed()));
        let mut all = Changes::default();
        let mut finished = stream::iter(pairs).buffer_unordered(CONCURRENCY);
        while let Some(changes) = finished.next().await {
            all.append(changes);
        }
        all.sort();
        all
    }

    async fn settle(&self, task: &Task) -> Changes {
        let mut changes = Changes::default();
        let topic = task.topic;
        match &task.step {
            Step::Keep => {
                changes.kept += 1;
                self.remove_surplus(task, None, &mut changes).await;
            }
            // Duplicates deliver events until the renewal has succeeded; they are removed after it.
            Step::Renew(id) => match self.renew(topic, id, &mut changes).await {
                Outcome::Settled => self.remove_surplus(task, None, &mut changes).await,
                Outcome::SettledByOther(id) => self.remove_surplus(task, Some(&id), &mut changes).await,
                Outcome::Unsettled => {}
            },
            // An expired subscription, or a second one that points elsewhere, could conflict: it is removed first.
            Step::Create => {
                self.remove_surplus(task, None, &mut changes).await;
                self.create(topic, None, &mut changes).await;
            }
            Step::Correct { id, renew } => {
                self.remove_surplus(task, None, &mut changes).await;
                self.correct(topic, id, *renew, &mut changes).await;
            }
        }
        changes
    }

    /// Creates a subscription, possibly in place of a removed one, or finds the one that another run has created.
    async fn create(&self, topic: Topic, removed: Option<&SubscriptionId>, changes: &mut Changes) -> Outcome {
        let failure = match self.attempt(|| self.oura.create(&self.keys, self.wanted(topic))).await {
            Ok(()) => {
                changes.created.push(topic.into());
                return Outcome::Settled;
            }
            Err(SubscriptionFailure::Oura(SubscriptionError::Conflict)) => match self.existing(topic, removed).await {
                Ok(id) => {
                    changes.kept += 1;
                    return Outcome::SettledByOther(id);
                }
                Err(failure) => failure,
            },
            Err(failure) => failure.of_handshake(),
        };
        changes.fail(topic, Action::Create, &failure);
        Outcome::Unsettled
    }

    async fn renew(&self, topic: Topic, id: &SubscriptionId, changes: &mut Changes) -> Outcome {
        match self.attempt(|| self.oura.renew(&self.keys, id)).await {
            Ok(()) => {
                changes.renewed.push(topic.into());
                Outcome::Settled
            }
            Err(SubscriptionFailure::Oura(SubscriptionError::Gone)) => self.create(topic, Some(id), changes).await,
            Err(failure) => {
                changes.fail(topic, Action::Renew, &failure);
                Outcome::Unsettled
            }
        }
    }

    /// Points a subscription here. Oura may or may not extend its lifetime by this, so one that ends soon is renewed too.
    async fn correct(&self, topic: Topic, id: &SubscriptionId, renew: bool, changes: &mut Changes) -> Outcome {
        match self.attempt(|| self.oura.update(&self.keys, id, self.wanted(topic))).await {
            Ok(()) => {
                changes.corrected.push(topic.into());
                if renew { self.renew(topic, id, changes).await } else { Outcome::Settled }
            }
            Err(SubscriptionFailure::Oura(SubscriptionError::Gone)) => self.create(topic, Some(id), changes).await,
            Err(failure) => {
                changes.fail(topic, Action::Correct, &failure.of_handshake());
                Outcome::Unsettled
            }
        }
    }

    /// Finds the subscription that points here and that another run has created meanwhile.
    async fn existing(
        &self,
        topic: Topic,
        removed: Option<&SubscriptionId>,
    ) -> Result<SubscriptionId, SubscriptionFailure> {
        let mut listed = self.relisted.lock().await;
        let found = listed.as_deref().map(|listed| self.holder(topic, removed, listed));
        match found {
            Some(Err(SubscriptionFailure::Unlisted)) | None => {
                let fresh = self.attempt(|| self.oura.list(&self.keys)).await?.subscriptions;
                let found = self.holder(topic, removed, &fresh);
                *listed = Some(fresh);
                found
            }
            Some(found) => found,
        }
    }

    fn holder(
        &self,
        topic: Topic,
        removed: Option<&SubscriptionId>,
        listed: &[Subscription],
    ) -> Result<SubscriptionId, SubscriptionFailure> {
        let now = self.clock.now();
        let is_of_topic =
            |it: &&Subscription| it.topic() == Some(topic) && is_living(it, now) && Some(&it.id) != removed;
        let mut living = listed.iter().filter(is_of_topic).peekable();
        let first = *living.peek().ok_or(SubscriptionFailure::Unlisted)?;
        let ours = living.find(|it| self.desired.owner(it) == Owner::Ours);
        let host = || Some(Url::parse(&first.callback_url).ok()?.host_str()?.to_owned());
        ours.map(|it| it.id.clone()).ok_or_else(|| SubscriptionFailure::Held(host()))
    }

    async fn remove_surplus(&self, task: &Task, except: Option<&SubscriptionId>, changes: &mut Changes) {
        for id in task.surplus.iter().filter(|id| Some(*id) != except) {
            self.remove(&task.topic.into(), id, changes).await;
        }
    }

    async fn remove_undesired(&self, subscription: &Subscription) -> Changes {
        let mut changes = Changes::default();
        self.remove(&Pair::of(subscription), &subscription.id, &mut changes).await;
        changes
    }

    async fn remove(&self, pair: &Pair, id: &SubscriptionId, changes: &mut Changes) {
        match self.attempt(|| self.oura.delete(&self.keys, id)).await {
            Ok(()) => changes.removed.push(pair.clone()),
            // Another run has removed it, or Oura has dropped an expired one.
            Err(SubscriptionFailure::Oura(SubscriptionError::Gone)) => {}
            Err(failure) => changes.fail(pair.clone(), Action::Remove, &failure),
        }
    }

    fn wanted(&self, topic: Topic) -> Wanted<'_> {
        Wanted { topic, callback_url: &self.desired.url, verification_token: &self.verification_token }
    }

    async fn attempt<T, F>(&self, request: impl Fn() -> F + Send) -> Result<T, SubscriptionFailure>
    where
        F: Future<Output = Result<T, SubscriptionError>> + Send,
        T: Send,
    {
        if Instant::now() >= self.deadline {
            return Err(SubscriptionFailure::OutOfTime);
        }
        Ok(with_retry(request).await?)
    }
}
