//! Form of the schemas that `schemars` makes: closed objects, units in the text, and names that readers know.

use serde_json::{Map, Value, json};

/// Keys of a field's facts, in the order of the text.
const FACTS: [&str; 6] = ["unit", "ucum", "source", "scope", "loinc", "baselines"];

/// The schema in the form of this project.
pub(crate) fn finished(schema: Value) -> Value {
    match schema {
        Value::Array(items) => Value::Array(items.into_iter().map(finished).collect()),
        Value::Object(fields) => object(fields),
        other => other,
    }
}

fn object(fields: Map<String, Value>) -> Value {
    let mut fields: Map<_, _> = fields.into_iter().map(|(key, value)| (key, finished(value))).collect();
    if let Some(words) =
        fields.get("oneOf").and_then(Value::as_array).and_then(|of| words(of)).map(|words| json!(words))
    {
        fields.remove("oneOf");
        fields.insert("enum".to_owned(), words);
    }
    if fields.contains_key("properties") && fields.get("type") == Some(&json!("object")) {
        fields.insert("additionalProperties".to_owned(), json!(false));
    }
    if fields.get("format") == Some(&json!("date-time")) {
        fields.retain(|key, _| !["format", "type"].contains(&key.as_str()));
        fields.insert("$ref".to_owned(), json!("#/$defs/Instant"));
    }
    let is_number_format = |format: &Value| ["double", "uint32", "uint64"].iter().any(|number| format == number);
    if fields.get("format").is_some_and(is_number_format) {
        fields.remove("format");
    }
    if let Some(Value::Object(facts)) = fields.remove("x-metric") {
        state(&mut fields, facts);
    }
    Value::Object(fields)
}

/// States a field's facts: the unit in the text too, for readers of the description alone.
fn state(fields: &mut Map<String, Value>, mut facts: Map<String, Value>) {
    if let (Some(Value::String(text)), Some(Value::String(unit))) = (fields.get_mut("description"), facts.get("unit")) {
        let text_end = text.trim_end_matches('.').len();
        text.truncate(text_end);
        *text = format!("{text} ({unit}).");
    }
    for fact in FACTS {
        if let Some(value) = facts.remove(fact) {
            fields.insert(format!("x-{fact}"), value);
        }
    }
}

/// The words of a choice between nothing but words.
fn words(choices: &[Value]) -> Option<Vec<&Value>> {
    choices.iter().map(|choice| choice.get("const")).collect()
}
