//! The AWS services that the stack uses, embedded in this process and served on one loopback address.
//!
//! DynamoDB is `dynoxide`; Secrets Manager, SQS and EventBridge are the `winterbaume` crates, corrected where the stack relies
//! on what they do differently. Any AWS SDK reaches them by its endpoint variables: one address answers for all four services
//! and identifies them by the signature. It answers on this machine's own names only, and calls with the access key of this
//! process only ([`AccessKey`]): a page in a browser could otherwise read the tables by a name that resolves to this machine.
//! Every call passes one place that counts it, prices it ([`Meter`]), can fail it
//! ([`Faults`]), and shows what was published ([`EventWatch`]).
//!
//! With a data directory tables and secrets outlive the process. Queues, messages and the event history do not: a stack that
//! starts again creates empty queues, and the next sync covers the work that was waiting in them.

mod access_key;
mod bus;
mod call;
mod dynamo;
mod engine;
mod events;
mod faults;
mod meter;
mod plan;
pub mod prices;
mod queues;
mod reply;
pub mod resources;
mod secrets;
mod server;
mod unprocessed;

use std::fs::{DirBuilder, File, TryLockError};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use hyper_util::rt::{TokioIo, TokioTimer};
use shared::domain::Clock;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use url::Url;

pub use access_key::AccessKey;
pub use call::{Call, Service};
pub use events::{EventWatch, HISTORY, PublishedEvent};
pub use faults::{Effect, Fault, FaultStatus, Faults};
pub use meter::{Meter, MeterReport, OperationReport};
pub use queues::QueueDepth;

/// The region of everything embedded. Clients may name another: they are answered all the same.
pub const REGION: &str = "us-east-1";

/// Settings of the embedded AWS.
#[derive(Debug, Clone)]
pub struct EmbeddedOptions {
    /// Directory of tables and secrets; in memory without it.
    pub data_dir: Option<PathBuf>,
    /// Port on the loopback interface; 0 picks one.
    pub port: u16,
    /// Stamps published events, and lets delays and visibility time-outs of queues end. The other engines go by the
    /// machine's clock.
    pub clock: Clock,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self { data_dir: None, port: 0, clock: Clock::system() }
    }
}

/// The address of each service: all the same one when embedded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// `AWS_ENDPOINT_URL_DYNAMODB`.
    pub dynamodb: Url,
    /// `AWS_ENDPOINT_URL_SECRETS_MANAGER`.
    pub secretsmanager: Url,
    /// `AWS_ENDPOINT_URL_SQS`.
    pub sqs: Url,
    /// `AWS_ENDPOINT_URL_EVENTBRIDGE`.
    pub events: Url,
}

/// The embedded AWS. Dropping it ends it; [`shutdown`](Self::shutdown) also waits until its files are closed.
pub struct EmbeddedAws {
    url: Url,
    server: Arc<server::AwsServer>,
    watch: EventWatch,
    accepting: JoinHandle<()>,
    /// Held as long as the data directory is used.
    _lock: Option<File>,
}

