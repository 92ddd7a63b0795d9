//! A small world of its own for each test: embedded AWS, simulated Oura, the functions, a clock that the test drives,
//! and randomness that repeats, so that two worlds that live through the same end with the same tables.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use lambda_http::{Body, Response};
use local::aws::resources::{self, AppCredentials, Names, Resources};
use local::aws::{EmbeddedAws, EmbeddedOptions, Fault, PublishedEvent, Service};
use local::oura_cloud::{Control, OuraCloud, OuraCloudConfig};
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shared::aws::{ConnectOutcome, Connections, SdkConfig, TokenSettings, TokenStore};
use shared::domain::{
    Clock, Connection, ConnectionStatus, DayRange, Entropy, EventKind, GrantId, PatientEvent, PatientId, QueueMessage,
    ScopeSet, SyncMessage, Trigger,
};
use shared::env::Env;
use shared::oura::DataType;
use tokio::net::TcpListener;

use crate::openapi::contracts;

pub const PATIENT: &str = "patient-1";
pub const APP: &str = "https://app.example/wearables";
const REDIRECT: &str = "https://api.example/api/patient-graph/wearables/callback/oura";
const PREFIX: &str = "/api/patient-graph/wearables";

/// A Wednesday at noon, some days before the clocks change in Europe and some after they did in North America.
const START: &str = "2026-03-18T12:00:00Z";

/// Whoever waits in a world waits so many times shorter than it says, and its clock moves on as if not.
const HURRY: u32 = 20;

pub struct World {
    pub aws: EmbeddedAws,
    pub cloud: OuraCloud,
    pub sdk: SdkConfig,
    pub names: Names,
    pub resources: Resources,
    pub connections: Connections,
    pub secrets: TokenStore,
    pub clock: Clock,
    env: Env,
    now: Arc<AtomicI64>,
    connect: connect::Deps,
    callback: callback::Deps,
    api: api::Deps,
    worker: worker::Deps,
}

/// What a browser holds between connect and callback.
#[derive(Debug, Clone)]
pub struct Flow {
    pub auth_url: String,
    pub cookie: String,
}

