//! Oura's schemas (API v2, OpenAPI 1.43), for tests: of each list the typed alternative, not the one that accepts any object.

use std::sync::LazyLock;

use serde_json::Value;

static SCHEMAS: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(include_str!("oura_schemas.json")).unwrap());

/// Differences of an answer of a path under `/v2/usercollection/` from its schema. Unknown fields are differences too.
pub(crate) fn problems(path: &str, answer: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(path, &SCHEMAS[path], answer, &mut found);
    found
}

/// All fields of a document or row of a collection.
pub(crate) fn fields(path: &str) -> Vec<&'static str> {
    let properties = &SCHEMAS[path]["properties"]["data"]["items"]["properties"];
    properties.as_object().unwrap().keys().map(String::as_str).collect()
}

fn check(place: &str, schema: &Value, value: &Value, found: &mut Vec<String>) {
    let mut complain = |problem: &str| found.push(format!("{place}: {problem}, but is {value}"));
    let types = match &schema["type"] {
        Value::Array(types) => types.clone(),
        one => vec![one.clone()],
    };
    if !types.iter().any(|kind| is_of(kind.as_str().unwrap(), value)) {
        complain(&format!("must be {}", schema["type"]));
    }
    if schema["enum"].as_array().is_some_and(|allowed| !allowed.contains(value)) {
        complain("must be one of its values");
    }
    if let Value::String(text) = value {
        let is_date = || text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok();
        let moment = || text.parse::<jiff::Timestamp>().is_ok();
        match schema["format"].as_str() {
            Some("date") if !is_date() => complain("must be a date"),
            Some("date-time") if !moment() => complain("must be a time"),
            _ => {}
        }
        if schema["minLength"].as_u64().is_some_and(|least| (text.len() as u64) < least) {
            complain("is too short");
        }
    }
    if let (Value::Object(fields), Some(properties)) = (value, schema["properties"].as_object()) {
        for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(required) {
                complain(&format!("must have {required}"));
            }
        }
        for (name, value) in fields {
            match properties.get(name) {
                Some(schema) => check(&format!("{place}/{name}"), schema, value, found),
                None => found.push(format!("{place}/{name}: is unknown")),
            }
        }
    }
    if let (Value::Array(items), Some(schema)) = (value, schema.get("items")) {
        for (n, item) in items.iter().enumerate() {
            check(&format!("{place}/{n}"), schema, item, found);
        }
    }
}

fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => unreachable!("{other}"),
    }
}
