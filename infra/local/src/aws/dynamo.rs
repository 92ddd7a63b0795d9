//! DynamoDB: the engine `dynoxide`, on a thread and a loopback port of its own.
//!
//! Its HTTP server holds what its library does not offer (reading a request by its target), so calls are passed on to it.
//! SQLite blocks, hence the thread.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use dynoxide::Database;
use http::header::{ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jiff::SignedDuration;
use serde_json::Value;
use serde_json::value::RawValue;
use shared::domain::Clock;
use tokio::sync::oneshot;

use super::call::Service;
use super::prices::{self, PicoDollars};
use super::reply::Reply;

/// Interval at which expired items are removed. DynamoDB itself takes up to a few days.
const EXPIRY_SWEEP: Duration = Duration::from_secs(60);

/// Clocks that differ by less show the same time.
const SAME_TIME: SignedDuration = SignedDuration::from_mins(5);

/// The running engine.
pub(crate) struct Dynamo {
    http: Client<HttpConnector, Full<Bytes>>,
    url: Uri,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Dynamo {
    /// Opens the tables of a file, or empty ones in memory, and serves them.
    pub fn start(file: Option<&Path>, clock: Clock) -> anyhow::Result<Self> {
        let database = match file {
            Some(file) => {
                let text = file.to_str().context("open the tables: the path is not Unicode")?;
                Database::new(text).with_context(|| format!("open the tables in {text}"))?
            }
            None => Database::memory().context("open tables in memory")?,
        };
        let listener =
            std::net::TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).context("bind DynamoDB")?;
        listener.set_nonblocking(true).context("bind DynamoDB")?;
        let url = format!("http://{}/", listener.local_addr().context("bind DynamoDB")?);
        let url = url.parse().context("name DynamoDB")?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("start DynamoDB")?;
        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            runtime.block_on(async move {
                let listener = match tokio::net::TcpListener::from_std(listener) {
                    Ok(listener) => listener,
                    Err(error) => {
                        return tracing::error!(event = "local.dynamodb_failed", %error, "DynamoDB could not listen");
                    }
                };
                let sweeper = tokio::spawn(sweep(database.clone(), clock));
                let shutdown = async { drop(stopped.await) };
                if let Err(error) = dynoxide::server::serve_with_shutdown(listener, database, shutdown).await {
                    tracing::error!(event = "local.dynamodb_ended", %error, "DynamoDB ended");
                }
                sweeper.abort();
            });
        };
        let thread = std::thread::Builder::new().name("dynamodb".into()).spawn(serve).context("start DynamoDB")?;
        Ok(Self { http: client(), url, stop: Some(stop), thread: Some(thread) })
    }

    /// Passes a call on. With the answer comes its price.
    pub async fn answer(&self, operation: &str, headers: &HeaderMap, body: &[u8]) -> (Reply, PicoDollars) {
        let measured = with_capacity(operation, body);
        let body = measured.clone().unwrap_or_else(|| body.to_vec());
        match self.pass_on(headers, body).await {
            Ok(reply) if reply.status.is_success() => account(operation, reply, measured.is_some()),
            Ok(reply) => {
                let price = refused_price(operation, &reply);
                (reply, price)
            }
            Err(error) => {
                let reason = format!("{error:#}");
                tracing::error!(event = "local.dynamodb_unavailable", reason, "DynamoDB did not answer");
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                (
                    Reply::error(
                        Service::DynamoDb,
                        status,
                        "InternalServerError",
                        "The embedded DynamoDB does not answer",
                    ),
                    0,
                )
            }
        }
    }

    async fn pass_on(&self, headers: &HeaderMap, body: Vec<u8>) -> anyhow::Result<Reply> {
        let mut request = Request::new(Full::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.clone();
        *request.headers_mut() = headers.clone();
        for name in [HOST, CONTENT_LENGTH, CONNECTION, TRANSFER_ENCODING, ACCEPT_ENCODING] {
            request.headers_mut().remove(name);
        }
        let (mut parts, body) = self.http.request(request).await.context("call it")?.into_parts();
        parts.headers.remove(CONTENT_LENGTH);
        let body = body.collect().await.context("read its answer")?.to_bytes();
        Ok(Reply { status: parts.status, headers: parts.headers, body })
    }

    /// Ends the engine and returns when its file is closed.
    pub async fn stop(&mut self) {
        drop(self.stop.take());
        let Some(thread) = self.thread.take() else { return };
        // Frees the idle connections, for which the engine would wait.
        self.http = client();
        if tokio::task::spawn_blocking(move || thread.join().is_err()).await.unwrap_or(true) {
            tracing::error!(event = "local.dynamodb_panicked", "DynamoDB thread panicked");
        }
    }
}

fn client() -> Client<HttpConnector, Full<Bytes>> {
    Client::builder(TokioExecutor::new()).build_http()
}

/// Removes expired items. The engine uses the machine's clock: where a test drives another one, to a time long past
/// perhaps, everything would seem to have expired, so nothing is removed then.
async fn sweep(database: Database, clock: Clock) {
    let mut ticks = tokio::time::interval(EXPIRY_SWEEP);
    loop {
        ticks.tick().await;
        if clock.now().duration_since(Clock::system().now()).abs() > SAME_TIME {
            continue;
        }
        if let Err(error) = database.sweep_ttl() {
            tracing::warn!(event = "local.expiry_failed", %error, "expired items were not removed");
        }
    }
}

/// The operations that consume capacity.
fn consumes(operation: &str) -> Option<PicoDollars> {
    match operation {
        "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" | "TransactWriteItems" => {
            Some(prices::DYNAMODB_WRITE_UNIT)
        }
        "GetItem" | "Query" | "Scan" | "BatchGetItem" | "TransactGetItems" => Some(prices::DYNAMODB_READ_UNIT),
        _ => None,
    }
}

/// The fields of a request or an answer, their values unread: an answer has up to 1 MB.
type Fields<'b> = BTreeMap<String, &'b RawValue>;

/// The request, asking for the capacity that it consumes. `None` when it asks already or is not one that consumes any.
fn with_capacity(operation: &str, body: &[u8]) -> Option<Vec<u8>> {
    consumes(operation)?;
    let mut request = serde_json::from_slice::<Fields<'_>>(body).ok()?;
    if request.contains_key("ReturnConsumedCapacity") {
        return None;
    }
    let total = serde_json::value::to_raw_value("TOTAL").ok()?;
    request.insert("ReturnConsumedCapacity".into(), &total);
    serde_json::to_vec(&request).ok()
}

/// Reads the consumed capacity, and takes it out again where the caller did not ask for it.
fn account(operation: &str, mut reply: Reply, hide: bool) -> (Reply, PicoDollars) {
    let Some(unit) = consumes(operation) else { return (reply, 0) };
    let answer = reply.body.clone();
    let Ok(mut fields) = serde_json::from_slice::<Fields<'_>>(&answer) else { return (reply, 0) };
    let consumed = fields.remove("ConsumedCapacity").map(|consumed| serde_json::from_str(consumed.get()));
    let units = match consumed.and_then(Result::ok).unwrap_or_default() {
        Value::Array(tables) => tables.iter().filter_map(|table| table["CapacityUnits"].as_f64()).sum(),
        table => table["CapacityUnits"].as_f64().unwrap_or_default(),
    };
    if hide && let Ok(body) = serde_json::to_vec(&fields) {
        reply = reply.with_body(body);
    }
    (reply, prices::capacity(units, unit))
}

/// The least that a refused write costs: DynamoDB bills a failed condition, and every item of a cancelled transaction twice.
fn refused_price(operation: &str, reply: &Reply) -> PicoDollars {
    match (operation, reply.code().as_str()) {
        (_, "ConditionalCheckFailedException") => prices::DYNAMODB_WRITE_UNIT,
        ("TransactWriteItems", "TransactionCanceledException") => {
            let items = reply.value()["CancellationReasons"].as_array().map_or(1, Vec::len);
            2 * items as u64 * prices::DYNAMODB_WRITE_UNIT
        }
        _ => 0,
    }
}
