//! Coverage of webhooks: documents that webhook events named, and documents that they missed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use shared::aws::{SyncRun, WebhookDay};
use shared::domain::{DataType, Day};
use shared::telemetry::{self, Metric};

use crate::deps::Deps;

/// Returns the number of documents that webhooks missed, by data type.
pub(crate) fn missed_webhooks(run: &SyncRun) -> BTreeMap<DataType, u64> {
    let mut counts = BTreeMap::new();
    for found in &run.missed_webhooks {
        *counts.entry(found.data_type).or_insert(0) += 1;
    }
    counts
}

/// Counts, for the whole platform, documents that webhooks named and documents that they missed.
pub(crate) async fn count(
    deps: &Deps,
    run: &SyncRun,
    missed_webhooks: Option<&BTreeMap<DataType, u64>>,
    now: Timestamp,
) {
    let mut counted =
        WebhookDay { missed_webhooks: missed_webhooks.cloned().unwrap_or_default(), announced: BTreeMap::new() };
    let events = run.pending_events.iter().flat_map(|pending| &pending.events);
    let documents: BTreeSet<_> = events.map(|event| (event.data_type, &event.document_id)).collect();
    for (data_type, _) in documents {
        *counted.announced.entry(data_type).or_insert(0) += 1;
    }
    for (metric, counts) in [
        (Metric::DocumentsFromWebhooks, &counted.announced),
        (Metric::DocumentsMissedByWebhooks, &counted.missed_webhooks),
    ] {
        for (data_type, count) in counts {
            telemetry::count(now, metric, *count, &[("dataType", data_type.as_str())]);
        }
    }
    if counted.is_empty() {
        return;
    }
    if let Err(error) = deps.webhook_days.add(Day::of_utc(now), &counted, now).await {
        tracing::warn!(
            event = "webhook_coverage.not_recorded",
            %error,
            "the documents of webhooks could not be counted"
        );
    }
}
