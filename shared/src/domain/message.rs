//! What travels in the queues: ids and dates, never a token or a measured value.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{DayRange, InvalidRange, PatientId, SyncId, Trigger};

/// A request to sync one patient.
#[derive(Debug, Clone, PartialEq)]
pub struct SyncMessage {
    /// Whom.
    pub patient_id: PatientId,
    /// Which request: made once by whoever asks, kept through every redelivery.
    pub sync_id: SyncId,
    /// What caused it.
    pub trigger: Trigger,
    /// Which days.
    pub range: DayRange,
    /// When it was asked for.
    pub requested_at: Timestamp,
}

/// Why a message body is none. It will not become one by waiting.
#[derive(Debug, thiserror::Error)]
pub enum InvalidMessage {
    /// Not JSON, or another shape. Only the place is kept: serde's own text quotes what it found.
    #[error("not a sync message of version 1 (line {line}, column {column})")]
    Shape {
        /// Line of the body, from 1; 0 when unknown.
        line: usize,
        /// Column of the line, from 1.
        column: usize,
    },
    /// The range is none.
    #[error("not a sync message: {0}")]
    Range(#[from] InvalidRange),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    version: Version,
    source: Source,
    patient_id: PatientId,
    sync_id: SyncId,
    trigger: Trigger,
    from: super::Day,
    to: super::Day,
    requested_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
enum Source {
    #[serde(rename = "oura")]
    Oura,
}

#[derive(Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
struct Version;

impl TryFrom<u8> for Version {
    type Error = &'static str;
    fn try_from(version: u8) -> Result<Self, Self::Error> {
        if version == 1 { Ok(Self) } else { Err("unknown version") }
    }
}

impl From<Version> for u8 {
    fn from(_: Version) -> Self {
        1
    }
}

impl Clone for Version {
    fn clone(&self) -> Self {
        Self
    }
}

impl SyncMessage {
    /// Parses a message body.
    ///
    /// # Errors
    /// [`InvalidMessage`] when it is not JSON of this version's shape.
    pub fn parse(body: &str) -> Result<Self, InvalidMessage> {
        let wire: Wire = serde_json::from_str(body)
            .map_err(|error| InvalidMessage::Shape { line: error.line(), column: error.column() })?;
        Ok(Self {
            patient_id: wire.patient_id,
            sync_id: wire.sync_id,
            trigger: wire.trigger,
            range: DayRange::new(wire.from, wire.to)?,
            requested_at: wire.requested_at,
        })
    }

    /// The message body.
    #[must_use]
    pub fn to_body(&self) -> String {
        let wire = Wire {
            version: Version,
            source: Source::Oura,
            patient_id: self.patient_id.clone(),
            sync_id: self.sync_id.clone(),
            trigger: self.trigger,
            from: self.range.first(),
            to: self.range.last(),
            requested_at: self.requested_at,
        };
        // Plain strings and numbers: nothing in it can fail to serialize.
        serde_json::to_string(&wire).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_survives_the_queue_and_strangers_are_refused() {
        let message = SyncMessage {
            patient_id: PatientId::parse("patient-1").unwrap(),
            sync_id: SyncId::parse("s-1").unwrap(),
            trigger: Trigger::Backfill,
            range: DayRange::new("2026-01-01".parse().unwrap(), "2026-01-30".parse().unwrap()).unwrap(),
            requested_at: "2026-01-30T10:00:00Z".parse().unwrap(),
        };
        let body = message.to_body();
        assert_eq!(SyncMessage::parse(&body).unwrap(), message);
        for bad in
            ["", "{}", "null", &body.replace("\"version\":1", "\"version\":2"), &body.replace("2026-01-30\"", "x\"")]
        {
            assert!(SyncMessage::parse(bad).is_err(), "{bad}");
        }
        let odd = SyncMessage::parse(&body.replace("\"version\":1", "\"s3cret\":1")).unwrap_err();
        assert!(!odd.to_string().contains("s3cret"), "{odd}");
        let reversed = body.replace("\"from\":\"2026-01-01\"", "\"from\":\"2026-02-01\"");
        assert!(matches!(SyncMessage::parse(&reversed), Err(InvalidMessage::Range(_))));
    }
}
