//! Items to and from structs, by serde.

use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_dynamo::aws_sdk_dynamodb_1::{to_attribute_value, to_item};

use crate::aws::error::StoreError;

/// An item as the SDK returns it.
pub(in crate::aws) type Item = HashMap<String, AttributeValue>;

/// An attribute's value, unless serde cannot write it.
pub(super) type Value = Result<AttributeValue, serde_dynamo::Error>;

/// Any serializable value as an attribute. A `None` or an empty set is refused: stored as a null it would count as present in
/// `attribute_not_exists`.
pub(super) fn value(value: impl Serialize) -> Value {
    let value: AttributeValue = to_attribute_value(value)?;
    if value.is_null() { Err(serde_dynamo::Error::custom("a null attribute")) } else { Ok(value) }
}

/// The attributes of a struct. Those that are `None` are left out: an absent attribute is not stored as a null.
pub(super) fn attributes(of: impl Serialize) -> Result<Item, serde_dynamo::Error> {
    Ok(fields(of)?.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))).collect())
}

/// The attributes of a struct, with those that are `None`.
pub(super) fn fields(of: impl Serialize) -> Result<Vec<(String, Option<AttributeValue>)>, serde_dynamo::Error> {
    let item: Item = to_item(of)?;
    Ok(item.into_iter().map(|(name, value)| (name, (!value.is_null()).then_some(value))).collect())
}

/// Size of an item as DynamoDB counts it, or a little more, in bytes.
pub(super) fn item_size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value_size(value)).sum()
}

fn value_size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        // At most a byte for each two digits, and one more.
        AttributeValue::N(number) => number.len() / 2 + 2,
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::Ss(texts) | AttributeValue::Ns(texts) => texts.iter().map(String::len).sum(),
        AttributeValue::Bs(all) => all.iter().map(|bytes| bytes.as_ref().len()).sum(),
        AttributeValue::L(items) => 3 + items.iter().map(|item| 1 + value_size(item)).sum::<usize>(),
        AttributeValue::M(fields) => {
            3 + fields.iter().map(|(name, value)| 1 + name.len() + value_size(value)).sum::<usize>()
        }
        _ => 1,
    }
}

/// Reads a struct from an item.
///
/// # Errors
/// [`StoreError::Corrupt`] names the attribute, never its value.
pub(in crate::aws) fn read<T: DeserializeOwned>(action: &'static str, item: Item) -> Result<T, StoreError> {
    let deserializer = serde_dynamo::Deserializer::from_attribute_value(serde_dynamo::AttributeValue::M(
        serde_dynamo::Item::from(item).into(),
    ));
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        // serde's own text may quote the value.
        let path = error.path().to_string();
        StoreError::corrupt(action, if path == "." { missing_field(error.inner()) } else { path })
    })
}

/// The attribute of serde's `missing field` error, which names it in its text only.
fn missing_field(error: &serde_dynamo::Error) -> String {
    let text = error.to_string();
    let name = text.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    name.unwrap_or("item").to_owned()
}

/// Time at which DynamoDB may delete an item, in the whole seconds that its time-to-live attribute holds.
pub(in crate::aws) fn expires_at(now: Timestamp, ttl: Duration) -> i64 {
    now.as_second().saturating_add(i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX))
}

/// A value that is stored as its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::aws) struct Text<T>(pub(in crate::aws) T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: FromStr> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|_unreadable| D::Error::custom("unreadable text"))
    }
}

/// Values that are stored as a set of texts. DynamoDB has no empty set: such an attribute is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::aws) struct TextSet<T>(pub(in crate::aws) Vec<T>);

impl<'t, T> TextSet<&'t T> {
    /// The set of these values.
    pub(in crate::aws) fn of(values: impl IntoIterator<Item = &'t T>) -> Self {
        Self(values.into_iter().collect())
    }
}

impl<T> Default for TextSet<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Display> Serialize for TextSet<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_empty() {
            return serializer.serialize_none();
        }
        serde_dynamo::string_set::serialize(&self.0.iter().map(ToString::to_string).collect::<Vec<_>>(), serializer)
    }
}

impl<'de, T: FromStr> Deserialize<'de> for TextSet<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Vec::<Text<T>>::deserialize(deserializer)?;
        Ok(Self(texts.into_iter().map(|text| text.0).collect()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Sample {
        count: u64,
        #[serde(default)]
        note: Option<String>,
        #[serde(default)]
        days: TextSet<crate::domain::Day>,
        data: serde_json::Value,
    }

    fn sample() -> Sample {
        Sample {
            count: 3,
            note: None,
            days: TextSet(vec!["2026-01-02".parse().unwrap()]),
            data: json!({"a": [1, 2.5, null, "x", true], "b": {"c": -0.25}}),
        }
    }

    #[test]
    fn item_survives_the_table() {
        let item = attributes(sample()).unwrap();
        assert!(!item.contains_key("note"), "an absent attribute is not a null");
        assert_eq!(item["days"], AttributeValue::Ss(vec!["2026-01-02".to_owned()]));
        assert_eq!(read::<Sample>("read", item).unwrap(), sample());
        let empty = Sample { days: TextSet::default(), ..sample() };
        let item = attributes(&empty).unwrap();
        assert!(!item.contains_key("days"), "there is no empty set");
        assert_eq!(read::<Sample>("read", item).unwrap(), empty);
    }

    #[test]
    fn unreadable_attribute_is_named_without_its_value() {
        let mut item = attributes(sample()).unwrap();
        item.insert("count".to_owned(), AttributeValue::S("s3cret".to_owned()));
        assert_eq!(read::<Sample>("read", item.clone()), Err(StoreError::corrupt("read", "count")));
        item.remove("count");
        assert_eq!(read::<Sample>("read", item), Err(StoreError::corrupt("read", "count")));
        let mut item = attributes(sample()).unwrap();
        item.insert("days".to_owned(), AttributeValue::Ss(vec!["s3cret".to_owned()]));
        assert_eq!(read::<Sample>("read", item), Err(StoreError::corrupt("read", "days[0]")));
    }

    #[test]
    fn value_refuses_what_would_be_stored_as_a_null() {
        assert!(value(None::<u8>).is_err());
        assert!(value(TextSet::of(&[] as &[String])).is_err());
        assert!(value(Some(7)).is_ok());
    }
}
