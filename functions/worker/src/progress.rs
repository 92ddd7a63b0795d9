//! Questions about the progress of a sync that several phases ask.

use std::collections::BTreeMap;

use shared::domain::{BackfillState, Connection, DataType, DataTypeProgress, FetchState, SyncMessage, Trigger};

/// Progress of a sync by data type.
pub(crate) type Progress = BTreeMap<DataType, DataTypeProgress>;

/// True if at least one data type arrived.
pub(crate) fn any_arrived(progress: &Progress) -> bool {
    progress.values().any(|of| matches!(of.state, FetchState::Done | FetchState::Malformed))
}

/// True if this sync brings the patient's history: it is the backfill itself, or, while the history is incomplete, a
/// nightly, catch-up or manual sync of all its days.
pub(crate) fn drives_backfill(connection: &Connection, message: &SyncMessage) -> bool {
    connection.backfill.as_ref().is_some_and(|backfill| {
        let is_backfill = backfill.sync_id == message.sync_id;
        let may_cover = !matches!(message.trigger, Trigger::Backfill | Trigger::Webhook);
        let covers_history = may_cover && message.range.covers(&backfill.range);
        backfill.state != BackfillState::Done && (is_backfill || covers_history)
    })
}
