//! Size of what DynamoDB stores, by its own rules.

use serde_json::Value;

/// Largest metrics of an item, in bytes. DynamoDB takes items of 400 KB; the rest is for the item's other attributes.
pub const MAX_METRICS_SIZE: usize = 350 * 1024;

/// Returns the size of the value as DynamoDB counts it, or a little more, in bytes.
#[must_use]
pub fn stored_size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 1,
        // At most a byte for each two digits, and one more.
        Value::Number(number) => number.to_string().len() / 2 + 2,
        Value::String(text) => text.len(),
        Value::Array(items) => 3 + items.iter().map(|item| 1 + stored_size(item)).sum::<usize>(),
        Value::Object(fields) => {
            3 + fields.iter().map(|(name, value)| 1 + name.len() + stored_size(value)).sum::<usize>()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn stored_size_counts_names_texts_and_overheads() {
        assert_eq!(stored_size(&json!("día")), 4);
        assert_eq!(stored_size(&json!(12345)), 4);
        assert_eq!(stored_size(&json!({"ab": [null, true]})), 3 + 1 + 2 + (3 + 2 + 2));
    }
}
