//! The change of one day: its record writes, its new stats, and the event about them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use shared::aws::{DayChange, RecordWrite, StoredDay};
use shared::domain::{
    Connection, DailyStats, Day, DayMetrics, DayUpdateReason, EventKind, PatientEvent, Record, content_hash,
};
use shared::normalize;

use crate::sync_plan::{Key, key};

/// Times of a difference.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// Time before the fetch.
    pub(crate) observed_at: Timestamp,
    pub(crate) now: Timestamp,
}

/// Returns the change of one day: its record writes, its new stats, and the event about them.
pub(crate) fn day_change(
    connection: &Connection,
    day: Day,
    before: &StoredDay,
    writes: Vec<RecordWrite>,
    is_moved: impl Fn(&Record) -> bool,
    Times { observed_at, now }: Times,
) -> Option<DayChange> {
    // 1. The records of the day after the change.
    let written: BTreeSet<Key<'_>> = writes.iter().map(|write| key(&write.record.record)).collect();
    let kept =
        before.records.iter().filter(|stored| !is_moved(&stored.record) && !written.contains(&key(&stored.record)));
    let added = writes.iter().map(|write| &write.record);
    let after = normalize::current_records(&connection.oura_user_id, kept.chain(added));
    // 2. Its stats, with their new and previous revision if they have changed.
    let metrics = normalize::day_stats(day, &after);
    let provisional = normalize::provisional(day, &after, now);
    let hash = metrics_hash(&metrics);
    let revisions = match &before.stats {
        None if metrics.is_empty() => None,
        None => Some((1, None)),
        Some(old) if old.content_hash != hash => Some((old.revision + 1, Some(old.revision))),
        // The same content, but the day is no longer provisional.
        Some(old) if old.provisional != provisional => Some((old.revision, Some(old.revision))),
        Some(_) => None,
    };
    if writes.is_empty() && revisions.is_none() {
        return None;
    }
    // 3. An event for new content only.
    let event = revisions.filter(|(revision, previous)| Some(*revision) != *previous).map(|(revision, _)| {
        let nothing = DayMetrics::default();
        let old = before.stats.as_ref().map_or(&nothing, |old| &old.metrics);
        let reason = match &before.stats {
            None => DayUpdateReason::New,
            Some(_) if !writes.is_empty() && writes.iter().all(|write| write.record.deleted) => {
                DayUpdateReason::Deleted
            }
            Some(_) => DayUpdateReason::Revised,
        };
        let changed_fields = normalize::changed_fields(old, &metrics);
        PatientEvent::new(
            connection.patient_id.clone(),
            now,
            EventKind::DayUpdated { day, revision, changed_fields, reason },
        )
    });
    let stats = revisions.map(|(revision, previous)| {
        // Unchanged content keeps its time.
        let observed_at = match &before.stats {
            Some(old) if Some(revision) == previous => old.observed_at,
            _ => observed_at,
        };
        // Baselines follow from earlier days and are updated when the sync is closed.
        let baselines = before.stats.as_ref().and_then(|old| old.baselines.clone());
        (DailyStats { day, metrics, revision, content_hash: hash, provisional, observed_at, baselines }, previous)
    });
    Some(DayChange { day, records: writes, stats, event })
}

fn metrics_hash(metrics: &DayMetrics) -> String {
    content_hash(&serde_json::to_value(metrics).unwrap_or_default())
}
