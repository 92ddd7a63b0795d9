//! Reports of parts of Oura's documents that could not be read or stored.

use jiff::Timestamp;
use shared::domain::{DataType, SyncId};
use shared::oura::model::Malformed;
use shared::telemetry::{self, Metric};

/// Log lines of one data type and sync. The metric counts all parts.
const MAX_LINES: usize = 20;

/// Logs and counts unreadable parts of one data type's documents, by their places and never by their values.
pub(crate) fn report(now: Timestamp, sync_id: &SyncId, data_type: DataType, malformed: &[Malformed]) {
    if malformed.is_empty() {
        return;
    }
    for one in malformed.iter().take(MAX_LINES) {
        tracing::warn!(
            event = "fetch.value_unreadable",
            sync.id = %sync_id,
            data_type = data_type.as_str(),
            path = %one.path,
            document.id = one.document_id.as_ref().map(tracing::field::display),
            loses_document = one.loses_document,
            "a part of a document could not be read and is null"
        );
    }
    telemetry::count(now, Metric::ValuesUnreadable, malformed.len() as u64, &[("dataType", data_type.as_str())]);
}
