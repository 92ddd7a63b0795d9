//! Cost of the release binaries: size, start until the first poll of the Runtime API (as a ratio to a function that does
//! nothing), and peak memory after the main job, with the worker backfilling three patients at once.
//!
//! ```text
//! cargo build --release --bins -p connect -p callback -p api -p worker
//! cargo build --release -p local --example empty
//! cargo bench -p tests --bench start
//! ```
//!
//! It prints and asserts nothing about the numbers: those of one machine are in `infra/BENCHMARKS.md`. It does fail when
//! the binaries do not do the job.

#![allow(clippy::print_stdout, reason = "a benchmark prints what it found")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use local::runtime_api::Binary;
use tests::{BinaryWorld, Part};

/// Starts of each binary.
const STARTS: usize = 25;

/// More than any function is given: what a function does not read does not matter here.
const VARIABLES: [&str; 15] = [
    "OURA_APP_SECRET_ID",
    "OURA_REDIRECT_URI",
    "OURA_AUTHORIZE_URL",
    "OURA_TOKEN_URL",
    "OURA_REVOKE_URL",
    "OURA_API_BASE_URL",
    "CONNECTIONS_TABLE",
    "WEARABLE_DATA_TABLE",
    "DAILY_STATS_TABLE",
    "TOKEN_SECRET_PREFIX",
    "TOKEN_KEY_RING_SECRET_ID",
    "LIVE_QUEUE_URL",
    "NIGHTLY_QUEUE_URL",
    "EVENT_BUS_NAME",
    "APP_RETURN_URL",
];

const PARTS: [(&str, Part); 4] =
    [("connect", Part::Connect), ("callback", Part::Callback), ("api", Part::Api), ("worker", Part::Worker)];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let release = release_folder()?;
    let names = ["examples/empty"].into_iter().chain(PARTS.map(|(name, _)| name));
    let paths: BTreeMap<&str, PathBuf> = names.map(|name| (name, release.join(name))).collect();
    let world = BinaryWorld::start(&[]).await;
    let variables = world.variables(&VARIABLES)?;

    let mut starts: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    let mut idle: BTreeMap<&str, u64> = BTreeMap::new();
    // In turns, so that what else the machine does meets all of them alike. The first turn fills the file cache.
    for turn in 0..=STARTS {
        for (name, path) in &paths {
            let binary = start(path, &variables).await?;
            let took = binary.ready().await.with_context(|| format!("{name}: {}", binary.output()))?;
            if turn > 0 {
                starts.entry(name).or_default().push(took);
                idle.insert(name, binary.peak_memory_kib().unwrap_or_default());
            }
        }
    }
    let busy = main_job(&release).await?;

    let median = |name: &str| {
        let mut starts = starts.get(name).cloned().unwrap_or_default();
        starts.sort_unstable();
        starts.get(starts.len() / 2).copied().unwrap_or_default().as_secs_f64()
    };
    let empty = median("examples/empty");
    println!("binary            size MiB   start ÷ empty   peak MiB at first poll   peak MiB after the main job");
    for (name, path) in &paths {
        let size = std::fs::metadata(path)?.len() as f64 / 1_048_576.0;
        let mib = |memory: &BTreeMap<&str, u64>| {
            memory.get(name).map_or_else(|| "-".to_owned(), |kib| format!("{:.1}", *kib as f64 / 1024.0))
        };
        println!("{name:16} {size:9.2} {:15.2} {:>24} {:>29}", median(name) / empty, mib(&idle), mib(&busy));
    }
    println!("\nThe worker backfilled {} patients at once (aim: below 64 MiB).", PATIENTS.len());
    Ok(())
}

/// Connected and backfilled patients, with their accounts.
const PATIENTS: [(&str, &str); 3] = [("patient-1", "ada"), ("patient-2", "bruno"), ("patient-3", "chiyo")];

/// The main job, every part played by its release binary; gives the peak memory of each, in KiB.
async fn main_job(release: &Path) -> anyhow::Result<BTreeMap<&'static str, u64>> {
    let mut world = BinaryWorld::start(&[]).await;
    let variables = world.variables(&VARIABLES)?;
    let mut binaries: Vec<(&str, Arc<Binary>)> = Vec::new();
    for (name, part) in PARTS {
        let binary = start(&release.join(name), &variables).await?;
        binaries.push((name, world.replace(part, binary)));
    }
    for (patient, account) in PATIENTS {
        world.connect(patient, account).await.with_context(|| format!("connect {patient}"))?;
    }
    let delivery = world.deliver().await?;
    ensure!((delivery.messages, delivery.failed.len()) == (PATIENTS.len(), 0), "the backfill failed: {delivery:?}");
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let path = format!("/daily?from={}&to={today}", today.saturating_sub(jiff::Span::new().days(30)));
    for (patient, _) in PATIENTS {
        let daily = world.request(Some(patient), "GET", &path, None, "").await?.data();
        let days = daily["days"].as_array().map_or(0, Vec::len);
        ensure!(days >= 20, "{patient} has {days} days");
    }
    Ok(binaries.iter().map(|(name, binary)| (*name, binary.peak_memory_kib().unwrap_or_default())).collect())
}

async fn start(path: &Path, variables: &[(String, String)]) -> anyhow::Result<Binary> {
    let missing = "build the release binaries and the example first: see the head of tests/benches/start.rs";
    Binary::spawn(path, variables.to_vec()).await.context(missing)
}

/// Folder of the release binaries: this benchmark runs from the folder below.
fn release_folder() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    own.parent().and_then(Path::parent).map(Path::to_owned).context("the target folder")
}
