//! The running stack: every part started in order, wired, and ended in order.

mod options;
mod parts;
mod schedules;
pub mod subscriptions;
mod unfinished;
mod webhook_id;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use secrecy::ExposeSecret as _;
use shared::aws::{Connections, Days, SdkConfig};
use shared::domain::{Clock, PatientId};
use shared::env::Env;
use tokio::sync::watch;
use tokio::task::JoinSet;
use url::Url;
use uuid::Uuid;

pub use self::options::{AwsMode, Options, OuraMode, Simulation};
use self::schedules::{RunningSchedules, Schedules};
use self::subscriptions::{RunOptions, SubscriptionRuns, Subscriptions};
use crate::aws::resources::{self, AppCredentials, LIVE_QUEUE, NIGHTLY_QUEUE, Names, Resources};
use crate::aws::{AccessKey, EmbeddedAws};
use crate::console::{Console, Items, Ring};
use crate::gateway::authorizer::Authorizer;
use crate::gateway::cors::Cors;
use crate::gateway::functions::Functions;
use crate::gateway::routes::Routes;
use crate::gateway::{self, Gateway, function_url};
use crate::poller::{Poller, PollerOptions};
use crate::ready::{Endpoints, Ready};
use crate::settings::{self, Environments, OuraApp};
use crate::template::{Deployment, Function};
use crate::watch::Watch;
use oura_simulator::OuraSimulator;

/// The port of the gateway when none is asked for.
const DEFAULT_PORT: u16 = 3000;

/// Longest time for running requests to end.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest time for which the start waits for the webhook subscriptions; after that they are created in the background.
const SUBSCRIPTIONS_TIMEOUT: Duration = Duration::from_secs(15);

/// Time between a first refusal of a refresh token by the simulated Oura and the probe that ends the connection.
const PROBE_AFTER: Duration = Duration::from_secs(15);

/// A running stack. Dropping it ends it abruptly; [`shutdown`](Self::shutdown) ends it cleanly.
pub struct Stack {
    url: String,
    webhook_id: Uuid,
    patient_id: PatientId,
    clock: Clock,
    env: Env,
    sdk: SdkConfig,
    endpoints: Endpoints,
    resources: Resources,
    authorizer: Arc<Authorizer>,
    watch: Arc<Watch>,
    pollers: Vec<Poller>,
    subscription_runs: SubscriptionRuns,
    schedules: RunningSchedules,
    servers: JoinSet<std::io::Result<()>>,
    stop: watch::Sender<bool>,
    oura: Option<OuraSimulator>,
    aws: Option<Arc<EmbeddedAws>>,
}

impl Stack {
    /// Starts everything and returns when all of it answers, and Oura's webhook subscriptions exist or have failed for
    /// now.
    ///
    /// # Errors
    /// When a port is taken, a variable is missing or malformed, or AWS refuses; the error says which.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        // Before anything is bound or created: the template and the settings that can be wrong.
        let deployment = Deployment::of_project()?;
        let routes = Routes::of(deployment)?;
        let scheduled = Schedules::of(deployment)?;
        let live = match &options.oura {
            OuraMode::Live => Some(OuraApp::from_env(&options.env)?),
            OuraMode::Simulated(_) => None,
        };
        let wanted = options.port.or(live.as_ref().and_then(OuraApp::local_port)).unwrap_or(DEFAULT_PORT);
        let listeners = parts::bind(wanted).await?;
        let port = listeners.first().context("no listener")?.local_addr()?.port();
        let url = live
            .as_ref()
            .and_then(|app| app.local_origin(port))
            .unwrap_or_else(|| format!("http://{}:{port}", Ipv4Addr::LOCALHOST));

        let webhook_url = settings::webhook_url(&options.env, live.is_some(), &url)?;

