//! Cost of the reading routes: AWS calls, bytes and the release binary's own processor time of each, and its peak memory
//! when it exports a patient's month, and another's two years.
//!
//! ```text
//! cargo build --release --bins -p api
//! cargo bench -p tests --bench reading --profile dev
//! ```
//!
//! All of that is counted or read from `/proc` (on Linux only), so the bench itself need not be optimized. It prints and
//! asserts nothing about the numbers: those of one machine are in `infra/BENCHMARKS.md`.

#![allow(clippy::print_stdout, reason = "a benchmark prints what it found")]

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use jiff::Span;
use jiff::civil::Date;
use local::runtime_api::Binary;
use tests::{BinaryWorld, Part};

/// Patients and their months of data: one a month that was synced, the others the same month again and again.
const MONTH: &str = "patient-1";
const YEAR: &str = "patient-2";
const YEARS: &str = "patient-3";

const VARIABLES: [&str; 6] = [
    "CONNECTIONS_TABLE",
    "WEARABLE_DATA_TABLE",
    "DAILY_STATS_TABLE",
    "EVENT_BUS_NAME",
    "LIVE_QUEUE_URL",
    "TOKEN_SECRET_PREFIX",
];

/// Requests over which processor time is averaged.
const REPEATS: u32 = 20;

type Item = HashMap<String, AttributeValue>;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut world = BinaryWorld::start(&[]).await;
    world.connect(MONTH, "ada").await?;
    let delivery = world.deliver().await?;
    ensure!(delivery.failed.is_empty(), "the backfill failed: {delivery:?}");
    let names = world.resources().names.clone();
    for table in [names.wearable_data_table, names.daily_stats_table] {
        let items = items(&world, &table).await?;
        repeat(&world, &table, &items, YEAR, 12).await?;
        repeat(&world, &table, &items, YEARS, 24).await?;
    }

    println!("export            pages   AWS calls        bytes   largest page   peak MiB");
    for (patient, days) in [(MONTH, "30 days"), (YEAR, "1 year "), (YEARS, "2 years")] {
        for format in ["ndjson", "fhir"] {
            let binary = world.replace(Part::Api, start(&world).await?);
            export(&world, &binary, patient, days, format).await?;
        }
    }

    let binary = world.replace(Part::Api, start(&world).await?);
    let process = binary.id().context("the api runs")?.to_string();
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let back = |days: i32| today.saturating_sub(Span::new().days(days));
    println!("\nroute, of the patient of 2 years                             AWS calls       bytes   CPU ms   more");
    for path in [
        format!("/daily?from={}&to={}", back(90), back(1)),
        format!("/daily?from={}&to={}&metrics=sleep", back(90), back(1)),
        format!("/workouts?from={}&to={today}", back(30)),
        format!("/workouts?from={}&to={today}", back(365)),
        format!("/records?type=sleep&from={}&to={today}", back(30)),
        format!("/records?type=heartRate&from={}&to={today}", back(30)),
        format!("/series?type=heartRate&day={}", back(2)),
        format!("/series?type=hrv&day={}", back(2)),
        format!("/series?type=hypnogram&day={}", back(2)),
        format!("/series?type=met&day={}", back(2)),
        "/metrics".to_owned(),
    ] {
        world.aws().meter().reset();
        let answer = world.request(Some(YEARS), "GET", &path, None, "").await?;
        let calls = world.aws().meter().calls();
        let more = answer.data()["cursor"].is_string();
        let before = processor_time(&process)?;
        for _ in 0..REPEATS {
            world.request(Some(YEARS), "GET", &path, None, "").await?;
        }
        let took = (processor_time(&process)? - before).as_secs_f64() * 1000.0 / f64::from(REPEATS);
        println!("{path:62} {calls:>7} {:>11} {took:>8.1}   {}", answer.body.len(), if more { "yes" } else { "" });
    }
    Ok(())
}

/// Reads an export to its end, and prints what it took.
async fn export(
    world: &BinaryWorld,
    binary: &Arc<Binary>,
    patient: &str,
    days: &str,
    format: &str,
) -> anyhow::Result<()> {
    world.aws().meter().reset();
    let (mut pages, mut bytes, mut largest) = (0, 0, 0);
    let mut path = format!("/export?format={format}");
    loop {
        let answer = world.request(Some(patient), "GET", &path, None, "").await?;
        ensure!(answer.status == 200, "{path}: {}", answer.status);
        (pages, bytes, largest) = (pages + 1, bytes + answer.body.len(), largest.max(answer.body.len()));
        match answer.headers.get("link").and_then(|link| link.strip_prefix('<')?.split('>').next()) {
            Some(next) => path = format!("/export{next}"),
            None => break,
        }
    }
    let calls = world.aws().meter().calls();
    #[expect(clippy::cast_precision_loss, reason = "some megabytes")]
    let peak = binary.peak_memory_kib().unwrap_or_default() as f64 / 1024.0;
    println!("{days} {format:8} {pages:>7} {calls:>11} {bytes:>12} {largest:>14} {peak:>10.1}");
    Ok(())
}

/// Items of a table.
async fn items(world: &BinaryWorld, table: &str) -> anyhow::Result<Vec<Item>> {
    let client = aws_sdk_dynamodb::Client::new(world.sdk_config());
    let mut items: Vec<Item> = Vec::new();
    let mut start = None;
    loop {
        let page = client.scan().table_name(table).set_exclusive_start_key(start).send().await?;
        items.extend_from_slice(page.items());
        start = page.last_evaluated_key;
        if start.is_none() {
            return Ok(items);
        }
    }
}

/// Gives a patient these items again and again, a month earlier each time.
async fn repeat(world: &BinaryWorld, table: &str, items: &[Item], patient: &str, months: i32) -> anyhow::Result<()> {
    let client = aws_sdk_dynamodb::Client::new(world.sdk_config());
    for month in 0..months {
        let moved: Vec<Item> = items.iter().map(|item| earlier(item, patient, month)).collect::<anyhow::Result<_>>()?;
        for some in moved.chunks(25) {
            let puts: Vec<_> = some
                .iter()
                .map(|item| {
                    Ok(WriteRequest::builder()
                        .put_request(PutRequest::builder().set_item(Some(item.clone())).build()?)
                        .build())
                })
                .collect::<anyhow::Result<_>>()?;
            let left = client.batch_write_item().request_items(table, puts).send().await?.unprocessed_items;
            ensure!(left.is_none_or(|left| left.is_empty()), "the table took too little");
        }
    }
    Ok(())
}

fn earlier(item: &Item, patient: &str, months: i32) -> anyhow::Result<Item> {
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
    let day = text("day").context("an item without a day")?;
    let moved = day.parse::<Date>()?.saturating_sub(Span::new().days(30 * months)).to_string();
    let mut earlier = item.clone();
    earlier.insert("patientId".to_owned(), AttributeValue::S(patient.to_owned()));
    if let Some(key) = text("sk") {
        earlier.insert("sk".to_owned(), AttributeValue::S(key.replace(day.as_str(), &moved)));
    }
    earlier.insert("day".to_owned(), AttributeValue::S(moved));
    Ok(earlier)
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

/// The release binary, whatever this bench was built as.
async fn start(world: &BinaryWorld) -> anyhow::Result<Binary> {
    let own = std::env::current_exe()?;
    let target = own.ancestors().nth(3).context("the target folder")?;
    let missing = "build the release binary first: see the head of tests/benches/reading.rs";
    Binary::spawn(target.join("release/api"), world.variables(&VARIABLES)?).await.context(missing)
}
