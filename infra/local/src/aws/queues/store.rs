//! The engine's own state of queues and messages, read and written here so that counts are exact.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shared::domain::Clock;
use tokio::sync::Mutex;
use winterbaume_core::default_account_id;
use winterbaume_sqs::state::{QueueState, SqsError, SqsState};
use winterbaume_sqs::types::{Message, MessageAttribute, MessageMoveTask, Queue};
use winterbaume_sqs::{SendMessageOutput, SqsBackend, SqsStateView, StateViewError};

use crate::aws::REGION;

type Answer<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The messages of a queue by what they wait for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueDepth {
    /// Ready to be received.
    pub visible: usize,
    /// Received and neither deleted nor visible again.
    pub in_flight: usize,
    /// Sent with a delay that lasts.
    pub delayed: usize,
}

impl QueueDepth {
    /// All of them.
    #[must_use]
    pub fn total(self) -> usize {
        self.visible + self.in_flight + self.delayed
    }

    fn of(queue: &QueueState) -> Self {
        queue.messages.iter().fold(Self::default(), |mut depth, message| {
            let slot = match (message.is_visible(), message.approximate_receive_count) {
                (true, _) => &mut depth.visible,
                (false, 0) => &mut depth.delayed,
                (false, _) => &mut depth.in_flight,
            };
            *slot += 1;
            depth
        })
    }
}

/// All queues. Account and region of a request do not matter: there is one of each.
///
/// The engine goes by the machine's clock. When a test or a simulation drives another one, whatever waits for a moment
/// (delays, visibility time-outs) is brought forward by as much as that clock has run ahead.
#[derive(Debug)]
pub(super) struct Store {
    state: Arc<Mutex<Driven>>,
    clock: Clock,
}

#[derive(Debug)]
struct Driven {
    engine: SqsState,
    /// By how many milliseconds the clock was ahead of the machine's when last looked at.
    ahead: i64,
}

/// Two readings of the machine's clock differ by less than this, in milliseconds.
const JITTER: i64 = 500;

impl Driven {
    /// The engine's state as of now by the clock.
    fn at_now(&mut self, clock: &Clock) -> &mut SqsState {
        let ahead = ahead(clock);
        let passed = ahead - self.ahead;
        if passed.abs() > JITTER {
            self.ahead = ahead;
            // With a stopped clock, the messages that were visible before are visible now.
            let machine = Clock::system().now().as_millisecond();
            let seen = machine + passed.min(0) + JITTER;
            for message in self.engine.queues.values_mut().flat_map(|queue| &mut queue.messages) {
                if passed > 0 || message.visible_at > seen {
                    message.visible_at -= passed;
                }
            }
        }
        &mut self.engine
    }
}

fn ahead(clock: &Clock) -> i64 {
    clock.now().as_millisecond() - Clock::system().now().as_millisecond()
}

impl Store {
    pub fn new(clock: Clock) -> Self {
        let driven = Driven { engine: SqsState::default(), ahead: ahead(&clock) };
        Self { state: Arc::new(Mutex::new(driven)), clock }
    }

    pub async fn depth(&self, queue: &str) -> Option<QueueDepth> {
        self.state.lock().await.at_now(&self.clock).queues.get(queue).map(QueueDepth::of)
    }

    fn with<T>(&self, work: impl FnOnce(&mut SqsState) -> T + Send + 'static) -> Answer<T> {
        let (state, clock) = (Arc::clone(&self.state), self.clock.clone());
        Box::pin(async move { work(state.lock().await.at_now(&clock)) })
    }
}

impl SqsBackend for Store {
    fn create_queue(
        &self,
        account: String,
        region: String,
        name: String,
        attributes: HashMap<String, String>,
        tags: Option<HashMap<String, String>>,
    ) -> Answer<Result<Queue, SqsError>> {
        self.with(move |state| state.create_queue(&name, &region, &account, &attributes, tags.as_ref()).cloned())
    }

    fn delete_queue(&self, _: String, _: String, queue: String) -> Answer<Result<(), SqsError>> {
        self.with(move |state| state.delete_queue(&queue))
    }

    fn get_queue_url(&self, _: String, _: String, queue: String) -> Answer<Result<String, SqsError>> {
        self.with(move |state| state.get_queue_url(&queue).map(str::to_owned))
    }

    /// The engine's count of visible messages leaves out those that were received before and came back.
    fn get_queue_attributes(
        &self,
        _: String,
        _: String,
        queue: String,
    ) -> Answer<Result<HashMap<String, String>, SqsError>> {
        self.with(move |state| {
            let mut attributes = state.get_queue_attributes(&queue)?;
            if let Some(queue) = state.queues.get(&queue) {
                let visible = QueueDepth::of(queue).visible.to_string();
                attributes.insert("ApproximateNumberOfMessages".to_owned(), visible);
            }
            Ok(attributes)
        })
    }

    fn set_queue_attributes(
        &self,
        _: String,
        _: String,
        queue: String,
        attributes: HashMap<String, String>,
    ) -> Answer<Result<(), SqsError>> {
        self.with(move |state| state.set_queue_attributes(&queue, &attributes))
    }

