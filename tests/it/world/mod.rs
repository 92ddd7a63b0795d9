//! A small world of its own for each test: embedded AWS, simulated Oura, the functions, a clock that the test drives,
//! and randomness that repeats, so that two worlds that live through the same end with the same tables.

mod deliveries;
mod routes;
mod state;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use local::aws::resources::{self, AppCredentials, Names, Resources};
use local::aws::{EmbeddedAws, EmbeddedOptions};
use oura_simulator::{Control, OuraSimulator, OuraSimulatorConfig};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use shared::aws::{Connections, SdkConfig, TokenSettings, TokenStore};
use shared::domain::{Clock, Connection, Entropy, PatientId};
use shared::env::Env;
use tokio::net::TcpListener;

pub use self::routes::{Answer, Flow, event};

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
    pub cloud: OuraSimulator,
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

impl World {
    pub async fn start() -> Self {
        Self::with(|env| env, |_| ()).await
    }

    pub async fn with(env: impl FnOnce(Env) -> Env, oura: impl FnOnce(&mut OuraSimulatorConfig)) -> Self {
        if std::env::var_os("TEST_LOG").is_some() {
            shared::telemetry::init();
        }
        let now = Arc::new(AtomicI64::new(START.parse::<Timestamp>().unwrap().as_millisecond()));
        let ticking = Arc::clone(&now);
        let waited = Arc::clone(&now);
        let clock = Clock::manual(
            move || Timestamp::from_millisecond(ticking.load(Ordering::SeqCst)).unwrap(),
            move |until| {
                waited.fetch_max(until.as_millisecond(), Ordering::SeqCst);
            },
        )
        .accelerated(HURRY);
        let entropy = repeating();
        let aws =
            EmbeddedAws::start(EmbeddedOptions { clock: clock.clone(), ..EmbeddedOptions::default() }).await.unwrap();
        let sdk = hurried(&aws.sdk_config());
        let mut config = OuraSimulatorConfig::new("client-1", SecretString::from("client-s3cret"), REDIRECT);
        let (shown, random) = (clock.clone(), repeating());
        config.clock = oura_simulator::Clock::from_fn(move || shown.now());
        config.entropy = oura_simulator::Entropy::from_fn(move || random.bytes());
        oura(&mut config);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let cloud = OuraSimulator::start(listener, config).await.unwrap();
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
        let clock = Clock::manual(
            move || clock.now().saturating_add(ahead).unwrap(),
            move |until| {
                let until = until.saturating_sub(ahead).unwrap();
                waiting.fetch_max(until.as_millisecond(), Ordering::SeqCst);
            },
        );
        let config = worker::Config::from_env(env).unwrap();
        worker::Deps::new(config, &self.sdk, clock.accelerated(100), repeating()).unwrap()
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
}

/// The functions' own settings, with shorter pauses between the SDK's attempts.
fn hurried(sdk: &SdkConfig) -> SdkConfig {
    let retries = sdk.retry_config().expect("the functions' own").clone();
    let pause = retries.initial_backoff() / HURRY;
    sdk.clone().into_builder().retry_config(retries.with_initial_backoff(pause)).build()
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
