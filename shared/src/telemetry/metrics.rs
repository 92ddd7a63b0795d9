//! Metrics in CloudWatch's embedded metric format: one JSON line on standard output, no API call.

use std::io::Write;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use strum::{IntoStaticStr, VariantArray};

/// Every metric of this project. A variant's name is its name in CloudWatch; alarms and the runbook use the same names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr, VariantArray)]
pub enum Metric {
    /// Patients queued for a catch-up sync.
    CatchUpPatients,
    /// Consents revoked at Oura.
    ConsentsRevoked,
    /// Documents that webhook events brought. Dimension `dataType`.
    DocumentsFromWebhooks,
    /// Documents that arrived without a webhook event. Dimension `dataType`.
    DocumentsMissedByWebhooks,
    /// Documents of webhook events that Oura did not return. Dimension `dataType`.
    DocumentsNotFound,
    /// Queue messages of an unrecognized form.
    MessagesUnreadable,
    /// Patients completed by a nightly run. Dimension `outcome`.
    NightlyPatients,
    /// Patients that a nightly run did not complete.
    NightlyPatientsFailed,
    /// Patients of a nightly run still in progress.
    NightlyPatientsRemaining,
    /// Requests to Oura in one nightly run.
    NightlyRequests,
    /// Duration of a nightly run in seconds.
    NightlyRunSeconds,
    /// Nightly runs planned.
    NightlyRunsPlanned,
    /// 1 while a nightly run makes no progress, otherwise 0.
    NightlyRunsStalled,
    /// Pauses of one collection because Oura fails on it for several patients. Dimension `dataType`.
    OuraCollectionOutages,
    /// Rate limits of Oura that were reached. Dimension `tier`.
    OuraLimitsReached,
    /// Pauses of all requests because Oura did not answer.
    OuraOutages,
    /// Requests to Oura in one sync. Dimension `trigger`.
    OuraRequests,
    /// Patients whose data was purged.
    PatientsPurged,
    /// Records written by a sync. Same dimensions as `Syncs`.
    RecordsWritten,
    /// Consents whose revocation Oura did not confirm.
    RevocationsAbandoned,
    /// Days until the first subscription expires.
    SubscriptionDaysLeft,
    /// Webhook subscriptions that should exist.
    SubscriptionsDesired,
    /// Webhook subscriptions that could not be created, renewed, corrected or removed.
    SubscriptionsFailed,
    /// Webhook subscriptions that should exist and do not.
    SubscriptionsMissing,
    /// Syncs completed.
    Syncs,
    /// Syncs that failed.
    SyncsFailed,
    /// Parts of Oura's documents that could not be read, or have values out of bounds. Dimension `dataType`.
    ValuesUnreadable,
    /// Verified webhook events that could not be queued.
    WebhookEnqueueFailures,
    /// Webhook events accepted.
    WebhooksAccepted,
    /// Webhook requests rejected. Dimension `code`.
    WebhooksRejected,
    /// Webhook events of an unsupported data type or event type.
    WebhooksUnknownType,
    /// Webhook events of a user without a connection.
    WebhooksUnknownUser,
}

impl Metric {
    /// All metrics, in the order of their names.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// Name in CloudWatch.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// Adds `value` to a metric. Every dimension has few values (data type, trigger, reason); the total over all dimensions is
/// emitted beside, for alarms. The namespace is `METRICS_NAMESPACE`, set by the template to the stack's name.
pub fn count(at: Timestamp, metric: Metric, value: u64, dimensions: &[(&str, &str)]) {
    // Outside Lambda nothing reads the format, and standard output may have another use.
    if std::env::var_os("AWS_LAMBDA_FUNCTION_NAME").is_none() {
        tracing::debug!(event = "metric.counted", metric = metric.name(), value, ?dimensions, "metric was counted");
        return;
    }
    let namespace = std::env::var("METRICS_NAMESPACE").unwrap_or_else(|_| "OuraWearables".to_owned());
    let mut line = serde_json::to_vec(&emf(&namespace, at, metric, value, dimensions)).unwrap_or_default();
    line.push(b'\n');
    // A lost metric is no reason to fail a patient's sync.
    std::io::stdout().lock().write_all(&line).ok();
}

fn emf(namespace: &str, at: Timestamp, metric: Metric, value: u64, dimensions: &[(&str, &str)]) -> Value {
    let names: Vec<_> = dimensions.iter().map(|(name, _)| *name).collect();
    let sets = if names.is_empty() { vec![vec![]] } else { vec![names, vec![]] };
    let mut line = Map::from_iter([
        (
            "_aws".to_owned(),
            json!({
                "Timestamp": at.as_millisecond(),
                "CloudWatchMetrics": [{
                    "Namespace": namespace, "Dimensions": sets, "Metrics": [{ "Name": metric.name(), "Unit": "Count" }],
                }],
            }),
        ),
        (metric.name().to_owned(), json!(value)),
    ]);
    line.extend(dimensions.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
    Value::Object(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_listed_by_name() {
        assert!(Metric::ALL.is_sorted_by_key(|metric| metric.name()));
    }

    #[test]
    fn metric_line_has_the_embedded_format() {
        let line = emf("a-stack", Timestamp::UNIX_EPOCH, Metric::Syncs, 3, &[("trigger", "manual")]);
        let metrics = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!((&metrics["Namespace"], &metrics["Dimensions"]), (&json!("a-stack"), &json!([["trigger"], []])));
        assert_eq!(metrics["Metrics"], json!([{ "Name": "Syncs", "Unit": "Count" }]));
        assert_eq!((&line["Syncs"], &line["trigger"]), (&json!(3), &json!("manual")));
    }
}
