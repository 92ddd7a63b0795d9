//! A patient's items in the three tables, for the page. Tokens are never shown: an item that may hold one is shown
//! by its key alone.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde_json::{Map, Value, json};
use shared::aws::SdkConfig;
use shared::domain::PatientId;

use crate::aws::resources::Names;
use crate::gateway::answer;

/// Items of one answer.
const PAGE: i32 = 20;

/// Items of `Connections` that are shown with their fields: those that hold no token. Others, also of a later version, are
/// shown by their key.
const OPEN: [&str; 6] = ["CONNECTION#", "SYNC#", "INBOX#", "OUTBOX#", "LIMIT#", "PURGE#"];

/// Fields that point to a consent under way.
const CLOSED: [&str; 3] = ["stateKey", "bindingHash", "verifier"];

/// Reads the tables.
pub struct Items {
    client: Client,
    names: Names,
}

/// A table, and how a patient's items are found in it.
struct Table<'n> {
    name: &'n str,
    partition: &'static str,
    sort: &'static str,
    /// The newest first.
    newest: bool,
}

impl Items {
    /// The tables of these names.
    #[must_use]
    pub fn new(sdk: &SdkConfig, names: &Names) -> Self {
        Self { client: Client::new(sdk), names: names.clone() }
    }

    /// A page of a patient's items: `table` is `days`, `records` or `connections`, `after` the key that the page before ended
    /// with.
    pub(super) async fn page(&self, table: &str, patient: &str, after: &str) -> Response<Body> {
        let (Some(table), Ok(patient)) = (self.table(table), PatientId::parse(patient)) else {
            return answer::failure(StatusCode::BAD_REQUEST, "bad_request", "name a table and a patient");
        };
        let partition = AttributeValue::S(match table.partition {
            "pk" => format!("PATIENT#{patient}"),
            _ => patient.to_string(),
        });
        let start = (!after.is_empty()).then(|| {
            let sort = AttributeValue::S(after.to_owned());
            HashMap::from([(table.partition.to_owned(), partition.clone()), (table.sort.to_owned(), sort)])
        });
        let answer = self
            .client
            .query()
            .table_name(table.name)
            .key_condition_expression("#partition = :partition")
            .expression_attribute_names("#partition", table.partition)
            .expression_attribute_values(":partition", partition)
            .scan_index_forward(!table.newest)
            .limit(PAGE)
            .set_exclusive_start_key(start)
            .send()
            .await;
        match answer {
            Ok(page) => {
                let items: Vec<_> = page.items().iter().map(|item| shown(&table, item)).collect();
                let next = page.last_evaluated_key().and_then(|key| key.get(table.sort)?.as_s().ok());
                answer::json(StatusCode::OK, &json!({"table": table.name, "items": items, "next": next}))
            }
            Err(error) => {
                let error = aws_sdk_dynamodb::error::DisplayErrorContext(&error);
                tracing::warn!(event = "local.table_unreadable", %error, "table could not be read");
                answer::failure(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "the tables do not answer")
            }
        }
    }

    fn table(&self, table: &str) -> Option<Table<'_>> {
        let Names { daily_stats_table, wearable_data_table, connections_table, .. } = &self.names;
        Some(match table {
            "days" => Table { name: daily_stats_table, partition: "patientId", sort: "day", newest: true },
            "records" => Table { name: wearable_data_table, partition: "patientId", sort: "sk", newest: true },
            "connections" => Table { name: connections_table, partition: "pk", sort: "sk", newest: false },
            _ => return None,
        })
    }
}

/// An item by its key, and its fields where they may be seen.
fn shown(table: &Table<'_>, item: &HashMap<String, AttributeValue>) -> Value {
    let key = item.get(table.sort).and_then(|key| key.as_s().ok()).cloned().unwrap_or_default();
    let open = table.partition != "pk" || OPEN.iter().any(|prefix| key.starts_with(prefix));
    let fields = open.then(|| {
        let fields = item.iter().filter(|(name, _)| !CLOSED.contains(&name.as_str()));
        fields.map(|(name, value)| (name.clone(), plain(value))).collect::<Map<_, _>>()
    });
    json!({"key": key, "fields": fields})
}

/// An attribute as JSON.
fn plain(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!(text),
        AttributeValue::N(number) => serde_json::from_str(number).unwrap_or_else(|_large| json!(number)),
        AttributeValue::Bool(flag) => json!(flag),
        AttributeValue::B(bytes) => json!(format!("{} bytes", bytes.as_ref().len())),
        AttributeValue::Ss(texts) | AttributeValue::Ns(texts) => json!(texts),
        AttributeValue::L(items) => items.iter().map(plain).collect(),
        AttributeValue::M(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), plain(value))).collect())
        }
        // Nothing that this project writes, but null.
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections() -> Table<'static> {
        Table { name: "Connections", partition: "pk", sort: "sk", newest: false }
    }

    fn item(sort: &str) -> HashMap<String, AttributeValue> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        HashMap::from([
            ("sk".to_owned(), text(sort)),
            ("sealed".to_owned(), text("s3cret")),
            ("stateKey".to_owned(), text("s3cret")),
            ("generation".to_owned(), AttributeValue::N("2".to_owned())),
        ])
    }

    #[test]
    fn item_that_may_hold_a_token_is_shown_by_its_key_alone() {
        for closed in ["TOKENS#grant", "TOKENS#grant-revocation", "STATE", "KEYS#later"] {
            assert_eq!(shown(&connections(), &item(closed)), json!({"key": closed, "fields": null}));
        }
        let open = shown(&connections(), &item("CONNECTION#oura"));
        assert_eq!(open["fields"]["generation"], 2);
        assert!(open["fields"].get("stateKey").is_none(), "{open}");
    }
}
