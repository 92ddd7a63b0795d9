//! The main job with real binaries in any of its places: a patient connects, the ring's history arrives, the platform reads
//! it. What stands behind is the embedded AWS and the simulated Oura; every function that no [`Binary`] was named for is
//! called in this process. No gateway and no poller runs beside it: each step is taken when the caller says so.

mod answer;
mod secrets;

use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use axum::http::{Request, header};
use bytes::Bytes;
use secrecy::SecretString;
use shared::aws::SdkConfig;
use shared::domain::{Clock, Entropy};
use shared::env::Env;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use url::Url;

pub use answer::Answer;

use crate::aws::resources::{self, AppCredentials, Names, Resources};
use crate::aws::{EmbeddedAws, EmbeddedOptions, REGION};
use crate::gateway::event::{Envelope, event, request};
use crate::gateway::functions::Functions;
use crate::gateway::routes;
use crate::poller::{Poller, PollerOptions};
use crate::runtime_api::Binary;
use crate::settings;
use oura_simulator::{OuraSimulator, OuraSimulatorConfig};

/// The longest that a function may take for a request: what an HTTP API waits.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest that the worker may take for a batch.
const WORKER_TIMEOUT: Duration = Duration::from_secs(120);

/// How long a message that should be in the queue is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// The registered callback, and the page that the browser returns to.
const REDIRECT: &str = "https://api.example/api/patient-graph/wearables/callback/oura";
const RETURN: &str = "https://app.example/wearables";

/// A function of the main job.
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

/// The clouds, and who plays which part.
pub struct Rehearsal {
    aws: EmbeddedAws,
    oura: OuraSimulator,
    sdk: SdkConfig,
    resources: Resources,
    env: Env,
    functions: Functions,
    worker: Arc<worker::Deps>,
    cast: HashMap<Part, Arc<Binary>>,
    secrets: Mutex<Vec<String>>,
}

/// One batch that the worker was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Messages in it.
    pub messages: usize,
    /// Ids of those that have to come again.
    pub failed: Vec<String>,
    /// How long the worker took.
    pub took: Duration,
}

/// What a browser holds between connect and callback.
#[derive(Debug, Clone)]
pub struct Begun {
    /// Oura's consent page.
    pub auth_url: Url,
    /// The binding cookie, `name=value`.
    pub cookie: String,
}

impl Rehearsal {
    /// Starts both clouds. `env` tunes the functions (`BACKFILL_DAYS`, ...).
    ///
    /// # Errors
    /// When something cannot be started, or a variable is malformed.
    pub async fn start(env: Env) -> anyhow::Result<Self> {
        Self::start_with(env, |_| ()).await
    }

