//! Changes of a person's documents by edits.

use serde_json::Value;

use crate::collection::Collection;
use crate::document::Document;
use crate::edits::edit::{Edit, edited};
use crate::edits::selection::{Selection, id_of};
use crate::range_key::range_key;
use crate::time::plus;

use super::changes::{DocumentChange, compare};
use super::person_state::Override;
use super::state::Cloud;

/// Days by which the range key of a document can differ from its day.
const SLACK_DAYS: i64 = 3;

impl Cloud {
    /// Edits the selected documents of a person that are visible now, and returns the changes. The results no longer
    /// follow from the generator.
    pub(crate) fn edit_documents(
        &self,
        person: usize,
        collection: Collection,
        selection: &Selection,
        edits: &[Edit],
    ) -> Vec<DocumentChange> {
        let (oldest, newest) = self.horizon();
        let first = selection.from.map_or(oldest, |from| plus(from, -SLACK_DAYS));
        let last = selection.to.map_or(newest, |to| plus(to, SLACK_DAYS));
        let found = self.documents(person, collection, (first.at(0, 0, 0, 0), last.at(23, 59, 59, 0)));
        let mut changes = Vec::new();
        for (position, before) in found.into_iter().enumerate() {
            let value: Value = serde_json::from_str(&before.json).unwrap_or_default();
            if !selection.contains(position, &value) {
                continue;
            }
            let after: Vec<Document> = edited(value, edits).iter().map(|value| replaced(&before, value)).collect();
            changes.extend(compare(std::slice::from_ref(&before), &after));
            self.switch(person, |state| {
                state.overrides.insert((collection, before.id), Override::Deleted);
                for document in after {
                    state.overrides.insert((collection, document.id.clone()), Override::Put(document));
                }
            });
        }
        changes
    }
}

/// A document with other contents.
fn replaced(before: &Document, value: &Value) -> Document {
    Document {
        id: id_of(value).unwrap_or_else(|| before.id.clone()),
        range_key: range_key(before.collection, value).unwrap_or(before.range_key),
        json: value.to_string().into(),
        ..before.clone()
    }
}
