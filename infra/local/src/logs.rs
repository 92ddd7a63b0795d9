//! Logs of the local stack: plain lines on standard error, quiet unless `RUST_LOG` says otherwise. They hold no token and no
//! measured value at any level.

use shared::env::Env;
use shared::telemetry;
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
    telemetry::init_program(filter);
    if let Some(reason) = malformed {
        tracing::warn!(event = "local.log_filter_malformed", reason, "RUST_LOG is malformed");
    }
}