    /// The same, with a simulated Oura that is told something before it starts.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_with(env: Env, tell: impl FnOnce(&mut OuraSimulatorConfig)) -> anyhow::Result<Self> {
        let (clock, entropy) = (Clock::system(), Entropy::system());
        let aws = EmbeddedAws::start(EmbeddedOptions::default()).await?;
        let sdk = aws.sdk_config();
        let app = AppCredentials {
            client_id: "client-1".to_owned(),
            client_secret: hex::encode(entropy.bytes()),
            webhook_verification_token: hex::encode(entropy.bytes()),
        };
        let resources = resources::ensure(&sdk, &Names::default(), &app).await?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("listen for the simulated Oura")?;
        let secret = SecretString::from(app.client_secret.clone());
        let mut config = OuraSimulatorConfig::new(&app.client_id, secret, REDIRECT);
        // The machine's clock runs here; the people's days are the same on every date.
        config.pinned_day = Some(oura_simulator::TYPICAL_DAY);
        tell(&mut config);
        let oura = OuraSimulator::start(listener, config).await?;
        let env = resources.describe_in(settings::simulated_oura(env, oura.url().as_str())?);
        let env = env.with("OURA_REDIRECT_URI", REDIRECT).with("APP_RETURN_URL", RETURN);
        let worker = worker::Deps::new(worker::Config::from_env(&env)?, &sdk, clock.clone(), entropy.clone())?;
        Ok(Self {
            functions: Functions::new(&env, &sdk, &clock, &entropy)?,
            worker: Arc::new(worker),
            cast: HashMap::new(),
            secrets: Mutex::new(vec![app.client_secret, app.webhook_verification_token]),
            aws,
            oura,
            sdk,
            resources,
            env,
        })
    }

    /// The embedded AWS.
    #[must_use]
    pub fn aws(&self) -> &EmbeddedAws {
        &self.aws
    }

    /// The simulated Oura.
    #[must_use]
    pub fn oura(&self) -> &OuraSimulator {
        &self.oura
    }

    /// A configuration of AWS clients.
    #[must_use]
    pub fn sdk_config(&self) -> &SdkConfig {
        &self.sdk
    }

    /// Where the resources are.
    #[must_use]
    pub fn resources(&self) -> &Resources {
        &self.resources
    }

    /// The environment of a function: these of the documented variables, and how the SDK reaches AWS.
    ///
    /// # Errors
    /// When one of them has no value here.
    pub fn variables(&self, names: &[&str]) -> anyhow::Result<Vec<(String, String)>> {
        let endpoint = self.aws.endpoints().dynamodb;
        let mut variables: Vec<(String, String)> = [
            ("AWS_ENDPOINT_URL", endpoint.as_str().trim_end_matches('/')),
            ("AWS_REGION", REGION),
            ("AWS_DEFAULT_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_SESSION_TOKEN", "local"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        for name in names {
            let value = self.env.get(name).with_context(|| format!("{name} has no value in a rehearsal"))?;
            variables.push(((*name).to_owned(), value.to_owned()));
        }
        Ok(variables)
    }

    /// Lets a binary play a part from now on.
    pub fn cast(&mut self, part: Part, binary: Binary) -> Arc<Binary> {
        let binary = Arc::new(binary);
        self.cast.insert(part, Arc::clone(&binary));
        binary
    }

    /// A request as it comes through the gateway, of a patient whose token was verified or of nobody. `path` is below the
    /// product's prefix and may have a query.
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
        let uri = format!("{}{path}", routes::PREFIX);
        let mut parts = Request::builder().method(method).uri(uri).header(header::HOST, "api.example");
        if let Some(cookie) = cookie {
            parts = parts.header(header::COOKIE, cookie);
        }
        let (parts, ()) = parts.header(header::CONTENT_TYPE, "application/json").body(())?.into_parts();
        let route = routes::find(&parts.method, parts.uri.path()).context("no such route")?;
        let envelope = Envelope {
            route_key: route.key,
            path: parts.uri.path(),
            claims: patient.map(|patient| BTreeMap::from([("sub".to_owned(), patient.to_owned())])),
            request_id: "rehearsal",
            peer: SocketAddr::from((Ipv4Addr::LOCALHOST, 50_000)),
            at: jiff::Timestamp::now(),
        };
        let event = event(&parts, &Bytes::copy_from_slice(body.as_bytes()), envelope)?;
        let part = match route.function {
            routes::Function::Connect => Part::Connect,
            routes::Function::Callback => Part::Callback,
            routes::Function::Api => Part::Api,
        };
        match self.cast.get(&part) {
            Some(binary) => Answer::of_payload(&binary.invoke(event, REQUEST_TIMEOUT).await?),
            None => {
                let now = jiff::Timestamp::now();
                let call = self.functions.call(route.function, request(&event)?, "rehearsal", now);
                Ok(Answer::of_response(Box::pin(call).await?))
            }
        }
    }

    /// `POST /connect/oura`.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn begin(&self, patient: &str) -> anyhow::Result<Begun> {
        let answer = self.request(Some(patient), "POST", "/connect/oura", None, "{}").await?;
        let auth_url: Url = answer.data()?["authUrl"].as_str().context("connect gave no authUrl")?.parse()?;
        let cookie = answer.cookies.first().and_then(|cookie| cookie.split(';').next()).context("no binding cookie")?;
        let (_, binding) = cookie.split_once('=').context("a cookie without a value")?;
        let state = auth_url.query_pairs().find(|(name, _)| name == "state").context("no state")?.1.into_owned();
        self.keep_secret([state, binding.to_owned()]);
        Ok(Begun { cookie: cookie.to_owned(), auth_url })
    }

    /// Consents to everything on Oura's page as this account; gives the query with which Oura sends the browser back.
    ///
    /// # Errors
    /// When Oura refuses.
    pub async fn consent(&self, begun: &Begun, account: &str) -> anyhow::Result<String> {
        let mut form: Vec<(String, String)> = Vec::new();
        for (name, value) in begun.auth_url.query_pairs().into_owned() {
            match name.as_str() {
                "scope" => form.extend(value.split(' ').map(|scope| (name.clone(), scope.to_owned()))),
                _ => form.push((name, value)),
            }
        }
        form.push(("account".to_owned(), account.to_owned()));
        form.push(("decision".to_owned(), "allow".to_owned()));
        let mut page = begun.auth_url.clone();
        page.set_query(None);
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build()?;
        let answer = http.post(page).form(&form).send().await?;
        let back = answer.headers().get(header::LOCATION).and_then(|to| to.to_str().ok()).context("no redirect")?;
        let back: Url = back.parse()?;
        let code = back.query_pairs().find(|(name, _)| name == "code").context("no code")?.1.into_owned();
        self.keep_secret([code]);
        Ok(back.query().unwrap_or_default().to_owned())
    }

    /// The patient connects: connect, consent, callback.
    ///
    /// # Errors
    /// When it does not end with `connected`.
    pub async fn connect(&self, patient: &str, account: &str) -> anyhow::Result<()> {
        let begun = self.begin(patient).await?;
        let query = self.consent(&begun, account).await?;
        let path = format!("/callback/oura?{query}");
        let answer = self.request(None, "GET", &path, Some(&begun.cookie), "").await?;
        let location = answer.headers.get("location").map(String::as_str).unwrap_or_default();
        ensure!(
            (answer.status, location) == (303, &format!("{RETURN}?wearable=oura&status=connected")),
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
        let binary = self.cast.get(&Part::Worker).cloned();
        let worker = Arc::clone(&self.worker);
        let (report, mut reports) = mpsc::unbounded_channel();
        let options = PollerOptions {
            max_concurrency: 1,
            function_timeout: WORKER_TIMEOUT,
            ..PollerOptions::new(&self.resources.live_queue_url)
        };
        let client = aws_sdk_sqs::Client::new(&self.sdk);
        let poller = Poller::start(client, options, move |event: SqsEvent, _deadline| {
            let (binary, worker, report) = (binary.clone(), Arc::clone(&worker), report.clone());
            async move {
                let (messages, began) = (event.records.len(), Instant::now());
                let response = work(binary.as_deref(), &worker, event).await;
                let took = began.elapsed();
                let failed = |response: &SqsBatchResponse| {
                    response.batch_item_failures.iter().map(|failure| failure.item_identifier.clone()).collect()
                };
                let delivery = response.as_ref().map(|done| Delivery { messages, failed: failed(done), took });
                // The receiver is there until the first report has come.
                let _ = report.send(delivery.map_err(|error| format!("{error:#}")));
                response
            }
        });
        let delivered = tokio::time::timeout(PATIENCE + WORKER_TIMEOUT, reports.recv()).await;
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
        let ended = tokio::time::timeout(PATIENCE, binary.ended()).await;
        let status = ended.with_context(|| format!("it runs without {missing}"))?.context("its end was not seen")?;
        ensure!(!status.success(), "it ended as if nothing were wrong without {missing}");
        Ok(binary.output())
    }
}

/// One batch, by the binary or in this process.
async fn work(binary: Option<&Binary>, worker: &worker::Deps, event: SqsEvent) -> anyhow::Result<SqsBatchResponse> {
    match binary {
        Some(binary) => {
            let answer = binary.invoke(serde_json::to_value(event)?, WORKER_TIMEOUT).await?;
            Ok(serde_json::from_value(answer)?)
        }
        None => Box::pin(worker::handle(worker, event, jiff::Timestamp::now() + WORKER_TIMEOUT)).await,
    }
}
