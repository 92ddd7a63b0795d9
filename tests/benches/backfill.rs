//! Duration of a backfill of 30 days of every data type, as a multiple of one request to an Oura that answers in 50 ms.
//!
//! `cargo bench -p tests --bench backfill`. It prints and asserts nothing: numbers of other machines are in
//! `infra/BENCHMARKS.md`.

#![allow(clippy::print_stdout, reason = "a benchmark prints what it found")]

use std::time::{Duration, Instant};

use serde_json::json;
use tests::BinaryWorld;

/// Delay of each answer of the simulated Oura.
const LATENCY: Duration = Duration::from_millis(50);

/// Each in a world of its own: a second backfill of the same patient would find everything there.
const SAMPLES: usize = 9;

/// The kinds that hold thousands of numbers a month each: samples, and series over a night or a day.
const SERIES: [&str; 4] = ["daily_activity", "heartrate", "sleep", "session"];

/// Several people: their nights, workouts and absences differ.
const ACCOUNTS: [&str; 3] = ["ada", "bruno", "chiyo"];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (mut syncs, mut unhindered, mut lean, mut requests) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut last = None;
    for sample in 0..SAMPLES {
        let account = ACCOUNTS[sample % ACCOUNTS.len()];
        unhindered.push(backfill(account, Duration::ZERO, &[]).await?.sync);
        lean.push(backfill(account, LATENCY, &SERIES).await?.sync);
        let measured = backfill(account, LATENCY, &[]).await?;
        syncs.push(measured.sync);
        requests.push(measured.request);
        last = Some(measured);
    }
    let (sync, request) = (median(syncs), median(requests));
    let lines = [
        ("one request to Oura, which takes 50 ms", request),
        ("the whole sync (aim: 4 or less)", sync),
        ("the same, Oura answering at once", median(unhindered)),
        ("the same, nothing in the kinds with long series", median(lean)),
    ];
    for (what, took) in lines {
        println!("{what:50} {:6.2}", took.as_secs_f64() / request.as_secs_f64());
    }
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

async fn backfill(account: &str, latency: Duration, empty: &[&str]) -> anyhow::Result<Measured> {
    let world = BinaryWorld::start(&[]).await;
    world.connect("patient-1", account).await?;
    let control = world.oura().control();
    control.set_latency(latency);
    for kind in empty {
        let path = format!("/v2/usercollection/{kind}");
        let nothing = json!({"match": {"path": path}, "body": {"data": [], "next_token": null}});
        control.add_fault(serde_json::from_value(nothing)?)?;
    }
    let request = one_request(&world).await?;
    control.clear_requests();
    world.aws().meter().reset();
    let delivery = world.deliver().await?;
    anyhow::ensure!(delivery.failed.is_empty(), "the backfill needs a redelivery");
    let report = world.aws().meter().report();
    // The poller's own calls are Lambda's in the cloud.
    let calls = report.operations.into_iter().filter(|line| !line.operation.contains("Message"));
    Ok(Measured {
        sync: delivery.took,
        request,
        oura: control.request_counts().into_iter().collect(),
        aws: calls.map(|line| (line.operation, line.calls)).collect(),
    })
}

async fn one_request(world: &BinaryWorld) -> anyhow::Result<Duration> {
    let http = reqwest::Client::builder().user_agent("benchmark").no_proxy().build()?;
    let url = world.oura().url().join("v2/usercollection/personal_info")?;
    let token = world.access_token().await?;
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
