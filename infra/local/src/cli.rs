//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// The whole Oura integration on this machine: no account, no Docker, no key.
#[derive(Debug, Parser)]
#[command(name = "local", version, about, max_term_width = 100)]
pub struct Cli {
    /// The task; without one, serve until Ctrl-C.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Settings of the stack.
    #[command(flatten)]
    pub stack: StackArgs,
}

/// A task other than serving.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum Command {
    /// Connect a simulated patient, fetch 30 days, let the ring sync, print what arrived and the events, and exit.
    Demo,
    /// Connect a fleet of simulated patients, run one nightly run, and report duration, requests and cost. Best with `cargo run --release`.
    Fleet(FleetArgs),
}

/// Arguments of `fleet`.
#[derive(Debug, Clone, Copy, Args)]
pub struct FleetArgs {
    /// Number of patients.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub patients: u32,
    /// Speed of the night, as a multiple of the machine's clock. [default: as fast as two cores allow]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub pace: Option<u32>,
    /// No ring has synced for weeks: the nightly run finds nothing new.
    #[arg(long)]
    pub away: bool,
    /// Days of history that each patient gets when connecting. With fewer than LOOKBACK_DAYS + 2 the nightly run finds more.
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..=400))]
    pub history_days: u32,
}

/// Settings of the stack.
#[derive(Debug, Args)]
pub struct StackArgs {
    /// Port of the gateway; 0 picks a free one. [default: 3000; demo: 0]
    #[arg(long, global = true, value_name = "N")]
    pub port: Option<u16>,
    /// The Oura to use. `live` needs OURA_CLIENT_ID, OURA_CLIENT_SECRET and OURA_REDIRECT_URI.
    #[arg(long, global = true, value_enum, default_value_t = OuraArg::Simulated)]
    pub oura: OuraArg,
    /// The AWS to use. `external` takes the SDK's own AWS_* variables and creates what is missing.
    #[arg(long, global = true, value_enum, default_value_t = AwsArg::Embedded)]
    pub aws: AwsArg,
    /// Keep tables, secrets and the token key in this directory between runs. [default: in memory]
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// After the start, write addresses and a token as JSON to this file (mode 0600).
    #[arg(long, global = true, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
}

/// The Oura to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OuraArg {
    /// The simulated cloud, with patients of its own.
    Simulated,
    /// The real one, or the hosts of the OURA_*_URL variables.
    Live,
}

/// The AWS to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AwsArg {
    /// Engines inside this process.
    Embedded,
    /// The AWS of the AWS_* variables.
    External,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn flags_stand_before_or_after_the_subcommand() {
        Cli::command().debug_assert();
        for line in [
            &["local", "--aws", "external", "--port", "0", "demo"][..],
            &["local", "demo", "--port=0", "--aws=external"],
        ] {
            let cli = Cli::try_parse_from(line).unwrap();
            assert!(matches!(cli.command, Some(Command::Demo)));
            assert_eq!(
                (cli.stack.port, cli.stack.aws, cli.stack.oura),
                (Some(0), AwsArg::External, OuraArg::Simulated)
            );
        }
        assert!(Cli::try_parse_from(["local", "--oura", "real"]).is_err());
        assert!(Cli::try_parse_from(["local", "--port", "70000"]).is_err());
    }
}