/// What a function answered.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a JSON body")
    }

    pub fn data(&self) -> Value {
        let body = self.json();
        assert_eq!(body["success"], true, "{body}");
        body["data"].clone()
    }

    /// Status and code of a refusal.
    pub fn refusal(&self) -> (u16, String) {
        let body = self.json();
        assert_eq!(body["success"], false, "{body}");
        assert!(body["error"]["message"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
        (self.status, body["error"]["code"].as_str().unwrap().to_owned())
    }

    /// The query of the address that a redirect names.
    pub fn redirect(&self) -> BTreeMap<String, String> {
        assert_eq!(self.status, 303, "{self:?}");
        let url = url::Url::parse(&self.headers["location"]).unwrap();
        url.query_pairs().into_owned().collect()
    }

    /// `status` and `reason` of a redirect to the app.
    pub fn outcome(&self) -> (String, String) {
        let query = self.redirect();
        assert_eq!(query["wearable"], "oura");
        (query["status"].clone(), query.get("reason").cloned().unwrap_or_default())
    }
}

impl World {
    pub async fn start() -> Self {
        Self::with(|env| env, |_| ()).await
    }

    pub async fn with(env: impl FnOnce(Env) -> Env, oura: impl FnOnce(&mut OuraCloudConfig)) -> Self {
        if std::env::var_os("TEST_LOG").is_some() {
            shared::telemetry::init();
        }
        let now = Arc::new(AtomicI64::new(START.parse::<Timestamp>().unwrap().as_millisecond()));
        let ticking = Arc::clone(&now);
        let waited = Arc::clone(&now);
        let clock = Clock::driven(
            move || Timestamp::from_millisecond(ticking.load(Ordering::SeqCst)).unwrap(),
            move |until| {
                waited.fetch_max(until.as_millisecond(), Ordering::SeqCst);
            },
        )
        .hurried(HURRY);
        let entropy = repeating();
        let aws =
            EmbeddedAws::start(EmbeddedOptions { clock: clock.clone(), ..EmbeddedOptions::default() }).await.unwrap();
        let sdk = hurried(&aws.sdk_config());
        let mut config = OuraCloudConfig::new("client-1", SecretString::from("client-s3cret"), REDIRECT);
        config.clock = clock.clone();
        config.entropy = repeating();
        oura(&mut config);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let cloud = OuraCloud::start(listener, config).await.unwrap();
        let names = Names::default();
        let app = AppCredentials {
            client_id: "client-1".into(),
            client_secret: "client-s3cret".into(),
            webhook_verification_token: "verify-s3cret".into(),
        };
        let resources = resources::ensure(&sdk, &names, &app).await.unwrap();
        let at = |path: &str| cloud.url().join(path).unwrap().to_string();
        let env = env(resources
            .describe_in(Env::default())
            .with("OURA_REDIRECT_URI", REDIRECT)
            .with("OURA_AUTHORIZE_URL", at("/oauth/authorize"))
            .with("OURA_TOKEN_URL", at("/oauth/token"))
            .with("OURA_REVOKE_URL", at("/oauth/revoke"))
            .with("OURA_API_BASE_URL", at("/"))
            .with("APP_RETURN_URL", APP)
            // Tests of the budget set their own: nobody else is to wait.
            .with("OURA_REQUESTS_PER_5_MIN", "10000000"));
        Self {
            connections: Connections::new(&sdk, &names.connections_table),
            secrets: TokenStore::new(&sdk, &TokenSettings::from_env(&env).unwrap(), &clock),
            connect: connect::Deps::new(connect::Config::from_env(&env).unwrap(), &sdk, clock.clone(), entropy.clone())
                .unwrap(),
            callback: callback::Deps::new(
                callback::Config::from_env(&env).unwrap(),
                &sdk,
                clock.clone(),
                entropy.clone(),
            )
            .unwrap(),
            api: api::Deps::new(api::Config::from_env(&env).unwrap(), &sdk, clock.clone(), entropy.clone()).unwrap(),
            worker: worker::Deps::new(worker::Config::from_env(&env).unwrap(), &sdk, clock.clone(), entropy).unwrap(),
            aws,
            cloud,
            sdk,
            names,
            resources,
            clock,
            env,
            now,
        }
    }

    /// The worker that everything is delivered to.
    pub fn worker(&self) -> &worker::Deps {
        &self.worker
    }

    /// Another worker, with settings of its own: a process whose clock is ahead of this world's (or behind), and which waits
    /// shorter than it says.
    pub fn worker_with(&self, env: &Env, ahead: SignedDuration) -> worker::Deps {
        let (clock, waiting) = (self.clock.clone(), Arc::clone(&self.now));
        let clock = Clock::driven(
            move || clock.now().saturating_add(ahead).unwrap(),
            move |until| {
                let until = until.saturating_sub(ahead).unwrap();
                waiting.fetch_max(until.as_millisecond(), Ordering::SeqCst);
            },
        );
        let config = worker::Config::from_env(env).unwrap();
        worker::Deps::new(config, &self.sdk, clock.hurried(100), repeating()).unwrap()
    }

    /// The variables that the functions were made from.
    pub fn env(&self) -> &Env {
        &self.env
    }

    pub fn oura(&self) -> Control {
        self.cloud.control()
    }

    /// Lets time pass, for everything in this world.
    pub fn pass(&self, time: Duration) {
        self.now.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }

    pub fn patient(&self) -> PatientId {
        PatientId::parse(PATIENT).unwrap()
    }

    pub async fn connection(&self) -> Connection {
        self.connections.get(&self.patient()).await.unwrap().expect("a connection")
    }

    // ---- the routes

    pub async fn request(&self, patient: Option<&str>, method: &str, path: &str, query: &str, body: &str) -> Answer {
        let claims = patient.map(|patient| json!({ "sub": patient }));
        self.send(&event(claims, method, path, query, body, &[])).await
    }

    /// Sends a payload 2.0 event to the function that the template routes it to, and holds the answer against its description.
    pub async fn send(&self, event: &Value) -> Answer {
        let request = lambda_http::request::from_str(&event.to_string()).unwrap();
        let path = event["rawPath"].as_str().unwrap();
        let response = match path.strip_prefix(PREFIX) {
            Some("/connect/oura") => connect::handle(&self.connect, request).await,
            Some("/callback/oura") => callback::handle(&self.callback, request).await,
            _ => api::handle(&self.api, request).await,
        };
        let answer = answer(response);
        let method = event["requestContext"]["http"]["method"].as_str().unwrap();
        contracts().check(method, path.strip_prefix(PREFIX).unwrap_or(path), &answer);
        answer
    }

    pub async fn get(&self, path: &str, query: &str) -> Answer {
        self.request(Some(PATIENT), "GET", path, query, "").await
    }

    pub async fn begin(&self, patient: &str) -> Flow {
        self.begin_with(patient, "{}").await
    }

    pub async fn begin_with(&self, patient: &str, body: &str) -> Flow {
        let answer = self.request(Some(patient), "POST", "/connect/oura", "", body).await;
        let auth_url = answer.data()["authUrl"].as_str().unwrap().to_owned();
        let cookie = answer.headers["set-cookie"].split(';').next().unwrap().to_owned();
        Flow { auth_url, cookie }
    }

    /// The patient on Oura's consent page; gives the query that Oura's redirect carries.
    pub async fn consent(&self, flow: &Flow, account: &str, decision: &str, scopes: Option<&[&str]>) -> String {
        let asked = url::Url::parse(&flow.auth_url).unwrap();
        let parameters: BTreeMap<String, String> = asked.query_pairs().into_owned().collect();
        let mut form: Vec<(String, String)> =
            parameters.iter().filter(|(name, _)| *name != "scope").map(|(k, v)| (k.clone(), v.clone())).collect();
        let all: Vec<_> = parameters["scope"].split(' ').collect();
        form.extend(scopes.unwrap_or(&all).iter().map(|scope| ("scope".to_owned(), (*scope).to_owned())));
        form.push(("account".into(), account.into()));
        form.push(("decision".into(), decision.into()));
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
        let mut page = asked.clone();
        page.set_query(None);
        let answer = client.post(page).form(&form).send().await.unwrap();
        let status = answer.status();
        let location = answer.headers().get("location").map(|location| location.to_str().unwrap().to_owned());
        let location = location.unwrap_or_else(|| panic!("no redirect: {status}"));
        assert!(location.starts_with(REDIRECT), "{location}");
        url::Url::parse(&location).unwrap().query().unwrap().to_owned()
    }

    pub async fn callback(&self, query: &str, cookie: Option<&str>) -> Answer {
        let cookies: Vec<_> = cookie.into_iter().collect();
        self.send(&event(None, "GET", "/callback/oura", query, "", &cookies)).await
    }

    /// The whole flow; gives the browser's last answer.
    pub async fn connect_as(&self, patient: &str, account: &str) -> Answer {
        let flow = self.begin(patient).await;
        let query = self.consent(&flow, account, "allow", None).await;
        self.callback(&query, Some(&flow.cookie)).await
    }

    /// The usual patient with the usual ring, connected; the backfill waits in the queue.
    pub async fn connected() -> Self {
        Self::connected_in("secret").await
    }

    /// The same, with the tokens in this vault.
    pub async fn connected_in(vault: &str) -> Self {
        let world = Self::with(|env| env.with("TOKEN_VAULT", vault), |_| ()).await;
        let answer = world.connect_as(PATIENT, "ada").await;
        assert_eq!(answer.outcome().0, "connected");
        world
    }

    /// A connection that is only written down: no Oura, no tokens.
    pub async fn write_down(&self, patient: &str) -> Connection {
        self.write_down_with(patient, BTreeMap::new()).await
    }

    /// The same, of which these kinds are failing.
    pub async fn write_down_with(&self, patient: &str, failing: BTreeMap<DataType, String>) -> Connection {
        let (patient_id, now): (PatientId, _) = (patient.parse().unwrap(), self.clock.now());
        let grant_id: GrantId = format!("grant-of-{patient}").parse().unwrap();
        let scopes = ScopeSet::parse(ScopeSet::DEFAULT);
        let connection = Connection {
            status: ConnectionStatus::Connected,
            reason: None,
            since: now,
            oura_user_id: format!("ring-of-{patient}").parse().unwrap(),
            grant_id: grant_id.clone(),
            generation: 1,
            scopes_granted: scopes.clone(),
            scopes_requested: scopes.clone(),
            lease: None,
            intent: None,
            suspect: None,
            last_sync_at: None,
            last_data_day: None,
            backfill: None,
            silent_since: None,
            last_notice_at: None,
            unannounced: BTreeMap::new(),
            failing,
            watermarks: BTreeMap::new(),
            patient_id: patient_id.clone(),
        };
        let kind = EventKind::Connected {
            grant_id,
            scopes_granted: scopes,
            scopes_missing: ScopeSet::default(),
            reconnected: false,
        };
        let event = PatientEvent::new(patient_id, now, kind);
        assert_eq!(self.connections.connect(&connection, None, &event).await, Ok(ConnectOutcome::Recorded));
        connection
    }

    // ---- the worker

    /// The messages that wait in the live queue, taken out of it.
    pub async fn messages(&self) -> Vec<SyncMessage> {
        self.bodies()
            .await
            .iter()
            .map(|body| match QueueMessage::parse(body).unwrap() {
                QueueMessage::Sync(sync) => sync,
                other => panic!("{other:?}"),
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

    /// The message of a pull.
    pub fn pull(&self, trigger: Trigger, id: &str, range: DayRange) -> String {
        let (sync_id, requested_at) = (id.parse().unwrap(), self.clock.now());
        SyncMessage { patient_id: self.patient(), sync_id, trigger, range, requested_at }.to_body()
    }

    /// One delivery of these bodies, for the `count`th time; gives the ids of those that have to come again.
    pub async fn deliver(&self, bodies: &[String], count: u32) -> Vec<String> {
        self.deliver_with(bodies, count, Duration::from_secs(300)).await
    }

    /// The same, with this much time for the invocation.
    pub async fn deliver_with(&self, bodies: &[String], count: u32, time: Duration) -> Vec<String> {
        let deadline = self.clock.now() + time;
        let response = worker::handle(&self.worker, batch(bodies, count), deadline).await.unwrap();
        failures(response)
    }

    /// Delivers everything that waits until nothing has to come again, letting time pass between.
    pub async fn work(&self) -> u32 {
        let mut bodies = self.bodies().await;
        let mut count = 0;
        while !bodies.is_empty() {
            count += 1;
            if count == 10 {
                let failing = self.connections.get(&self.patient()).await.unwrap().map(|connection| connection.failing);
                panic!("a message comes again and again: {bodies:?}, failing: {failing:?}");
            }
            let again = self.deliver(&bodies, count).await;
            bodies = bodies.into_iter().enumerate().filter(|(n, _)| again.contains(&id(*n))).map(|(_, b)| b).collect();
            if !bodies.is_empty() {
                self.pass(Duration::from_secs(150));
            }
        }
        count
    }

    /// One delivery that is killed when the fault stops everything; whether it was.
    pub async fn deliver_until_killed(&self, bodies: &[String], count: u32, fault: Fault) -> bool {
        let faults = self.aws.faults();
        faults.inject(fault);
        let killed = {
            let work = Box::pin(self.deliver(bodies, count));
            let stopped = Box::pin(faults.stopped());
            // The stop is looked at first: what is killed does not see the answer to its last call.
            tokio::select! {
                biased;
                () = stopped => true,
                _ = work => false,
            }
        };
        faults.clear();
        killed
    }

    /// Waits until so many calls of this operation have arrived since the meter was reset.
    pub async fn arrived(&self, service: Service, operation: &str, calls: u64) {
        while self.aws.meter().calls_of(service, operation) < calls {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    // ---- what is there

    pub fn events(&self) -> Vec<PublishedEvent> {
        self.aws.events().history()
    }

    /// Event ids by detail-type.
    pub fn event_ids(&self) -> BTreeMap<String, Vec<String>> {
        let mut ids: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for event in self.events() {
            ids.entry(event.detail_type.clone())
                .or_default()
                .push(event.detail["eventId"].as_str().unwrap().to_owned());
        }
        for ids in ids.values_mut() {
            ids.sort_unstable();
            ids.dedup();
        }
        ids
    }

    pub fn count(&self, detail_type: &str) -> usize {
        self.event_ids().get(detail_type).map_or(0, Vec::len)
    }

    /// Every item of a table, as JSON, in a fixed order.
    pub async fn items(&self, table: &str) -> Vec<Value> {
        let client = aws_sdk_dynamodb::Client::new(&self.sdk);
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let page = client
                .scan()
                .table_name(table)
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .unwrap();
            items.extend(
                page.items()
                    .iter()
                    .map(|item| Value::Object(item.iter().map(|(name, value)| (name.clone(), plain(value))).collect())),
            );
            start = page.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        items.sort_by_key(ToString::to_string);
        items
    }

    /// Every item of every table, but for the request budget: how much of it is left depends on how long things took.
    pub async fn tables(&self) -> [Vec<Value>; 3] {
        let mut connections = self.items(&self.names.connections_table).await;
        connections.retain(|item| item["pk"] != "BUDGET");
        [
            connections,
            self.items(&self.names.wearable_data_table).await,
            self.items(&self.names.daily_stats_table).await,
        ]
    }

    /// The patient's days by `GET /daily`.
    pub async fn daily(&self, from: &str, to: &str) -> Vec<Value> {
        let answer = self.get("/daily", &format!("from={from}&to={to}")).await;
        answer.data()["days"].as_array().unwrap().clone()
    }
}

/// The functions' own settings, with shorter pauses between the SDK's attempts.
fn hurried(sdk: &SdkConfig) -> SdkConfig {
    let retries = sdk.retry_config().expect("the functions' own").clone();
    let pause = retries.initial_backoff() / HURRY;
    sdk.clone().into_builder().retry_config(retries.with_initial_backoff(pause)).build()
}

/// A payload 2.0 event as API Gateway sends it after the authorizer.
pub fn event(claims: Option<Value>, method: &str, path: &str, query: &str, body: &str, cookies: &[&str]) -> Value {
    let path = format!("{PREFIX}{path}");
    let mut event = json!({
        "version": "2.0", "routeKey": format!("{method} {path}"), "rawPath": path, "rawQueryString": query,
        "headers": { "host": "api.example", "content-type": "application/json" },
        "requestContext": {
            "stage": "$default", "requestId": "r", "time": "18/Mar/2026:12:00:00 +0000", "timeEpoch": 1,
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "t" },
        },
        "isBase64Encoded": false,
    });
    if let Some(claims) = claims {
        event["requestContext"]["authorizer"] = json!({ "jwt": { "claims": claims, "scopes": null } });
    }
    if !body.is_empty() {
        event["body"] = json!(body);
    }
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    event
}

fn answer(response: Response<Body>) -> Answer {
    let headers =
        response.headers().iter().map(|(k, v)| (k.as_str().to_owned(), v.to_str().unwrap().to_owned())).collect();
    let status = response.status().as_u16();
    let body = String::from_utf8(response.into_body().to_vec()).unwrap();
    Answer { status, headers, body }
}

fn id(n: usize) -> String {
    format!("m-{n}")
}

pub fn batch(bodies: &[String], count: u32) -> SqsEvent {
    let records: Vec<_> = bodies
        .iter()
        .enumerate()
        .map(|(n, body)| {
            json!({
                "messageId": id(n), "body": body, "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:oura-live",
                "attributes": { "ApproximateReceiveCount": count.to_string() }, "messageAttributes": {},
            })
        })
        .collect();
    serde_json::from_value(json!({ "Records": records })).unwrap()
}

fn failures(response: SqsBatchResponse) -> Vec<String> {
    response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
}

fn plain(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!(text),
        AttributeValue::N(number) => serde_json::from_str(number).unwrap(),
        AttributeValue::Bool(flag) => json!(flag),
        AttributeValue::Null(_) => Value::Null,
        AttributeValue::L(items) => items.iter().map(plain).collect(),
        AttributeValue::M(fields) => Value::Object(fields.iter().map(|(k, v)| (k.clone(), plain(v))).collect()),
        AttributeValue::Ss(texts) => {
            let mut texts = texts.clone();
            texts.sort_unstable();
            json!(texts)
        }
        other => panic!("an attribute that this project never writes: {other:?}"),
    }
}

/// The same unpredictable bytes in every world.
fn repeating() -> Entropy {
    let drawn = Arc::new(AtomicU64::new(0));
    Entropy::from_fn(move |bytes| {
        let digest = Sha256::digest(drawn.fetch_add(1, Ordering::SeqCst).to_be_bytes());
        for (byte, random) in bytes.iter_mut().zip(digest) {
            *byte = random;
        }
    })
}
