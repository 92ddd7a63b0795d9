//! `cargo run -p local -- fleet --patients N`: a measured nightly run of many simulated patients.
//!
//! All patients connect through the production handlers and get a short history. Then the next nightly run starts: the planner queues
//! them, the workers sync them within the rate limit, and the report has duration, requests and cost. Time runs faster than the
//! machine's; durations are those of the simulated clock.

mod lambda;
mod patients;
mod report;
#[cfg(test)]
mod tests;
mod time;

use std::io::Write;
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use jiff::Timestamp;
use secrecy::SecretString;
use shared::aws::SdkConfig;
use shared::domain::{Clock, Entropy};
use shared::env::Env;
use tokio::net::TcpListener;

pub use self::report::Report;
use self::time::Time;
use crate::aws::resources::{self, AppCredentials, LIVE_QUEUE, NIGHTLY_QUEUE, Names, Resources};
use crate::aws::{EmbeddedAws, EmbeddedOptions};
use crate::settings::{self, Environments};
use crate::template::{Deployment, Function};
use oura_simulator::{OuraSimulator, OuraSimulatorConfig};

/// Time of the connects: a day's access tokens have expired by the nightly run.
const CONNECTING: &str = "2026-03-18T01:30:00Z";

/// Last sync of rings that are away: before every history.
const LONG_AGO: &str = "2025-12-01T00:00:00Z";

/// Time of the nightly run.
const NIGHT: &str = "2026-03-19T03:00:00Z";

/// Issuer of the patients' tokens.
const ISSUER: &str = "https://issuer.example";

const REDIRECT: &str = "https://api.example/api/patient-graph/wearables/callback/oura";
const APP: &str = "https://app.example/wearables";

/// No rate limit before the nightly run: a real fleet does not connect on one day.
const NO_LIMIT: u32 = 10_000_000;

/// Days of history per patient: more than a nightly run looks back, so that it finds only new data.
const HISTORY_DAYS: u32 = 9;

/// Settings of a fleet.
#[derive(Debug, Clone)]
pub struct Options {
    /// Number of patients.
    pub patients: u32,
    /// Requests that Oura allows the app in any five minutes, and the setting of the rate limit.
    pub requests_per_5_min: u32,
    /// Speed of the night as a multiple of the machine's clock; by the rate limit when unset.
    pub pace: Option<u32>,
    /// The rings have not synced for weeks: there is no history to wait for, and the nightly run finds nothing new.
    pub away: bool,
    /// Days of history that each patient gets when connecting.
    pub history_days: u32,
    /// Further settings of the functions (`TOKEN_VAULT`, `FULL_SYNC_INTERVAL_DAYS`, ...).
    pub env: Env,
}

impl Options {
    /// A night of so many patients, with the documented limit.
    #[must_use]
    pub fn new(patients: u32) -> Self {
        Self {
            patients,
            requests_per_5_min: 5000,
            pace: None,
            away: false,
            history_days: HISTORY_DAYS,
            env: Env::default(),
        }
    }

    /// The fastest pace of two cores: a hundred requests a second of the machine's time.
    fn pace(&self) -> u32 {
        let per_second = self.requests_per_5_min.div_ceil(300).max(1);
        self.pace.unwrap_or((100 / per_second).max(1))
    }
}

/// The embedded AWS, the simulated Oura and the settings of the fleet.
pub(crate) struct Fleet {
    pub(crate) aws: EmbeddedAws,
    pub(crate) oura: OuraSimulator,
    pub(crate) sdk: SdkConfig,
    pub(crate) names: Names,
    pub(crate) resources: Resources,
    pub(crate) env: Env,
    pub(crate) clock: Clock,
    pub(crate) time: Time,
}

