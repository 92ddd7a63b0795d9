//! A fake of Oura's subscription API, for tests: keeps subscriptions as documented, records requests, and misbehaves on
//! demand. One subscription per address and topic; no handshake.

#![allow(dead_code, reason = "not every test needs all of it")]

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Barrier;
use tokio::task::JoinHandle;

/// Path of the subscriptions.
const PATH: &str = "/v2/webhook/subscription";

/// Lifetime of a subscription.
pub const SUBSCRIPTION_TTL: SignedDuration = SignedDuration::from_hours(90 * 24);

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Method and the path below the subscriptions: `PUT /renew/<id>`.
    pub line: String,
    /// The body, if it is JSON.
    pub body: Value,
}

impl Seen {
    /// `<data type>/<event type>` of the body.
    pub fn topic(&self) -> String {
        format!("{}/{}", self.body["data_type"].as_str().unwrap(), self.body["event_type"].as_str().unwrap())
    }

    pub fn is(&self, method: &str) -> bool {
        self.line.split(' ').next() == Some(method)
    }
}

/// An answer given instead of the regular one.
pub struct Reply(pub u16, pub &'static str, pub &'static str);

type Fault = Box<dyn FnMut(&Seen) -> Option<Reply> + Send>;

#[derive(Default)]
struct Inner {
    subscriptions: Vec<Value>,
    seen: Vec<Seen>,
    keys: (String, String),
    now: Timestamp,
    made: u32,
    fault: Option<Fault>,
    vanishing: Vec<(String, u16)>,
    /// Barrier of concurrent creations.
    gate: Option<Arc<Barrier>>,
    busy: usize,
    busiest: usize,
}

/// The running fake.
pub struct FakeOura {
    url: String,
    inner: Arc<Mutex<Inner>>,
    task: JoinHandle<()>,
}

impl FakeOura {
    /// Starts it, for an app with these keys.
    pub async fn start(client_id: &str, client_secret: &str, now: Timestamp) -> Self {
        let keys = (client_id.to_owned(), client_secret.to_owned());
        let inner = Arc::new(Mutex::new(Inner { keys, now, ..Inner::default() }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(answer).with_state(Arc::clone(&inner));
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, inner, task }
    }

    /// Base URL, before `/v2`.
    pub fn url(&self) -> &str {
        &self.url
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }

    /// Adds a subscription that ends after this number of hours; returns its id. The end is written with an offset for an even
    /// number of hours, without for an odd one.
    pub fn put(&self, callback_url: &str, topic: &str, hours: i64) -> String {
        let mut inner = self.inner();
        let end = inner.now + SignedDuration::from_hours(hours);
        let end = if hours % 2 == 0 { end.to_string() } else { end.strftime("%Y-%m-%dT%H:%M:%S.250000").to_string() };
        let (data_type, event_type) = topic.split_once('/').unwrap();
        inner.add(callback_url, data_type, event_type, &end)["id"].as_str().unwrap().to_owned()
    }

    /// Adds any element to the list.
    pub fn put_raw(&self, element: Value) {
        self.inner().subscriptions.push(element);
    }

    /// All subscriptions as `<topic> <URL>`, sorted.
    pub fn all(&self) -> Vec<String> {
        let text = |one: &Value, name: &str| one[name].as_str().unwrap_or("?").to_owned();
        let line =
            |one| format!("{}/{} {}", text(one, "data_type"), text(one, "event_type"), text(one, "callback_url"));
        let mut all: Vec<_> = self.inner().subscriptions.iter().map(line).collect();
        all.sort();
        all
    }

    /// True if there is a subscription with this id.
    pub fn has(&self, id: &str) -> bool {
        self.inner().subscriptions.iter().any(|one| one["id"] == id)
    }

    /// Requests since the last call.
    pub fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.inner().seen)
    }

    /// Answers with the reply of this function, where it returns one.
    pub fn misbehave(&self, fault: impl FnMut(&Seen) -> Option<Reply> + Send + 'static) {
        self.inner().fault = Some(Box::new(fault));
    }

    /// Drops this subscription at the next change of it, and answers with this status.
    pub fn let_vanish(&self, id: &str, status: u16) {
        self.inner().vanishing.push((id.to_owned(), status));
    }

    /// Removes the fault.
    pub fn behave(&self) {
        self.inner().fault = None;
    }

    /// Delays every creation until this number of them is in progress.
    pub fn make_wait_for_each_other(&self, creations: usize) {
        self.inner().gate = Some(Arc::new(Barrier::new(creations)));
    }

    /// Largest number of concurrent requests.
    pub fn busiest(&self) -> usize {
        self.inner().busiest
    }

    /// Sets the time.
    pub fn set_now(&self, now: Timestamp) {
        self.inner().now = now;
    }
}

