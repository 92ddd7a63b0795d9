//! `oura-simulator`: see [`oura_simulator::cli::Cli`].

use clap::Parser as _;
use oura_simulator::cli::{Cli, run};
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_unset| EnvFilter::new("warn"));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // Below INFO the libraries log whole requests and answers, with tokens in them.
    let harmless = |line: &Metadata<'_>| *line.level() <= Level::INFO || line.target().starts_with("oura_simulator");
    tracing_subscriber::registry().with(filter).with(filter_fn(harmless)).with(lines).init();
    run(Cli::parse()).await
}
