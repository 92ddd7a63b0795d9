//! A day's records by data type.

use crate::domain::DocumentId;

/// Metrics of a record, in the form of its data type.
pub(super) struct Normalized<'a, T> {
    pub document_id: &'a DocumentId,
    pub metrics: &'a T,
}

/// The records of one data type, in their order.
macro_rules! records_of {
    ($records:expr, $data_type:ident) => {
        $records.iter().filter_map(|record| match &record.metrics {
            Some($crate::domain::RecordMetrics::$data_type(metrics)) => {
                Some($crate::normalize::day_records::Normalized {
                    document_id: &record.document_id,
                    metrics: &**metrics,
                })
            }
            _ => None,
        })
    };
}
pub(super) use records_of;
