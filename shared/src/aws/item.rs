//! DynamoDB attribute values to and from plain values.

use std::collections::HashMap;
use std::str::FromStr;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde_json::{Map, Number, Value};

use super::StoreError;

/// An item as the SDK gives it.
pub(super) type Item = HashMap<String, AttributeValue>;

/// A text attribute.
pub(super) fn s(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number attribute.
pub(super) fn n(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A set of texts. DynamoDB has no empty one.
pub(super) fn texts<'t, T: ToString + 't>(values: impl IntoIterator<Item = &'t T>) -> AttributeValue {
    AttributeValue::Ss(values.into_iter().map(ToString::to_string).collect())
}

/// JSON as a native attribute, so that the platform reads numbers as numbers.
pub(super) fn from_json(value: &Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(flag) => AttributeValue::Bool(*flag),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::String(text) => AttributeValue::S(text.clone()),
        Value::Array(items) => AttributeValue::L(items.iter().map(from_json).collect()),
        Value::Object(fields) => from_object(fields),
    }
}

/// A JSON object as a map attribute.
pub(super) fn from_object(fields: &Map<String, Value>) -> AttributeValue {
    AttributeValue::M(fields.iter().map(|(key, value)| (key.clone(), from_json(value))).collect())
}

/// A map or list as an attribute.
pub(super) fn json(value: &impl Serialize) -> AttributeValue {
    from_json(&serde_json::to_value(value).unwrap_or_default())
}

/// A native attribute as JSON; `None` for what this project never writes (binary, sets).
pub(super) fn to_json(value: &AttributeValue) -> Option<Value> {
    Some(match value {
        AttributeValue::Null(_) => Value::Null,
        AttributeValue::Bool(flag) => Value::Bool(*flag),
        AttributeValue::N(number) => Value::Number(Number::from_str(number).ok()?),
        AttributeValue::S(text) => Value::String(text.clone()),
        AttributeValue::L(items) => Value::Array(items.iter().map(to_json).collect::<Option<_>>()?),
        AttributeValue::M(fields) => Value::Object(
            fields.iter().map(|(key, value)| Some((key.clone(), to_json(value)?))).collect::<Option<_>>()?,
        ),
        _ => return None,
    })
}

/// Reads one item; every failure names the action and the attribute.
#[derive(Clone, Copy)]
pub(super) struct Fields<'i> {
    action: &'static str,
    item: &'i Item,
}

impl<'i> Fields<'i> {
    pub(super) fn new(action: &'static str, item: &'i Item) -> Self {
        Self { action, item }
    }

    pub(super) fn raw(self, field: &'static str) -> Option<&'i AttributeValue> {
        self.item.get(field).filter(|value| !value.is_null())
    }

    fn text(self, field: &'static str) -> Option<&'i str> {
        match self.raw(field)? {
            AttributeValue::S(text) | AttributeValue::N(text) => Some(text),
            _ => None,
        }
    }

    /// A text or number that must be there and parse.
    pub(super) fn get<T: FromStr>(self, field: &'static str) -> Result<T, StoreError> {
        self.text(field).and_then(|text| text.parse().ok()).ok_or(StoreError::corrupt(self.action, field))
    }

    /// A text or number that may be absent, but must parse when it is there.
    pub(super) fn opt<T: FromStr>(self, field: &'static str) -> Result<Option<T>, StoreError> {
        if self.raw(field).is_none() { Ok(None) } else { self.get(field).map(Some) }
    }

    /// A counter whose name is made of a kind's.
    pub(super) fn opt_number(self, field: &str) -> Result<Option<u64>, StoreError> {
        match self.item.get(field) {
            None => Ok(None),
            Some(AttributeValue::N(number)) => {
                number.parse().map(Some).map_err(|_not_a_count| StoreError::corrupt(self.action, "counter"))
            }
            Some(_) => Err(StoreError::corrupt(self.action, "counter")),
        }
    }

    /// A JSON value that must be there and have its shape.
    pub(super) fn json<T: serde::de::DeserializeOwned>(self, field: &'static str) -> Result<T, StoreError> {
        self.raw(field)
            .and_then(to_json)
            .and_then(|value| serde_json::from_value(value).ok())
            .ok_or(StoreError::corrupt(self.action, field))
    }

    /// A JSON value that may be absent.
    pub(super) fn opt_json<T: serde::de::DeserializeOwned>(self, field: &'static str) -> Result<Option<T>, StoreError> {
        if self.raw(field).is_none() { Ok(None) } else { self.json(field).map(Some) }
    }

    /// A set of texts; empty when absent (DynamoDB has no empty set).
    pub(super) fn texts<T: FromStr>(self, field: &'static str) -> Result<Vec<T>, StoreError> {
        match self.raw(field) {
            None => Ok(Vec::new()),
            Some(AttributeValue::Ss(texts)) => texts
                .iter()
                .map(|text| text.parse().map_err(|_unreadable: T::Err| StoreError::corrupt(self.action, field)))
                .collect(),
            Some(_) => Err(StoreError::corrupt(self.action, field)),
        }
    }

    pub(super) fn flag(self, field: &'static str) -> bool {
        matches!(self.raw(field), Some(AttributeValue::Bool(true)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_survives_the_table() {
        let value = json!({"a": [1, 2.5, null, "x", true], "b": {"c": -0.25}});
        assert_eq!(to_json(&from_json(&value)), Some(value));
    }

    #[test]
    fn null_and_absent_are_read_as_nothing_and_garbage_is_an_error() {
        let item = Item::from([("a".to_owned(), AttributeValue::Null(true)), ("b".to_owned(), s("x"))]);
        let fields = Fields::new("read", &item);
        assert_eq!(fields.opt::<u64>("a"), Ok(None));
        assert_eq!(fields.opt::<u64>("missing"), Ok(None));
        assert_eq!(fields.get::<u64>("b"), Err(StoreError::corrupt("read", "b")));
    }
}
