//! Logs and metrics. Both hold ids, dates and counts only: never a token, a code, an address or a measured value.
//!
//! Each log line has a stable `event` field, `component.what_happened`, and a plain sentence in the past tense:
//!
//! ```text
//! tracing::warn!(event = "sync.expired", sync.id = %id, reason = "oura_limit", "a nightly sync expired");
//! ```
//!
//! The value of `event` is a literal, so that a search for it finds the line of code. Operators filter by `event` and the runbook
//! explains each one; the sentence may change at any time. The cause of a failure is the field `error`, a stable code
//! for it the field `code` or `reason`.

mod metrics;

use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

pub use metrics::{Metric, count};

/// Crates of this workspace that log at levels below INFO.
const OWN_CRATES: [&str; 8] = ["api", "callback", "connect", "shared", "subscriptions", "sync", "webhook", "worker"];

/// Programs of this workspace that log at levels below INFO too.
const OWN_PROGRAMS: [&str; 3] = ["local", "ops", "oura_simulator"];

/// Starts the log of a program other than a function: plain lines on standard error that pass `filter`, without what libraries
/// log below INFO.
pub fn init_program(filter: EnvFilter) {
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // A second call keeps the first subscriber.
    tracing_subscriber::registry().with(filter).with(filter_fn(is_harmless)).with(lines).try_init().ok();
}

/// True unless it is of a library and below INFO: such lines hold whole requests and answers.
fn is_harmless(line: &Metadata<'_>) -> bool {
    let of = line.target().split("::").next().unwrap_or_default();
    *line.level() <= Level::INFO || OWN_CRATES.contains(&of) || OWN_PROGRAMS.contains(&of)
}

/// Starts logging. In Lambda each line is JSON with its time: Lambda takes a line without a time for INFO and may filter an
/// error out (`lambda_runtime`'s own subscriber writes no time).
pub fn init() {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").or_else(|_| std::env::var("RUST_LOG"));
    let filter = EnvFilter::try_new(directives(level.as_deref().unwrap_or("info"))).unwrap_or_default();
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_target(false);
    if std::env::var("AWS_LAMBDA_LOG_FORMAT").is_ok_and(|format| format.eq_ignore_ascii_case("json")) {
        // A second call (several functions in one process) keeps the first subscriber.
        subscriber.json().flatten_event(true).with_writer(std::io::stdout).try_init().ok();
    } else {
        subscriber.with_writer(std::io::stderr).try_init().ok();
    }
    tracing::debug!(event = "telemetry.started", "logging started");
}

/// Below INFO the libraries log whole requests and events, with codes, cookies and measured values: levels of DEBUG and
/// TRACE apply to this workspace's crates only.
fn directives(level: &str) -> String {
    match level.parse::<LevelFilter>() {
        Ok(level) if level > LevelFilter::INFO => {
            OWN_CRATES.iter().fold("info".to_owned(), |all, own| format!("{all},{own}={level}"))
        }
        Ok(level) => level.to_string(),
        Err(_) => "info".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_below_info_apply_to_own_crates_only() {
        let all = directives("TRACE");
        assert!(all.starts_with("info,api=trace,callback=trace,connect=trace,shared=trace,"), "{all}");
        assert!(all.ends_with(",subscriptions=trace,sync=trace,webhook=trace,worker=trace"), "{all}");
        assert_eq!(directives("warn"), "warn");
        assert_eq!(directives("lambda_runtime=trace"), "info");
        assert!(EnvFilter::try_new(directives("DEBUG")).is_ok());
    }
}
