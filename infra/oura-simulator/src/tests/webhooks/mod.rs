//! Webhooks as an application meets them: a receiver of its own, and the clock in the test's hand.

mod background;
mod deliveries;
mod misbehaviour;
mod subscriptions;
mod syncs;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Mutex;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response as Reply};
use axum::routing::get;
use http::HeaderMap;
use serde_json::json;
use tokio::task::JoinHandle;

use super::*;
use crate::lock::lock;
use crate::webhooks::signature;

const TOKEN: &str = "v3rify & t+ken";
const DATA_TYPES: [&str; 16] = [
    "tag",
    "enhanced_tag",
    "workout",
    "session",
    "sleep",
    "daily_sleep",
    "daily_readiness",
    "daily_activity",
    "daily_spo2",
    "sleep_time",
    "rest_mode_period",
    "ring_configuration",
    "daily_stress",
    "daily_cardiovascular_age",
    "daily_resilience",
    "vo2_max",
];

/// Answer of the receiver to a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof {
    Echo,
    Status(u16),
    PlainText,
    AnotherChallenge,
    /// Redirects to a URL that would prove itself.
    Elsewhere,
    /// The challenge in an answer that is far too long.
    Endless,
    Never,
}

/// Requests of the receiver, and its next answers.
struct Inbox {
    proof: Proof,
    handshakes: Vec<HashMap<String, String>>,
    /// Statuses of the next deliveries; 200 when there are none.
    statuses: VecDeque<u16>,
    deliveries: Vec<(HeaderMap, Bytes)>,
    /// Deliveries in progress now, and the largest number at once.
    busy: (usize, usize),
}

/// The application's webhook URL.
struct Receiver {
    url: String,
    inbox: Arc<Mutex<Inbox>>,
    server: JoinHandle<()>,
}