impl Fleet {
    async fn start(options: &Options) -> anyhow::Result<Self> {
        let time = Time::starting_at(moment(CONNECTING)?);
        let clock = time.clock(options.pace());
        let aws = EmbeddedAws::start(EmbeddedOptions { clock: clock.clone(), ..EmbeddedOptions::default() }).await?;
        let sdk = aws.sdk_config();
        let mut config = OuraSimulatorConfig::new("fleet-client", SecretString::from("fleet-client-secret"), REDIRECT);
        let shown = clock.clone();
        config.clock = oura_simulator::Clock::from_fn(move || shown.now());
        config.fleet = options.patients;
        config.app_limit = NO_LIMIT;
        config.deliver_webhooks = false;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("listen for the simulated Oura")?;
        let oura = OuraSimulator::start(listener, config).await?;
        let names = Names::default();
        let app = AppCredentials {
            client_id: "fleet-client".into(),
            client_secret: "fleet-client-secret".into(),
            webhook_verification_token: "fleet-webhook-token".into(),
        };
        let resources = resources::ensure(&sdk, &names, &app).await?;
        let env = settings::simulated_oura(settings::settings(&options.env, false)?, &oura)
            .with("OURA_REDIRECT_URI", REDIRECT)
            .with("APP_RETURN_URL", APP)
            .with("BACKFILL_DAYS", options.history_days.to_string());
        let env = Environments::new(&resources, ISSUER, env)?.all().clone();
        Ok(Self { aws, oura, sdk, names, resources, env, clock, time })
    }

    /// A worker that may send so many requests in five minutes, together with the others.
    pub(crate) fn worker(&self, requests_per_5_min: u32) -> anyhow::Result<worker::Deps> {
        let env = self.env.clone().with("OURA_REQUESTS_PER_5_MIN", requests_per_5_min.to_string());
        let config = worker::Config::from_env(&env)?;
        worker::Deps::new(config, &self.sdk, self.clock.clone(), Entropy::system())
    }
}

/// Connects the fleet, runs the nightly run, and writes the progress to `out`. `live`: lines can be redrawn.
///
/// # Errors
/// When a part does not start, a patient cannot be connected, or the night does not end.
pub async fn run(options: &Options, out: &mut impl Write, live: bool) -> anyhow::Result<Report> {
    ensure!(options.patients > 0, "a fleet has at least one patient");
    let fleet = Fleet::start(options).await?;
    let mut progress = report::Progress::new(out, live);
    if options.away {
        for key in fleet.oura.control().fleet_keys() {
            fleet.oura.control().set_last_synced(&key, Some(moment(LONG_AGO)?))?;
        }
    }
    patients::connect(&fleet, options.patients, &mut progress).await?;
    progress.step("their histories arrive")?;
    let workers = || fleet.worker(NO_LIMIT);
    let live = lambda::Mapping::of(LIVE_QUEUE, &fleet.resources.live_queue_url, &fleet.names.live_queue)?;
    lambda::drain(&fleet, &live, workers, &mut progress).await?;

    fleet.oura.control().change_options(|simulated| simulated.app_limit = options.requests_per_5_min)?;
    fleet.time.leap_to(moment(NIGHT)?);
    fleet.oura.control().clear_requests();
    fleet.aws.meter().reset();
    fleet.aws.events().clear();
    progress.step("the night begins")?;
    let began = fleet.clock.now();
    let sync = sync::Deps::new(sync::Config::from_env(&fleet.env)?, &fleet.sdk, fleet.clock.clone());
    let call = |task: &str| {
        let event = serde_json::json!({"task": task, "scheduledAt": NIGHT});
        sync::Request::from_event(event).context("call the planner")
    };
    let timeout = Deployment::of_project()?.function(Function::Sync)?.timeout;
    let deadline = || fleet.clock.now() + timeout;
    sync::handle(&sync, call("nightly")?, deadline()).await?;
    let workers = || fleet.worker(options.requests_per_5_min);
    let nightly = lambda::Mapping::of(NIGHTLY_QUEUE, &fleet.resources.nightly_queue_url, &fleet.names.nightly_queue)?;
    lambda::drain(&fleet, &nightly, workers, &mut progress).await?;
    let ended = fleet.clock.now();
    let spent = fleet.aws.meter().report();
    let sync::Report::Watch { runs: nights } = sync::handle(&sync, call("watch")?, deadline()).await? else {
        anyhow::bail!("the watch gave another report")
    };
    let night = nights.into_iter().next().context("there was no night")?;
    progress.done()?;
    let took = Duration::try_from(ended.duration_since(began)).unwrap_or_default();
    Ok(Report::of(options, &night, &fleet.oura.control().summary(), &fleet.aws.events().history(), spent, took))
}

/// Rate of a nightly run with this limit, in requests a second.
pub(crate) fn permitted_rate(requests_per_5_min: u32) -> f64 {
    f64::from(requests_per_5_min) / 300.0
}

fn moment(text: &str) -> anyhow::Result<Timestamp> {
    text.parse().context("a moment of the fleet")
}
