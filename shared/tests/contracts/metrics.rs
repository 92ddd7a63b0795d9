//! `metrics.schema.json`: the metrics of a day's stats and of records.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};
use shared::domain::{CATALOGUE, DataType, Day, DayMetrics, MetricType, RecordMetrics, Windows};

use crate::schema::finished;

/// The schema.
pub(crate) fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    name::<Day>(&mut generator);
    name::<MetricType>(&mut generator);
    name::<DataType>(&mut generator);
    name::<DayMetrics>(&mut generator);
    name::<Windows>(&mut generator);
    let contents: Vec<Value> = DataType::ALL.iter().map(|data_type| content(*data_type, &mut generator)).collect();
    let mut stored = contents.clone();
    for (data_type, content) in DataType::ALL.into_iter().zip(&mut stored) {
        pack(data_type, content, &mut generator);
    }
    let definitions = generator.take_definitions(true).into_iter();
    let mut definitions: Map<_, _> = definitions.map(|(name, definition)| (name, finished(definition))).collect();
    definitions.entry("DayMetrics").and_modify(without_null);
    definitions.insert("Baselines".to_owned(), finished(baselines()));
    definitions.insert("Instant".to_owned(), instant());
    // Open: other fields of an item or an answer are beside these.
    definitions.insert(
        "RecordContent".to_owned(),
        json!({
            "description": "Type of a record, and its metrics. Null means that Oura gave no value.",
            "oneOf": contents,
        }),
    );
    definitions.insert(
        "StoredContent".to_owned(),
        json!({
            "description": "Type of a record, and its metrics as the table holds them: those of the series are packed.",
            "oneOf": stored,
        }),
    );
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Normalized metrics",
        "description": "The metrics of a day's stats (`DayMetrics`) and of records (`RecordContent`), for the table schemas \
            beside this file and for the OpenAPI description. The unit of a number is in brackets, and in `x-unit` and \
            `x-ucum`. Made from the code: do not edit.",
        "$defs": definitions,
    })
}

/// Adds a type to the definitions.
fn name<T: JsonSchema>(generator: &mut SchemaGenerator) {
    let _reference = generator.subschema_for::<T>();
}

/// Takes `null` out of the choices of each property: a metric type that a day lacks is absent.
fn without_null(day_metrics: &mut Value) {
    for property in day_metrics["properties"].as_object_mut().into_iter().flat_map(Map::values_mut) {
        if let Some(Value::Array(choices)) = property.as_object_mut().and_then(|property| property.remove("anyOf")) {
            let reference = choices.into_iter().find_map(|choice| choice.get("$ref").cloned());
            property["$ref"] = reference.unwrap_or_default();
        }
    }
}

fn content(data_type: DataType, generator: &mut SchemaGenerator) -> Value {
    json!({
        "type": "object",
        "required": ["dataType", "metricType", "metrics"],
        "properties": {
            "dataType": {"const": data_type},
            "metricType": {"const": data_type.metric_type()},
            "metrics": RecordMetrics::schema(data_type, generator),
        },
    })
}

/// Moves the series of a data type out of the metrics into an attribute of their own.
fn pack(data_type: DataType, content: &mut Value, generator: &mut SchemaGenerator) {
    let series = data_type.facts().series;
    if series.is_empty() {
        return;
    }
    let reference = content["properties"]["metrics"]["$ref"].as_str().unwrap_or_default();
    let name = reference.rsplit('/').next().unwrap_or_default().to_owned();
    let mut metrics = generator.definitions()[&name].clone();
    let packed: Map<_, _> = series
        .iter()
        .map(|field| ((*field).to_owned(), metrics["properties"].as_object_mut().unwrap().remove(*field).unwrap()))
        .collect();
    metrics["required"].as_array_mut().unwrap().retain(|field| !packed.contains_key(field.as_str().unwrap()));
    metrics["description"] = json!(format!("`{name}` without the series that it has."));
    // A series that Oura did not give stays among the metrics, as null.
    for field in series {
        metrics["properties"][field] = json!({"description": "Not given by Oura.", "type": "null"});
    }
    generator.definitions_mut().insert(format!("Stored{name}"), metrics);
    let series = json!({
        "description": format!("Series of `{name}`."),
        "type": "object",
        "additionalProperties": false,
        "properties": packed,
    });
    generator.definitions_mut().insert(format!("{name}Series"), series);
    content["properties"]["metrics"]["$ref"] = json!(format!("#/$defs/Stored{name}"));
    content["properties"]["series"] = json!({
        "description": "Binary: gzip of a JSON object. Its fields belong to `metrics`.",
        "type": "string",
        "contentEncoding": "base64",
        "contentMediaType": "application/gzip",
        "contentSchema": {"$ref": format!("#/$defs/{name}Series")},
    });
}

fn instant() -> Value {
    json!({
        "description": "A moment, UTC.",
        "type": "string",
        "format": "date-time",
        "pattern": "^2[01][0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?Z$",
    })
}

/// The fields with baselines by metric type.
fn baselines() -> Value {
    let mut by_type: BTreeMap<MetricType, Map<String, Value>> = BTreeMap::new();
    for metric in CATALOGUE.iter().filter(|metric| metric.field.has_baselines) {
        let windows = json!({"$ref": "#/$defs/BaselineWindows"});
        by_type.entry(metric.metric_type).or_default().insert(metric.field.name.to_owned(), windows);
    }
    let of_type = |(metric_type, fields): (MetricType, Map<String, Value>)| {
        let description = format!("Of `{metric_type}`.");
        (metric_type.to_string(), json!({"description": description, "type": "object", "properties": fields}))
    };
    json!({
        "description": "What was usual before a day, by metric type and field. A field without a value in any of the 30 days \
            before is absent.",
        "type": "object",
        "properties": by_type.into_iter().map(of_type).collect::<Map<_, _>>(),
    })
}
