//! `GET /metrics`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use shared::domain::{CATALOGUE, ScopeSet};

use super::month;
use tests::{PATIENT, World};

async fn metrics(world: &World) -> BTreeMap<String, Value> {
    let data = world.get("/metrics", "").await.data();
    let all = data["metrics"].as_array().unwrap().clone();
    all.into_iter().map(|metric| (metric["metric"].as_str().unwrap().to_owned(), metric)).collect()
}

/// The names by availability.
async fn availability(world: &World) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, metric) in metrics(world).await {
        found.entry(metric["availability"].as_str().unwrap().to_owned()).or_default().insert(name);
    }
    found
}

#[tokio::test]
async fn metrics_name_unit_and_source() {
    let world = World::start().await;
    let metrics = metrics(&world).await;
    assert_eq!(metrics.len(), CATALOGUE.len());
    let sleep = &metrics["sleep.totalSleep"];
    let wanted = serde_json::json!({
        "metric": "sleep.totalSleep", "metricType": "sleep", "field": "totalSleep", "unit": "s", "ucum": "s",
        "meaning": "Time asleep.", "sourceField": "sleep.total_sleep_duration", "scope": "daily", "baseline": true,
        "availability": "none_yet",
    });
    assert_eq!(sleep, &wanted);
    let scopes = ScopeSet::parse(ScopeSet::DEFAULT);
    assert!(metrics.values().all(|metric| scopes.contains(metric["scope"].as_str().unwrap())));
}

#[tokio::test]
async fn metrics_with_a_value_are_available() {
    let world = month().await;
    let days = world.daily("2025-12-19", "2026-03-19").await;
    let mut with_value = BTreeSet::new();
    for day in &days {
        for (metric_type, fields) in day["metrics"].as_object().unwrap() {
            let fields = fields.as_object().unwrap().iter().filter(|(_, value)| !value.is_null());
            with_value.extend(fields.map(|(field, _)| format!("{metric_type}.{field}")));
        }
    }
    let found = availability(&world).await;
    assert!(found["available"].is_subset(&with_value));
    assert!(found["available"].len() > 60, "{found:?}");
    // Ada's simulated ring has no rest mode.
    assert!(found["none_yet"].contains("restMode.count"), "{found:?}");
    assert!(found["none_yet"].is_disjoint(&with_value));
    assert_eq!(found.len(), 2);
}

#[tokio::test]
async fn metrics_name_missing_scope_and_membership() {
    let world = World::start().await;
    let flow = world.begin(PATIENT).await;
    let query = world.consent(&flow, "ada", "allow", Some(&["daily", "heartrate", "personal"])).await;
    assert_eq!(world.callback(&query, Some(&flow.cookie)).await.outcome().0, "connected");
    world.work().await;
    let found = availability(&world).await;
    assert!(found["not_granted"].contains("spo2.average") && found["not_granted"].contains("workout.count"));
    assert!(found["available"].contains("sleep.totalSleep") && found["available"].contains("heartRate.max"));

    world.oura().set_membership("ada", false).unwrap();
    world.request(Some(PATIENT), "POST", "/sync", "", "{}").await;
    world.work().await;
    let found = availability(&world).await;
    assert!(found["membership"].contains("sleep.totalSleep") && !found.contains_key("available"), "{found:?}");
    assert!(found["not_granted"].contains("spo2.average"), "another membership would not change it");
}

#[tokio::test]
async fn metrics_ignore_old_values() {
    let world = month().await;
    world.pass(std::time::Duration::from_secs(92 * 24 * 3600));
    assert!(!availability(&world).await.contains_key("available"));
}