        let (aws, sdk, endpoints) = parts::start_aws(&options).await?;
        let names = Names::from_env(&options.env);
        let kept = parts::app_secret(&sdk, &names).await?;
        let chosen = settings::settings(&options.env, live.is_some())?;
        let (app, oura, chosen) = match (&options.oura, live) {
            (OuraMode::Simulated(simulation), _) => {
                let (app, oura) = parts::simulate(simulation, &url, kept.as_ref(), &options).await?;
                let chosen = settings::simulated_oura(chosen, &oura);
                (app, Some(oura), chosen)
            }
            (OuraMode::Live, Some(app)) => (app, None, chosen),
            (OuraMode::Live, None) => anyhow::bail!("live mode without an Oura app"),
        };
        let credentials = AppCredentials {
            client_id: app.client_id.clone(),
            client_secret: app.client_secret.expose_secret().to_owned(),
            // Subscriptions made with the present one go on working.
            webhook_verification_token: kept
                .map_or_else(|| hex::encode(options.entropy.bytes()), |kept| kept.webhook_verification_token),
        };
        let resources = resources::ensure(&sdk, &names, &credentials).await?;
        resources::set_app_secret(&sdk, &names, &credentials).await?;
        let webhook: Url = match &webhook_url {
            Some(webhook_url) => webhook_url.parse()?,
            None => format!("{url}{}", function_url::PATH).parse()?,
        };
        let webhook_id = webhook_id::webhook_id(&app.client_id, &webhook, options.data_dir.as_deref())?;
        let mut chosen = chosen
            .with("OURA_REDIRECT_URI", &app.redirect_uri)
            .with("WEBHOOK_URL", webhook_id::with_id(webhook, webhook_id)?);
        if chosen.get("APP_RETURN_URL").is_none() {
            chosen = chosen.with("APP_RETURN_URL", format!("{url}/"));
        }
        let environments = Environments::new(&resources, &url, chosen)?;
        let env = environments.all();

