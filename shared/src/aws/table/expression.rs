//! The placeholders of one request: an expression never contains attribute names and values themselves, so no name can
//! collide with a reserved word of DynamoDB.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;

use super::item::Value;
use crate::aws::error::StoreError;

/// Names and values of one request's expressions.
#[derive(Debug, Default)]
pub(super) struct Expression {
    names: BTreeMap<String, String>,
    values: HashMap<String, AttributeValue>,
    /// A value that DynamoDB cannot hold was given.
    is_invalid: bool,
}

impl Expression {
    /// The placeholder of an attribute, or of a member of a map: `failing.sleep`.
    pub(super) fn name(&mut self, path: &str) -> String {
        let mut placeholder = |segment: &str| {
            let next = format!("#n{}", self.names.len());
            self.names.entry(segment.to_owned()).or_insert(next).clone()
        };
        path.split('.').map(&mut placeholder).collect::<Vec<_>>().join(".")
    }

    /// The placeholder of a value.
    pub(super) fn value(&mut self, value: Value) -> String {
        let placeholder = format!(":v{}", self.values.len());
        match value {
            Ok(value) => {
                self.values.insert(placeholder.clone(), value);
            }
            Err(_cannot_be_stored) => self.is_invalid = true,
        }
        placeholder
    }

    /// The names as the SDK takes them; `None` if there are none.
    pub(super) fn names(&self) -> Option<HashMap<String, String>> {
        let names: HashMap<_, _> = self.names.iter().map(|(name, at)| (at.clone(), name.clone())).collect();
        (!names.is_empty()).then_some(names)
    }

    /// The values as the SDK takes them; `None` if there are none.
    pub(super) fn values(&self) -> Option<HashMap<String, AttributeValue>> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }

    /// An error if a value was given that DynamoDB cannot hold: a mistake in this program.
    pub(super) fn check(&self, action: &'static str) -> Result<(), StoreError> {
        if self.is_invalid { Err(StoreError::incomplete(action)) } else { Ok(()) }
    }
}
