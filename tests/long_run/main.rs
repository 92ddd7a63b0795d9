//! A long run of the whole stack against random small faults of Oura: production handlers and adapters, the embedded engines
//! and the simulated Oura, on a clock that the run drives.
//!
//! Each seed is a world of its own: some patients connect, and live for some weeks. Any single answer of Oura may be replaced
//! by a fault; webhook events are lost, late, repeated; rings are away; documents are edited, moved, added and deleted. Then comes a
//! quiet week. After it, every day of every patient must equal what Oura holds, nothing may have been published as deleted that
//! was not, and no patient may have been disconnected. A seed that fails prints what differs; `--seed N --runs 1` repeats it.
//!
//! ```text
//! cargo run -p tests --bin long-run -- --seconds 120
//! ```

#![allow(clippy::print_stdout, reason = "a run prints what it found")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::large_futures, reason = "a run may stop, and lives once")]

mod chance;
mod compare;
mod day;
mod faults;
mod history;
mod ledger;
mod pairs;
mod run;
mod stack;
mod truth;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;

use crate::run::Life;

/// Settings of a run.
#[derive(Debug, Clone, Copy, Parser)]
#[command(name = "long-run", about = "A seeded, long run of the whole stack against random small faults of Oura")]
struct Arguments {
    /// The first seed; the next ones follow.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of seeds; by time when unset.
    #[arg(long)]
    runs: Option<u64>,
    /// No seed begins after this many seconds.
    #[arg(long, default_value_t = 120)]
    seconds: u64,
    /// Patients of each seed.
    #[arg(long, default_value_t = 3)]
    patients: u32,
    /// Days of each seed before the quiet week.
    #[arg(long, default_value_t = 40)]
    days: u32,
    /// Mean number of faults of a patient in a day.
    #[arg(long, default_value_t = 1.5)]
    faults: f64,
    /// Prints events and the functions' logs.
    #[arg(long)]
    verbose: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.verbose {
        shared::telemetry::init();
    }
    let began = Instant::now();
    let (mut total, mut failed, mut runs) = (Life::default(), Vec::new(), 0);
    for seed in arguments.seed.. {
        let is_over = match arguments.runs {
            Some(wanted) => runs == wanted,
            None => runs > 0 && began.elapsed() > Duration::from_secs(arguments.seconds),
        };
        if is_over {
            break;
        }
        runs += 1;
        let started = Instant::now();
        // A task of its own: a panic of the stack is a finding like any other.
        let life = tokio::spawn(async move { run::run(seed, &arguments).await }).await;
        let life = life.unwrap_or_else(|panic| Life::stopped(&panic));
        println!("seed {seed}: {life}, {:.1} s", started.elapsed().as_secs_f64());
        if !life.findings.is_empty() {
            failed.push(seed);
            life.findings.iter().for_each(|finding| println!("  {finding}"));
        }
        total.add(&life);
    }
    let took = began.elapsed().as_secs_f64();
    println!(
        "{runs} seeds from {}: {total}, {took:.0} s, {:.2} patient-years a minute",
        arguments.seed,
        total.years() * 60.0 / took
    );
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("FAILED: {failed:?}; repeat one with --seed N --runs 1 and the same settings");
    ExitCode::FAILURE
}
