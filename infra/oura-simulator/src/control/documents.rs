//! Somebody's documents: put, deleted, edited.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::collection::{Collection, Shape};
use crate::generate::Doc;
use crate::generate::time::plus;
use crate::stamp::stamp;
use crate::state::Override;
use crate::webhooks::{DocumentChange, EventType, compare};

use super::{Control, ControlError};

/// A document that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangedDocument {
    /// The collection's path.
    pub collection: String,
    /// The document's id.
    pub id: String,
    /// What happened to it.
    pub event: EventType,
}

impl From<DocumentChange> for ChangedDocument {
    fn from(DocumentChange { collection, id, event }: DocumentChange) -> Self {
        Self { collection: collection.path().to_owned(), id, event }
    }
}

/// A document to put in the place of what the cloud would answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PutDocument {
    /// The collection's path.
    pub collection: String,
    /// The document, served as it is: it need not have Oura's shape.
    pub document: Value,
    /// The day by which ranges find it, when the document itself does not tell.
    pub day: Option<Date>,
}

impl Control {
    /// Puts a document in the place of the one with its `id`, or beside all others, and announces it: also when it is
    /// the same as before. It is visible at once, whether or not the ring has synced.
    ///
    /// # Errors
    /// [`ControlError`] when the person or the collection is unknown, or no day can be told.
    pub fn put_document(&self, key: &str, put: PutDocument) -> Result<ChangedDocument, ControlError> {
        let (person, who) = self.known(key)?;
        let collection = documents_of(&put.collection)?;
        let at = put.day.map(|day| day.at(12, 0, 0, 0));
        let stamp = stamp(collection, &put.document).or(at).ok_or(ControlError::NoDay)?;
        let id = put.document.get("id").and_then(Value::as_str).map_or_else(
            || uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, put.document.to_string().as_bytes()).to_string(),
            str::to_owned,
        );
        let json = put.document.to_string().into();
        let change = self.0.put(person, Doc { collection, id, stamp, known: self.0.now(), json });
        self.0.announce(person, &who, std::slice::from_ref(&change));
        Ok(change.into())
    }

    /// Deletes a document, as if the person had deleted it in the app, and announces that.
    ///
    /// # Errors
    /// [`ControlError`] when there is no such document.
    pub fn delete_document(&self, key: &str, collection: &str, id: &str) -> Result<ChangedDocument, ControlError> {
        let (person, who) = self.known(key)?;
        let collection = documents_of(collection)?;
        self.0.document(person, collection, id).ok_or(ControlError::UnknownDocument)?;
        self.0.switch(person, |state| state.overrides.insert((collection, id.to_owned()), Override::Deleted));
        let change = DocumentChange { collection, id: id.to_owned(), event: EventType::Delete };
        self.0.announce(person, &who, std::slice::from_ref(&change));
        Ok(change.into())
    }

    /// The person corrects a night later: its sleep, daily sleep and readiness change, and what shows their scores
    /// (naps); their ids stay. All that changed is announced.
    ///
    /// # Errors
    /// [`ControlError::UnknownPerson`]; [`ControlError::UnknownDocument`] when there is no such night (yet).
    pub fn edit_night(&self, key: &str, day: Date) -> Result<Vec<ChangedDocument>, ControlError> {
        let (person, who) = self.known(key)?;
        let mut edited = self.0.data.touched_by_edit(&who, day);
        edited.retain(|(collection, id)| self.0.document(person, *collection, id).is_some());
        if edited.is_empty() {
            return Err(ControlError::UnknownDocument);
        }
        let (days, seen) = ((plus(day, -1), plus(day, 1)), self.0.seen(person));
        let before = self.0.documents_of_days(person, days, seen);
        self.0.switch(person, |state| {
            *state.edits.entry(day).or_default() += 1;
            for key in &edited {
                state.overrides.remove(key);
            }
        });
        let changes = compare(&before, &self.0.documents_of_days(person, days, seen));
        self.0.announce(person, &who, &changes);
        Ok(changes.into_iter().map(ChangedDocument::from).collect())
    }
}

fn documents_of(path: &str) -> Result<Collection, ControlError> {
    let collection = Collection::of_path(path).ok_or(ControlError::UnknownCollection)?;
    if collection.shape() == Shape::Series { Err(ControlError::NoDocuments) } else { Ok(collection) }
}
