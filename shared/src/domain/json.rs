//! One form for every value: what is hashed when it is made must hash the same after DynamoDB gave it back.

use serde_json::{Map, Number, Value};
use sha2::{Digest, Sha256};

/// The value with each whole float as an integer (`65.0` becomes `65`, as DynamoDB would return it) and object keys
/// sorted, so that equal content has one spelling.
#[must_use]
pub fn canonical(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(canonical_number(number)),
        Value::Array(items) => Value::Array(items.into_iter().map(canonical).collect()),
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.into_iter().map(|(key, value)| (key, canonical(value))).collect();
            fields.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(fields.into_iter().collect::<Map<_, _>>())
        }
        other => other,
    }
}

fn canonical_number(number: Number) -> Number {
    // 2^53: above it a float no longer holds every integer.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match number.as_f64() {
        #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and within the exact range")]
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < EXACT => Number::from(float as i64),
        _ => number,
    }
}

/// SHA-256 of the value's canonical text, in hexadecimal.
#[must_use]
pub fn content_hash(value: &Value) -> String {
    hex::encode(Sha256::digest(canonical(value.clone()).to_string().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn content_hash_is_the_same_for_every_spelling_of_equal_content() {
        let fresh = json!({"b": 65.0, "a": [1.5, null, -0.0, {"y": 1, "x": 2}]});
        let stored: Value = serde_json::from_str(r#"{"a":[1.5,null,0,{"x":2,"y":1}],"b":65}"#).unwrap();
        assert_eq!(content_hash(&fresh), content_hash(&stored));
        assert_ne!(content_hash(&fresh), content_hash(&json!({"b": 66, "a": [1.5, null, 0, {"y": 1, "x": 2}]})));
    }

    #[test]
    fn null_is_neither_zero_nor_absent() {
        assert_ne!(content_hash(&json!({"a": null})), content_hash(&json!({"a": 0})));
        assert_ne!(content_hash(&json!({"a": null})), content_hash(&json!({})));
    }
}
