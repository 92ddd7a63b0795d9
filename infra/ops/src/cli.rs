//! The command line.

use anyhow::ensure;
use clap::{Args, Parser, Subcommand};
use shared::aws::TokenVaultKind;
use shared::domain::{Clock, Entropy};
use shared::env::Env;

use crate::move_tokens;

/// Maintenance of a deployed stack, in the AWS account that the AWS_* variables name.
#[derive(Debug, Parser)]
#[command(name = "ops", version, about, max_term_width = 100)]
pub struct Cli {
    /// The task.
    #[command(subcommand)]
    pub command: Command,
}

/// A task.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum Command {
    /// Move all patients' tokens to the other vault while the stack runs. It can be interrupted and run again. Table, prefix
    /// and key ring come from the functions' own variables.
    MoveTokens(MoveArgs),
}

/// Arguments of `move-tokens`.
#[derive(Debug, Clone, Copy, Args)]
pub struct MoveArgs {
    /// Destination: secret or sealed. Set TOKEN_VAULT and TOKEN_VAULT_MIGRATE_FROM of the functions first.
    #[arg(long, value_name = "VAULT")]
    pub to: TokenVaultKind,
    /// Change nothing; print the number of patients to move.
    #[arg(long)]
    pub dry_run: bool,
    /// Encrypt again what an older key of the ring has encrypted; only with `--to sealed`.
    #[arg(long)]
    pub reseal: bool,
}

impl Cli {
    /// Runs the task to its end.
    ///
    /// # Errors
    /// When a setting is missing, AWS refuses, or the task is not complete.
    pub async fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::MoveTokens(args) => move_tokens(args).await,
        }
    }
}

async fn move_tokens(args: MoveArgs) -> anyhow::Result<()> {
    ensure!(!args.reseal || args.to == TokenVaultKind::Sealed, "`--reseal` needs `--to sealed`: secrets have no key");
    let options =
        move_tokens::Options { dry_run: args.dry_run, reseal: args.reseal, ..move_tokens::Options::new(args.to) };
    let sdk = shared::aws::load().await;
    let (env, clock, entropy) = (Env::of_process(), Clock::system(), Entropy::system());
    let summary = move_tokens::run(options, &env, &sdk, &clock, &entropy, &mut std::io::stdout()).await?;
    ensure!(summary.is_complete(), "some patients' tokens are not there yet: see above, and run it again");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn move_tokens_needs_a_destination() {
        Cli::command().debug_assert();
        let cli = Cli::try_parse_from(["ops", "move-tokens", "--to", "sealed", "--dry-run"]).unwrap();
        let Command::MoveTokens(args) = cli.command;
        assert_eq!((args.to, args.dry_run, args.reseal), (TokenVaultKind::Sealed, true, false));
        assert!(Cli::try_parse_from(["ops", "move-tokens"]).is_err());
        assert!(Cli::try_parse_from(["ops", "move-tokens", "--to", "vault"]).is_err());
    }
}
