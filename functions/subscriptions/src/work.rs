//! Doing what the plan says. Every pair stands for itself: what fails for one is written down, and the others go on.

use std::time::Duration;

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

use crate::plan::{Owner, Plan, Step, Task, Wish, lives};
use crate::report::{Action, Failed, Pair};

/// Pairs at once. Every one of them makes Oura call the webhook, which may have to start first.
const AT_ONCE: usize = 4;

/// The longest wait that Oura may ask for with a 429: for a longer one the next run is there.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What a 429 that names no wait is taken for.
const UNNAMED_WAIT: Duration = Duration::from_secs(1);

/// How often one request is repeated after waits.
const MOST_WAITS: u32 = 3;

/// Oura, as this run of the function sees it.
pub struct Work<'a> {
    pub oura: &'a SubscriptionClient,
    pub keys: AppKeys,
    pub verification_token: SecretString,
    pub wish: &'a Wish,
    pub clock: &'a Clock,
    /// When nothing more is begun.
    pub ends: Instant,
    /// The list as it was after the first conflict, shared by all pairs that meet one.
    pub listed_again: Mutex<Option<Vec<Subscription>>>,
}

/// What was done.
#[derive(Debug, Default)]
pub struct Done {
    pub kept: usize,
    pub created: Vec<Pair>,
    pub renewed: Vec<Pair>,
    pub corrected: Vec<Pair>,
    pub removed: Vec<Pair>,
    pub failed: Vec<Failed>,
}

/// How a pair stands when something was done about it.
enum Stand {
    /// There is one.
    Firm,
    /// There is this one, which somebody else has made.
    Adopted(SubscriptionId),
    /// Not as it should.
    Open,
}

/// Why something was not done about one pair.
#[derive(Debug, thiserror::Error)]
enum Undone {
    #[error(transparent)]
    Oura(#[from] SubscriptionError),
    /// The handshake is Oura's most likely reason: its answer is not shown, so this says what to look at.
    #[error("Oura refused the subscription with status {0}: is its handshake answered at WEBHOOK_URL?")]
    Refused(u16),
    #[error("another URL holds it{}", at(.0))]
    Held(Option<String>),
    #[error("Oura says that there is one already, but lists none that lives")]
    Unlisted,
    #[error("no time was left")]
    OutOfTime,
}

/// Of somebody else's address only the host: the rest may be a key.
fn at(host: &Option<String>) -> String {
    host.as_ref().map(|host| format!(", at {host}")).unwrap_or_default()
}

impl Undone {
    fn code(&self) -> &'static str {
        match self {
            Self::Oura(error) => error.code(),
            Self::Refused(_) => "rejected",
            Self::Held(_) => "held",
            Self::Unlisted => "unlisted",
            Self::OutOfTime => "out_of_time",
        }
    }
}

