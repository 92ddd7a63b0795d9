//! Coverage of webhooks: documents that webhook events named, and documents that they missed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use shared::aws::{SyncRun, WebhookDay};
use shared::domain::{Connection, DataType, Day, NightlyRun, SyncMessage, Trigger};
use shared::telemetry::{self, Metric};

use crate::deps::Deps;
use crate::progress::Progress;

/// Returns the number of documents that webhooks missed, by data type, as the connection records it after this sync.
///
/// A nightly or catch-up sync finds such documents. They count until a webhook event of their data type arrives, or until a
/// nightly sync finds nothing although webhook events have arrived since: that nothing is found before does not show that webhooks
/// work. A document that did not appear after its event counts too, so that the next syncs look for it.
pub(crate) fn missed_webhooks_after(
    message: &SyncMessage,
    connection: &Connection,
    run: &SyncRun,
    progress: &Progress,
) -> BTreeMap<DataType, u64> {
    let mut missed = connection.missed_webhooks.clone();
    for event in run.pending_events.iter().flat_map(|pending| &pending.events) {
        missed.remove(&event.data_type);
    }
    let abandoned = progress.iter().filter(|(_, of)| of.lacks_documents());
    missed.extend(abandoned.map(|(data_type, _)| (*data_type, 1)));
    if message.trigger == Trigger::Daily {
        let is_nightly = NightlyRun::of_sync(&message.sync_id).is_some();
        let is_looked_at = |of: &DataType| is_nightly && progress.get(of).is_some_and(|of| of.state.is_complete());
        let last_event = |of: &DataType| connection.last_ring_webhook_at.max(connection.last_webhooks.get(of).copied());
        missed.retain(|of, _| !is_looked_at(of) || last_event(of) <= connection.watermarks.get(of).copied());
        missed.extend(&run.missed_webhooks);
    }
    missed
}

/// Counts, for the whole platform, documents that webhooks named and documents that they missed.
pub(crate) async fn count(deps: &Deps, run: &SyncRun, now: Timestamp) {
    let mut counted = WebhookDay { missed_webhooks: run.missed_webhooks.clone(), from_webhooks: BTreeMap::new() };
    let events = run.pending_events.iter().flat_map(|pending| &pending.events);
    let documents: BTreeSet<_> = events.map(|event| (event.data_type, &event.document_id)).collect();
    for (data_type, _) in documents {
        *counted.from_webhooks.entry(data_type).or_insert(0) += 1;
    }
    for (metric, counts) in [
        (Metric::DocumentsFromWebhooks, &counted.from_webhooks),
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
