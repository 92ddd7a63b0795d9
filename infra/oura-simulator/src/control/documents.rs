//! Documents of a person: put, deleted, edited.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cloud::changes::{DocumentChange, compare};
use crate::cloud::person_state::Override;
use crate::collection::{Collection, Shape};
use crate::document::Document;
use crate::range_key::{RangeKey, range_key};
use crate::time::plus;
use crate::webhooks::event::EventType;

use super::error::ControlError;
use super::handle::Control;

/// A document that was created, updated or deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangedDocument {
    /// Path of the collection.
    pub collection: String,
    pub id: String,
    pub event: EventType,
}

impl From<DocumentChange> for ChangedDocument {
    fn from(DocumentChange { collection, id, event }: DocumentChange) -> Self {
        Self { collection: collection.path().to_owned(), id, event }
    }
}

/// A document that replaces a generated one, or is added.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PutDocument {
    /// Path of the collection.
    pub collection: String,
    /// The document, served unchanged: it need not have Oura's shape.
    pub document: Value,
    /// Day by which ranges find it, if the document itself has none.
    pub day: Option<Date>,
}

impl Control {
    /// Replaces the document of the same `id`, or adds one, and queues its webhook event, even if nothing changed. The
    /// document is visible at once, also if the ring has not synced.
    ///
    /// # Errors
    /// [`ControlError`] if the person or the collection is unknown, or there is no day.
    pub fn put_document(&self, key: &str, put: PutDocument) -> Result<ChangedDocument, ControlError> {
        let (person, character) = self.known(key)?;
        let collection = documents_of(&put.collection)?;
        let at = put.day.map(|day| RangeKey::at(day.at(12, 0, 0, 0)));
        let range_key = range_key(collection, &put.document).or(at).ok_or(ControlError::NoDay)?;
        let id = put.document.get("id").and_then(Value::as_str).map_or_else(
            || uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, put.document.to_string().as_bytes()).to_string(),
            str::to_owned,
        );
        let json = put.document.to_string().into();
        let change = self.0.put(person, Document { collection, id, range_key, available_from: self.0.now(), json });
        self.0.announce(person, &character, std::slice::from_ref(&change));
        Ok(change.into())
    }

    /// Deletes a document, as the person can in the app, and queues its webhook event.
    ///
    /// # Errors
    /// [`ControlError`] if there is no such document.
    pub fn delete_document(&self, key: &str, collection: &str, id: &str) -> Result<ChangedDocument, ControlError> {
        let (person, character) = self.known(key)?;
        let collection = documents_of(collection)?;
        self.0.document(person, collection, id).ok_or(ControlError::UnknownDocument)?;
        self.0.switch(person, |state| state.overrides.insert((collection, id.to_owned()), Override::Deleted));
        let change = DocumentChange { collection, id: id.to_owned(), event: EventType::Delete };
        self.0.announce(person, &character, std::slice::from_ref(&change));
        Ok(change.into())
    }

    /// Edits a night as the person can in the app: its sleep, daily sleep and readiness change, and the naps that show
    /// their scores. The ids stay. All changes get webhook events.
    ///
    /// # Errors
    /// [`ControlError::UnknownPerson`]; [`ControlError::UnknownDocument`] if there is no such night (yet).
    pub fn edit_night(&self, key: &str, day: Date) -> Result<Vec<ChangedDocument>, ControlError> {
        let (person, character) = self.known(key)?;
        let mut edited = self.0.data.changed_by_edit(&character, day);
        edited.retain(|(collection, id)| self.0.document(person, *collection, id).is_some());
        if edited.is_empty() {
            return Err(ControlError::UnknownDocument);
        }
        let (days, until) = ((plus(day, -1), plus(day, 1)), self.0.visible_until(person));
        let before = self.0.documents_of_days(person, days, until);
        self.0.switch(person, |state| {
            *state.edits.entry(day).or_default() += 1;
            for key in &edited {
                state.overrides.remove(key);
            }
        });
        let changes = compare(&before, &self.0.documents_of_days(person, days, until));
        self.0.announce(person, &character, &changes);
        Ok(changes.into_iter().map(ChangedDocument::from).collect())
    }
}

fn documents_of(path: &str) -> Result<Collection, ControlError> {
    let collection = Collection::of_path(path).ok_or(ControlError::UnknownCollection)?;
    if collection.shape() == Shape::Series { Err(ControlError::NoDocuments) } else { Ok(collection) }
}
