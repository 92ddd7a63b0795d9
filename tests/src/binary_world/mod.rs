//! The test world on the machine's clock, in which the deployed binaries replace functions. Without gateway and poller: each step
//! is taken when the test says so.

mod secrets;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use local::aws::resources::{LIVE_QUEUE, Resources};
use local::aws::{AccessKey, EmbeddedAws, REGION};
use local::gateway::routes::RouteTarget;
use local::poller::{Poller, PollerOptions};
use local::runtime_api::Binary;
use local::template::{Deployment, Function};
use oura_simulator::{OuraSimulator, OuraSimulatorConfig};
use serde_json::{Value, json};
use shared::aws::SdkConfig;
use shared::env::Env;
use tokio::sync::mpsc;

use crate::consent::{Flow, consent};
use crate::contracts::contracts;
use crate::http_event::route;
use crate::sqs_event::failures;
use crate::world::{APP, CLIENT_SECRET, VERIFICATION_TOKEN, World};
use crate::{Answer, event};

/// The longest wait for a message that should be in the queue.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(30);

/// Time after which a message that failed is redelivered.
const REDELIVERY: Duration = Duration::from_secs(60);

/// Calories of a workout that can be found again.
pub const CANARY_CALORIES: f64 = 98_461.357_9;

/// True if the value contains the canary, alone or in the day's total: the person may have other workouts on that day.
pub fn holds_canary(value: &Value) -> bool {
    match value {
        Value::Number(number) => {
            number.as_f64().is_some_and(|n| (CANARY_CALORIES..CANARY_CALORIES + 10_000.0).contains(&n))
        }
        Value::Array(items) => items.iter().any(holds_canary),
        Value::Object(fields) => fields.values().any(holds_canary),
        _ => false,
    }
}

/// A function that a binary can replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// Sends the patient to Oura.
    Connect,
    /// Takes the patient back.
    Callback,
    /// The patient's reads and requests.
    Api,
    /// Syncs.
    Worker,
}

/// A [`World`] on the machine's clock, and the binaries in it.
pub struct BinaryWorld {
    world: Box<World>,
    binaries: HashMap<Part, Arc<Binary>>,
    secrets: Mutex<Vec<String>>,
}

/// One batch of the worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Messages in it.
    pub messages: usize,
    /// Ids of those to be redelivered.
    pub failed: Vec<String>,
    /// The worker's time.
    pub took: Duration,
}

impl BinaryWorld {
    /// Starts a world. `env` tunes the functions (`BACKFILL_DAYS`, ...).
    pub async fn start(env: &[(&str, &str)]) -> Self {
        Self::start_with(env, |_| ()).await
    }

    /// The same, with further settings of the simulated Oura.
    pub async fn start_with(env: &[(&str, &str)], oura: impl FnOnce(&mut OuraSimulatorConfig)) -> Self {
        let tuned = |base: Env| env.iter().fold(base, |all, (name, value)| all.with(name, *value));
        let world = Box::pin(World::on_system_clock(tuned, oura)).await;
        let secrets = [CLIENT_SECRET, VERIFICATION_TOKEN].map(str::to_owned);
        Self { world: Box::new(world), binaries: HashMap::new(), secrets: Mutex::new(secrets.into()) }
    }

    pub fn aws(&self) -> &EmbeddedAws {
        &self.world.aws
    }

    pub fn oura(&self) -> &OuraSimulator {
        &self.world.cloud
    }

    /// A configuration of AWS clients.
    pub fn sdk_config(&self) -> &SdkConfig {
        &self.world.sdk
    }

    pub fn resources(&self) -> &Resources {
        &self.world.resources
    }

    /// The environment of a function: these of the documented variables, and how the SDK reaches AWS.
    ///
    /// # Errors
    /// When one of them has no value here.
    pub fn variables(&self, names: &[&str]) -> anyhow::Result<Vec<(String, String)>> {
        let endpoint = self.aws().endpoints().dynamodb;
        let AccessKey { access_key_id, secret_access_key } = AccessKey::of_process();
        let mut variables: Vec<(String, String)> = [
            ("AWS_ENDPOINT_URL", endpoint.as_str().trim_end_matches('/')),
            ("AWS_REGION", REGION),
            ("AWS_DEFAULT_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", access_key_id.as_str()),
            ("AWS_SECRET_ACCESS_KEY", secret_access_key.as_str()),
            ("AWS_SESSION_TOKEN", "local"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        for name in names {
            let value = self.world.env().get(name).with_context(|| format!("{name} has no value in this world"))?;
            variables.push(((*name).to_owned(), value.to_owned()));
        }
        Ok(variables)
    }

    /// Replaces a function by a binary.
    pub fn replace(&mut self, part: Part, binary: Binary) -> Arc<Binary> {
        let binary = Arc::new(binary);
        self.binaries.insert(part, Arc::clone(&binary));
        binary
    }

    /// A request as it comes through the gateway, of a patient whose token was verified or without one. `path` is below the product's
    /// prefix and may have a query. The answer is held against its description.
    ///
    /// # Errors
    /// When the function gives no answer at all.
    pub async fn request(
        &self,
        patient: Option<&str>,
        method: &str,
        path: &str,
        cookie: Option<&str>,
        body: &str,
    ) -> anyhow::Result<Answer> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let claims = patient.map(|patient| json!({ "sub": patient }));
        let cookies: Vec<_> = cookie.into_iter().collect();
        let event = event(claims, method, path, query, body, &cookies);
        let (part, function) = match route(method, path).function {
            RouteTarget::Connect => (Part::Connect, Function::Connect),
            RouteTarget::Callback => (Part::Callback, Function::Callback),
            RouteTarget::Api => (Part::Api, Function::Api),
        };
        let Some(binary) = self.binaries.get(&part) else { return Ok(self.world.send(&event).await) };
        let timeout = Deployment::of_project()?.function(function)?.timeout;
        let answer = Answer::of_payload(&binary.invoke(event, timeout).await?);
        contracts().check(method, path, &answer);
        Ok(answer)
    }

    /// `POST /connect/oura`.
    ///
    /// # Errors
    /// When the function gives no answer.
    pub async fn begin(&self, patient: &str) -> anyhow::Result<Flow> {
        let flow = Flow::of(&self.request(Some(patient), "POST", "/connect/oura", None, "{}").await?);
        let (_, binding) = flow.cookie.split_once('=').context("a cookie without a value")?;
        self.keep_secret([flow.parameter("state"), binding.to_owned()]);
        Ok(flow)
    }

    /// Consents to everything at Oura as this account; returns the query of the callback.
    pub fn consent(&self, flow: &Flow, account: &str) -> String {
        let query = consent(&self.world.oura(), flow, account, "allow", None);
        let code = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "code").expect("a code").1;
        self.keep_secret([code.into_owned()]);
        query
    }

