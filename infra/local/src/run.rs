//! The program: from the command line to the exit.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use anyhow::Context as _;
use shared::env::Env;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::aws::AccessKey;
use crate::cli::{AwsArg, Cli, Command, FleetArgs, OuraArg};
use crate::gateway::routes::PREFIX;
use crate::ready::ReadyFile;
use crate::stack::{AwsMode, Options, OuraMode, Simulation, Stack};
use crate::{demo, fleet, logs};

/// Runs until done, or until SIGINT or SIGTERM.
///
/// # Errors
/// When the stack does not start, or the demo fails.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    let env = Env::of_process();
    logs::init(&env);
    // Taken before anything starts: a signal during the start must end it cleanly too.
    let mut stop = StopSignals::new()?;
    if let Some(Command::Fleet(args)) = cli.command {
        return run_fleet(args, env).await;
    }
    let demo = matches!(cli.command, Some(Command::Demo));
    let options = options(&cli, env)?;
    writeln!(std::io::stderr(), "Starting the AWS services, Oura and the functions of template.yaml...")?;
    let stack = tokio::select! {
        stack = Stack::start(options) => stack?,
        () = stop.received() => return Ok(()),
    };
    let result = tokio::select! {
        result = serve_or_demo(&stack, &cli, demo) => result,
        () = stop.received() => Ok(()),
    };
    stack.shutdown().await;
    result
}

async fn serve_or_demo(stack: &Stack, cli: &Cli, demo: bool) -> anyhow::Result<()> {
    let _ready = match &cli.stack.ready_file {
        Some(path) => Some(ReadyFile::write(path, &stack.ready()?)?),
        None => None,
    };
    if demo {
        let mut out = std::io::stdout();
        let live = out.is_terminal();
        return demo::run(stack, &mut out, live).await;
    }
    greet(stack)?;
    std::future::pending().await
}

async fn run_fleet(args: FleetArgs, env: Env) -> anyhow::Result<()> {
    let FleetArgs { patients, pace, away, history_days } = args;
    let mut options = fleet::Options { pace, away, history_days, ..fleet::Options::new(patients) };
    options.requests_per_5_min = env.bounded("OURA_REQUESTS_PER_5_MIN", 5000, 60..=10_000_000)?;
    options.env = env;
    let mut out = std::io::stdout();
    let live = out.is_terminal();
    let report = fleet::run(&options, &mut out, live).await?;
    writeln!(out)?;
    report.write(&mut out)?;
    Ok(())
}

/// The delays of a webhook event in seconds: Oura's own before it sends it (really about 30), and the one in which a
/// burst of events becomes one sync (30 in production). They are short for interactive use, and shortest in the demo.
fn webhook_delays(env: Env, demo: bool) -> anyhow::Result<(Env, Duration)> {
    let delay = env.bounded("SIMULATED_WEBHOOK_DELAY_SECONDS", if demo { 1 } else { 5 }, 0..=3600)?;
    let is_set = env.get("WEBHOOK_DEBOUNCE_SECONDS").is_some();
    let env = if demo && !is_set { env.with("WEBHOOK_DEBOUNCE_SECONDS", "2") } else { env };
    Ok((env, Duration::from_secs(delay.into())))
}

fn options(cli: &Cli, env: Env) -> anyhow::Result<Options> {
    let demo = matches!(cli.command, Some(Command::Demo));
    let (env, webhook_delay) = webhook_delays(env, demo)?;
    Ok(Options {
        // The demo needs no address of its own, and a stack may be running already. Live mode has to be where Oura sends
        // the browser.
        port: cli.stack.port.or((demo && cli.stack.oura == OuraArg::Simulated).then_some(0)),
        oura: match cli.stack.oura {
            OuraArg::Simulated => OuraMode::Simulated(Box::new(Simulation {
                configure: Box::new(move |config| config.webhook_delay = webhook_delay),
                ..Simulation::default()
            })),
            OuraArg::Live => OuraMode::Live,
        },
        aws: match cli.stack.aws {
            AwsArg::Embedded => AwsMode::Embedded,
            AwsArg::External => AwsMode::External,
        },
        data_dir: cli.stack.data.clone(),
        env,
        ..Options::default()
    })
}

fn greet(stack: &Stack) -> anyhow::Result<()> {
    let ready = stack.ready()?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "Open       {}/", ready.url)?;
    if let Some(oura) = &ready.oura {
        writeln!(out, "Oura       {oura} (simulated)")?;
    }
    writeln!(out, "AWS        {}", ready.endpoints.dynamodb)?;
    if let Some(AccessKey { access_key_id, secret_access_key }) = &ready.credentials {
        writeln!(out, "           AWS_ACCESS_KEY_ID={access_key_id}")?;
        writeln!(out, "           AWS_SECRET_ACCESS_KEY={secret_access_key}")?;
    }
    let webhook_url = stack.env().get("WEBHOOK_URL").unwrap_or(&ready.webhook_url);
    writeln!(out, "Webhook    {webhook_url}\n           {}", stack.watch().subscriptions())?;
    writeln!(out, "\nToken of {}:\n\n  {}\n", ready.patient_id, ready.token)?;
    writeln!(out, "  curl -s {}{PREFIX}/connections -H 'Authorization: Bearer {}'\n", ready.url, ready.token)?;
    writeln!(out, "Press Ctrl-C to stop.")?;
    Ok(())
}

/// SIGINT and SIGTERM.
struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    fn new() -> anyhow::Result<Self> {
        let of = |kind| signal(kind).context("listen for signals");
        Ok(Self { interrupt: of(SignalKind::interrupt())?, terminate: of(SignalKind::terminate())? })
    }

    async fn received(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => (),
            _ = self.terminate.recv() => (),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn demo_has_shorter_webhook_delays_unless_the_environment_sets_them() {
        let of = |env: Env, demo| {
            let (env, delay) = webhook_delays(env, demo).unwrap();
            (env.get("WEBHOOK_DEBOUNCE_SECONDS").map(str::to_owned), delay.as_secs())
        };
        assert_eq!(of(Env::default(), true), (Some("2".to_owned()), 1));
        // Unset, the worker takes its own default: that of production.
        assert_eq!(of(Env::default(), false), (None, 5));
        let set = Env::default().with("WEBHOOK_DEBOUNCE_SECONDS", "7").with("SIMULATED_WEBHOOK_DELAY_SECONDS", "0");
        assert_eq!(of(set, true), (Some("7".to_owned()), 0));
        assert!(webhook_delays(Env::default().with("SIMULATED_WEBHOOK_DELAY_SECONDS", "soon"), false).is_err());
    }
}
