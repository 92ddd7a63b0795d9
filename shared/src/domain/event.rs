//! Patient events on the platform's event bus. Ids, dates, names of fields and counts only: no measured value is ever in an
//! event. JSON Schemas: `infra/events/`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    DataType, Day, DayRange, FetchFailure, GrantId, MetricType, PatientId, ReasonCode, RequestId, Revocation, SOURCE,
    ScopeSet, SyncId, Trigger, derived_uuid,
};

/// Reason for a change of a day's stats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DayUpdateReason {
    /// The day had no stats before.
    New,
    /// Oura changed or added documents.
    Revised,
    /// Oura removed documents.
    Deleted,
}

/// Number of deleted items of each table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PurgeCounts {
    /// In `WearableData`, tombstones included.
    pub records: u64,
    /// In `DailyStats`.
    pub days: u64,
    /// In `Connections`.
    pub connection_items: u64,
    /// Those of them that are consents of the patient's history.
    pub consents: u64,
}

/// Kind of an event, with its fields.
#[derive(Debug, Clone, PartialEq)]
pub enum EventKind {
    /// A sync of one patient ended.
    Sync {
        /// Cause.
        trigger: Trigger,
        /// Id of the request.
        sync_id: SyncId,
        /// Days whose stats changed, oldest first.
        days: Vec<Day>,
        /// Metric types of the records that changed.
        metric_types: Vec<MetricType>,
        /// Records written or tombstoned.
        records_written: u64,
    },
    /// A patient connected a ring, or connected it again.
    Connected {
        /// The consent.
        grant_id: GrantId,
        /// Scopes that the patient granted.
        scopes_granted: ScopeSet,
        /// Scopes that were requested and not granted.
        scopes_missing: ScopeSet,
        /// True if the patient had been connected before.
        reconnected: bool,
        /// True if that was another Oura account.
        account_changed: bool,
    },
    /// A ring account was refused, because another patient has connected it.
    AccountConflict {
        /// The consent that was refused.
        grant_id: GrantId,
    },
    /// A connection ended, or the revocation of its consent at Oura did.
    Disconnected {
        /// The consent that ended.
        grant_id: GrantId,
        /// Reason.
        reason_code: ReasonCode,
        /// Progress of the consent's revocation at Oura; `None` if Oura ended it.
        revocation: Option<Revocation>,
    },
    /// The patient has to connect again; until then nothing more arrives.
    ReconnectRequired {
        /// The consent that ended.
        grant_id: GrantId,
        /// Reason.
        reason_code: ReasonCode,
    },
    /// The history after a connect has arrived, or is still incomplete a day later.
    BackfillCompleted {
        /// Id of the request.
        sync_id: SyncId,
        /// Requested days.
        range: DayRange,
        /// Days that have stats now.
        days_with_data: u64,
        /// True if every granted data type has arrived completely.
        complete: bool,
        /// The others, with the reason. They are requested by every later sync.
        failing: BTreeMap<DataType, FetchFailure>,
        /// True if the patient had been connected before and only the time since was fetched.
        reconnected: bool,
        /// In that case, the days whose stats are new or changed by it.
        days_repaired: u64,
    },
    /// All stored data of the patient is deleted.
    DataPurged {
        /// Id of the request.
        request_id: RequestId,
        /// Time of the request.
        requested_at: Timestamp,
        /// Time at which the last item was deleted.
        purged_at: Timestamp,
        /// Number of deleted items.
        counts: PurgeCounts,
    },
    /// One day's stats are new or changed.
    DayUpdated {
        /// The day.
        day: Day,
        /// The stats' revision after the change.
        revision: u64,
        /// `<metric type>.<key>` of every top-level metric that changed, sorted.
        changed_fields: Vec<String>,
        /// Reason.
        reason: DayUpdateReason,
    },
}

/// An event of one patient. Its id is derived from what happened, so that a consumer can drop repeats.
#[derive(Debug, Clone, PartialEq)]
pub struct PatientEvent {
    /// Deterministic (UUIDv5).
    pub event_id: Uuid,
    /// Patient.
    pub patient_id: PatientId,
    /// Time.
    pub occurred_at: Timestamp,
    /// Kind, with its fields.
    pub kind: EventKind,
}

impl PatientEvent {
    /// The event source on the bus.
    pub const BUS_SOURCE: &'static str = "wearables.oura";

