//! Published events against their schemas, and texts that no event may hold.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use tests::{PATIENT, World};

fn schemas() -> BTreeMap<String, Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/events");
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().trim_end_matches(".schema.json").to_owned();
            (name, serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap())
        })
        .collect()
}

/// A patient's whole story: connect, backfill, an edited night, a sync, the end, a new beginning, and the end of it all.
async fn story() -> World {
    let world = World::connected().await;
    world.work().await;
    world.oura().edit_night("ada", "2026-03-16".parse().unwrap()).unwrap();
    world.request(Some(PATIENT), "POST", "/sync", "", "{}").await;
    world.work().await;
    world.pass(Duration::from_secs(25 * 3600));
    world.oura().withdraw_consent("ada").unwrap();
    world.request(Some(PATIENT), "POST", "/sync", "", "{}").await;
    world.work().await;
    world.pass(Duration::from_secs(121));
    world.work().await;
    assert_eq!(world.connect_as(PATIENT, "ada").await.outcome().0, "connected");
    assert_eq!(world.connect_as("patient-2", "ada").await.outcome().1, "account_conflict");
    world.work().await;
    world.request(Some(PATIENT), "DELETE", "/connections/oura", "data=purge", "").await;
    world.work().await;
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn published_events_match_their_schemas() {
    let world = story().await;
    let schemas = schemas();
    let mut seen = BTreeMap::new();
    for event in world.events() {
        let schema = schemas.get(&event.detail_type).unwrap_or_else(|| panic!("{} has no schema", event.detail_type));
        let validator = jsonschema::options().should_validate_formats(true).build(schema).unwrap();
        let problems: Vec<_> = validator.iter_errors(&event.detail).map(|error| error.to_string()).collect();
        assert!(problems.is_empty(), "{}: {problems:?}\n{}", event.detail_type, event.detail);
        assert_eq!((event.source.as_str(), event.bus.as_str()), ("wearables.oura", world.names.event_bus.as_str()));
        *seen.entry(event.detail_type).or_insert(0) += 1;
    }
    assert_eq!(seen.keys().collect::<Vec<_>>(), schemas.keys().collect::<Vec<_>>(), "every schema was used");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_hold_no_measured_value() {
    let world = story().await;
    for event in world.events() {
        let detail = event.detail.as_object().unwrap();
        for (key, value) in detail {
            let counts = ["version", "recordsWritten", "revision", "daysWithData", "daysRepaired"];
            assert!(!value.is_number() || counts.contains(&key.as_str()), "{key} in {}", event.detail_type);
            if let Some(fields) = value.as_object() {
                match (event.detail_type.as_str(), key.as_str()) {
                    // Deleted items of each table.
                    ("wearable_data_purged", "counts") => assert!(fields.values().all(Value::is_u64), "{fields:?}"),
                    // Reasons by data type.
                    ("wearable_backfill_completed", "failing") => {
                        assert!(fields.values().all(Value::is_string), "{fields:?}");
                    }
                    (detail_type, key) => panic!("{key} in {detail_type}"),
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_are_in_secrets_only() {
    let world = World::connected().await;
    let waiting = world.bodies().await;
    world.deliver(&waiting, 1).await;
    let connection = world.connection().await;
    let tokens = world.secrets.get(&world.patient(), &connection.grant_id).await.unwrap().unwrap();
    let tables = world.tables().await;
    let everything = format!("{tables:?} {:?} {waiting:?}", world.events());
    for secret in [tokens.access_token.expose(), tokens.refresh_token.expose(), "client-s3cret", "verify-s3cret"] {
        assert!(secret.len() > 8 && !everything.contains(secret));
    }
    assert!(!everything.contains('@'), "no e-mail address anywhere");
}
