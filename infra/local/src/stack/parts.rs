//! The parts that a stack is put together from.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use futures::future::BoxFuture;
use shared::aws::SdkConfig;
use shared::domain::Clock;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{AwsMode, Options, Simulation};
use crate::aws::resources::Names;
use crate::aws::{EmbeddedAws, EmbeddedOptions};
use crate::gateway::routes;
use crate::poller::{Poller, PollerOptions};
use crate::ready::Endpoints;
use crate::settings::OuraApp;
use oura_simulator::{OuraSimulator, OuraSimulatorConfig};

/// Listens on the loopback interface: on IPv6 too where there is one, because `localhost` may mean either.
pub(super) async fn bind(port: u16) -> anyhow::Result<Vec<TcpListener>> {
    let first = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .await
        .with_context(|| format!("listen on port {port} (another one: --port N, or --port 0 for any)"))?;
    let port = first.local_addr()?.port();
    let second = TcpListener::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, port))).await.ok();
    Ok(std::iter::once(first).chain(second).collect())
}

/// Starts the simulated cloud. It takes the app that the secret holds: an existing secret is not replaced by
/// one that only this simulation knows.
pub(super) async fn simulate(
    simulation: &Simulation,
    url: &str,
    kept: Option<&KeptSecret>,
    options: &Options,
) -> anyhow::Result<(OuraApp, OuraSimulator)> {
    let redirect_uri = format!("{url}{}", routes::CALLBACK);
    let (client_id, client_secret) = match kept {
        Some(kept) => (kept.client_id.clone(), kept.client_secret.clone()),
        None => ("local-client".to_owned(), hex::encode(options.entropy.bytes())),
    };
    let app = OuraApp { client_id, client_secret: client_secret.into(), redirect: redirect_uri.parse()?, redirect_uri };
    let mut config = OuraSimulatorConfig::new(&app.client_id, app.client_secret.clone(), &app.redirect_uri);
    let (clock, entropy) = (options.clock.clone(), options.entropy.clone());
    config.clock = oura_simulator::Clock::from_fn(move || clock.now());
    config.entropy = oura_simulator::Entropy::from_fn(move || entropy.bytes());
    (simulation.configure)(&mut config);
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, simulation.port))).await;
    let listener = listener.context("listen for the simulated Oura")?;
    Ok((app, OuraSimulator::start(listener, config).await?))
}

/// The AWS of this mode, the clients' configuration and the addresses.
pub(super) async fn start_aws(options: &Options) -> anyhow::Result<(Option<Arc<EmbeddedAws>>, SdkConfig, Endpoints)> {
    match options.aws {
        AwsMode::Embedded => {
            let embedded = EmbeddedAws::start(EmbeddedOptions {
                data_dir: options.data_dir.clone(),
                clock: options.clock.clone(),
                ..EmbeddedOptions::default()
            })
            .await?;
            let plain = |url: url::Url| url.as_str().trim_end_matches('/').to_owned();
            let at = embedded.endpoints();
            let endpoints = Endpoints {
                dynamodb: plain(at.dynamodb),
                secretsmanager: plain(at.secretsmanager),
                sqs: plain(at.sqs),
                events: plain(at.events),
            };
            let sdk = embedded.sdk_config();
            Ok((Some(Arc::new(embedded)), sdk, endpoints))
        }
        AwsMode::External => {
            let sdk = shared::aws::load().await;
            let region = sdk
                .region()
                .context("`--aws external` needs AWS_REGION, and credentials, in the environment")?
                .to_string();
            let general = options.env.get("AWS_ENDPOINT_URL");
            // The SDK's own order: the service's variable, then the general one, then the region's address.
            let endpoint = |variable: &str, service: &str| {
                let named = options.env.get(variable).or(general).map(|url| url.trim_end_matches('/').to_owned());
                named.unwrap_or_else(|| format!("https://{service}.{region}.amazonaws.com"))
            };
            let endpoints = Endpoints {
                dynamodb: endpoint("AWS_ENDPOINT_URL_DYNAMODB", "dynamodb"),
                secretsmanager: endpoint("AWS_ENDPOINT_URL_SECRETS_MANAGER", "secretsmanager"),
                sqs: endpoint("AWS_ENDPOINT_URL_SQS", "sqs"),
                events: endpoint("AWS_ENDPOINT_URL_EVENTBRIDGE", "events"),
            };
            if let Some(dir) = &options.data_dir {
                std::fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
            }
            Ok((None, sdk, endpoints))
        }
    }
}

/// Present content of the app secret.
#[derive(serde::Deserialize)]
pub(super) struct KeptSecret {
    pub(super) client_id: String,
    pub(super) client_secret: String,
    pub(super) webhook_verification_token: String,
}

/// Reads the app secret; `None` when it is missing or holds something that the functions could not read either.
pub(super) async fn app_secret(sdk: &SdkConfig, names: &Names) -> anyhow::Result<Option<KeptSecret>> {
    let client = aws_sdk_secretsmanager::Client::new(sdk);
    match client.get_secret_value().secret_id(&names.app_secret).send().await {
        Ok(found) => Ok(found.secret_string.and_then(|text| serde_json::from_str(&text).ok())),
        Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) => Ok(None),
        Err(error) => Err(error).context("read the app secret from Secrets Manager"),
    }
}

/// Hands a queue's messages to the worker.
pub(super) fn poll(sdk: &SdkConfig, options: PollerOptions, worker: Arc<worker::Deps>, clock: Clock) -> Poller {
    Poller::start(aws_sdk_sqs::Client::new(sdk), options, move |event: SqsEvent, deadline: Instant| {
        work(Arc::clone(&worker), clock.clone(), event, deadline)
    })
}

/// One invocation of the worker: on a thread of its own, as in Lambda, so that normalizing one batch holds up nothing else
/// of the stack. It ends when this future is dropped.
fn work(
    worker: Arc<worker::Deps>,
    clock: Clock,
    event: SqsEvent,
    deadline: Instant,
) -> BoxFuture<'static, anyhow::Result<SqsBatchResponse>> {
    Box::pin(async move {
        let left = jiff::SignedDuration::try_from(deadline.saturating_duration_since(Instant::now()))?;
        let deadline = clock.now().saturating_add(left)?;
        let (alive, dropped) = oneshot::channel::<()>();
        let runtime = Handle::current();
        let invocation = tokio::task::spawn_blocking(move || {
            runtime.block_on(async {
                tokio::select! {
                    response = worker::handle(&worker, event, deadline) => response,
                    _ = dropped => anyhow::bail!("stopped"),
                }
            })
        });
        let response = invocation.await.context("the worker crashed")?;
        drop(alive);
        response
    })
}
