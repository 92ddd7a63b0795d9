//! Oura's notices: that a document of one user was created, changed or deleted. Ids only; the data has to be fetched.

use jiff::Timestamp;

use super::{DocumentId, NoticeWord, OuraUserId};

/// One notice, genuine and readable, as it travels in the live queue. Event and data types stay as Oura wrote them:
/// what they mean, and whether they mean anything here, is for the worker to say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Notice {
    /// Whose ring.
    pub user: OuraUserId,
    /// What happened: `create`, `update` or `delete`; Oura may come to know others.
    pub event_type: NoticeWord,
    /// The collection, such as `daily_sleep`; Oura may come to know others.
    pub data_type: NoticeWord,
    /// Which document.
    pub document_id: DocumentId,
    /// When it happened, by Oura's clock; absent when Oura gave none that can be read.
    pub event_time: Option<Timestamp>,
    /// When the notice arrived here.
    pub received_at: Timestamp,
}

/// What happened to a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeEvent {
    /// It is new.
    Create,
    /// It was changed.
    Update,
    /// It is gone and can no longer be fetched.
    Delete,
}

impl NoticeEvent {
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

    /// What Oura's word means; `None` for a word that is not known here.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == word)
    }
}

impl Notice {
    /// When the change happened, as well as it is known: by Oura's clock, or else when the notice arrived.
    #[must_use]
    pub fn happened_at(&self) -> Timestamp {
        self.event_time.unwrap_or(self.received_at)
    }
}
