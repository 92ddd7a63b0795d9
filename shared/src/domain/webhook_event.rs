//! Webhook events of Oura: a document of one user was created, updated or deleted. Ids only.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use super::{DataType, DocumentId, OuraUserId, RawEventType};

/// A verified webhook event in the live queue. Event type and data type are as Oura wrote them; the worker interprets them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WebhookEvent {
    /// Oura user.
    pub user: OuraUserId,
    /// Change: `create`, `update`, `delete` or a newer word.
    pub event_type: RawEventType,
    /// Collection, such as `daily_sleep`; Oura may add others.
    pub data_type: RawEventType,
    /// Document.
    pub document_id: DocumentId,
    /// Time of the change by Oura's clock; none if it is absent or unreadable.
    pub event_time: Option<Timestamp>,
    /// Arrival of the webhook event.
    pub received_at: Timestamp,
}

/// Change of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WebhookEventType {
    /// Created.
    Create,
    /// Updated.
    Update,
    /// Deleted; it can no longer be fetched.
    Delete,
}

impl WebhookEventType {
    /// Every event type of Oura's webhooks (OpenAPI 1.43).
    pub const ALL: [Self; 3] = [Self::Create, Self::Update, Self::Delete];

    /// Oura's word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    /// Meaning of Oura's word; `None` for an unknown word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == word)
    }
}

impl WebhookEvent {
    /// Best known time of the change: by Oura's clock, or else the arrival of the webhook event.
    #[must_use]
    pub fn happened_at(&self) -> Timestamp {
        self.event_time.unwrap_or(self.received_at)
    }
}

/// A webhook event about one document, with its words understood. Two events with the same content are equal, however
/// often and whenever they arrive. As text (in the inbox): `<data type> <event> <time> <document id>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentEvent {
    /// The collection.
    pub data_type: DataType,
    /// Change.
    pub event: WebhookEventType,
    /// Time, see [`WebhookEvent::happened_at`].
    pub happened_at: Timestamp,
    /// Document.
    pub document_id: DocumentId,
}

/// A text that is no document event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a document event")]
pub struct InvalidDocumentEvent;

impl WebhookEvent {
    /// Returns the event of the named document; `None` if its event type or data type is unknown, or the data type is a time
    /// series, which has no documents.
    #[must_use]
    pub fn document_event(&self) -> Option<DocumentEvent> {
        Some(DocumentEvent {
            data_type: self.data_type.as_str().parse().ok().filter(|data_type: &DataType| data_type.has_documents())?,
            event: WebhookEventType::of_word(self.event_type.as_str())?,
            happened_at: self.happened_at(),
            document_id: self.document_id.clone(),
        })
    }
}

impl fmt::Display for DocumentEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.data_type, self.event.as_str(), self.happened_at, self.document_id)
    }
}

impl FromStr for DocumentEvent {
    type Err = InvalidDocumentEvent;

    fn from_str(text: &str) -> Result<Self, InvalidDocumentEvent> {
        let mut words = text.splitn(4, ' ');
        let mut next = || words.next().ok_or(InvalidDocumentEvent);
        let invalid = InvalidDocumentEvent;
        Ok(Self {
            data_type: next()?.parse().ok().ok_or(invalid)?,
            event: WebhookEventType::of_word(next()?).ok_or(invalid)?,
            happened_at: next()?.parse().ok().ok_or(invalid)?,
            document_id: next()?.parse().ok().ok_or(invalid)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook_event(event_type: &str, data_type: &str) -> WebhookEvent {
        WebhookEvent {
            user: "ring-1".parse().unwrap(),
            event_type: event_type.parse().unwrap(),
            data_type: data_type.parse().unwrap(),
            document_id: "d-1".parse().unwrap(),
            event_time: Some("2026-03-01T08:00:00.5Z".parse().unwrap()),
            received_at: "2026-03-01T08:00:30Z".parse().unwrap(),
        }
    }

    #[test]
    fn document_event_is_read_back_from_text_and_does_not_depend_on_its_arrival() {
        let first = webhook_event("update", "vo2_max");
        let repeated = WebhookEvent { received_at: "2026-03-01T08:50:00Z".parse().unwrap(), ..first.clone() };
        let said = first.document_event().unwrap();
        assert_eq!(repeated.document_event().as_ref(), Some(&said));
        assert_eq!(said.to_string().parse(), Ok(said));
        for bad in
            ["", "sleep", "sleep update x d", "sleep update 2026-03-01T08:00:00Z", "nap update 2026-03-01T08:00:00Z d"]
        {
            assert_eq!(bad.parse::<DocumentEvent>(), Err(InvalidDocumentEvent), "{bad}");
        }
    }

    #[test]
    fn webhook_event_of_unknown_words_is_no_document_event() {
        assert_eq!(webhook_event("merge", "sleep").document_event(), None);
        assert_eq!(webhook_event("update", "meal").document_event(), None);
        assert_eq!(webhook_event("update", "heartrate").document_event(), None);
    }
}
