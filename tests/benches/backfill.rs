//! What a backfill of 30 days of every kind takes, as a multiple of one request to an Oura that answers in 50 ms.
//!
//! `cargo bench -p tests --bench backfill`. It prints and asserts nothing: numbers of other machines are in
//! `infra/BENCHMARKS.md`.

#![allow(clippy::print_stdout, reason = "a benchmark prints what it found")]

use std::time::{Duration, Instant};

use local::rehearsal::Rehearsal;
use shared::env::Env;

/// How long the simulated Oura takes for each answer.
const LATENCY: Duration = Duration::from_millis(50);

/// Each in a world of its own: a second backfill of the same patient would find everything there.
const SAMPLES: usize = 9;

/// Several people: their nights, workouts and absences differ.
const ACCOUNTS: [&str; 3] = ["ada", "bruno", "chiyo"];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (mut syncs, mut unhindered, mut requests) = (Vec::new(), Vec::new(), Vec::new());
    let mut last = None;
    for sample in 0..SAMPLES {
        let account = ACCOUNTS[sample % ACCOUNTS.len()];
        unhindered.push(backfill(account, Duration::ZERO).await?.sync);
        let measured = backfill(account, LATENCY).await?;
        syncs.push(measured.sync);
        requests.push(measured.request);
        last = Some(measured);
    }
    let (sync, unhindered, request) = (median(syncs), median(unhindered), median(requests));
    let ratio = |duration: Duration| duration.as_secs_f64() / request.as_secs_f64();
    println!("one request to Oura ({} ms latency)      1.00", LATENCY.as_millis());
    println!("the whole sync                          {:.2}   (aim: 4 or less)", ratio(sync));
    println!("the same with an Oura that answers at once {:.2}", ratio(unhindered));
    let Some(last) = last else { return Ok(()) };
    println!("\n{} requests to Oura:", last.oura.iter().map(|(_, count)| count).sum::<u64>());
    for (route, count) in last.oura {
        println!("{count:6}  {route}");
    }
    println!("\n{} AWS calls:", last.aws.iter().map(|(_, count)| count).sum::<u64>());
    for (operation, count) in last.aws {
        println!("{count:6}  {operation}");
    }
    Ok(())
}

struct Measured {
    /// The worker's whole invocation.
    sync: Duration,
    /// One `personal_info`, over a connection that is open.
    request: Duration,
    oura: Vec<(String, u64)>,
    aws: Vec<(String, u64)>,
}

async fn backfill(account: &str, latency: Duration) -> anyhow::Result<Measured> {
    let mut rehearsal = Rehearsal::start(Env::default()).await?;
    let level = std::env::var("SCRATCH").unwrap_or("info".into());
    let mut variables = rehearsal.variables(&[
        "OURA_APP_SECRET_ID",
        "OURA_REDIRECT_URI",
        "CONNECTIONS_TABLE",
        "WEARABLE_DATA_TABLE",
        "DAILY_STATS_TABLE",
        "TOKEN_SECRET_PREFIX",
        "LIVE_QUEUE_URL",
        "NIGHTLY_QUEUE_URL",
        "EVENT_BUS_NAME",
        "OURA_TOKEN_URL",
        "OURA_API_BASE_URL",
    ])?;
    variables.push(("AWS_LAMBDA_LOG_LEVEL".into(), level));
    let binary = rehearsal.cast(
        local::rehearsal::Part::Worker,
        local::runtime_api::Binary::spawn("target/release/worker", variables).await?,
    );
    binary.ready().await?;
    let cpu = |pid: u32| {
        let s = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let f: Vec<u64> = s.split_whitespace().skip(13).take(2).map(|x| x.parse().unwrap()).collect();
        f[0] + f[1]
    };

    rehearsal.connect("patient-1", account).await?;
    let control = rehearsal.oura().control();
    control.set_latency(latency);
    let request = one_request(&rehearsal).await?;
    control.clear_requests();
    rehearsal.aws().meter().reset();
    let (a, b) = (cpu(binary.pid().unwrap()), cpu(std::process::id()));
    let delivery = rehearsal.deliver().await?;
    println!(
        "{latency:?} sync {:?} request {request:?} worker cpu {} own cpu {}",
        delivery.took,
        cpu(binary.pid().unwrap()) - a,
        cpu(std::process::id()) - b
    );
    if std::env::var("SCRATCH").is_ok() {
        std::fs::write("/tmp/worker.log", binary.output())?;
    }
    anyhow::ensure!(delivery.failed.is_empty(), "the backfill has to come again");
    let report = rehearsal.aws().meter().report();
    // The poller's own calls are Lambda's in the cloud.
    let calls = report.operations.into_iter().filter(|line| !line.operation.contains("Message"));
    Ok(Measured {
        sync: delivery.took,
        request,
        oura: control.request_counts().into_iter().collect(),
        aws: calls.map(|line| (line.operation, line.calls)).collect(),
    })
}

async fn one_request(rehearsal: &Rehearsal) -> anyhow::Result<Duration> {
    let http = reqwest::Client::builder().user_agent("benchmark").no_proxy().build()?;
    let url = rehearsal.oura().url().join("v2/usercollection/personal_info")?;
    let token = rehearsal.access_token().await?;
    let mut took = Vec::new();
    for _ in 0..6 {
        let began = Instant::now();
        http.get(url.clone()).bearer_auth(&token).send().await?.error_for_status()?.bytes().await?;
        took.push(began.elapsed());
    }
    // The first one opened the connection.
    Ok(median(took.split_off(1)))
}

fn median(mut durations: Vec<Duration>) -> Duration {
    durations.sort_unstable();
    durations.get(durations.len() / 2).copied().unwrap_or_default()
}
