//! Edits of a document or a row.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::selection::{Selection, id_of};
use super::shift::move_days;
use super::split::split;

/// An edit of a document or a row. Pointers are JSON pointers (RFC 6901), such as `/contributors/steps`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Edit {
    /// Sets a field to any value. The pointer `""` replaces the whole document.
    Set { pointer: String, value: Value },
    /// Removes a field.
    Remove { pointer: String },
    /// Sets a field to a text of this many bytes.
    Text { pointer: String, bytes: usize },
    /// Appends a text to the id.
    IdSuffix(String),
    /// Moves all days and times of the document by some days.
    MoveDays(i64),
    /// Adds copies of the document with ids of their own.
    Copies(usize),
    /// Replaces a night by periods with these seconds asleep.
    Split(Vec<i64>),
    /// Removes the document.
    Omit,
}

impl Edit {
    /// An edit that sets a field.
    #[must_use]
    pub fn set(pointer: &str, value: Value) -> Self {
        Self::Set { pointer: pointer.to_owned(), value }
    }

    fn apply(&self, mut document: Value) -> Vec<Value> {
        match self {
            Self::Set { pointer, value } => set(&mut document, pointer, value.clone()),
            Self::Text { pointer, bytes } => set(&mut document, pointer, json!("x".repeat(*bytes))),
            Self::Remove { pointer } => {
                let place = pointer
                    .rsplit_once('/')
                    .and_then(|(parent, name)| Some((document.pointer_mut(parent)?.as_object_mut()?, unescaped(name))));
                if let Some((fields, name)) = place {
                    fields.remove(&name);
                }
            }
            Self::IdSuffix(suffix) => suffix_id(&mut document, suffix),
            Self::MoveDays(days) => move_days(&mut document, *days),
            Self::Copies(number) => {
                let copy = |n: usize| {
                    let mut copy = document.clone();
                    suffix_id(&mut copy, &format!("-copy-{n}"));
                    copy
                };
                let copies: Vec<Value> = (1..=*number).map(copy).collect();
                return std::iter::once(document).chain(copies).collect();
            }
            Self::Split(seconds) => return split(&document, seconds),
            Self::Omit => return vec![],
        }
        vec![document]
    }
}

/// The documents that edits make of one.
pub(crate) fn edited(document: Value, edits: &[Edit]) -> Vec<Value> {
    let apply = |documents: Vec<Value>, edit: &Edit| documents.into_iter().flat_map(|one| edit.apply(one)).collect();
    edits.iter().fold(vec![document], apply)
}

/// A list in which the selected documents are edited.
pub(crate) fn edited_list(list: Vec<Value>, selection: &Selection, edits: &[Edit]) -> Vec<Value> {
    let one = |(position, document): (usize, Value)| {
        if selection.contains(position, &document) { edited(document, edits) } else { vec![document] }
    };
    list.into_iter().enumerate().flat_map(one).collect()
}

fn set(document: &mut Value, pointer: &str, value: Value) {
    if let Some(place) = document.pointer_mut(pointer) {
        *place = value;
        return;
    }
    let Some((parent, name)) = pointer.rsplit_once('/') else { return };
    if let Some(Value::Object(fields)) = document.pointer_mut(parent) {
        fields.insert(unescaped(name), value);
    }
}

fn suffix_id(document: &mut Value, suffix: &str) {
    if let Some(id) = id_of(document) {
        set(document, "/id", json!(format!("{id}{suffix}")));
    }
}

fn unescaped(name: &str) -> String {
    name.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(edits: Value) -> Vec<Value> {
        let edits: Vec<Edit> = serde_json::from_value(edits).unwrap();
        edited(json!({ "id": "a", "hrv": { "items": [1, 2] }, "day": "2031-06-01" }), &edits)
    }

    #[test]
    fn edits_change_fields_ids_days_and_numbers_of_documents() {
        let one = after(json!([{ "set": { "pointer": "/hrv/items", "value": null } }]));
        assert_eq!(one, [json!({ "id": "a", "hrv": { "items": null }, "day": "2031-06-01" })]);
        let new =
            after(json!([{ "set": { "pointer": "/hrv/a~1b", "value": 3 } }, { "remove": { "pointer": "/day" } }]));
        assert_eq!(new, [json!({ "id": "a", "hrv": { "items": [1, 2], "a/b": 3 } })]);
        let long = after(json!([{ "text": { "pointer": "/label", "bytes": 9 } }]));
        assert_eq!(long[0]["label"], "xxxxxxxxx");
        let other = after(json!([{ "idSuffix": "-b" }, { "moveDays": 2 }]));
        assert_eq!((&other[0]["id"], &other[0]["day"]), (&json!("a-b"), &json!("2031-06-03")));
        let ids: Vec<Value> = after(json!([{ "copies": 2 }])).iter().map(|one| one["id"].clone()).collect();
        assert_eq!(ids, ["a", "a-copy-1", "a-copy-2"]);
        assert_eq!(after(json!([{ "set": { "pointer": "", "value": null } }])), [Value::Null]);
        assert!(after(json!(["omit"])).is_empty());
    }

    #[test]
    fn edits_without_a_place_change_nothing() {
        let same = json!({ "id": "a", "hrv": { "items": [1, 2] }, "day": "2031-06-01" });
        for edit in [
            json!({ "set": { "pointer": "/day/of", "value": 1 } }),
            json!({ "remove": { "pointer": "/none/of" } }),
            json!({ "remove": { "pointer": "day" } }),
        ] {
            assert_eq!(after(json!([edit])), std::slice::from_ref(&same), "{edit}");
        }
    }
}
