//! The program: from the command line to the exit.

use std::io::{IsTerminal as _, Write as _};

use anyhow::Context as _;
use shared::env::Env;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::{AwsArg, Cli, Command, OuraArg};
use crate::gateway::routes::PREFIX;
use crate::ready::ReadyFile;
use crate::stack::{AwsMode, Options, OuraMode, Stack};
use crate::{demo, logs};

/// Runs until done, or until SIGINT or SIGTERM.
///
/// # Errors
/// When the stack does not start, or the demo fails.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    let env = Env::of_process();
    logs::init(&env);
    // Taken before anything starts: a signal during the start must end it cleanly too.
    let mut stop = Stop::new()?;
    let demo = matches!(cli.command, Some(Command::Demo));
    let options = options(&cli, env);
    let stack = tokio::select! {
        stack = Stack::start(options) => stack?,
        () = stop.asked() => return Ok(()),
    };
    let result = tokio::select! {
        result = serve_or_demo(&stack, &cli, demo) => result,
        () = stop.asked() => Ok(()),
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

fn options(cli: &Cli, env: Env) -> Options {
    let demo = matches!(cli.command, Some(Command::Demo));
    Options {
        // The demo needs no address of its own, and a stack may be running already. Live mode has to be where Oura sends
        // the browser.
        port: cli.stack.port.or((demo && cli.stack.oura == OuraArg::Simulated).then_some(0)),
        oura: match cli.stack.oura {
            OuraArg::Simulated => OuraMode::Simulated(Box::default()),
            OuraArg::Live => OuraMode::Live,
        },
        aws: match cli.stack.aws {
            AwsArg::Embedded => AwsMode::Embedded,
            AwsArg::External => AwsMode::External,
        },
        data_dir: cli.stack.data.clone(),
        env,
        ..Options::default()
    }
}

fn greet(stack: &Stack) -> anyhow::Result<()> {
    let ready = stack.ready()?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "Open       {}/", ready.url)?;
    if let Some(oura) = stack.oura() {
        writeln!(out, "Oura       {} (simulated)", oura.url().as_str().trim_end_matches('/'))?;
    }
    writeln!(out, "AWS        {}", ready.endpoints.dynamodb)?;
    writeln!(out, "\nToken of {}:\n\n  {}\n", ready.patient_id, ready.token)?;
    writeln!(out, "  curl -s {}{PREFIX}/connections -H 'Authorization: Bearer {}'\n", ready.url, ready.token)?;
    writeln!(out, "Ctrl-C ends it.")?;
    Ok(())
}

/// SIGINT and SIGTERM.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    fn new() -> anyhow::Result<Self> {
        let of = |kind| signal(kind).context("listen for signals");
        Ok(Self { interrupt: of(SignalKind::interrupt())?, terminate: of(SignalKind::terminate())? })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => (),
            _ = self.terminate.recv() => (),
        }
    }
}
