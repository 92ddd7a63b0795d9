//! Changes of documents, and their webhook events.

use std::collections::{HashMap, HashSet};

use jiff::civil::{Date, DateTime};

use crate::collection::Collection;
use crate::document::Document;
use crate::lock::lock;
use crate::people::Character;
use crate::webhooks::event::{EventType, Recipients, WebhookEvent};

use super::person_state::Override;
use super::state::Cloud;

/// A document that was created, updated or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DocumentChange {
    pub(crate) collection: Collection,
    pub(crate) id: String,
    pub(crate) event: EventType,
}

/// The difference of two states: created and updated documents in their order, then deleted ones.
pub(crate) fn compare(before: &[Document], after: &[Document]) -> Vec<DocumentChange> {
    let key = |document: &Document| (document.collection, document.id.clone());
    let old: HashMap<_, _> = before.iter().map(|document| (key(document), &document.json)).collect();
    let kept: HashSet<_> = after.iter().map(key).collect();
    let change =
        |document: &Document, event| DocumentChange { collection: document.collection, id: document.id.clone(), event };
    let new = after.iter().filter_map(|document| match old.get(&key(document)) {
        None => Some(change(document, EventType::Create)),
        Some(json) if **json != document.json => Some(change(document, EventType::Update)),
        Some(_) => None,
    });
    let deleted = before.iter().filter(|document| !kept.contains(&key(document)));
    new.chain(deleted.map(|document| change(document, EventType::Delete))).collect()
}

impl Cloud {
    /// The documents of some days in all collections with webhooks, as they were visible at a moment.
    pub(crate) fn documents_of_days(&self, person: usize, (first, last): (Date, Date), at: i64) -> Vec<Document> {
        let range: (DateTime, DateTime) = (first.at(0, 0, 0, 0), last.at(23, 59, 59, 0));
        let with_webhooks = Collection::all().filter(|collection| collection.webhook_name().is_some());
        with_webhooks.flat_map(|collection| self.documents_at(person, collection, range, at)).collect()
    }

    /// Puts a document into a person's data: an update if its id exists, otherwise a creation.
    pub(crate) fn put(&self, person: usize, document: Document) -> DocumentChange {
        let (collection, id) = (document.collection, document.id.clone());
        let existed = self.document(person, collection, &id).is_some();
        self.switch(person, |state| state.overrides.insert((collection, id.clone()), Override::Put(document)));
        DocumentChange { collection, id, event: if existed { EventType::Update } else { EventType::Create } }
    }

    /// Queues the webhook events of changes, within the scopes that the person granted.
    pub(crate) fn announce(&self, person: usize, character: &Character, changes: &[DocumentChange]) {
        if self.read(person, |state| state.silent) {
            return;
        }
        for change in changes {
            let Some(name) = change.collection.webhook_name() else { continue };
            if lock(&self.tokens).covers(person, change.collection.scope()) {
                let event = WebhookEvent {
                    event_type: <&str>::from(change.event).to_owned(),
                    data_type: name.to_owned(),
                    object_id: change.id.clone(),
                    user_id: character.user_id(),
                };
                self.queue_event(&event, Recipients::Subscribers);
            }
        }
    }
}