impl Work<'_> {
    /// All subscriptions of the app.
    pub async fn list(&self) -> Result<SubscriptionList, SubscriptionError> {
        patiently(|| self.oura.list(&self.keys)).await
    }

    /// Does everything.
    pub async fn carry_out(&self, plan: &Plan) -> Done {
        let mut works: Vec<BoxFuture<'_, Done>> = Vec::new();
        works.extend(plan.tasks.iter().map(|task| self.settle(task).boxed()));
        works.extend(plan.unwanted.iter().map(|one| self.remove_unwanted(one).boxed()));
        let mut all = Done::default();
        let mut done = stream::iter(works).buffer_unordered(AT_ONCE);
        while let Some(one) = done.next().await {
            all.append(one);
        }
        all.sort();
        all
    }

    async fn settle(&self, task: &Task) -> Done {
        let mut done = Done::default();
        let topic = task.topic;
        match &task.step {
            Step::Keep => {
                done.kept += 1;
                self.remove_surplus(task, None, &mut done).await;
            }
            // While this one tells something, the others go when it is safe.
            Step::Renew(id) => match self.renew(topic, id, &mut done).await {
                Stand::Firm => self.remove_surplus(task, None, &mut done).await,
                Stand::Adopted(id) => self.remove_surplus(task, Some(&id), &mut done).await,
                Stand::Open => {}
            },
            // What has expired, and what points elsewhere beside the one that is corrected, could be in the way.
            Step::Create => {
                self.remove_surplus(task, None, &mut done).await;
                self.create(topic, None, &mut done).await;
            }
            Step::Correct { id, renew } => {
                self.remove_surplus(task, None, &mut done).await;
                self.correct(topic, id, *renew, &mut done).await;
            }
        }
        done
    }

    /// Makes one, in the place of one that is gone if so, or finds out who was quicker.
    async fn create(&self, topic: Topic, gone: Option<&SubscriptionId>, done: &mut Done) -> Stand {
        match self.attempt(|| self.oura.create(&self.keys, self.wanted(topic))).await {
            Ok(()) => {
                done.created.push(topic.into());
                Stand::Firm
            }
            Err(Undone::Oura(SubscriptionError::Conflict)) => match self.adopt(topic, gone).await {
                Ok(id) => {
                    done.kept += 1;
                    Stand::Adopted(id)
                }
                Err(why) => done.fail(topic, Action::Create, &why),
            },
            Err(why) => done.fail(topic, Action::Create, &handshake(why)),
        }
    }

    async fn renew(&self, topic: Topic, id: &SubscriptionId, done: &mut Done) -> Stand {
        match self.attempt(|| self.oura.renew(&self.keys, id)).await {
            Ok(()) => {
                done.renewed.push(topic.into());
                Stand::Firm
            }
            Err(Undone::Oura(SubscriptionError::Gone)) => self.create(topic, Some(id), done).await,
            Err(why) => done.fail(topic, Action::Renew, &why),
        }
    }

    /// Points one here. Whether that lets it live longer is not known, so one that ends soon is renewed too.
    async fn correct(&self, topic: Topic, id: &SubscriptionId, renew: bool, done: &mut Done) -> Stand {
        match self.attempt(|| self.oura.update(&self.keys, id, self.wanted(topic))).await {
            Ok(()) => {
                done.corrected.push(topic.into());
                if renew { self.renew(topic, id, done).await } else { Stand::Firm }
            }
            Err(Undone::Oura(SubscriptionError::Gone)) => self.create(topic, Some(id), done).await,
            Err(why) => done.fail(topic, Action::Correct, &handshake(why)),
        }
    }

    /// The one of ours that another run has made meanwhile.
    async fn adopt(&self, topic: Topic, gone: Option<&SubscriptionId>) -> Result<SubscriptionId, Undone> {
        let mut listed = self.listed_again.lock().await;
        let found = listed.as_deref().map(|listed| self.holder(topic, gone, listed));
        match found {
            Some(Err(Undone::Unlisted)) | None => {
                let fresh = self.attempt(|| self.oura.list(&self.keys)).await?.subscriptions;
                let found = self.holder(topic, gone, &fresh);
                *listed = Some(fresh);
                found
            }
            Some(found) => found,
        }
    }

    fn holder(
        &self,
        topic: Topic,
        gone: Option<&SubscriptionId>,
        listed: &[Subscription],
    ) -> Result<SubscriptionId, Undone> {
        let now = self.clock.now();
        let holds = |it: &&Subscription| it.topic() == Some(topic) && lives(it, now) && Some(&it.id) != gone;
        let mut living = listed.iter().filter(holds).peekable();
        let first = *living.peek().ok_or(Undone::Unlisted)?;
        let ours = living.find(|it| self.wish.owner(it) == Owner::Ours);
        let host = || Some(Url::parse(&first.callback_url).ok()?.host_str()?.to_owned());
        ours.map(|it| it.id.clone()).ok_or_else(|| Undone::Held(host()))
    }

    async fn remove_surplus(&self, task: &Task, but: Option<&SubscriptionId>, done: &mut Done) {
        for id in task.surplus.iter().filter(|id| Some(*id) != but) {
            self.remove(&task.topic.into(), id, done).await;
        }
    }

    async fn remove_unwanted(&self, subscription: &Subscription) -> Done {
        let mut done = Done::default();
        self.remove(&Pair::of(subscription), &subscription.id, &mut done).await;
        done
    }

    async fn remove(&self, pair: &Pair, id: &SubscriptionId, done: &mut Done) {
        match self.attempt(|| self.oura.delete(&self.keys, id)).await {
            Ok(()) => done.removed.push(pair.clone()),
            // Somebody was quicker, or Oura forgets those that expire.
            Err(Undone::Oura(SubscriptionError::Gone)) => {}
            Err(why) => {
                done.fail(pair.clone(), Action::Remove, &why);
            }
        }
    }

    fn wanted(&self, topic: Topic) -> Wanted<'_> {
        Wanted { topic, callback_url: &self.wish.url, verification_token: &self.verification_token }
    }

    async fn attempt<T, F>(&self, call: impl Fn() -> F + Send) -> Result<T, Undone>
    where
        F: Future<Output = Result<T, SubscriptionError>> + Send,
        T: Send,
    {
        if Instant::now() >= self.ends {
            return Err(Undone::OutOfTime);
        }
        Ok(patiently(call).await?)
    }
}

