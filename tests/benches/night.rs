//! Cost of a nightly run in the worker: its own processor time a patient and its peak memory, sixteen patients in one batch, with
//! an Oura that answers at once.
//!
//! ```text
//! cargo build --release --bins -p worker
//! cargo bench -p tests --bench night --profile dev
//! ```
//!
//! Only the release binary is measured (`/proc`: on Linux only), so the bench itself need not be optimized. It prints and
//! asserts nothing about the numbers: those of one machine are in `infra/BENCHMARKS.md`. It does fail when a night does not
//! come to its end.

#![allow(clippy::print_stdout, reason = "a benchmark prints what it found")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use jiff::Timestamp;
use local::runtime_api::Binary;
use shared::domain::{Day, DayRange, NightlyRun, PatientId, SyncMessage, Trigger};
use tests::{BinaryWorld, Part, sqs_event};

/// Patients whom the worker takes at once: a batch of the nightly queue.
const PATIENTS: u32 = 16;

/// Nightly runs of each kind, of which the median counts.
const NIGHTS: usize = 9;

const TIMEOUT: Duration = Duration::from_secs(300);

const VARIABLES: [&str; 11] = [
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
];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut world = BinaryWorld::start_with(&[("BACKFILL_DAYS", "9")], |oura| {
        oura.fleet = PATIENTS;
        oura.deliver_webhooks = false;
    })
    .await;
    let keys: Vec<String> = world.oura().control().fleet_keys().collect();
    for key in &keys {
        world.connect(&patient(key), key).await?;
    }
    let mut arrived = 0;
    while arrived < keys.len() {
        let delivery = world.deliver().await?;
        ensure!(delivery.failed.is_empty(), "a history did not arrive: {delivery:?}");
        arrived += delivery.messages;
    }

    // A fresh process: what it holds of the histories is not the night's.
    let mut variables = world.variables(&VARIABLES)?;
    variables.push(("OURA_REQUESTS_PER_5_MIN".to_owned(), "10000000".to_owned()));
    let worker = world.replace(Part::Worker, Binary::spawn(release_folder()?.join("worker"), variables).await?);
    println!("night of {PATIENTS}    requests a patient   CPU ms a patient   patients/s of a core   peak MiB");
    measure(&world, &worker, &keys, "nothing new", false).await?;
    measure(&world, &worker, &keys, "a night edited", true).await
}

/// Several nights of one kind.
async fn measure(
    world: &BinaryWorld,
    worker: &Arc<Binary>,
    keys: &[String],
    what: &str,
    edited: bool,
) -> anyhow::Result<()> {
    let control = world.oura().control();
    let mut took = Vec::new();
    let mut requests = 0;
    for night in 0..NIGHTS {
        if edited {
            let today = Day::of_utc(Timestamp::now());
            for key in keys {
                // The newest night but one that there is: some rings are off on some days, a few always.
                (2..10).any(|days| control.edit_night(key, today.plus(-days).date()).is_ok());
            }
        }
        control.clear_requests();
        let process = worker.id().context("the worker runs")?.to_string();
        let before = processor_time(&process)?;
        let answer = worker.invoke(batch(world, keys, run(night, edited)?)?, TIMEOUT).await?;
        took.push(processor_time(&process)?.saturating_sub(before));
        ensure!(answer["batchItemFailures"].as_array().is_none_or(Vec::is_empty), "not all patients: {answer}");
        requests = control.summary().data_requests;
    }
    took.sort_unstable();
    let one = took[took.len() / 2] / PATIENTS;
    #[expect(clippy::cast_precision_loss, reason = "thousands")]
    let (requests, memory) = (
        requests as f64 / f64::from(PATIENTS),
        worker.peak_memory_kib().context("/proc has no entry")? as f64 / 1024.0,
    );
    let (milliseconds, rate) = (one.as_secs_f64() * 1000.0, 1.0 / one.as_secs_f64());
    println!("{what:<15} {requests:>18.1} {milliseconds:>18.1} {rate:>22.0} {memory:>10.1}");
    Ok(())
}

fn patient(key: &str) -> String {
    format!("patient-of-{key}")
}

/// A nightly run of its own for each night: a finished sync is not repeated.
fn run(night: usize, edited: bool) -> anyhow::Result<NightlyRun> {
    let days_ago = i32::try_from(night + if edited { NIGHTS } else { 0 })?;
    Ok(NightlyRun::of(Day::of_utc(Timestamp::now()).plus(-days_ago)))
}

/// One batch of the nightly queue.
fn batch(world: &BinaryWorld, keys: &[String], run: NightlyRun) -> anyhow::Result<serde_json::Value> {
    let now = Timestamp::now();
    let queue = &world.resources().names.nightly_queue;
    let body = |key: &String| {
        let message = SyncMessage {
            patient_id: PatientId::parse(patient(key))?,
            sync_id: run.sync_id(),
            trigger: Trigger::Daily,
            range: DayRange::ending(Day::of_utc(now).plus(1), 8),
            requested_at: now,
        };
        Ok(message.to_body())
    };
    let bodies = keys.iter().map(body).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(serde_json::to_value(sqs_event::of_bodies(queue, &bodies, 1))?)
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

/// Folder of the release binaries: this benchmark runs from a folder beside.
fn release_folder() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let target = own.ancestors().nth(3).context("the target folder")?;
    Ok(Path::new(target).join("release"))
}
