//! No schema is open, and the items of the tables match theirs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use shared::aws::WearableDataTable;
use shared::domain::MetricType;
use shared::domain::{CATALOGUE, DataType};

use tests::contracts::{contracts, infra};
use tests::{PATIENT, World};

/// Places of objects of which the schema does not say what they hold.
fn open_objects(at: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            let says = ["properties", "additionalProperties", "maxProperties"];
            if fields.get("type").is_some_and(|kind| kind == "object")
                && !says.iter().any(|key| fields.contains_key(*key))
            {
                found.push(at.to_owned());
            }
            fields.iter().for_each(|(key, value)| open_objects(&format!("{at}/{key}"), value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| open_objects(at, value, found)),
        _ => {}
    }
}

fn schema(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(infra("schemas").join(name)).unwrap()).unwrap()
}

#[test]
fn objects_of_the_schemas_are_closed() {
    let mut found = Vec::new();
    open_objects("openapi.yaml", &contracts().openapi, &mut found);
    for file in ["metrics.schema.json", "daily_stats.schema.json", "wearable_data.schema.json"] {
        let schema = schema(file);
        assert!(jsonschema::meta::is_valid(&schema), "{file}");
        open_objects(file, &schema, &mut found);
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn numbers_of_the_metrics_have_a_unit() {
    fn numbers<'s>(name: &str, value: &'s Value, found: &mut Vec<(String, &'s Value)>) {
        if let Some(properties) = value["properties"].as_object() {
            let is_number = |field: &Value| field["type"] == "number" || field["type"] == json!(["number", "null"]);
            found.extend(
                properties
                    .iter()
                    .filter(|(_, field)| is_number(field))
                    .map(|(key, field)| (format!("{name}.{key}"), field)),
            );
        }
        match value {
            Value::Object(fields) => fields.iter().for_each(|(key, value)| numbers(key, value, found)),
            Value::Array(items) => items.iter().for_each(|value| numbers(name, value, found)),
            _ => {}
        }
    }
    let schema = schema("metrics.schema.json");
    let mut found = Vec::new();
    numbers("", &schema, &mut found);
    assert!(found.len() > 100, "{}", found.len());
    // Without a unit: two numbers of Oura's, and baselines, whose unit is that of their field.
    let plain = [".period", ".size", "Baseline.mean", "Baseline.minimum", "Baseline.maximum"];
    for (name, field) in found {
        let text = field["description"].as_str().unwrap_or_else(|| panic!("{name} has no description"));
        if !plain.iter().any(|plain| name.ends_with(plain)) {
            let unit = field["x-unit"].as_str().unwrap_or_else(|| panic!("{name} has no unit"));
            assert!(text.ends_with(&format!("({unit}).")) && field["x-ucum"].is_string(), "{name}: {text}");
        }
    }
}

#[test]
fn metric_types_of_the_code_are_in_the_schemas() {
    let schema = schema("metrics.schema.json");
    let words = |value: &Value| -> BTreeSet<String> {
        value.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    let metric_types: BTreeSet<_> = MetricType::ALL.iter().map(|metric_type| metric_type.as_str().to_owned()).collect();
    assert_eq!(words(&schema["$defs"]["MetricType"]["enum"]), metric_types);
    let of_day: BTreeSet<_> =
        schema["$defs"]["DayMetrics"]["properties"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(of_day, metric_types);
    let collections: BTreeSet<_> = DataType::ALL.iter().map(|data_type| data_type.as_str().to_owned()).collect();
    assert_eq!(words(&schema["$defs"]["DataType"]["enum"]), collections);
    let contents = schema["$defs"]["RecordContent"]["oneOf"].as_array().unwrap();
    let of_records: BTreeSet<_> =
        contents.iter().map(|one| one["properties"]["dataType"]["const"].as_str().unwrap().to_owned()).collect();
    assert_eq!(of_records, collections);
}

#[test]
fn baselines_schema_lists_the_fields_with_baselines() {
    let schema = schema("metrics.schema.json");
    let described =
        schema["$defs"]["Baselines"]["properties"].as_object().unwrap().iter().map(|(metric_type, fields)| {
            let fields = fields["properties"].as_object().unwrap().keys().cloned();
            (metric_type.clone(), fields.collect::<BTreeSet<_>>())
        });
    let described: BTreeMap<_, _> = described.collect();
    let mut computed: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for metric in CATALOGUE.iter().filter(|metric| metric.field.has_baselines) {
        computed.entry(metric.metric_type.to_string()).or_default().insert(metric.field.name.to_owned());
    }
    assert_eq!(described, computed);
}

/// The fields of the packed series come out of them again. For `.ci/check_series`, with readers that are not ours.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn series_of_records_are_packed() {
    let world = World::with(|env| env.with("BACKFILL_DAYS", "3"), |_| ()).await;
    world.connect_as(PATIENT, "ada").await;
    world.work().await;
    let table = WearableDataTable::new(&world.sdk, &world.names.wearable_data_table);
    let (mut lines, mut packed) = (String::new(), BTreeSet::new());
    for item in world.items(&world.names.wearable_data_table).await {
        let data_type: DataType = item["dataType"].as_str().unwrap().parse().unwrap();
        let day = item["day"].as_str().unwrap().parse().unwrap();
        let records = table.of_day(&PATIENT.parse().unwrap(), day, Some(data_type)).await.unwrap();
        let record = records.iter().find(|stored| stored.record.document_id.to_string() == item["documentId"]);
        let metrics = record.unwrap().record.metrics_json();
        for field in data_type.facts().series.iter().filter(|field| !metrics[**field].is_null()) {
            assert!(item["metrics"].get(field).is_none() && item["series"].is_string(), "{data_type} {field}: {item}");
            packed.insert((data_type, *field));
        }
        lines.push_str(&format!("{}\n", json!({"item": item, "metrics": metrics})));
    }
    let all = [DataType::DailyActivity, DataType::HeartRate, DataType::Sleep];
    let all = all.iter().flat_map(|data_type| data_type.facts().series.iter().map(|field| (*data_type, *field)));
    assert!(all.collect::<BTreeSet<_>>().is_subset(&packed), "{packed:?}");
    fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("series.ndjson"), lines).unwrap();
}

/// A document that Oura takes back leaves a tombstone.
async fn withdraw_a_workout(world: &World, person: &str) {
    let records = world.items(&world.names.wearable_data_table).await;
    let Some(workout) = records.iter().rev().find(|record| record["dataType"] == "workout") else { return };
    world.oura().delete_document(person, "workout", workout["documentId"].as_str().unwrap()).unwrap();
    let day = &workout["day"];
    let asked = world.request(Some(PATIENT), "POST", "/sync", "", &json!({"from": day, "to": day}).to_string()).await;
    assert_eq!(asked.status, 202);
    world.work().await;
}

/// Items of whole histories: every person of the simulated Oura, a withdrawn document, an edited night.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn table_items_match_their_schemas() {
    let mut metric_types = BTreeMap::new();
    let mut collections = BTreeMap::new();
    let (mut tombstones, mut with_baselines) = (0, 0);
    let people: Vec<_> = World::start().await.oura().people().into_iter().map(|person| person.key).collect();
    assert!(people.len() > 2, "{people:?}");
    for person in people {
        let world = World::with(|env| env.with("BACKFILL_DAYS", "30"), |_| ()).await;
        let connected = world.connect_as(PATIENT, &person).await.outcome();
        assert_eq!(connected.0, "connected", "{person}: {connected:?}");
        world.work().await;
        withdraw_a_workout(&world, &person).await;
        for (table, place) in [
            (&world.names.daily_stats_table, "schemas/daily_stats.schema.json"),
            (&world.names.wearable_data_table, "schemas/wearable_data.schema.json"),
        ] {
            for item in world.items(table).await {
                let problems = contracts().problems(place, &item);
                assert!(problems.is_empty(), "{person}: {problems:#?}\n{item:#}");
                let metrics = item["metrics"].as_object().unwrap();
                with_baselines += usize::from(item["baselines"].is_object());
                match item.get("dataType").and_then(Value::as_str) {
                    Some(_) if item["deleted"] == true => tombstones += 1,
                    Some(collection) => *collections.entry(collection.to_owned()).or_insert(0) += 1,
                    None => metrics
                        .keys()
                        .for_each(|metric_type| *metric_types.entry(metric_type.clone()).or_insert(0) += 1),
                }
            }
        }
    }
    let all: Vec<_> = MetricType::ALL
        .iter()
        .map(|metric_type| metric_type.as_str())
        .filter(|metric_type| !metric_types.contains_key(*metric_type))
        .collect();
    assert_eq!(all, Vec::<&str>::new(), "metric_types that no day had");
    let all: Vec<_> = DataType::ALL
        .iter()
        .map(|data_type| data_type.as_str())
        .filter(|data_type| !collections.contains_key(*data_type))
        .collect();
    assert_eq!(all, Vec::<&str>::new(), "collections that no record came from");
    assert!(tombstones > 0 && with_baselines > 100, "{tombstones} tombstones, {with_baselines} days with baselines");
}
