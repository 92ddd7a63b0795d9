use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Mutex;

use aws_sdk_sqs::Client;
use tokio::sync::{Notify, mpsc};

use super::*;
use crate::aws::EmbeddedAws;
use crate::aws::resources::{LIVE_QUEUE, Resources};
use crate::aws::tests::furnished;
use crate::template::Deployment;

struct Queue {
    aws: EmbeddedAws,
    client: Client,
    resources: Resources,
}

impl Queue {
    async fn new() -> Self {
        let (aws, sdk, resources) = furnished().await;
        Self { aws, client: Client::new(&sdk), resources }
    }

    fn options(&self) -> PollerOptions {
        let source = Deployment::of_project().unwrap().worker_source(LIVE_QUEUE).unwrap();
        PollerOptions {
            batch_size: 10,
            visibility_timeout: Some(Duration::from_secs(1)),
            ..PollerOptions::new(&self.resources.live_queue_url, source, Duration::from_secs(60))
        }
    }

    async fn send(&self, bodies: &[&str]) {
        for body in bodies {
            self.client
                .send_message()
                .queue_url(&self.resources.live_queue_url)
                .message_body(*body)
                .send()
                .await
                .unwrap();
        }
    }

    async fn left(&self) -> usize {
        self.aws.queue_depth("oura-live").await.unwrap().total()
    }

    /// Waits until the queue holds no message, dead letters aside.
    async fn drained(&self) {
        eventually(async || self.left().await == 0).await;
    }
}

