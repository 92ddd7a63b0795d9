//! Logs and metrics. Both hold ids, dates and counts only: never a token, a code, an address or a measured value.

use std::io::Write;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Starts logging. In Lambda each line is JSON *with* its time: Lambda takes a line without one for INFO and may
/// filter an error away (`lambda_runtime`'s own subscriber writes none).
pub fn init() {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").or_else(|_| std::env::var("RUST_LOG"));
    let filter = EnvFilter::try_new(directives(level.as_deref().unwrap_or("info"))).unwrap_or_default();
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_target(false);
    if std::env::var("AWS_LAMBDA_LOG_FORMAT").is_ok_and(|format| format.eq_ignore_ascii_case("json")) {
        // A second start (several functions in one process) keeps the first.
        subscriber.json().flatten_event(true).with_writer(std::io::stdout).try_init().ok();
    } else {
        subscriber.with_writer(std::io::stderr).try_init().ok();
    }
    tracing::debug!("logging has begun");
}

/// Below INFO the crates that we build on log whole requests and events, with codes, cookies and measured values inside:
/// a level of DEBUG or TRACE is for our own crates only.
fn directives(level: &str) -> String {
    match level.parse::<LevelFilter>() {
        Ok(level) if level > LevelFilter::INFO => {
            let own = ["api", "callback", "connect", "shared", "subscriptions", "sync", "webhook", "worker"];
            own.iter().fold("info".to_owned(), |all, own| format!("{all},{own}={level}"))
        }
        Ok(level) => level.to_string(),
        Err(_) => "info".to_owned(),
    }
}

/// Counts something by CloudWatch's embedded metric format: one line on standard output, no API call. `dimensions` are
/// few and have few values (kind, reason); the total over all of them is counted beside, for alarms. The namespace is
/// `METRICS_NAMESPACE`, which the template sets to the stack's name.
pub fn count(at: Timestamp, metric: &str, value: u64, dimensions: &[(&str, &str)]) {
    // Outside Lambda nobody reads the format, and standard output may belong to somebody else.
    if std::env::var_os("AWS_LAMBDA_FUNCTION_NAME").is_none() {
        tracing::debug!(metric, value, ?dimensions, "metric");
        return;
    }
    let namespace = std::env::var("METRICS_NAMESPACE").unwrap_or_else(|_| "OuraWearables".to_owned());
    let mut line = serde_json::to_vec(&emf(&namespace, at, metric, value, dimensions)).unwrap_or_default();
    line.push(b'\n');
    // A metric that cannot be written is not worth failing a patient's sync for.
    std::io::stdout().lock().write_all(&line).ok();
}

fn emf(namespace: &str, at: Timestamp, metric: &str, value: u64, dimensions: &[(&str, &str)]) -> Value {
    let names: Vec<_> = dimensions.iter().map(|(name, _)| *name).collect();
    let sets = if names.is_empty() { vec![vec![]] } else { vec![names, vec![]] };
    let mut line = Map::from_iter([
        (
            "_aws".to_owned(),
            json!({
                "Timestamp": at.as_millisecond(),
                "CloudWatchMetrics": [{
                    "Namespace": namespace, "Dimensions": sets, "Metrics": [{ "Name": metric, "Unit": "Count" }],
                }],
            }),
        ),
        (metric.to_owned(), json!(value)),
    ]);
    line.extend(dimensions.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
    Value::Object(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_crates_speak_below_info() {
        let all = directives("TRACE");
        assert!(all.starts_with("info,api=trace,callback=trace,connect=trace,shared=trace,"), "{all}");
        assert!(all.ends_with(",subscriptions=trace,sync=trace,webhook=trace,worker=trace"), "{all}");
        assert_eq!(directives("warn"), "warn");
        assert_eq!(directives("lambda_runtime=trace"), "info");
        assert!(EnvFilter::try_new(directives("DEBUG")).is_ok());
    }

    #[test]
    fn a_metric_line_has_the_embedded_format() {
        let line = emf("a-stack", Timestamp::UNIX_EPOCH, "Syncs", 3, &[("trigger", "manual")]);
        let metrics = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!((&metrics["Namespace"], &metrics["Dimensions"]), (&json!("a-stack"), &json!([["trigger"], []])));
        assert_eq!((&line["Syncs"], &line["trigger"]), (&json!(3), &json!("manual")));
    }
}
