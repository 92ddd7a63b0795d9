//! The command line of the simulator.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use jiff::Timestamp;
use jiff::civil::Date;
use secrecy::SecretString;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::clock::Clock;
use crate::config::OuraSimulatorConfig;
use crate::scopes::KNOWN_SCOPES;
use crate::simulator::OuraSimulator;

/// A simulated Oura on one address: OAuth, the API v2, rate limits, webhooks, and misbehaviour on demand.
#[derive(Debug, Parser)]
#[command(name = "oura-simulator", version)]
pub struct Cli {
    /// Address to listen on.
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
    /// Port to listen on; 0 picks a free one.
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    port: u16,
    /// Writes {"url", "tokenUrl", ...} to this file once the simulator accepts connections.
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Id of the registered application.
    #[arg(long, value_name = "ID", env = "OURA_CLIENT_ID", default_value = "local-client")]
    client_id: String,
    /// Secret of the registered application; webhooks are signed with it.
    #[arg(
        long,
        value_name = "SECRET",
        env = "OURA_CLIENT_SECRET",
        hide_env_values = true,
        default_value = "local-secret"
    )]
    client_secret: String,
    /// Registered callback, compared character by character; may be repeated.
    #[arg(long, value_name = "URL", default_value = "http://localhost:3000/callback")]
    redirect_uri: Vec<String>,
    /// Scopes enabled for the application, separated by commas; others are dropped from consents silently.
    #[arg(long, value_name = "SCOPES", value_delimiter = ',', default_values_t = KNOWN_SCOPES.map(str::to_owned))]
    scopes: Vec<String>,
    /// Seed of the data: the same seed gives the same documents.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Number of people beside the named ones: fleet-00001 and so on.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    fleet: u32,
    /// Number of past days that have data.
    #[arg(long, value_name = "DAYS", default_value_t = 400, value_parser = clap::value_parser!(u16).range(1..=4000))]
    history_days: u16,
    /// Day that the people live on the date of the start, as 2031-06-12: the same days whatever the date.
    #[arg(long, value_name = "DATE")]
    pinned_day: Option<Date>,
    /// Start of the simulator's clock, as 2031-06-12T15:00:00Z, instead of the present: the same data on every run.
    #[arg(long, value_name = "TIME")]
    start_time: Option<Timestamp>,
    /// Seconds until an access token expires.
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
    access_token_ttl: u64,
    /// Seconds until an authorization code expires.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    code_ttl: u64,
    /// Requests of the application in 5 minutes.
    #[arg(long, value_name = "COUNT", default_value_t = 5000)]
    app_limit: u32,
    /// Requests of one access token in 5 minutes; unlimited without it.
    #[arg(long, value_name = "COUNT")]
    token_limit: Option<u32>,
    /// Seconds from a change to its webhook events.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    webhook_delay: u64,
}

impl Cli {
    fn config(&self) -> OuraSimulatorConfig {
        let secret = SecretString::from(self.client_secret.clone());
        let mut config = OuraSimulatorConfig::new(&self.client_id, secret, "");
        config.redirect_uris.clone_from(&self.redirect_uri);
        config.enabled_scopes.clone_from(&self.scopes);
        config.seed = self.seed;
        config.pinned_day = self.pinned_day;
        config.fleet = self.fleet;
        config.history_days = i32::from(self.history_days);
        config.access_token_ttl = Duration::from_secs(self.access_token_ttl);
        config.code_ttl = Duration::from_secs(self.code_ttl);
        config.app_limit = self.app_limit;
        config.token_limit = self.token_limit;
        config.webhook_delay = Duration::from_secs(self.webhook_delay);
        if let Some(start) = self.start_time {
            config.clock = started_at(start);
        }
        config
    }
}

/// A clock that shows `start` now and runs at the machine's pace.
fn started_at(start: Timestamp) -> Clock {
    let ahead = start.duration_since(Timestamp::now());
    let machine = Clock::system();
    Clock::from_fn(move || machine.now().saturating_add(ahead).unwrap_or(start))
}

/// Serves until SIGINT or SIGTERM.
///
/// # Errors
/// If the address is taken, or the ready file cannot be written.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    let (mut interrupted, mut terminated) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let listener = TcpListener::bind((cli.host, cli.port))
        .await
        .with_context(|| format!("cannot listen on {}:{}", cli.host, cli.port))?;
    let simulator = OuraSimulator::start(listener, cli.config()).await?;
    let url = simulator.url();
    let mut out = std::io::stdout();
    writeln!(
        out,
        "simulated Oura: {url}\n  people:  curl {url}control/people\n  control: the README's table of calls"
    )?;
    out.flush()?;
    if let Some(file) = &cli.ready_file {
        write_ready_file(file, &simulator)?;
    }
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
    Ok(())
}

/// Writes the addresses to a neighbour first and renames it, so that a reader sees a whole file or none.
fn write_ready_file(file: &Path, simulator: &OuraSimulator) -> anyhow::Result<()> {
    let url = simulator.url();
    let at = |path: &str| format!("{url}{path}");
    let ready = json!({
        "url": url.as_str().trim_end_matches('/'),
        "authorizeUrl": at("oauth/authorize"),
        "tokenUrl": at("oauth/token"),
        "revokeUrl": at("oauth/revoke"),
        "newPortalTokenUrl": simulator.new_portal_token_url().as_str(),
        "controlUrl": at("control"),
    });
    let whole = file.with_extension("partial");
    std::fs::write(&whole, ready.to_string())
        .and_then(|()| std::fs::rename(&whole, file))
        .with_context(|| format!("cannot write {}", file.display()))
}
