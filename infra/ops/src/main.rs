//! `cargo run -p ops`: see `--help`.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use ops::Cli;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,aws_config=error"));
    shared::telemetry::init_program(filter);
    match run(cli).await {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the task until it ends, or until SIGINT or SIGTERM. Then the exit code is 128 and the number of the signal, so that
/// a script does not take an interrupted task for a complete one.
async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    // Before the task starts: a signal at any time counts.
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    // A patient whose move is interrupted is refreshed again once the lease on the tokens has ended.
    let signal: u8 = tokio::select! {
        result = cli.run() => return result.map(|()| ExitCode::SUCCESS),
        _ = interrupt.recv() => 2,
        _ = terminate.recv() => 15,
    };
    let _ = writeln!(std::io::stderr(), "interrupted: the task is not complete, run it again");
    Ok(ExitCode::from(128 + signal))
}