async fn eventually(holds: impl AsyncFn() -> bool) {
    let patience = tokio::time::timeout(Duration::from_secs(30), async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    patience.await.expect("it never came to that");
}

fn bodies(event: &SqsEvent) -> Vec<String> {
    event.records.iter().map(|record| record.body.clone().unwrap()).collect()
}

fn all_done() -> Result<SqsBatchResponse, Infallible> {
    Ok(SqsBatchResponse::default())
}

#[tokio::test]
async fn message_arrives_in_lambdas_form_and_is_deleted() {
    let queue = Queue::new().await;
    queue.send(&["{}"]).await;
    let (events, mut seen) = mpsc::unbounded_channel();
    let poller = Poller::start(queue.client.clone(), queue.options(), move |event, deadline| {
        events.send((event, deadline)).unwrap();
        async { all_done() }
    });
    let (event, deadline) = seen.recv().await.unwrap();
    let record = &event.records[0];
    assert_eq!(record.event_source_arn.as_deref(), Some("arn:aws:sqs:us-east-1:123456789012:oura-live"));
    assert_eq!((record.event_source.as_deref(), record.aws_region.as_deref()), (Some("aws:sqs"), Some("us-east-1")));
    assert_eq!(record.attributes["ApproximateReceiveCount"], "1");
    assert!(record.attributes["SentTimestamp"].parse::<i64>().is_ok());
    assert!(record.message_id.is_some() && record.receipt_handle.is_some() && record.md5_of_body.is_some());
    assert!(deadline > Instant::now());
    queue.drained().await;
    eventually(async || poller.stats() == PollerStats { batches: 1, received: 1, done: 1, failed: 0 }).await;
    poller.stop().await;
}

#[tokio::test]
async fn only_reported_failures_are_redelivered() {
    let queue = Queue::new().await;
    queue.send(&["good", "bad", "fine"]).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    let options = PollerOptions {
        batching_window: Duration::from_secs(1),
        max_concurrency: 1,
        visibility_timeout: Some(Duration::from_secs(3)),
        ..queue.options()
    };
    let poller = Poller::start(queue.client.clone(), options, move |event: SqsEvent, _| {
        let mut response = SqsBatchResponse::default();
        for record in &event.records {
            let first = record.attributes["ApproximateReceiveCount"] == "1";
            if first && record.body.as_deref() == Some("bad") {
                response.add_failure(record.message_id.clone().unwrap());
            }
        }
        log.lock().unwrap().push(bodies(&event));
        async { Ok::<_, Infallible>(response) }
    });
    queue.drained().await;
    poller.stop().await;
    let batches = seen.lock().unwrap();
    let first: BTreeSet<_> = batches[0].iter().map(String::as_str).collect();
    assert_eq!(first, BTreeSet::from(["bad", "fine", "good"]), "the window gathers a batch");
    assert_eq!(batches[1..], [["bad"]]);
}

#[derive(Clone, Copy, Debug)]
enum Misbehaviour {
    Error,
    Panic,
    Hang,
    UnknownId,
}

#[tokio::test]
async fn batch_fails_whole_on_any_failure_of_the_function() {
    let queue = Queue::new().await;
    for misbehaviour in [Misbehaviour::Error, Misbehaviour::Panic, Misbehaviour::Hang, Misbehaviour::UnknownId] {
        queue.send(&["x"]).await;
        let deliveries = Arc::new(AtomicU64::new(0));
        let count = deliveries.clone();
        let options = PollerOptions { function_timeout: Duration::from_millis(200), ..queue.options() };
        let poller = Poller::start(queue.client.clone(), options, move |_, _| {
            let first = count.fetch_add(1, Ordering::SeqCst) == 0;
            async move {
                let mut response = SqsBatchResponse::default();
                match misbehaviour {
                    _ if !first => {}
                    Misbehaviour::Error => return Err("no"),
                    Misbehaviour::Panic => panic!("no"),
                    Misbehaviour::Hang => std::future::pending().await,
                    Misbehaviour::UnknownId => response.add_failure("unknown"),
                }
                Ok(response)
            }
        });
        queue.drained().await;
        assert_eq!(deliveries.load(Ordering::SeqCst), 2, "{misbehaviour:?}");
        eventually(async || poller.stats().done == 1).await;
        assert_eq!(poller.stats(), PollerStats { batches: 2, received: 2, done: 1, failed: 1 }, "{misbehaviour:?}");
        poller.stop().await;
    }
}

#[tokio::test]
async fn message_that_never_succeeds_becomes_a_dead_letter() {
    let queue = Queue::new().await;
    queue.send(&["poison"]).await;
    let poller =
        Poller::start(queue.client.clone(), queue.options(), |_, _| async { Err::<SqsBatchResponse, _>("no") });
    eventually(async || queue.aws.queue_depth("oura-live-dlq").await.unwrap().visible == 1).await;
    assert_eq!((poller.stats().batches, queue.left().await), (5, 0));
    poller.stop().await;
}

#[tokio::test]
async fn concurrency_is_limited_and_stop_waits_for_running_batches() {
    let queue = Queue::new().await;
    queue.send(&["1", "2", "3"]).await;
    let (started, mut running) = mpsc::unbounded_channel();
    let gate = Arc::new(Notify::new());
    let opened = gate.clone();
    let options = PollerOptions {
        batch_size: 1,
        max_concurrency: 2,
        visibility_timeout: Some(Duration::from_secs(60)),
        ..queue.options()
    };
    let poller = Poller::start(queue.client.clone(), options, move |_, _| {
        started.send(()).unwrap();
        let opened = opened.clone();
        async move {
            opened.notified().await;
            all_done()
        }
    });
    running.recv().await.unwrap();
    running.recv().await.unwrap();
    assert_eq!(queue.aws.queue_depth("oura-live").await.unwrap().visible, 1, "the third waits in the queue");
    assert!(running.try_recv().is_err());
    let stopped = tokio::spawn(poller.stop());
    tokio::task::yield_now().await;
    assert!(!stopped.is_finished(), "two are still worked on");
    gate.notify_waiters();
    stopped.await.unwrap();
    assert_eq!(queue.left().await, 1, "those that ran are done, and no new one was taken");
}

#[tokio::test]
async fn unreachable_queue_is_polled_again_after_its_return() {
    use crate::aws::{Effect, Fault, Service};

    let queue = Queue::new().await;
    let refused = Effect::Error { status: 403, code: "AccessDenied".into(), message: String::new() };
    queue.aws.faults().inject(Fault::on(Service::Sqs, "ReceiveMessage", refused));
    let poller = Poller::start(queue.client.clone(), queue.options(), |_, _| async { all_done() });
    eventually(async || queue.aws.meter().calls_of(Service::Sqs, "ReceiveMessage") >= 2).await;
    queue.aws.faults().clear();
    queue.send(&["x"]).await;
    queue.drained().await;
    poller.stop().await;
}