impl Receiver {
    async fn start() -> Self {
        let inbox = Arc::new(Mutex::new(Inbox {
            proof: Proof::Echo,
            handshakes: vec![],
            statuses: VecDeque::new(),
            deliveries: vec![],
            busy: (0, 0),
        }));
        let router = Router::new().route("/hook", get(shake).post(take)).route("/elsewhere", get(elsewhere));
        let router = router.with_state(Arc::clone(&inbox));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, inbox, server }
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut Inbox) -> T) -> T {
        use_it(&mut lock(&self.inbox))
    }

    fn proof(&self, proof: Proof) {
        self.with(|inbox| inbox.proof = proof);
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn shake(State(inbox): State<Arc<Mutex<Inbox>>>, Query(query): Query<HashMap<String, String>>) -> Reply {
    let challenge = query.get("challenge").cloned().unwrap_or_default();
    let proof = {
        let mut inbox = lock(&inbox);
        inbox.handshakes.push(query);
        inbox.proof
    };
    let answer = |challenge: &str| axum::Json(json!({ "challenge": challenge })).into_response();
    match proof {
        Proof::Echo => answer(&challenge),
        Proof::Status(status) => (http::StatusCode::from_u16(status).unwrap(), answer(&challenge)).into_response(),
        Proof::PlainText => challenge.into_response(),
        Proof::AnotherChallenge => answer("another"),
        Proof::Elsewhere => Redirect::temporary(&format!("/elsewhere?challenge={challenge}")).into_response(),
        Proof::Endless => axum::Json(json!({ "challenge": challenge, "more": "x".repeat(1_000_000) })).into_response(),
        Proof::Never => std::future::pending().await,
    }
}

async fn elsewhere(Query(query): Query<HashMap<String, String>>) -> Reply {
    axum::Json(json!({ "challenge": query["challenge"] })).into_response()
}

async fn take(State(inbox): State<Arc<Mutex<Inbox>>>, headers: HeaderMap, body: Bytes) -> http::StatusCode {
    {
        let mut inbox = lock(&inbox);
        inbox.deliveries.push((headers, body));
        inbox.busy = (inbox.busy.0 + 1, inbox.busy.1.max(inbox.busy.0 + 1));
    }
    // Long enough for another delivery to arrive meanwhile, if one is sent.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let mut inbox = lock(&inbox);
    inbox.busy.0 -= 1;
    http::StatusCode::from_u16(inbox.statuses.pop_front().unwrap_or(200)).unwrap()
}

impl World {
    /// A request of the application about its subscriptions; the path begins after `/v2/webhook/subscription`.
    fn manage(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url = self.url(&format!("/v2/webhook/subscription{path}"));
        let request = self.http.request(method.parse().unwrap(), url);
        request.header("x-client-id", "the-app").header("x-client-secret", "the-secret")
    }

    async fn managed(&self, method: &str, path: &str, body: Value) -> Response {
        self.manage(method, path).json(&body).send().await.unwrap()
    }

    async fn subscribe(&self, url: &str, event: &str, data: &str) -> Response {
        self.managed("POST", "", wanted(url, event, data)).await
    }

    /// Subscribes and gives the id.
    async fn subscribed(&self, url: &str, event: &str, data: &str) -> String {
        let made = self.subscribe(url, event, data).await;
        assert_eq!(made.status(), 201, "{event} {data}");
        super::json(made).await["id"].as_str().unwrap().to_owned()
    }

    /// Subscribes to everything.
    async fn subscribed_to_all(&self, url: &str) {
        for event in ["create", "update", "delete"] {
            for data in DATA_TYPES {
                self.subscribed(url, event, data).await;
            }
        }
    }

    /// The pages behind `GET`.
    async fn listed(&self) -> Value {
        let answer = self.manage("GET", "").send().await.unwrap();
        assert_eq!(answer.status(), 200);
        super::json(answer).await
    }

    fn set(&self, patch: Value) {
        self.oura.control().patch_options(&patch).unwrap();
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.clock.load(Ordering::SeqCst)).unwrap()
    }

    /// A daily sleep document of Ada's, put by hand.
    fn put(&self, id: &str) -> ChangedDocument {
        let document = json!({ "id": id, "day": "2031-06-03", "score": 71 });
        let put = PutDocument { collection: "daily_sleep".to_owned(), document, day: None };
        self.oura.control().put_document("ada", put).unwrap()
    }

    /// The deliveries after the usual delay.
    fn take(&self) -> Vec<WebhookRequest> {
        self.advance(30);
        self.oura.control().take_due_deliveries()
    }

    /// The deliveries after the usual delay, answered with 200.
    fn deliver(&self) -> Vec<Value> {
        let taken = self.take();
        taken.iter().for_each(|attempt| assert!(self.oura.control().settle_delivery(attempt.id, Some(200))));
        taken.iter().map(body).collect()
    }

    /// Every document that the API gives of a person, by (webhook's name, id).
    async fn everything(&self, token: &str) -> HashMap<(String, String), Value> {
        let mut all = HashMap::new();
        for name in DATA_TYPES {
            let path = if name == "vo2_max" { "vO2_max" } else { name };
            let range = format!("{path}?start_date=2031-05-01&end_date=2031-06-20");
            for document in self.list(token, &range).await {
                all.insert((name.to_owned(), document["id"].as_str().unwrap().to_owned()), document);
            }
        }
        all
    }
}

fn wanted(url: &str, event: &str, data: &str) -> Value {
    json!({ "callback_url": url, "verification_token": TOKEN, "event_type": event, "data_type": data })
}

fn body(attempt: &WebhookRequest) -> Value {
    serde_json::from_slice(&attempt.body).unwrap()
}

fn header<'a>(attempt: &'a WebhookRequest, name: &str) -> &'a str {
    value(&attempt.headers, name).unwrap()
}

/// True if a receiver with the secret would accept it now.
fn genuine(attempt: &WebhookRequest, now: Timestamp) -> bool {
    let (signature, timestamp) = (header(attempt, "x-oura-signature"), header(attempt, "x-oura-timestamp"));
    is_signed(signature, timestamp, &attempt.body, now)
}

/// (event type, data type, object id) of deliveries, as a set.
fn events_of(deliveries: &[Value]) -> BTreeSet<[String; 3]> {
    let text = |delivery: &Value, key: &str| delivery[key].as_str().unwrap().to_owned();
    deliveries.iter().map(|one| ["event_type", "data_type", "object_id"].map(|key| text(one, key))).collect()
}

/// True if the signature fits timestamp and body, and the timestamp is of the last two hours.
fn is_signed(signature: &str, timestamp: &str, body: &[u8], now: Timestamp) -> bool {
    let number: i64 = timestamp.parse().unwrap();
    let sent = if timestamp.len() == 13 { Timestamp::from_millisecond(number) } else { Timestamp::from_second(number) };
    let age = now.duration_since(sent.unwrap()).as_secs();
    (0..=7200).contains(&age) && signature == signature::sign("the-secret", timestamp, body)
}