    /// An event with the id that follows from its content.
    #[must_use]
    pub fn new(patient_id: PatientId, occurred_at: Timestamp, kind: EventKind) -> Self {
        let detail_type = kind.detail_type();
        let patient = patient_id.as_str();
        let event_id = match &kind {
            EventKind::BackfillCompleted { sync_id, complete: false, .. } => {
                derived_uuid(&[detail_type, patient, sync_id.as_str(), "incomplete"])
            }
            EventKind::Sync { sync_id, .. } | EventKind::BackfillCompleted { sync_id, .. } => {
                derived_uuid(&[detail_type, patient, sync_id.as_str()])
            }
            EventKind::Disconnected { grant_id, revocation: Some(revocation), .. }
                if *revocation != Revocation::Pending =>
            {
                derived_uuid(&[detail_type, patient, grant_id.as_str(), revocation.into()])
            }
            EventKind::Connected { grant_id, .. }
            | EventKind::AccountConflict { grant_id }
            | EventKind::Disconnected { grant_id, .. }
            | EventKind::ReconnectRequired { grant_id, .. } => derived_uuid(&[detail_type, patient, grant_id.as_str()]),
            EventKind::DataPurged { request_id, .. } => derived_uuid(&[detail_type, patient, request_id.as_str()]),
            EventKind::DayUpdated { day, revision, .. } => {
                derived_uuid(&[detail_type, patient, &day.to_string(), &revision.to_string()])
            }
        };
        Self { event_id, patient_id, occurred_at, kind }
    }

    /// The detail-type on the bus.
    #[must_use]
    pub fn detail_type(&self) -> &'static str {
        self.kind.detail_type()
    }

    /// Order among events of the same moment: a sync's days oldest first, then its end.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.kind {
            EventKind::Connected { .. } | EventKind::AccountConflict { .. } | EventKind::Disconnected { .. } => {
                "0".to_owned()
            }
            EventKind::ReconnectRequired { .. } => "1".to_owned(),
            EventKind::DayUpdated { day, .. } => format!("2-{day}"),
            EventKind::Sync { .. } => "3".to_owned(),
            EventKind::BackfillCompleted { .. } => "4".to_owned(),
            EventKind::DataPurged { .. } => "5".to_owned(),
        }
    }

    /// The detail, as `infra/events/` describes it.
    #[must_use]
    pub fn detail(&self) -> Value {
        let mut detail = Map::from_iter([
            ("version".to_owned(), json!(1)),
            ("eventId".to_owned(), json!(self.event_id)),
            ("patientId".to_owned(), json!(self.patient_id)),
            ("source".to_owned(), json!(SOURCE)),
            ("occurredAt".to_owned(), json!(self.occurred_at)),
        ]);
        if let Value::Object(own) = self.kind.fields() {
            detail.extend(own);
        }
        Value::Object(detail)
    }
}

impl EventKind {
    fn detail_type(&self) -> &'static str {
        match self {
            Self::Sync { .. } => "wearable_sync",
            Self::Connected { .. } => "wearable_connected",
            Self::AccountConflict { .. } => "wearable_account_conflict",
            Self::Disconnected { .. } => "wearable_disconnected",
            Self::ReconnectRequired { .. } => "wearable_reconnect_required",
            Self::BackfillCompleted { .. } => "wearable_backfill_completed",
            Self::DayUpdated { .. } => "wearable_day_updated",
            Self::DataPurged { .. } => "wearable_data_purged",
        }
    }

    fn fields(&self) -> Value {
        match self {
            Self::Sync { trigger, sync_id, days, metric_types, records_written } => json!({
                "trigger": trigger, "syncId": sync_id, "days": days, "metricTypes": metric_types,
                "recordsWritten": records_written,
            }),
            Self::Connected { grant_id, scopes_granted, scopes_missing, reconnected, account_changed } => json!({
                "grantId": grant_id, "scopesGranted": scopes_granted, "scopesMissing": scopes_missing,
                "reconnected": reconnected, "accountChanged": account_changed,
            }),
            Self::AccountConflict { grant_id } => json!({ "grantId": grant_id }),
            Self::Disconnected { grant_id, reason_code, revocation } => {
                json!({ "grantId": grant_id, "reasonCode": reason_code, "revocation": revocation })
            }
            Self::ReconnectRequired { grant_id, reason_code } => {
                json!({ "grantId": grant_id, "reasonCode": reason_code })
            }
            Self::BackfillCompleted {
                sync_id,
                range,
                days_with_data,
                complete,
                failing,
                reconnected,
                days_repaired,
            } => json!({
                "syncId": sync_id, "from": range.first(), "to": range.last(), "daysWithData": days_with_data,
                "complete": complete, "failing": failing, "reconnected": reconnected, "daysRepaired": days_repaired,
            }),
            Self::DataPurged { request_id, requested_at, purged_at, counts } => json!({
                "requestId": request_id, "requestedAt": requested_at, "purgedAt": purged_at,
                "counts": {
                    "records": counts.records, "days": counts.days, "connectionItems": counts.connection_items,
                    "consents": counts.consents,
                },
            }),
            Self::DayUpdated { day, revision, changed_fields, reason } => json!({
                "day": day, "revision": revision, "changedFields": changed_fields, "reason": reason,
            }),
        }
    }
}
