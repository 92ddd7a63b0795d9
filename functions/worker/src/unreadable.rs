//! Reports of parts of Oura's documents that could not be read, or have values out of bounds.

use jiff::Timestamp;
use shared::domain::{DataType, SyncId};
use shared::telemetry::{self, Metric};

use crate::fetch_outcome::Fetched;

/// Log lines of one data type and sync. The metric counts all parts.
const MAX_LINES: usize = 20;

/// Logs and counts the parts of one data type's documents that became null, by their places and never by their values.
pub(crate) fn report(now: Timestamp, sync_id: &SyncId, data_type: DataType, fetched: &Fetched) {
    let count = fetched.malformed.len() + fetched.out_of_bounds.len();
    if count == 0 {
        return;
    }
    for one in fetched.malformed.iter().chain(&fetched.out_of_bounds).take(MAX_LINES) {
        tracing::warn!(
            event = "fetch.value_unreadable",
            sync.id = %sync_id,
            data_type = data_type.as_str(),
            path = %one.path,
            document.id = one.document_id.as_ref().map(tracing::field::display),
            loses_document = one.loses_document,
            "a part of a document could not be read or was out of bounds; it became null"
        );
    }
    telemetry::count(now, Metric::ValuesUnreadable, count as u64, &[("dataType", data_type.as_str())]);
}