impl Drop for FakeOura {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Inner {
    fn add(&mut self, callback_url: &str, data_type: &str, event_type: &str, end: &str) -> Value {
        self.made += 1;
        let made = json!({
            "id": format!("{:08x}-1111-4111-8111-111111111111", self.made), "callback_url": callback_url,
            "event_type": event_type, "data_type": data_type, "expiration_time": end,
        });
        self.subscriptions.push(made.clone());
        made
    }

    fn index_of(&self, id: &str) -> Option<usize> {
        self.subscriptions.iter().position(|one| one["id"] == id)
    }

    fn taken(&self, body: &Value, except: Option<usize>) -> bool {
        let same = |one: &Value| ["callback_url", "data_type", "event_type"].iter().all(|name| one[name] == body[name]);
        self.subscriptions.iter().enumerate().any(|(at, one)| Some(at) != except && same(one))
    }

    fn handle(&mut self, seen: &Seen) -> Response {
        let (method, path) = seen.line.split_once(' ').unwrap();
        let complete = ["callback_url", "verification_token", "event_type", "data_type"]
            .iter()
            .all(|name| seen.body[name].as_str().is_some_and(|text| !text.is_empty()));
        let end = (self.now + SUBSCRIPTION_TTL).strftime("%Y-%m-%dT%H:%M:%S.123456").to_string();
        let id = path.rsplit('/').next().unwrap();
        if let Some((_, status)) = self.vanishing.iter().find(|(vanishing, _)| vanishing == id) {
            self.subscriptions.retain(|one| one["id"] != id);
            return StatusCode::from_u16(*status).unwrap().into_response();
        }
        let at = self.index_of(id);
        let conflict = || (StatusCode::CONFLICT, r#"{"detail":"exists"}"#).into_response();
        match (method, at) {
            ("GET", _) if path.is_empty() => json_of(StatusCode::OK, &Value::Array(self.subscriptions.clone())),
            ("POST", _) if !path.is_empty() || !complete => StatusCode::UNPROCESSABLE_ENTITY.into_response(),
            ("POST", _) if self.taken(&seen.body, None) => conflict(),
            ("POST", _) => {
                let text = |name: &str| seen.body[name].as_str().unwrap().to_owned();
                let made = self.add(&text("callback_url"), &text("data_type"), &text("event_type"), &end);
                json_of(StatusCode::CREATED, &made)
            }
            (_, None) => StatusCode::FORBIDDEN.into_response(),
            ("DELETE", Some(at)) => {
                self.subscriptions.remove(at);
                StatusCode::NO_CONTENT.into_response()
            }
            ("PUT", Some(at)) if path.starts_with("/renew/") => {
                self.subscriptions[at]["expiration_time"] = json!(end);
                json_of(StatusCode::OK, &self.subscriptions[at])
            }
            ("PUT", _) if !complete => StatusCode::UNPROCESSABLE_ENTITY.into_response(),
            ("PUT", Some(at)) if self.taken(&seen.body, Some(at)) => conflict(),
            ("PUT", Some(at)) => {
                for name in ["callback_url", "event_type", "data_type"] {
                    self.subscriptions[at][name] = seen.body[name].clone();
                }
                json_of(StatusCode::OK, &self.subscriptions[at])
            }
            _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
        }
    }
}

async fn answer(
    State(inner): State<Arc<Mutex<Inner>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path().strip_prefix(PATH).unwrap();
    let seen = Seen { line: format!("{method} {path}"), body: serde_json::from_slice(&body).unwrap_or_default() };
    let gate = {
        let mut inner = lock(&inner);
        inner.busy += 1;
        inner.busiest = inner.busiest.max(inner.busy);
        inner.seen.push(seen.clone());
        inner.gate.clone().filter(|_| seen.is("POST"))
    };
    if let Some(gate) = gate {
        gate.wait().await;
        // Further requests under way arrive meanwhile.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
    let mut inner = lock(&inner);
    inner.busy -= 1;
    let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if value("user-agent").is_empty() {
        return StatusCode::FORBIDDEN.into_response();
    }
    if (value("x-client-id"), value("x-client-secret")) != (&inner.keys.0, &inner.keys.1) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let mut fault = inner.fault.take();
    let reply = fault.as_mut().and_then(|fault| fault(&seen));
    inner.fault = fault;
    match reply {
        Some(Reply(status, "", body)) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
        Some(Reply(status, retry_after, body)) => {
            (StatusCode::from_u16(status).unwrap(), [(header::RETRY_AFTER, retry_after)], body).into_response()
        }
        None => inner.handle(&seen),
    }
}

fn json_of(status: StatusCode, value: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}