    /// The patient connects: connect, consent, callback.
    ///
    /// # Errors
    /// When it does not end with `connected`.
    pub async fn connect(&self, patient: &str, account: &str) -> anyhow::Result<()> {
        let begun = self.begin(patient).await?;
        let query = self.consent(&begun, account);
        let path = format!("/callback/oura?{query}");
        let answer = self.request(None, "GET", &path, Some(&begun.cookie), "").await?;
        let location = answer.headers.get("location").map(String::as_str).unwrap_or_default();
        ensure!(
            (answer.status, location) == (303, &format!("{APP}?wearable=oura&status=connected")),
            "the callback answered {}",
            answer.status
        );
        Ok(())
    }

    /// Hands everything that waits in the live queue, up to ten messages, to the worker as one batch.
    ///
    /// # Errors
    /// When nothing waits there, or the worker gives no answer.
    pub async fn deliver(&self) -> anyhow::Result<Delivery> {
        let binary = self.binaries.get(&Part::Worker).cloned();
        let worker = self.world.shared_worker();
        let (report, mut reports) = mpsc::unbounded_channel();
        let deployment = Deployment::of_project()?;
        let timeout = deployment.function(Function::Worker)?.timeout;
        let options = PollerOptions {
            batch_size: 10,
            max_concurrency: 1,
            visibility_timeout: Some(REDELIVERY),
            ..PollerOptions::new(&self.resources().live_queue_url, deployment.worker_source(LIVE_QUEUE)?, timeout)
        };
        let client = aws_sdk_sqs::Client::new(self.sdk_config());
        let poller = Poller::start(client, options, move |event: SqsEvent, _deadline| {
            let (binary, worker, report) = (binary.clone(), Arc::clone(&worker), report.clone());
            async move {
                let (messages, began) = (event.records.len(), Instant::now());
                let response = work(binary.as_deref(), &worker, event, timeout).await;
                let took = began.elapsed();
                let failed = |response: &SqsBatchResponse| failures(response.clone());
                let delivery = response.as_ref().map(|done| Delivery { messages, failed: failed(done), took });
                // The receiver is there until the first report has come.
                let _ = report.send(delivery.map_err(|error| format!("{error:#}")));
                response
            }
        });
        let delivered = tokio::time::timeout(MESSAGE_TIMEOUT + timeout, reports.recv()).await;
        poller.stop().await;
        match delivered.context("no message waits in the live queue")?.context("the poller ended")? {
            Ok(delivery) => Ok(delivery),
            Err(error) => bail!("the worker gave no answer: {error}"),
        }
    }

    /// Starts a binary with these variables, all but one; gives what it wrote before it ended.
    ///
    /// # Errors
    /// When it does not end by itself with a failure.
    pub async fn start_without(&self, path: &str, names: &[&str], missing: &str) -> anyhow::Result<String> {
        let names: Vec<&str> = names.iter().copied().filter(|name| *name != missing).collect();
        let binary = Binary::spawn(path, self.variables(&names)?).await?;
        let ended = tokio::time::timeout(MESSAGE_TIMEOUT, binary.ended()).await;
        let status = ended.with_context(|| format!("it runs without {missing}"))?.context("its end was not seen")?;
        ensure!(!status.success(), "it ended as if nothing were wrong without {missing}");
        Ok(binary.output())
    }
}

/// One batch, by the binary or in this process.
async fn work(
    binary: Option<&Binary>,
    worker: &worker::Deps,
    event: SqsEvent,
    timeout: Duration,
) -> anyhow::Result<SqsBatchResponse> {
    match binary {
        Some(binary) => {
            let answer = binary.invoke(serde_json::to_value(event)?, timeout).await?;
            Ok(serde_json::from_value(answer)?)
        }
        None => Box::pin(worker::handle(worker, event, jiff::Timestamp::now() + timeout)).await,
    }
}