    fn list_queues(&self, _: String, _: String, prefix: Option<String>) -> Answer<Result<Vec<Queue>, SqsError>> {
        self.with(move |state| Ok(state.list_queues(prefix.as_deref()).into_iter().cloned().collect()))
    }

    fn send_message(
        &self,
        _: String,
        _: String,
        queue: String,
        body: String,
        delay: Option<u32>,
        attributes: HashMap<String, MessageAttribute>,
        group: Option<String>,
        deduplication: Option<String>,
    ) -> Answer<Result<SendMessageOutput, SqsError>> {
        self.with(move |state| {
            let sent =
                state.send_message(&queue, &body, delay, attributes, group.as_deref(), deduplication.as_deref())?;
            Ok(SendMessageOutput { message_id: sent.message_id, body_md5: sent.body_md5 })
        })
    }

    fn receive_messages(
        &self,
        _: String,
        _: String,
        queue: String,
        max: usize,
        visibility: Option<u32>,
    ) -> Answer<Result<Vec<Message>, SqsError>> {
        self.with(move |state| state.receive_message(&queue, max, visibility))
    }

    fn delete_message(&self, _: String, _: String, queue: String, receipt: String) -> Answer<Result<(), SqsError>> {
        self.with(move |state| state.delete_message(&queue, &receipt))
    }

    fn purge_queue(&self, _: String, _: String, queue: String) -> Answer<Result<(), SqsError>> {
        self.with(move |state| state.purge_queue(&queue))
    }

    fn change_message_visibility(
        &self,
        _: String,
        _: String,
        queue: String,
        receipt: String,
        seconds: u32,
    ) -> Answer<Result<(), SqsError>> {
        self.with(move |state| state.change_message_visibility(&queue, &receipt, seconds))
    }

    fn change_message_visibility_batch(
        &self,
        _: String,
        _: String,
        queue: String,
        entries: Vec<(String, String, u32)>,
    ) -> Answer<Result<Vec<String>, SqsError>> {
        self.with(move |state| state.change_message_visibility_batch(&queue, &entries))
    }

    fn list_queue_tags(
        &self,
        _: String,
        _: String,
        queue: String,
    ) -> Answer<Result<HashMap<String, String>, SqsError>> {
        self.with(move |state| state.list_queue_tags(&queue))
    }

    fn tag_queue(
        &self,
        _: String,
        _: String,
        queue: String,
        tags: HashMap<String, String>,
    ) -> Answer<Result<(), SqsError>> {
        self.with(move |state| state.tag_queue(&queue, &tags))
    }

    fn untag_queue(&self, _: String, _: String, queue: String, keys: Vec<String>) -> Answer<Result<(), SqsError>> {
        self.with(move |state| state.untag_queue(&queue, &keys))
    }

    fn add_permission(
        &self,
        _: String,
        _: String,
        queue: String,
        label: String,
        accounts: Vec<String>,
        actions: Vec<String>,
    ) -> Answer<Result<(), SqsError>> {
        self.with(move |state| state.add_permission(&queue, &label, accounts, actions))
    }

    fn remove_permission(&self, _: String, _: String, queue: String, label: String) -> Answer<Result<(), SqsError>> {
        self.with(move |state| state.remove_permission(&queue, &label))
    }

    fn list_dead_letter_source_queues(
        &self,
        _: String,
        _: String,
        queue: String,
    ) -> Answer<Result<Vec<String>, SqsError>> {
        self.with(move |state| state.list_dead_letter_source_queues(&queue))
    }

    fn start_message_move_task(
        &self,
        _: String,
        _: String,
        source: String,
        destination: Option<String>,
        rate: Option<i32>,
    ) -> Answer<Result<String, SqsError>> {
        self.with(move |state| state.start_message_move_task(&source, destination.as_deref(), rate))
    }

    fn cancel_message_move_task(&self, _: String, _: String, task: String) -> Answer<Result<i64, SqsError>> {
        self.with(move |state| state.cancel_message_move_task(&task))
    }

    fn list_message_move_tasks(
        &self,
        _: String,
        _: String,
        source: String,
    ) -> Answer<Result<Vec<MessageMoveTask>, SqsError>> {
        self.with(move |state| Ok(state.list_message_move_tasks(&source).into_iter().cloned().collect()))
    }

    fn scopes_with_state(&self) -> Vec<(String, String)> {
        vec![(default_account_id().to_owned(), REGION.to_owned())]
    }

    fn snapshot(&self, _: String, _: String) -> Answer<SqsStateView> {
        self.with(|state| SqsStateView::from(&*state))
    }

    fn restore(&self, _: String, _: String, view: SqsStateView) -> Answer<Result<(), StateViewError>> {
        self.with(move |state| {
            *state = SqsState::from(view);
            Ok(())
        })
    }

    fn merge(&self, _: String, _: String, view: SqsStateView) -> Answer<Result<(), StateViewError>> {
        self.with(move |state| {
            state.queues.extend(view.queues.into_iter().map(|(name, queue)| (name, QueueState::from(queue))));
            Ok(())
        })
    }
}
