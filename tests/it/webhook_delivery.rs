//! Oura's webhooks from end to end: subscriptions, signed events of the simulated Oura, the function URL, the worker.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use jiff::Timestamp;
use local::aws::{Effect, Fault, Service};
use local::gateway::function_url;
use oura_simulator::{DeliveryOrder, OuraSimulatorConfig};
use serde_json::{Value, json};
use shared::aws::WebhookDays;
use shared::domain::{DayRange, Trigger};
use tokio::net::TcpListener;

use tests::{PATIENT, World};

/// A world whose function URL really listens, with the subscriptions made.
struct Hooked {
    world: World,
    subscriptions: subscriptions::Deps,
    http: reqwest::Client,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Hooked {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(deps): State<Arc<webhook::Deps>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1024 * 1024).await.unwrap();
    let peer = SocketAddr::from(([127, 0, 0, 1], 1));
    let event = function_url::request(&parts, &body, "r-1", peer, Timestamp::UNIX_EPOCH).unwrap();
    function_url::response(webhook::handle(&deps, event).await)
}

impl Hooked {
    async fn start() -> Self {
        Self::with(|_| ()).await
    }

    async fn with(oura: impl FnOnce(&mut OuraSimulatorConfig)) -> Self {
        let world = World::with(
            |env| env,
            |config| {
                // Here the test decides when events are sent.
                config.deliver_webhooks = false;
                oura(config);
            },
        )
        .await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/webhook", listener.local_addr().unwrap());
        let env = world.env().clone().with("WEBHOOK_URL", url);
        let deps =
            Arc::new(webhook::Deps::new(&webhook::Config::from_env(&env).unwrap(), &world.sdk, world.clock.clone()));
        let router = axum::Router::new().fallback(answer).with_state(deps);
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let config = subscriptions::Config::from_env(&env).unwrap();
        let subscriptions = subscriptions::Deps::new(config, &world.sdk, world.clock.clone()).unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let hooked = Self { world, subscriptions, http, server };
        let report = hooked.look_after().await;
        assert_eq!((report["desired"].clone(), report["ok"].clone()), (json!(48), json!(true)), "{report}");
        hooked
    }

    /// The daily run of `subscriptions`.
    async fn look_after(&self) -> Value {
        let report = subscriptions::handle(&self.subscriptions, subscriptions::Request::default()).await.unwrap();
        serde_json::to_value(report).unwrap()
    }

    /// The same world, connected, its history stored; the ring has not synced since the evening before.
    async fn settled() -> Self {
        let hooked = Self::start().await;
        hooked.world.oura().set_last_synced("ada", Some("2026-03-17T20:00:00Z".parse().unwrap())).unwrap();
        hooked.connect().await;
        hooked
    }

    async fn connect(&self) {
        assert_eq!(self.world.connect_as(PATIENT, "ada").await.outcome().0, "connected");
        self.world.work().await;
        self.world.oura().clear_requests();
    }

    /// Oura sends what is due; gives the statuses that it got.
    async fn oura_sends(&self) -> Vec<u16> {
        let mut statuses = Vec::new();
        for attempt in self.world.oura().take_due_deliveries() {
            let mut request = self.http.post(&attempt.url).body(attempt.body);
            for (name, value) in attempt.headers {
                request = request.header(name, value);
            }
            let status = request.send().await.unwrap().status().as_u16();
            self.world.oura().settle_delivery(attempt.id, Some(status));
            statuses.push(status);
        }
        statuses
    }

    /// From Oura's sending to the end of what it causes; gives the statuses.
    async fn all_arrives(&self) -> Vec<u16> {
        self.world.pass(Duration::from_secs(30));
        let statuses = self.oura_sends().await;
        self.world.work().await;
        self.world.pass(Duration::from_secs(31));
        self.world.work().await;
        statuses
    }

