//! Logs of the local stack: plain lines on standard error, quiet unless `RUST_LOG` says otherwise.

use shared::env::Env;
use tracing_subscriber::EnvFilter;

/// Warnings and errors only. The SDK's retries are its own business, and so is what the engines refuse: a condition that
/// does not hold, or a table that is not there yet, is an answer like any other.
const QUIET: &str = "warn,aws_smithy_runtime=error,aws_config=error,dynoxide=error";

/// Starts logging. A malformed `RUST_LOG` is said and then ignored.
pub fn init(env: &Env) {
    let wanted = env.get("RUST_LOG").unwrap_or(QUIET);
    let parsed = EnvFilter::try_new(wanted);
    let malformed = parsed.as_ref().err().map(ToString::to_string);
    let filter = parsed.unwrap_or_else(|_| EnvFilter::new(QUIET));
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
    if let Some(reason) = malformed {
        tracing::warn!(event = "local.log_filter_malformed", reason, "RUST_LOG is malformed");
    }
}