        let patient_claim = env.get("PATIENT_ID_CLAIM").unwrap_or("sub");
        let data_dir = options.data_dir.as_deref();
        let authorizer = Arc::new(Authorizer::start(&url, patient_claim, options.clock.clone(), data_dir)?);
        let patient_id = match options.patient_id {
            Some(patient_id) => patient_id,
            None => PatientId::parse("patient-1")?,
        };
        let subscriptions = match webhook_url {
            Some(_) => {
                let config = ::subscriptions::Config::from_env(environments.of(Function::Subscriptions))?;
                Some(::subscriptions::Deps::new(config, &sdk, options.clock.clone())?)
            }
            None => None,
        };
        let (subscribed, subscription_state) = watch::channel(Subscriptions::Pending);
        let watch = Arc::new(Watch::new(
            if oura.is_some() { "simulated" } else { "live" },
            aws.as_ref().map(Arc::downgrade),
            [names.live_queue.clone(), names.nightly_queue.clone()],
            subscription_state,
        ));
        let ring = oura.as_ref().map(|oura| Ring {
            control: oura.control(),
            connections: Connections::new(&sdk, &names.connections_table),
            days: Days::new(&sdk, &names.connections_table, &names.wearable_data_table, &names.daily_stats_table),
            clock: options.clock.clone(),
        });
        let allowed = env.get("APP_ALLOWED_ORIGINS").unwrap_or_default().split([',', ' ']);
        let origins = allowed.chain([url.as_str()]).chain(env.get("APP_RETURN_URL"));
        let gateway = Arc::new(Gateway {
            routes,
            functions: Functions::new(&environments, &sdk, &options.clock, &options.entropy)?,
            authorizer: Arc::clone(&authorizer),
            cors: Cors::allowing(origins)?,
            callback_path: app.redirect.path().to_owned(),
            console: Console::new(url.clone(), patient_id.clone(), Arc::clone(&watch), Items::new(&sdk, &names), ring),
            clock: options.clock.clone(),
            entropy: options.entropy.clone(),
        });
        let config = worker::Config::from_env(environments.of(Function::Worker))?;
        let worker = worker::Deps::new(config, &sdk, options.clock.clone(), options.entropy.clone())?;
        let worker = Arc::new(if oura.is_some() { worker.with_probe_after(PROBE_AFTER) } else { worker });
        let timeout = options.worker_timeout.unwrap_or(deployment.function(Function::Worker)?.timeout);
        let mut pollers = Vec::new();
        for (id, url) in [(LIVE_QUEUE, &resources.live_queue_url), (NIGHTLY_QUEUE, &resources.nightly_queue_url)] {
            let poller = PollerOptions {
                visibility_timeout: options.visibility_timeout,
                ..PollerOptions::new(url, deployment.worker_source(id)?, timeout)
            };
            pollers.push(parts::poll(&sdk, poller, Arc::clone(&worker), options.clock.clone()));
        }
        if aws.is_some() && options.data_dir.is_some() {
            let (table, now) = (&names.connections_table, options.clock.now());
            let queued = unfinished::queue(&sdk, table, &resources.live_queue_url, now).await?;
            tracing::info!(
                event = "local.unfinished_queued",
                queued,
                "syncs that an earlier run left unfinished were queued"
            );
        }
        let config = sync::Config::from_env(environments.of(Function::Sync))?;
        let planner = sync::Deps::new(config, &sdk, options.clock.clone());
        let subscription_options = RunOptions {
            schedule: scheduled.subscriptions,
            timeout: deployment.function(Function::Subscriptions)?.timeout,
            clock: options.clock.clone(),
        };
        let schedules = scheduled.run(planner, options.clock.clone());
        let (stop, stopped) = watch::channel(false);
        let mut servers = JoinSet::new();
        for listener in listeners {
            servers.spawn(gateway::serve(Arc::clone(&gateway), listener, stopped.clone()));
        }
        // Oura asks the gateway back for every subscription that is made.
        let mut subscription_runs = SubscriptionRuns::start(subscriptions, subscription_options, subscribed);
        subscription_runs.first_run(SUBSCRIPTIONS_TIMEOUT).await;
        Ok(Self {
            url,
            webhook_id,
            patient_id,
            clock: options.clock,
            env: environments.all().clone(),
            sdk,
            endpoints,
            resources,
            authorizer,
            watch,
            pollers,
            subscription_runs,
            schedules,
            servers,
            stop,
            oura,
            aws,
        })
    }

    /// The gateway's address, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Address of the webhook on this machine.
    #[must_use]
    pub fn webhook_url(&self) -> String {
        format!("{}{}/{}", self.url, function_url::PATH, self.webhook_id)
    }

    /// The patient of the page.
    #[must_use]
    pub fn patient_id(&self) -> &PatientId {
        &self.patient_id
    }

    /// A token of this patient.
    ///
    /// # Errors
    /// When signing fails, which needs a broken key.
    pub fn token_for(&self, patient: &PatientId) -> anyhow::Result<String> {
        self.authorizer.mint(patient)
    }

    /// The environment that the functions run with.
    #[must_use]
    pub fn env(&self) -> &Env {
        &self.env
    }

    /// The configuration of the functions' AWS clients.
    #[must_use]
    pub fn sdk_config(&self) -> &SdkConfig {
        &self.sdk
    }

    /// Names of the resources.
    #[must_use]
    pub fn names(&self) -> &Names {
        &self.resources.names
    }

    /// Names and addresses of the resources.
    #[must_use]
    pub fn resources(&self) -> &Resources {
        &self.resources
    }

    /// The embedded AWS, unless it is external.
    #[must_use]
    pub fn aws(&self) -> Option<&EmbeddedAws> {
        self.aws.as_deref()
    }

    /// The simulated Oura, unless it is live.
    #[must_use]
    pub fn oura(&self) -> Option<&OuraSimulator> {
        self.oura.as_ref()
    }

    /// The stack's time.
    #[must_use]
    pub fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    /// The observable state of the stack.
    #[must_use]
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Content of the ready file.
    ///
    /// # Errors
    /// See [`token_for`](Self::token_for).
    pub fn ready(&self) -> anyhow::Result<Ready> {
        Ok(Ready {
            url: self.url.clone(),
            webhook_url: self.webhook_url(),
            token: self.token_for(&self.patient_id)?,
            patient_id: self.patient_id.to_string(),
            endpoints: self.endpoints.clone(),
            credentials: self.aws.as_ref().map(|_embedded| AccessKey::of_process().clone()),
            oura: self.oura().map(|oura| oura.url().as_str().trim_end_matches('/').to_owned()),
        })
    }

    /// Ends everything: no new work is taken, what runs gets a moment, then the engines close their files.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        drop(self.subscription_runs);
        drop(self.schedules);
        let servers = &mut self.servers;
        let ended = async {
            futures::future::join_all(self.pollers.drain(..).map(Poller::stop)).await;
            while servers.join_next().await.is_some() {}
        };
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, ended).await.is_err() {
            tracing::warn!(event = "local.shutdown_timed_out", "running requests or batches were aborted");
        }
        self.servers.shutdown().await;
        drop(self.oura.take());
        if let Some(aws) = self.aws.take().and_then(Arc::into_inner)
            && tokio::time::timeout(SHUTDOWN_TIMEOUT, aws.shutdown()).await.is_err()
        {
            tracing::warn!(event = "local.aws_shutdown_timed_out", "embedded AWS did not end in time");
        }
    }
}

#[cfg(test)]
mod tests;
