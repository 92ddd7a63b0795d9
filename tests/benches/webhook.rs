//! Cost of the webhook: the whole handler's own processor time, with an AWS that answers at once from memory, and how
//! many webhook events a second of one core takes through the release binary.
//!
//! ```text
//! cargo build --release --bins -p webhook
//! cargo build --release -p local --example empty
//! cargo bench -p tests --bench webhook
//! ```
//!
//! It prints and asserts nothing about the numbers: those of one machine are in `infra/BENCHMARKS.md`. It does fail when
//! the function does not do its job. Processor time is read from `/proc`: on Linux only.

#![allow(clippy::print_stdout, reason = "a benchmark prints what it found")]

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use aws_lambda_events::event::lambda_function_urls::LambdaFunctionUrlRequest;
use aws_sdk_sqs::config::SharedCredentialsProvider;
use aws_sdk_sqs::config::http::{HttpRequest, HttpResponse};
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use futures::StreamExt as _;
use local::runtime_api::Binary;
use serde_json::{Value, json};
use shared::aws::{AppSecrets, Queue, SdkConfig};
use shared::domain::Clock;
use shared::env::Env;
use shared::oura::{ClientSecret, parse_webhook_event, sign, verify};
use tests::BinaryWorld;
use tests::function_url::{event, post, signed_with, webhook_event};
use webhook::{Config, Deps};

/// Calls in one round. The unit of what is fast is measured with a hundred times as many.
const CALLS: u32 = 2_000;

/// Rounds, of which the median counts.
const ROUNDS: usize = 9;

/// Webhook events through the binary.
const WEBHOOKS: u64 = 10_000;

/// Invocations that wait at the Runtime API, so that the binary never does.
const WAITING: usize = 4;

const SECRET: &str = "Z9J7B2Q4XK1M8R5T6W3Y0C2V4N6L8P1D";

const TIMEOUT: Duration = Duration::from_secs(10);

fn main() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(in_process())?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(as_binary())
}

/// An AWS that answers from memory, without waiting.
#[derive(Debug)]
struct AtOnce;

impl HttpConnector for AtOnce {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let answer = if target.ends_with("GetSecretValue") {
            let secret = json!({"client_id": "c", "client_secret": SECRET, "webhook_verification_token": "t"});
            json!({"Name": "app", "SecretString": secret.to_string()})
        } else {
            json!({"MessageId": "5fea7756-0ea4-451a-a703-a558b933e274"})
        };
        let answered = StatusCode::try_from(200).map(|ok| HttpResponse::new(ok, answer.to_string().into()));
        HttpConnectorFuture::ready(answered.map_err(|error| ConnectorError::other(error.into(), None)))
    }
}

fn sdk() -> SdkConfig {
    let (timeouts, retries) = shared::aws::settings();
    let credentials = Credentials::new("local", "local", Some("local".to_owned()), None, "memory");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client_fn(|_, _| SharedHttpConnector::new(AtOnce)))
        .timeout_config(timeouts)
        .retry_config(retries)
        .build()
}

/// The handler and its parts, in this process.
async fn in_process() -> anyhow::Result<()> {
    const QUEUE: &str = "https://sqs.us-east-1.amazonaws.com/000000000000/live";
    let env = Env::default().with("OURA_APP_SECRET_ID", "app").with("LIVE_QUEUE_URL", QUEUE);
    let (sdk, secret) = (sdk(), ClientSecret::new(SECRET));
    let deps = Deps::new(&Config::from_env(&env)?, &sdk, Clock::system());
    let now = jiff::Timestamp::now();
    let stamp = now.as_millisecond().to_string();
    let body = webhook_event("3c1f0a52-7d7e-4b6b-9a31-5f0e2b8d4c77");
    let signature = sign(&secret, &stamp, body.as_bytes());
    let request = |event: Value| serde_json::from_value::<LambdaFunctionUrlRequest>(event);
    let genuine = request(signed_with(&secret, &stamp, &body))?;
    let forged = request(post(&"0".repeat(64), &stamp, &body))?;
    let unsigned = request(event("POST", "", &[]))?;
    let handshake = request(event("GET", "verification_token=t&challenge=c-1", &[]))?;
    let json = signed_with(&secret, &stamp, &body).to_string();
    let queue = Queue::new(&sdk, QUEUE);
    let read = parse_webhook_event(body.as_bytes(), now)?;

    for (request, expected) in [(&genuine, 200), (&forged, 401), (&unsigned, 401), (&handshake, 200)] {
        let answer = webhook::handle(&deps, request.clone()).await;
        ensure!(answer.status_code == expected, "{expected} expected, not {}", answer.status_code);
    }
    let handled = async |request: &LambdaFunctionUrlRequest| {
        webhook::handle(&deps, request.clone()).await;
    };
    let unit = median(100, async || drop(std::hint::black_box(sign(&secret, &stamp, body.as_bytes())))).await?;
    let proven = median(100, async || {
        // The outcome was looked at above.
        let _ = std::hint::black_box(verify(&secret, Some(&signature), Some(&stamp), body.as_bytes(), now));
        let _ = std::hint::black_box(parse_webhook_event(body.as_bytes(), now));
    })
    .await?;
    let decoded = median(10, async || {
        let _ = std::hint::black_box(serde_json::from_str::<LambdaFunctionUrlRequest>(&json));
    })
    .await?;
    let sent = median(1, async || {
        let _ = queue.send(read.clone()).await;
    })
    .await?;
    println!("processor time of one call                                            µs   ÷ one signature");
    for (what, took) in [
        ("one signature (HMAC-SHA256 and 64 digits)", unit),
        ("verify and parse (aim: below 5 µs)", proven),
        (
            "the whole handler, a verified webhook event (aim: below 50 µs)",
            median(1, async || handled(&genuine).await).await?,
        ),
        ("  of which the write to the queue, by AWS's SDK", sent),
        ("the whole handler, a forged webhook event", median(10, async || handled(&forged).await).await?),
        ("the whole handler, a stranger without a signature", median(10, async || handled(&unsigned).await).await?),
        ("the whole handler, a handshake", median(10, async || handled(&handshake).await).await?),
        ("before the handler: the event from its JSON", decoded),
    ] {
        println!("{what:62} {:10.2} {:12.1}", took.as_secs_f64() * 1e6, took.as_secs_f64() / unit.as_secs_f64());
    }
    Ok(())
}

