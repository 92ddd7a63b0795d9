//! The terms of this project: patients, grants, days, records, connections, metrics and events.
//! Nothing here performs I/O or knows where it runs.

mod absence;
mod baselines;
mod clock;
mod command;
mod connection;
mod consent;
mod data_type;
mod day;
mod event;
mod fetch_failure;
mod ids;
mod json;
mod message;
mod message_format;
pub mod metrics;
mod moment;
mod nightly_run;
mod number;
mod profile;
mod reason_code;
mod record;
mod record_key;
mod scope;
mod stored_size;
mod webhook_event;

pub use absence::{Absence, Evidence};
pub use baselines::{Baseline, Baselines, Before, Confidence, DayBaselines, LONGEST_WINDOW, Windows, baselines};
pub use clock::{Clock, Entropy};
pub use command::{Command, CommandKind};
pub use connection::{
    Backfill, BackfillState, Connection, ConnectionStatus, DataTypeProgress, FetchState, Lease, RefreshIntent,
    RefreshRefusals, Suspect,
};
pub use consent::{CONSENT_CONNECTED, Consent, ConsentEnd, Replaced, Revocation};
pub(crate) use data_type::with_data_types;
pub use data_type::{
    DataType, DataTypeFacts, Delivery, Expected, Frequency, MetricType, PerDay, RangeQuery, UnknownDataType,
    UnknownMetricType,
};
pub use day::{Day, DayRange, InvalidDay, InvalidRange};
pub use event::{DayUpdateReason, EventKind, PatientEvent, PurgeCounts};
pub use fetch_failure::FetchFailure;
pub use ids::{
    ConsentVersion, DocumentId, GrantId, InvalidId, OuraUserId, PatientId, RawEventType, RequestId, SyncId, Trigger,
    derived_uuid,
};
pub use json::{canonical, content_hash};
pub use message::{QueueMessage, SyncMessage};
pub use message_format::InvalidMessage;
pub use metrics::{CATALOGUE, DayMetrics, Metric, RecordMetrics};
pub use moment::{InvalidMoment, Moment};
pub use nightly_run::{NightlyOutcome, NightlyRun, catch_up_sync};
pub use number::Number;
pub use profile::{PersonalFacts, Profile};
pub use reason_code::ReasonCode;
pub use record::{DailyStats, Record, StoredRecord};
pub use record_key::{InvalidRecordKey, RecordKey};
pub use scope::{Scope, ScopeSet};
pub use stored_size::{MAX_METRICS_SIZE, stored_size};
pub use webhook_event::{DocumentEvent, InvalidDocumentEvent, WebhookEvent, WebhookEventType};

/// The only source of data that this project serves; a field of every record and event, so that a platform can hold
/// several vendors' data side by side.
pub const SOURCE: &str = "oura";
