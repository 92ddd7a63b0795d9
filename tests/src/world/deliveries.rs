//! A world's worker: what waits for it, and what is delivered to it.

use std::time::Duration;

use local::aws::{Fault, Service};
use shared::domain::{DayRange, QueueMessage, SyncMessage, Trigger};
use tokio::runtime::Builder;

use super::World;
use crate::sqs_event::{self, failures, id};

impl World {
    /// The syncs that wait in the live queue. Everything is taken out of it.
    pub async fn messages(&self) -> Vec<SyncMessage> {
        self.bodies()
            .await
            .iter()
            .filter_map(|body| match QueueMessage::parse(body).unwrap() {
                QueueMessage::Sync(sync) => Some(sync),
                _ => None,
            })
            .collect()
    }

    pub async fn bodies(&self) -> Vec<String> {
        let sqs = aws_sdk_sqs::Client::new(&self.sdk);
        let mut bodies = Vec::new();
        loop {
            let queue = &self.resources.live_queue_url;
            let page = sqs.receive_message().queue_url(queue).max_number_of_messages(10).send().await.unwrap();
            if page.messages().is_empty() {
                return bodies;
            }
            for message in page.messages() {
                bodies.push(message.body().unwrap().to_owned());
                let receipt = message.receipt_handle().unwrap();
                sqs.delete_message().queue_url(queue).receipt_handle(receipt).send().await.unwrap();
            }
        }
    }

    /// The id that Oura has for this person.
    pub fn user_id(&self, account: &str) -> String {
        let people = self.oura().people();
        people.into_iter().find(|person| person.key == account).expect("one of the people").user_id
    }

    /// The message of a sync.
    pub fn sync_message(&self, trigger: Trigger, id: &str, range: DayRange) -> String {
        let (sync_id, requested_at) = (id.parse().unwrap(), self.clock.now());
        SyncMessage { patient_id: self.patient(), sync_id, trigger, range, requested_at }.to_body()
    }

    /// One delivery of these bodies, for the `count`th time; returns the ids of those to be redelivered.
    pub async fn deliver(&self, bodies: &[String], count: u32) -> Vec<String> {
        self.deliver_with(bodies, count, Duration::from_secs(300)).await
    }

    /// The same, with this much time for the invocation.
    pub async fn deliver_with(&self, bodies: &[String], count: u32, time: Duration) -> Vec<String> {
        let deadline = self.clock.now() + time;
        let response =
            worker::handle(&self.worker, sqs_event::of_bodies(&self.names.live_queue, bodies, count), deadline)
                .await
                .unwrap();
        failures(response)
    }

    /// Delivers everything that waits until no redelivery is left, letting time pass between.
    pub async fn work(&self) -> u32 {
        let mut bodies = self.bodies().await;
        let mut count = 0;
        while !bodies.is_empty() {
            count += 1;
            if count == 10 {
                let failing = self.connections.get(&self.patient()).await.unwrap().map(|connection| connection.failing);
                panic!("a message is redelivered without end: {bodies:?}, failing: {failing:?}");
            }
            let again = self.deliver(&bodies, count).await;
            bodies = bodies.into_iter().enumerate().filter(|(n, _)| again.contains(&id(*n))).map(|(_, b)| b).collect();
            if !bodies.is_empty() {
                self.pass(Duration::from_secs(150));
            }
        }
        count
    }

    /// One delivery that is killed when the fault stops everything; whether it was. It has a runtime of its own, as a process
    /// has, so that none of its tasks outlives it.
    pub async fn deliver_until_killed(&self, bodies: &[String], count: u32, fault: Fault) -> bool {
        let faults = self.aws.faults();
        faults.inject(fault);
        let process = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (worker, deadline) = (self.shared_worker(), self.clock.now() + Duration::from_secs(300));
        let event = sqs_event::of_bodies(&self.names.live_queue, bodies, count);
        let work = process.spawn(async move { worker::handle(&worker, event, deadline).await });
        let killed = tokio::select! {
            // The stop is looked at first: what is killed does not see the answer to its last call.
            biased;
            () = faults.stopped() => true,
            done = work => {
                done.unwrap().unwrap();
                false
            }
        };
        // It waits for the process's threads.
        tokio::task::spawn_blocking(move || drop(process)).await.unwrap();
        faults.clear();
        killed
    }

    /// Waits until so many calls of this operation have arrived since the meter was reset.
    pub async fn arrived(&self, service: Service, operation: &str, calls: u64) {
        while self.aws.meter().calls_of(service, operation) < calls {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}
