//! A world's nightly queue: the planner's calls, and the worker's batches.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use jiff::Timestamp;
use serde_json::{Value, json};
use shared::domain::{Connection, PatientId};

use super::World;
use crate::sqs_event;

/// Received messages wait this long before they are redelivered, unless the worker says otherwise.
const VISIBILITY: i32 = 720;

/// Effort of working a queue off.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Worked {
    /// Deliveries of messages.
    pub deliveries: usize,
    /// Messages that the worker gave back as failed.
    pub failed: usize,
}

impl World {
    /// One call of `sync`, as its schedules make it.
    pub async fn schedule(&self, event: Value) -> Value {
        let sync = self.planner();
        let deadline = self.clock.now() + Duration::from_secs(900);
        let report = sync::handle(&sync, sync::Request::from_event(event).unwrap(), deadline).await.unwrap();
        serde_json::to_value(report).unwrap()
    }

    pub fn planner(&self) -> sync::Deps {
        sync::Deps::new(sync::Config::from_env(self.env()).unwrap(), &self.sdk, self.clock.clone())
    }

    /// Lets time pass until this moment.
    pub fn pass_until(&self, at: &str) {
        let left = at.parse::<Timestamp>().unwrap().duration_since(self.clock.now());
        self.pass(Duration::try_from(left).expect("the moment is ahead"));
    }

    /// Receives at most one batch of the nightly queue.
    pub async fn receive_nightly(&self) -> Vec<Message> {
        self.receive(&self.resources.nightly_queue_url, 10).await
    }

    /// Receives at most `most` messages of the queue with this URL.
    pub async fn receive(&self, queue: &str, most: i32) -> Vec<Message> {
        let sqs = aws_sdk_sqs::Client::new(&self.sdk);
        let received = sqs
            .receive_message()
            .queue_url(queue)
            .max_number_of_messages(most)
            .visibility_timeout(VISIBILITY)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await
            .unwrap();
        received.messages.unwrap_or_default()
    }

    /// Hands messages of the nightly queue to a worker, and deletes those that it is done with; gives how many have to come
    /// again.
    pub async fn hand_over(&self, worker: &worker::Deps, messages: &[Message]) -> usize {
        self.hand_over_of(&self.resources.nightly_queue_url, worker, messages).await
    }

    /// The same for the queue with this URL.
    pub async fn hand_over_of(&self, queue: &str, worker: &worker::Deps, messages: &[Message]) -> usize {
        // More than Lambda gives: a hurried worker's time is short by the machine's clock.
        let deadline = self.clock.now() + Duration::from_secs(900);
        let event = sqs_event::of_messages(queue.rsplit('/').next().unwrap(), messages.to_vec());
        let response = worker::handle(worker, event, deadline).await.unwrap();
        let failed: Vec<_> = response.batch_item_failures.iter().map(|one| one.item_identifier.as_str()).collect();
        let sqs = aws_sdk_sqs::Client::new(&self.sdk);
        for message in messages.iter().filter(|message| !failed.contains(&message.message_id().unwrap())) {
            let delete = sqs.delete_message().queue_url(queue);
            delete.receipt_handle(message.receipt_handle().unwrap()).send().await.unwrap();
        }
        failed.len()
    }

    /// Works the nightly queue off, letting time pass whenever nothing can be received.
    pub async fn work_off_night(&self) -> Worked {
        self.work_off(&self.resources.nightly_queue_url, &self.names.nightly_queue).await
    }

    /// The same for the live queue.
    pub async fn work_off_live(&self) -> Worked {
        self.work_off(&self.resources.live_queue_url, &self.names.live_queue).await
    }

    async fn work_off(&self, url: &str, name: &str) -> Worked {
        let mut worked = Worked::default();
        for _ in 0..5000 {
            let messages = self.receive(url, 10).await;
            worked.deliveries += messages.len();
            if !messages.is_empty() {
                worked.failed += self.hand_over_of(url, self.worker(), &messages).await;
            } else if self.aws.queue_depth(name).await.expect("the queue").total() == 0 {
                return worked;
            } else {
                self.pass(Duration::from_secs(60));
            }
        }
        panic!("the queue does not empty");
    }

    /// Messages in the nightly queue, whatever they wait for.
    pub async fn waiting_nightly(&self) -> usize {
        self.aws.queue_depth(&self.names.nightly_queue).await.expect("the queue").total()
    }

    /// So many patients with rings of the simulated fleet, their short histories in, on the day before the night.
    pub async fn with_fleet(count: u32, env: &[(&str, &str)]) -> Self {
        let settings: BTreeMap<String, String> =
            env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let world = Self::with(
            |env| {
                let env = env.with("BACKFILL_DAYS", "3").with("OURA_REQUESTS_PER_5_MIN", "1000000");
                settings.into_iter().fold(env, |env, (name, value)| env.with(&name, value))
            },
            |oura| {
                oura.fleet = count;
                oura.app_limit = 1_000_000;
            },
        )
        .await;
        for (n, patient) in fleet(count).enumerate() {
            let answer = world.connect_as(&patient, &format!("fleet-{:05}", n + 1)).await;
            assert_eq!(answer.outcome().0, "connected");
        }
        world.work().await;
        world.oura().clear_requests();
        world
    }

    pub async fn connection_of(&self, patient: &str) -> Connection {
        let patient: PatientId = patient.parse().unwrap();
        self.connections.get(&patient).await.unwrap().expect("a connection")
    }

    /// The night's record, by the watch; a night that is over, by its own record.
    pub async fn watch(&self) -> Vec<Value> {
        self.schedule(json!({"task": "watch"})).await["runs"].as_array().unwrap().clone()
    }

    /// Requests for data so far.
    pub fn data_requests(&self) -> u64 {
        let counts = self.oura().request_counts();
        counts.iter().filter(|(route, _)| route.contains("/v2/usercollection/")).map(|(_, count)| count).sum()
    }
}

pub const NIGHT: &str = "2026-03-19T03:00:00Z";

/// The scheduler's call for the night.
pub fn night() -> Value {
    json!({"task": "nightly", "scheduledAt": NIGHT})
}

/// Names of the patients of a fleet.
pub fn fleet(count: u32) -> impl Iterator<Item = String> {
    (1..=count).map(|n| format!("patient-{n:05}"))
}
