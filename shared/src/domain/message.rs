//! Messages of the queues: ids and dates, never a token or a measured value.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::message_format::{InvalidMessage, Source, Version};
use super::{Command, Day, DayRange, DocumentId, OuraUserId, PatientId, RawEventType, SyncId, Trigger, WebhookEvent};

/// A message of the live or the nightly queue.
#[derive(Debug, Clone, PartialEq)]
pub enum QueueMessage {
    /// Sync of a patient.
    Sync(SyncMessage),
    /// Webhook event of Oura.
    WebhookEvent(WebhookEvent),
    /// Request of a patient that takes longer than an HTTP request.
    Command(Command),
}

/// A request to sync one patient.
#[derive(Debug, Clone, PartialEq)]
pub struct SyncMessage {
    /// Patient.
    pub patient_id: PatientId,
    /// Id of the sync: made once by the requester, kept through every redelivery.
    pub sync_id: SyncId,
    /// Cause.
    pub trigger: Trigger,
    /// Days.
    pub range: DayRange,
    /// Time of the request.
    pub requested_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SyncWire {
    version: Version,
    source: Source,
    patient_id: PatientId,
    sync_id: SyncId,
    trigger: Trigger,
    from: Day,
    to: Day,
    requested_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WebhookEventWire {
    version: Version,
    source: Source,
    oura_user_id: OuraUserId,
    event_type: RawEventType,
    data_type: RawEventType,
    document_id: DocumentId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event_time: Option<Timestamp>,
    received_at: Timestamp,
}

/// Fields that distinguish the three: only a webhook event has an Oura user, only a command has an action.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Peek {
    oura_user_id: Option<serde::de::IgnoredAny>,
    command: Option<serde::de::IgnoredAny>,
}

impl QueueMessage {
    /// Parses a message body.
    ///
    /// # Errors
    /// [`InvalidMessage`] when it is not JSON of this version's shapes.
    pub fn parse(body: &str) -> Result<Self, InvalidMessage> {
        let peek: Peek = serde_json::from_str(body)?;
        if peek.command.is_some() {
            Command::parse(body).map(Self::Command)
        } else if peek.oura_user_id.is_some() {
            WebhookEvent::parse(body).map(Self::WebhookEvent)
        } else {
            SyncMessage::parse(body).map(Self::Sync)
        }
    }

    /// The message body.
    #[must_use]
    pub fn to_body(&self) -> String {
        match self {
            Self::Sync(sync) => sync.to_body(),
            Self::WebhookEvent(event) => event.to_body(),
            Self::Command(command) => command.to_body(),
        }
    }
}

impl From<SyncMessage> for QueueMessage {
    fn from(sync: SyncMessage) -> Self {
        Self::Sync(sync)
    }
}

impl From<WebhookEvent> for QueueMessage {
    fn from(event: WebhookEvent) -> Self {
        Self::WebhookEvent(event)
    }
}

impl From<Command> for QueueMessage {
    fn from(command: Command) -> Self {
        Self::Command(command)
    }
}

impl SyncMessage {
    /// Parses a message body.
    ///
    /// # Errors
    /// [`InvalidMessage`] when it is not JSON of this version's shape.
    pub fn parse(body: &str) -> Result<Self, InvalidMessage> {
        let wire: SyncWire = serde_json::from_str(body)?;
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
        let wire = SyncWire {
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

impl WebhookEvent {
    fn parse(body: &str) -> Result<Self, InvalidMessage> {
        let wire: WebhookEventWire = serde_json::from_str(body)?;
        Ok(Self {
            user: wire.oura_user_id,
            event_type: wire.event_type,
            data_type: wire.data_type,
            document_id: wire.document_id,
            event_time: wire.event_time,
            received_at: wire.received_at,
        })
    }

    /// The message body.
    #[must_use]
    pub fn to_body(&self) -> String {
        let wire = WebhookEventWire {
            version: Version,
            source: Source::Oura,
            oura_user_id: self.user.clone(),
            event_type: self.event_type.clone(),
            data_type: self.data_type.clone(),
            document_id: self.document_id.clone(),
            event_time: self.event_time,
            received_at: self.received_at,
        };
        serde_json::to_string(&wire).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sync_message_is_read_back_and_other_bodies_are_refused() {
        let message = SyncMessage {
            patient_id: PatientId::parse("patient-1").unwrap(),
            sync_id: SyncId::parse("s-1").unwrap(),
            trigger: Trigger::Backfill,
            range: DayRange::new("2026-01-01".parse().unwrap(), "2026-01-30".parse().unwrap()).unwrap(),
            requested_at: "2026-01-30T10:00:00Z".parse().unwrap(),
        };
        let body = message.to_body();
        assert_eq!(QueueMessage::parse(&body).unwrap(), QueueMessage::Sync(message));
        for bad in
            ["", "{}", "null", &body.replace("\"version\":1", "\"version\":2"), &body.replace("2026-01-30\"", "x\"")]
        {
            assert!(QueueMessage::parse(bad).is_err(), "{bad}");
        }
        let odd = QueueMessage::parse(&body.replace("\"version\":1", "\"s3cret\":1")).unwrap_err();
        assert!(!odd.to_string().contains("s3cret"), "{odd}");
        let reversed = body.replace("\"from\":\"2026-01-01\"", "\"from\":\"2026-02-01\"");
        assert!(matches!(QueueMessage::parse(&reversed), Err(InvalidMessage::Range(_))));
    }

    #[test]
    fn webhook_event_is_read_back_with_and_without_its_time() {
        let event = WebhookEvent {
            user: OuraUserId::parse("ring-1").unwrap(),
            event_type: RawEventType::parse("update").unwrap(),
            data_type: RawEventType::parse("meal").unwrap(),
            document_id: DocumentId::parse("d-1").unwrap(),
            event_time: Some("2026-01-30T10:00:00.25Z".parse().unwrap()),
            received_at: "2026-01-30T10:00:30Z".parse().unwrap(),
        };
        for event in [WebhookEvent { event_time: None, ..event.clone() }, event] {
            assert_eq!(QueueMessage::parse(&event.to_body()).unwrap(), QueueMessage::WebhookEvent(event));
        }
        assert!(QueueMessage::parse(r#"{"ouraUserId":"ring-1"}"#).is_err());
    }
}
