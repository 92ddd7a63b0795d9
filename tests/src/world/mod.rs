//! A small world of its own for each test: embedded AWS, simulated Oura, the functions, a clock that the test drives,
//! and randomness that repeats, so that two worlds that live through the same end with the same tables.

mod deliveries;
mod nightly;
mod routes;
mod state;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use local::aws::resources::{self, AppCredentials, Names, Resources};
use local::aws::{EmbeddedAws, EmbeddedOptions};
use local::settings;
use oura_simulator::{Control, OuraSimulator, OuraSimulatorConfig, TokenHost};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use shared::aws::{Connections, SdkConfig, TokenSettings, TokenStore};
use shared::domain::{Clock, Connection, Entropy, PatientId};
use shared::env::Env;
use tokio::net::TcpListener;

pub use self::nightly::{NIGHT, Worked, fleet, night};
pub use self::state::consent_of;

pub const PATIENT: &str = "patient-1";
pub const APP: &str = "https://app.example/wearables";
const REDIRECT: &str = "https://api.example/api/patient-graph/wearables/callback/oura";

pub(crate) const CLIENT_ID: &str = "client-1";
pub(crate) const CLIENT_SECRET: &str = "client-s3cret";
pub(crate) const VERIFICATION_TOKEN: &str = "verify-s3cret";

/// A Wednesday at noon, some days before the clocks change in Europe and some after they did in North America.
const START: &str = "2026-03-18T12:00:00Z";

/// Waits take this many times shorter than they say; the clock advances by their full length.
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
    worker: Arc<worker::Deps>,
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
        let (ticking, waited) = (Arc::clone(&now), Arc::clone(&now));
        let clock = Clock::manual(
            move || Timestamp::from_millisecond(ticking.load(Ordering::SeqCst)).unwrap(),
            move |until| {
                waited.fetch_max(until.as_millisecond(), Ordering::SeqCst);
            },
        );
        let setup = Setup { clock: clock.accelerated(HURRY), entropy: repeating, backoff_divisor: HURRY, now };
        Self::assemble(setup, env, oura).await
    }

    /// A world on the machine's clock, with secrets of its own.
    pub(crate) async fn on_system_clock(
        env: impl FnOnce(Env) -> Env,
        oura: impl FnOnce(&mut OuraSimulatorConfig),
    ) -> Self {
        let pinned = |config: &mut OuraSimulatorConfig| {
            // The people's days are the same on every date.
            config.pinned_day = Some(oura_simulator::TYPICAL_DAY);
            oura(config);
        };
        let now = Arc::default();
        let setup = Setup { clock: Clock::system(), entropy: Entropy::system, backoff_divisor: 1, now };
        Self::assemble(setup, env, pinned).await
    }

    async fn assemble(setup: Setup, env: impl FnOnce(Env) -> Env, oura: impl FnOnce(&mut OuraSimulatorConfig)) -> Self {
        let Setup { clock, entropy, backoff_divisor, now } = setup;
        let aws =
            EmbeddedAws::start(EmbeddedOptions { clock: clock.clone(), ..EmbeddedOptions::default() }).await.unwrap();
        let sdk = with_shorter_backoff(&aws.sdk_config(), backoff_divisor);
        let mut config = OuraSimulatorConfig::new(CLIENT_ID, SecretString::from(CLIENT_SECRET), REDIRECT);
        let (shown, random) = (clock.clone(), entropy());
        config.clock = oura_simulator::Clock::from_fn(move || shown.now());
        config.entropy = oura_simulator::Entropy::from_fn(move || random.bytes());
        oura(&mut config);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let cloud = OuraSimulator::start(listener, config).await.unwrap();
        // An app of the legacy portal: the other token host refuses it, as Oura's does.
        cloud.control().change_options(|options| options.token_host = TokenHost::Legacy).unwrap();
        let names = Names::default();
        let app = AppCredentials {
            client_id: CLIENT_ID.into(),
            client_secret: CLIENT_SECRET.into(),
            webhook_verification_token: VERIFICATION_TOKEN.into(),
        };
        let resources = resources::ensure(&sdk, &names, &app).await.unwrap();
        let base = resources
            .describe_in(Env::default())
            .with("OURA_REDIRECT_URI", REDIRECT)
            .with("APP_RETURN_URL", APP)
            // Only tests of the rate limit set a lower one.
            .with("OURA_REQUESTS_PER_5_MIN", "10000000");
        let env = env(settings::simulated_oura(base, &cloud));
        let entropy = entropy();
        let deps = || (&sdk, clock.clone(), entropy.clone());
        let connect = {
            let (sdk, clock, entropy) = deps();
            connect::Deps::new(connect::Config::from_env(&env).unwrap(), sdk, clock, entropy).unwrap()
        };
        let callback = {
            let (sdk, clock, entropy) = deps();
            callback::Deps::new(callback::Config::from_env(&env).unwrap(), sdk, clock, entropy).unwrap()
        };
        let api = {
            let (sdk, clock, entropy) = deps();
            api::Deps::new(api::Config::from_env(&env).unwrap(), sdk, clock, entropy).unwrap()
        };
        let worker = {
            let (sdk, clock, entropy) = deps();
            worker::Deps::new(worker::Config::from_env(&env).unwrap(), sdk, clock, entropy).unwrap()
        };
        Self {
            connections: Connections::new(&sdk, &names.connections_table),
            secrets: TokenStore::new(&sdk, &TokenSettings::from_env(&env).unwrap(), &clock),
            connect,
            callback,
            api,
            worker: Arc::new(worker),
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

    pub(crate) fn shared_worker(&self) -> Arc<worker::Deps> {
        Arc::clone(&self.worker)
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

/// The parts in which worlds differ.
struct Setup {
    clock: Clock,
    entropy: fn() -> Entropy,
    /// The SDK's pauses between attempts are divided by this number.
    backoff_divisor: u32,
    now: Arc<AtomicI64>,
}

fn with_shorter_backoff(sdk: &SdkConfig, divisor: u32) -> SdkConfig {
    let retries = sdk.retry_config().expect("the functions' own").clone();
    let pause = retries.initial_backoff() / divisor;
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
