//! Examples are what readers copy: each fits its schema.

use serde_json::Value;

use tests::contracts::{contracts, escaped};

/// Every object of the description that has both a schema and examples, with the pointer to it.
fn with_examples(at: &str, value: &Value, found: &mut Vec<(String, Vec<Value>)>) {
    match value {
        Value::Object(fields) => {
            if fields.contains_key("schema") {
                let named = fields.get("examples").and_then(Value::as_object).into_iter().flatten();
                let examples: Vec<_> =
                    named.map(|(_, example)| &example["value"]).chain(fields.get("example")).cloned().collect();
                if !examples.is_empty() {
                    found.push((format!("{at}/schema"), examples));
                }
            }
            // `examples` of a schema itself.
            if let Some(Value::Array(examples)) = fields.get("examples") {
                found.push((at.to_owned(), examples.clone()));
            }
            for (key, value) in fields {
                with_examples(&format!("{at}/{}", escaped(key)), value, found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                with_examples(&format!("{at}/{index}"), value, found);
            }
        }
        _ => {}
    }
}

#[test]
fn examples_match_their_schemas() {
    let mut found = Vec::new();
    with_examples("", &contracts().openapi, &mut found);
    assert!(found.len() > 5, "{}", found.len());
    for (place, examples) in found {
        for example in examples {
            let problems = contracts().problems(&format!("openapi.yaml#{place}"), &example);
            assert!(problems.is_empty(), "{place}: {problems:#?}\n{example}");
        }
    }
}

#[test]
fn json_answers_have_an_example() {
    for operation in contracts().operations() {
        for (status, response) in operation.described["responses"].as_object().unwrap() {
            let media = &response["content"]["application/json"];
            if status.starts_with('2') && media.is_object() {
                let shown = media.get("example").or_else(|| media.get("examples"));
                assert!(shown.is_some(), "{} {} {status} has no example", operation.method, operation.path);
            }
        }
    }
}
