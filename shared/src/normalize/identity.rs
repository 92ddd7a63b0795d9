//! What a document is recognized by, beside the id that Oura gives it.

use jiff::Timestamp;

use crate::domain::{
    DataType, Day, DocumentId, Moment, OuraUserId, PatientId, PerDay, Record, RecordMetrics, derived_uuid,
};

/// Types of sleep periods that Oura does not count as sleep: none of them takes the place of a night.
const NO_SLEEP: [&str; 2] = ["deleted", "rest"];

/// A patient's Oura account.
#[derive(Debug, Clone, Copy)]
pub struct OuraAccount<'a> {
    /// The patient.
    pub patient: &'a PatientId,
    /// Id of the account.
    pub user_id: &'a OuraUserId,
}

/// Properties that two documents of an account share if one replaces the other.
pub type Identity<'r> = (DataType, Option<Timestamp>, Option<&'r str>);

/// Returns the document's identity; `None` if it replaces no other. Of data types that have one document a day, the day
/// alone decides, otherwise the start and the kind.
#[must_use]
pub fn identity(record: &Record) -> Option<Identity<'_>> {
    if record.data_type.facts().per_day == PerDay::One {
        return Some((record.data_type, None, None));
    }
    let metrics = record.metrics.as_ref()?;
    if let RecordMetrics::Sleep(of) = metrics
        && of.measures.r#type.as_deref().is_some_and(|of| NO_SLEEP.contains(&of))
    {
        return None;
    }
    let (start, kind) = start_and_kind(metrics);
    Some((record.data_type, Some(start?.instant_in_utc()), kind))
}

/// Returns the id of the record's document if Oura gives it none. It follows from the account, the data type, the day, the start
/// and the kind.
#[must_use]
pub fn derived_document_id(account: OuraAccount<'_>, record: &Record) -> DocumentId {
    derived_id(account, record.data_type, record.day, record.metrics.as_ref())
}

/// True if Oura gave the document no id, so that it cannot be requested by id.
#[must_use]
pub fn has_derived_id(account: OuraAccount<'_>, record: &Record) -> bool {
    record.document_id == derived_document_id(account, record)
}

pub(super) fn derived_id(
    account: OuraAccount<'_>,
    data_type: DataType,
    day: Day,
    metrics: Option<&RecordMetrics>,
) -> DocumentId {
    let day = day.to_string();
    let mut parts = vec![data_type.as_str(), account.patient.as_str(), account.user_id.as_str(), &day];
    let (start, kind) = metrics.map(start_and_kind).unwrap_or_default();
    parts.extend(start.map(Moment::text));
    parts.extend(kind);
    #[expect(clippy::expect_used, reason = "a UUID is a valid id: 36 printable ASCII characters")]
    DocumentId::parse(derived_uuid(&parts).to_string()).expect("a UUID is a document id")
}

fn start_and_kind(metrics: &RecordMetrics) -> (Option<&Moment>, Option<&str>) {
    match metrics {
        RecordMetrics::Sleep(of) => (of.measures.bedtime_start.as_ref(), None),
        RecordMetrics::Workout(of) => (of.start.as_ref(), of.r#type.as_deref()),
        RecordMetrics::Session(of) => (of.summary.start.as_ref(), of.summary.r#type.as_deref()),
        RecordMetrics::Tag(of) | RecordMetrics::EnhancedTag(of) => {
            (of.start.as_ref(), of.codes.first().map(String::as_str))
        }
        RecordMetrics::RestModePeriod(of) => (of.period.start.as_ref(), None),
        RecordMetrics::RingConfiguration(of) => (of.set_up_at.as_ref(), None),
        _ => (None, None),
    }
}