    async fn day(&self, day: &str) -> Value {
        self.world.daily(day, day).await.into_iter().next().unwrap_or_default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ring_sync_reaches_tables_and_bus_within_a_minute() {
    let hooked = Hooked::settled().await;
    let world = &hooked.world;
    assert!(hooked.day("2026-03-18").await["metrics"]["sleep"].is_null(), "the night is still on the ring");
    let began = world.clock.now();
    let events = world.events().len();
    let touched = world.oura().sync_ring("ada").unwrap();
    assert!(touched.len() > 5, "{touched:?}");
    let statuses = hooked.all_arrives().await;
    assert_eq!(statuses, vec![200; touched.len()]);
    assert!(world.clock.now().duration_since(began).as_secs() <= 61);
    let day = hooked.day("2026-03-18").await;
    assert!(day["metrics"]["sleep"]["totalSleep"].is_number() && day["metrics"]["readiness"]["score"].is_number());
    let published: Vec<_> = world.events().split_off(events).into_iter().map(|event| event.detail_type).collect();
    assert!(published.contains(&"wearable_day_updated".to_owned()));
    assert_eq!(published.iter().filter(|detail_type| *detail_type == "wearable_sync").count(), 1, "{published:?}");
    let asked: u64 = world
        .oura()
        .request_counts()
        .iter()
        .filter(|(route, _)| route.contains("usercollection"))
        .map(|(_, n)| n)
        .sum();
    assert!(asked <= touched.len() as u64, "{asked} requests for {} documents", touched.len());
    let shown = world.get("/connections", "").await.data();
    assert!(shown["connections"][0]["lastWebhookAt"].is_string(), "{shown}");
}

/// Repeated, reordered and lost events: after the next full sync the tables are as if each had arrived once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_repeated_and_reordered_webhooks_end_in_the_same_days() {
    async fn story(wild: bool) -> Hooked {
        let hooked = Hooked::settled().await;
        let world = &hooked.world;
        if wild {
            world
                .oura()
                .change_options(|options| {
                    options.webhook_copies = 3;
                    options.webhook_order = DeliveryOrder::Shuffled;
                })
                .unwrap();
        }
        world.oura().sync_ring("ada").unwrap();
        hooked.all_arrives().await;
        if wild {
            world.oura().change_options(|options| options.webhook_lose_every = Some(1)).unwrap();
        }
        world.oura().edit_night("ada", "2026-03-16".parse().unwrap()).unwrap();
        hooked.all_arrives().await;
        // The next full sync: until then data types that webhooks seem to keep current are not requested.
        world.pass(Duration::from_secs(7 * 24 * 3600));
        let nightly =
            world.sync_message(Trigger::Daily, "nightly-1", DayRange::ending("2026-03-27".parse().unwrap(), 8));
        assert!(world.deliver(&[nightly], 1).await.is_empty());
        hooked
    }
    let (clean, wild) = (story(false).await, story(true).await);
    let days = async |hooked: &Hooked| {
        let mut days = hooked.world.daily("2026-03-10", "2026-03-19").await;
        for day in &mut days {
            // Number and time of events are no content of the day; the sync also brings the time series.
            for field in ["revision", "observedAt", "contentHash", "provisional"] {
                day.as_object_mut().unwrap().remove(field);
            }
            for metric_type in ["heartRate", "ring"] {
                day["metrics"].as_object_mut().unwrap().remove(metric_type);
            }
            // A workout's heart rate comes with the series.
            day["metrics"].as_object_mut().unwrap().remove("workout");
        }
        days
    };
    let (clean_days, wild_days) = (days(&clean).await, days(&wild).await);
    for (clean, wild) in clean_days.iter().zip(&wild_days) {
        assert_eq!(clean, wild, "{} differs", clean["day"]);
    }
    assert_eq!(clean_days.len(), wild_days.len());
    // The silence was counted, and only there.
    let missed_webhooks = async |hooked: &Hooked| {
        let days = WebhookDays::new(&hooked.world.sdk, &hooked.world.names.connections_table);
        days.get("2026-03-25".parse().unwrap()).await.unwrap().missed_webhooks.values().sum::<u64>()
    };
    assert!(missed_webhooks(&wild).await > 0);
    assert_eq!(missed_webhooks(&clean).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_survive_a_queue_outage() {
    let hooked = Hooked::settled().await;
    let world = &hooked.world;
    let touched = world.oura().edit_night("ada", "2026-03-16".parse().unwrap()).unwrap();
    let refused = Effect::Error { status: 500, code: "InternalFailure".into(), message: "no".into() };
    world.aws.faults().inject(Fault {
        service: Some(Service::Sqs),
        operation: Some("SendMessage".into()),
        mutations_only: false,
        times: None,
        effect: refused,
        ..Fault::stop_after_mutations(0)
    });
    world.pass(Duration::from_secs(30));
    assert_eq!(hooked.oura_sends().await, vec![503; touched.len()], "so that Oura retries");
    world.aws.faults().clear();
    assert_eq!(world.oura().pending_deliveries().len(), touched.len());
    world.pass(Duration::from_secs(3600));
    assert_eq!(hooked.all_arrives().await, vec![200; touched.len()]);
    assert_eq!(hooked.day("2026-03-16").await["revision"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_handle_deletions_and_unknown_users() {
    let hooked = Hooked::settled().await;
    let world = &hooked.world;
    let records = world.items(&world.names.wearable_data_table).await;
    let workout = records.iter().find(|record| record["dataType"] == "workout").unwrap();
    let (id, day) = (workout["documentId"].as_str().unwrap(), workout["day"].as_str().unwrap());
    world.oura().delete_document("ada", "workout", id).unwrap();
    world.oura().send_webhook_event_for_user("unknown-user", "update", "sleep", "s-1");
    assert_eq!(hooked.all_arrives().await, [200, 200], "an unknown user is no error of Oura's");
    let records = world.items(&world.names.wearable_data_table).await;
    let stored = records.iter().find(|record| record["documentId"] == id).unwrap();
    assert_eq!(stored["deleted"], true);
    assert_eq!(hooked.day(day).await["revision"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscriptions_are_kept_renewed_and_recreated() {
    let hooked = Hooked::start().await;
    let world = &hooked.world;
    world.oura().clear_requests();
    let report = hooked.look_after().await;
    assert_eq!((&report["kept"], &report["created"]), (&json!(48), &json!([])));
    let changes = world.oura().requests().iter().filter(|request| request.method != "GET").count();
    assert_eq!(changes, 0, "all is as it should be");
    world.pass(Duration::from_secs(84 * 24 * 3600));
    let report = hooked.look_after().await;
    assert_eq!((report["renewed"].as_array().unwrap().len(), &report["ok"]), (48, &json!(true)), "{report}");
    world.pass(Duration::from_secs(91 * 24 * 3600));
    let report = hooked.look_after().await;
    assert_eq!((&report["ok"], &report["missing"]), (&json!(true), &json!([])), "{report}");
    assert_eq!(world.oura().subscriptions().len(), 48, "expired ones were recreated, once each");
}