/// Asks, and asks again when Oura's rate limit is over soon.
async fn patiently<T, F>(call: impl Fn() -> F) -> Result<T, SubscriptionError>
where
    F: Future<Output = Result<T, SubscriptionError>>,
{
    for _ in 0..MOST_WAITS {
        match call().await {
            Err(error) => match short_wait(&error) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(error),
            },
            answer => return answer,
        }
    }
    call().await
}

/// How long to wait before the same request is worth another try in this run.
fn short_wait(error: &SubscriptionError) -> Option<Duration> {
    let SubscriptionError::RateLimited { retry_after } = error else { return None };
    Some(retry_after.unwrap_or(UNNAMED_WAIT)).filter(|wait| *wait <= LONGEST_WAIT)
}

/// A refusal of a request that brings Oura to the webhook.
fn handshake(why: Undone) -> Undone {
    match why {
        Undone::Oura(SubscriptionError::Rejected { status }) => Undone::Refused(status),
        other => other,
    }
}

impl Done {
    /// Writes a failure down.
    fn fail(&mut self, pair: impl Into<Pair>, action: Action, why: &Undone) -> Stand {
        let Pair { data_type, event_type } = pair.into();
        let (code, error) = (why.code(), why.to_string());
        tracing::warn!(
            data_type,
            event_type,
            action = action.as_str(),
            code,
            error,
            "a webhook subscription could not be looked after"
        );
        self.failed.push(Failed { data_type, event_type, action, error });
        Stand::Open
    }

    fn append(&mut self, later: Self) {
        self.kept += later.kept;
        self.created.extend(later.created);
        self.renewed.extend(later.renewed);
        self.corrected.extend(later.corrected);
        self.removed.extend(later.removed);
        self.failed.extend(later.failed);
    }

    /// By their words: in which order they came to an end says nothing.
    fn sort(&mut self) {
        for pairs in [&mut self.created, &mut self.renewed, &mut self.corrected, &mut self.removed] {
            pairs.sort();
        }
        self.failed.sort_by(|a, b| (&a.data_type, &a.event_type).cmp(&(&b.data_type, &b.event_type)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_short_wait_is_waited() {
        let limited = |seconds| SubscriptionError::RateLimited { retry_after: Some(Duration::from_secs(seconds)) };
        assert_eq!(short_wait(&limited(0)), Some(Duration::ZERO));
        assert_eq!(short_wait(&limited(5)), Some(Duration::from_secs(5)));
        assert_eq!(short_wait(&limited(6)), None);
        assert_eq!(short_wait(&SubscriptionError::RateLimited { retry_after: None }), Some(UNNAMED_WAIT));
        assert_eq!(short_wait(&SubscriptionError::Unavailable { status: Some(503) }), None);
    }
}