/// The processor time of one call, of the median round.
async fn median<F: Future<Output = ()>>(times: u32, call: impl Fn() -> F) -> anyhow::Result<Duration> {
    let calls = CALLS * times;
    let mut rounds = Vec::new();
    for _ in 0..=ROUNDS {
        let before = processor_time("self")?;
        for _ in 0..calls {
            call().await;
        }
        rounds.push((processor_time("self")? - before) / calls);
    }
    // The first one warms the caches.
    let mut rounds = rounds.split_off(1);
    rounds.sort_unstable();
    rounds.get(rounds.len() / 2).copied().context("no round")
}

/// The release binary behind a Runtime API: its processor time, beside that of a function that does nothing.
async fn as_binary() -> anyhow::Result<()> {
    let release = release_folder()?;
    let world = BinaryWorld::start(&[]).await;
    let variables = world.variables(&["OURA_APP_SECRET_ID", "LIVE_QUEUE_URL"])?;
    let app_secret = &world.resources().names.app_secret;
    let app = AppSecrets::new(world.sdk_config(), app_secret, Clock::system()).get().await?;
    let stamp = jiff::Timestamp::now().as_millisecond().to_string();
    let genuine = |n: u64| signed_with(&app.client_secret, &stamp, &webhook_event(&format!("document-{n}")));
    let forged = |_| post(&"0".repeat(64), &stamp, &webhook_event("d-1"));

    let empty = through(&release.join("examples/empty"), &variables, genuine, |answer| answer.is_null()).await?;
    let path = release.join("webhook");
    let accepted = through(&path, &variables, genuine, |answer| answer["statusCode"] == 200).await?;
    let refused = through(&path, &variables, forged, |answer| answer["statusCode"] == 401).await?;
    println!(
        "\nthrough the release binary                 a second of one core   µs each   ÷ empty   a second, all on this machine"
    );
    for (what, (processor, wall)) in [
        ("a function that does nothing", empty),
        ("verified webhook events", accepted),
        ("forged webhook events", refused),
    ] {
        let each = |time: Duration| time.as_secs_f64() / WEBHOOKS as f64;
        let ratio = processor.as_secs_f64() / empty.0.as_secs_f64();
        let (of_core, of_machine) = (1.0 / each(processor), 1.0 / each(wall));
        println!("{what:40} {of_core:22.0} {:10.1} {ratio:9.2} {of_machine:31.0}", each(processor) * 1e6);
    }
    Ok(())
}

/// Processor time of the binary and time on the clock for [`WEBHOOKS`] invocations.
async fn through(
    path: &Path,
    variables: &[(String, String)],
    event: impl Fn(u64) -> Value,
    good: impl Fn(&Value) -> bool,
) -> anyhow::Result<(Duration, Duration)> {
    let missing = "build the release binary and the example first: see the head of tests/benches/webhook.rs";
    let binary = Binary::spawn(path, variables.to_vec()).await.context(missing)?;
    let pid = binary.id().context("the binary has ended")?.to_string();
    let once = async |n: u64| -> anyhow::Result<()> {
        let answer = binary.invoke(event(n), TIMEOUT).await?;
        ensure!(good(&answer), "{answer}: {}", binary.output());
        Ok(())
    };
    // Connections, caches.
    for n in 0..500 {
        once(n).await?;
    }
    let (before, began) = (processor_time(&pid)?, Instant::now());
    let mut all = futures::stream::iter(0..WEBHOOKS).map(&once).buffer_unordered(WAITING);
    while let Some(done) = all.next().await {
        done?;
    }
    Ok((processor_time(&pid)? - before, began.elapsed()))
}

/// Processor time of a process so far.
fn processor_time(process: &str) -> anyhow::Result<Duration> {
    let mut nanoseconds = 0;
    for thread in std::fs::read_dir(format!("/proc/{process}/task")).context("/proc has no entry")? {
        let text = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        nanoseconds += text.split_whitespace().next().context("no time")?.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// Folder of the release binaries: this benchmark runs from the folder below.
fn release_folder() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    own.parent().and_then(Path::parent).map(Path::to_owned).context("the target folder")
}
