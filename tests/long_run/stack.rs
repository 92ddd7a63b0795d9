//! The stack of a run: a world, its function URL, its queues, and the schedules of the template.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::types::Message;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use jiff::Timestamp;
use local::aws::resources::Names;
use local::gateway::function_url;
use oura_simulator::WebhookRequest;
use serde_json::{Value, json};
use shared::domain::QueueMessage;
use tests::World;
use tokio::net::TcpListener;

use crate::Arguments;

/// Interval at which waiting messages are looked at.
const STEP: Duration = Duration::from_secs(30);

/// A message that waits longer waits without end.
const LONGEST_WAIT_HOURS: i64 = 40;

pub(crate) struct Stack {
    pub(crate) world: World,
    webhook: Arc<webhook::Deps>,
    subscriptions: subscriptions::Deps,
    server: tokio::task::JoinHandle<()>,
    /// Since when the queues have not been empty.
    busy_since: Option<Timestamp>,
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(deps): State<Arc<webhook::Deps>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1024 * 1024).await.unwrap();
    let event = function_url::request(&parts, &body, "r-1", peer(), Timestamp::UNIX_EPOCH).unwrap();
    function_url::response(webhook::handle(&deps, event).await)
}

fn peer() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 1))
}

impl Stack {
    pub(crate) async fn start(seed: u64, arguments: &Arguments, history_days: u32) -> Self {
        let patients = arguments.patients;
        let env = |env: shared::env::Env| env.with("BACKFILL_DAYS", history_days.to_string());
        let world = World::with(env, |oura| {
            (oura.seed, oura.fleet, oura.deliver_webhooks) = (seed, patients, false);
        })
        .await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/webhook", listener.local_addr().unwrap());
        let env = world.env().clone().with("WEBHOOK_URL", url);
        let config = webhook::Config::from_env(&env).unwrap();
        let webhook = Arc::new(webhook::Deps::new(&config, &world.sdk, world.clock.clone()));
        // Oura's handshakes arrive here; its events are handed over in process.
        let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&webhook));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let config = subscriptions::Config::from_env(&env).unwrap();
        let subscriptions = subscriptions::Deps::new(config, &world.sdk, world.clock.clone()).unwrap();
        Self { world, webhook, subscriptions, server, busy_since: None }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.world.clock.now()
    }

    /// The daily call of `subscriptions`.
    pub(crate) async fn look_after_subscriptions(&self) {
        let report = subscriptions::handle(&self.subscriptions, subscriptions::Request::default()).await;
        let report = serde_json::to_value(report.unwrap()).unwrap();
        assert_eq!(report["ok"], json!(true), "{report}");
    }

    /// One call of the planner.
    pub(crate) async fn plan(&self, task: &str, at: Timestamp) -> Value {
        self.world.schedule(json!({"task": task, "scheduledAt": at})).await
    }

    /// Oura's delivery of a webhook event; returns the status.
    pub(crate) async fn deliver(&self, attempt: &WebhookRequest) -> u16 {
        let mut request =
            axum::http::Request::builder().method("POST").uri("/webhook").header("host", "webhook.example");
        for (name, value) in &attempt.headers {
            request = request.header(name, value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let body = bytes::Bytes::from(attempt.body.clone());
        let event = function_url::request(&parts, &body, "r-1", peer(), Timestamp::UNIX_EPOCH).unwrap();
        function_url::response(webhook::handle(&self.webhook, event).await).status().as_u16()
    }

    /// Lets time pass until this moment, and works off what becomes due. Returns what waits without end.
    pub(crate) async fn until(&mut self, at: Timestamp) -> Option<String> {
        loop {
            let (live, nightly) =
                (self.depth(&self.world.names.live_queue).await, self.depth(&self.world.names.nightly_queue).await);
            if live.visible > 0 {
                self.work(&self.world.resources.live_queue_url).await;
            } else if nightly.visible > 0 {
                self.work(&self.world.resources.nightly_queue_url).await;
            } else {
                let left = Duration::try_from(at.duration_since(self.now())).unwrap_or_default();
                let is_idle = live.total() + nightly.total() == 0;
                if is_idle {
                    self.busy_since = None;
                } else if self.now().duration_since(*self.busy_since.get_or_insert(self.now())).as_hours()
                    > LONGEST_WAIT_HOURS
                {
                    self.busy_since = None;
                    return Some(format!("messages have waited for {LONGEST_WAIT_HOURS} hours: {live:?}, {nightly:?}"));
                }
                if left.is_zero() {
                    return None;
                }
                self.world.pass(if is_idle { left } else { left.min(STEP) });
            }
        }
    }

    /// Hands over a batch. Syncs come one at a time: two at once would meet Oura's faults in an order that no seed repeats.
    async fn work(&self, queue: &str) {
        let received = self.world.receive(queue, 10).await;
        let is_sync = |message: &Message| {
            let body = message.body().unwrap_or_default();
            !matches!(QueueMessage::parse(body), Ok(QueueMessage::WebhookEvent(_)))
        };
        let (syncs, events): (Vec<_>, Vec<_>) = received.into_iter().partition(is_sync);
        if !events.is_empty() {
            self.world.hand_over_of(queue, self.world.worker(), &events).await;
        }
        for sync in syncs {
            self.world.hand_over_of(queue, self.world.worker(), &[sync]).await;
        }
    }

    async fn depth(&self, queue: &str) -> local::aws::QueueDepth {
        self.world.aws.queue_depth(queue).await.expect("the queue")
    }

    /// Bodies of the dead letters.
    pub(crate) async fn dead_letters(&self) -> Vec<String> {
        let (names, urls) = (&self.world.names, &self.world.resources);
        let mut all = Vec::new();
        for (queue, url) in [(&names.live_queue, &urls.live_queue_url), (&names.nightly_queue, &urls.nightly_queue_url)]
        {
            let dead_letters = Names::dead_letters(queue);
            if self.depth(&dead_letters).await.total() > 0 {
                let received = self.world.receive(&url.replace(queue.as_str(), &dead_letters), 10).await;
                all.extend(received.into_iter().filter_map(|message| message.body().map(str::to_owned)));
            }
        }
        all
    }
}
