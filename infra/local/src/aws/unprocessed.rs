//! Batches that DynamoDB processes in part, by a fault: a throttled table answers with unprocessed entries.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::call::Service;
use super::plan::Plan;
use super::reply::Reply;

/// A batch of which a part fails.
#[derive(Debug, PartialEq)]
pub(crate) struct PartialBatch {
    /// The call with the remaining entries; `None` without any.
    pub rest: Option<Bytes>,
    /// Field of the answer: `UnprocessedKeys` or `UnprocessedItems`.
    field: &'static str,
    undone: Map<String, Value>,
}

impl PartialBatch {
    /// Removes the failing entries from a batch. Entries are counted table by table, in the order of the tables' names. `None`
    /// when nothing fails, or the call is no batch.
    pub fn of(operation: &str, body: &[u8], plan: &Plan) -> Option<Self> {
        let field = match operation {
            "BatchGetItem" => "UnprocessedKeys",
            "BatchWriteItem" => "UnprocessedItems",
            _ => return None,
        };
        if plan.failing_entries.is_empty() {
            return None;
        }
        let mut call: Value = serde_json::from_slice(body).ok()?;
        let mut undone = Map::new();
        let mut numbers = 0_usize..;
        let tables = call["RequestItems"].as_object_mut()?;
        for (table, asked) in tables.iter_mut() {
            let mut left = asked.clone();
            let (mut done, mut not_done) = (Vec::new(), Vec::new());
            for (entry, number) in entries(asked)?.drain(..).zip(&mut numbers) {
                if plan.entry_failure(number).is_some() { not_done.push(entry) } else { done.push(entry) }
            }
            *entries(asked)? = done;
            if !not_done.is_empty() {
                *entries(&mut left)? = not_done;
                undone.insert(table.clone(), left);
            }
        }
        tables.retain(|_, asked| entries(asked).is_some_and(|entries| !entries.is_empty()));
        let rest = (!tables.is_empty()).then(|| Bytes::from(call.to_string()));
        Some(Self { rest, field, undone })
    }

    /// Returns the answer to the whole batch: that to the remaining entries, with the unprocessed ones.
    pub fn answer(self, done: Option<Reply>) -> Reply {
        let reply = done.unwrap_or_else(|| Reply::ok(Service::DynamoDb, &json!({ "Responses": {} })));
        if reply.status != StatusCode::OK {
            return reply;
        }
        let mut body = reply.value();
        body[self.field] = Value::Object(self.undone);
        reply.with_value(&body)
    }
}

/// Keys that are read, or writes, of one table.
fn entries(asked: &mut Value) -> Option<&mut Vec<Value>> {
    match asked {
        Value::Array(writes) => Some(writes),
        reads => reads.get_mut("Keys")?.as_array_mut(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::FailingEntries;
    use super::*;

    fn failing(entries: Vec<usize>) -> Plan {
        Plan { failing_entries: vec![FailingEntries { entries, code: String::new() }], ..Plan::default() }
    }

    fn body(call: Value) -> Vec<u8> {
        call.to_string().into_bytes()
    }

    #[test]
    fn keys_and_writes_are_counted_table_by_table() {
        let read = body(json!({"RequestItems": {
            "b": {"Keys": [1, 2], "ConsistentRead": true}, "a": {"Keys": [3]},
        }}));
        let batch = PartialBatch::of("BatchGetItem", &read, &failing(vec![0, 2])).unwrap();
        let rest: Value = serde_json::from_slice(batch.rest.as_ref().unwrap()).unwrap();
        assert_eq!(rest, json!({"RequestItems": {"b": {"Keys": [1], "ConsistentRead": true}}}));
        let answer = batch.answer(Some(Reply::ok(Service::DynamoDb, &json!({"Responses": {"b": [1]}})))).value();
        let undone = json!({"a": {"Keys": [3]}, "b": {"Keys": [2], "ConsistentRead": true}});
        assert_eq!(answer, json!({"Responses": {"b": [1]}, "UnprocessedKeys": undone}));

        let write = body(json!({"RequestItems": {"a": [1, 2]}}));
        let batch = PartialBatch::of("BatchWriteItem", &write, &failing(vec![])).unwrap();
        assert_eq!(batch.rest, None);
        assert_eq!(batch.answer(None).value()["UnprocessedItems"], json!({"a": [1, 2]}));
    }

    #[test]
    fn other_calls_and_batches_without_failure_stay_whole() {
        let read = body(json!({"RequestItems": {"a": {"Keys": [1]}}}));
        assert_eq!(PartialBatch::of("BatchGetItem", &read, &Plan::default()), None);
        assert_eq!(PartialBatch::of("GetItem", &read, &failing(vec![])), None);
        assert_eq!(PartialBatch::of("BatchGetItem", b"{}", &failing(vec![])), None);
    }
}
