//! Coverage of webhooks: documents that webhook events named, and documents that they missed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use shared::aws::{SyncRun, WebhookDay};
use shared::domain::{Connection, DataType, Day, SyncMessage, Trigger};
use shared::telemetry::{self, Metric};

use crate::deps::Deps;

/// Returns the number of documents that webhooks missed, by data type, as the connection records it after this sync.
///
/// Only a nightly or catch-up sync finds such documents. They count until a webhook event of their data type arrives, or until
/// a look at the data type finds nothing although webhook events have arrived since: that nothing is found before does not show
/// that webhooks work.
pub(crate) fn missed_webhooks_after(
    message: &SyncMessage,
    connection: &Connection,
    run: &SyncRun,
) -> BTreeMap<DataType, u64> {
    let mut missed = connection.missed_webhooks.clone();
    for event in run.pending_events.iter().flat_map(|pending| &pending.events) {
        missed.remove(&event.data_type);
    }
    if message.trigger == Trigger::Daily {
        let is_looked_at = |of: &DataType| run.progress.get(of).is_some_and(|of| of.state.is_complete());
        let since = |of: &DataType| connection.last_ring_webhook_at.max(connection.watermarks.get(of).copied());
        missed.retain(|of, _| !is_looked_at(of) || since(of) == connection.watermarks.get(of).copied());
        missed.extend(missed_webhooks(run));
    }
    missed
}

/// Returns the number of documents that webhooks missed, by data type.
fn missed_webhooks(run: &SyncRun) -> BTreeMap<DataType, u64> {
    let mut counts = BTreeMap::new();
    for found in &run.missed_webhooks {
        *counts.entry(found.data_type).or_insert(0) += 1;
    }
    counts
}

/// Counts, for the whole platform, documents that webhooks named and documents that they missed.
pub(crate) async fn count(deps: &Deps, run: &SyncRun, now: Timestamp) {
    let mut counted = WebhookDay { missed_webhooks: missed_webhooks(run), announced: BTreeMap::new() };
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