impl EmbeddedAws {
    /// Starts all services.
    ///
    /// # Errors
    /// When the port is taken, or the data directory cannot be used, is used by another process, or holds something else.
    pub async fn start(options: EmbeddedOptions) -> anyhow::Result<Self> {
        let lock = options.data_dir.as_deref().map(claim).transpose()?;
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, options.port))).await;
        let listener = listener.with_context(|| format!("bind the embedded AWS to port {}", options.port))?;
        let address = listener.local_addr().context("bind the embedded AWS")?;
        let url = Url::parse(&format!("http://{address}/")).context("name the embedded AWS")?;
        let file = |name: &str| options.data_dir.as_ref().map(|directory| directory.join(name));
        let watch = EventWatch::default();
        let server = Arc::new(server::AwsServer {
            dynamo: dynamo::Dynamo::start(file("tables.sqlite").as_deref(), options.clock.clone())?,
            secrets: secrets::Secrets::start(file("secrets.json")).await?,
            queues: queues::Queues::start(url.to_string(), options.clock.clone()),
            bus: bus::Bus::start(watch.clone(), options.clock),
            meter: Meter::default(),
            faults: Faults::default(),
            closing: tokio::sync::watch::Sender::default(),
        });
        let accepting = tokio::spawn(accept(listener, server.clone()));
        Ok(Self { url, server, watch, accepting, _lock: lock })
    }

    /// Address of each service.
    #[must_use]
    pub fn endpoints(&self) -> Endpoints {
        let url = self.url.clone();
        Endpoints { dynamodb: url.clone(), secretsmanager: url.clone(), sqs: url.clone(), events: url }
    }

    /// The configuration for clients of all services.
    #[must_use]
    pub fn sdk_config(&self) -> SdkConfig {
        sdk_config(&self.url, REGION)
    }

    /// Number and price of the calls by operation.
    #[must_use]
    pub fn meter(&self) -> Meter {
        self.server.meter.clone()
    }

    /// Makes calls fail.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.server.faults.clone()
    }

    /// The published events.
    #[must_use]
    pub fn events(&self) -> EventWatch {
        self.watch.clone()
    }

    /// Number of messages in a queue, without an AWS call; `None` when there is no such queue.
    pub async fn queue_depth(&self, queue: &str) -> Option<QueueDepth> {
        self.server.queues.depth(queue).await
    }

    /// Ends all services and returns when their files are closed. Calls under way are cut.
    pub async fn shutdown(mut self) {
        self.accepting.abort();
        self.server.closing.send_replace(true);
        // An aborted task is the aim.
        let _ = (&mut self.accepting).await;
        let server = &mut self.server;
        // Calls outlive their connections by a moment: the engines are ended after the last one.
        while Arc::strong_count(server) > 1 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        if let Some(server) = Arc::get_mut(server) {
            server.dynamo.stop().await;
        }
    }
}

impl Drop for EmbeddedAws {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// A configuration for clients of an embedded AWS of this process, from nothing but its arguments: no environment, no
/// profile, no proxy. Time-outs and retries are those of the functions.
#[must_use]
pub fn sdk_config(endpoint: &Url, region: &str) -> SdkConfig {
    let (timeouts, retries) = shared::aws::settings();
    let AccessKey { access_key_id, secret_access_key } = AccessKey::of_process();
    let credentials = Credentials::new(access_key_id, secret_access_key, None, None, "embedded");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint.as_str())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .timeout_config(timeouts)
        .retry_config(retries)
        .build()
}

/// Makes the data directory, readable for its owner only, and takes it for this process.
fn claim(directory: &Path) -> anyhow::Result<File> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let shown = directory.display();
    builder.create(directory).with_context(|| format!("create the data directory {shown}"))?;
    let lock = directory.join("aws.lock");
    let lock = File::options().create(true).truncate(false).write(true).open(lock);
    let lock = lock.with_context(|| format!("open the data directory {shown}"))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => anyhow::bail!("the data directory {shown} is used by another local stack"),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("lock the data directory {shown}")),
    }
}

/// Serves connections until it is dropped, and with it all of them.
async fn accept(listener: TcpListener, server: Arc<server::AwsServer>) {
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let stream = match stream {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, most likely: wait for some to come back.
                tracing::warn!(event = "local.accept_failed", %error, "embedded AWS could not accept a connection");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            }
        };
        // Small answers are not to wait for the next packet; a failure only costs time.
        let _ = stream.set_nodelay(true);
        let server = server.clone();
        connections.spawn(async move {
            let service = hyper::service::service_fn(|request| server.clone().serve(request));
            let served = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
            if let Err(error) = served {
                tracing::debug!(event = "local.connection_ended", %error, "connection to the embedded AWS ended");
            }
        });
    }
}

#[cfg(test)]
pub(crate) mod tests;
