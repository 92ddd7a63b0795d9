//! What is usual for a patient, on every day's stats.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use shared::domain::{Day, DayRange, Trigger};

use crate::world::{PATIENT, World};

/// The stored days, by day.
async fn stored(world: &World) -> BTreeMap<Day, Value> {
    let items = world.items(&world.names.daily_stats_table).await;
    items.into_iter().map(|item| (item["day"].as_str().unwrap().parse().unwrap(), item)).collect()
}

/// Computed anew, the plain way, and compared with what is stored.
fn assert_in_step(days: &BTreeMap<Day, Value>) {
    for (day, item) in days {
        for (kind, field) in [("sleep", "totalSleep"), ("activity", "steps"), ("hrv", "averageHrv")] {
            for (window, length, enough) in [("days7", 7, 3), ("days30", 30, 10)] {
                let values: Vec<f64> = (1..=length)
                    .filter_map(|back| days.get(&day.plus(-back))?["metrics"][kind][field].as_f64())
                    .collect();
                let baseline = &item["baselines"][kind][field][window];
                if values.is_empty() {
                    assert!(baseline.is_null() || baseline["count"] == 0, "{day} {kind}: {baseline}");
                    continue;
                }
                assert_eq!(baseline["count"], values.len(), "{day} {kind} {window}");
                if values.len() < enough {
                    assert_eq!(baseline["confidence"], "calibrating", "{day} {kind} {window}");
                    assert_eq!(baseline["mean"], Value::Null);
                    continue;
                }
                #[expect(clippy::cast_precision_loss, reason = "at most thirty values")]
                let mean = values.iter().sum::<f64>() / values.len() as f64;
                assert!((baseline["mean"].as_f64().unwrap() - mean).abs() < 0.006, "{day} {kind} {window}: {baseline}");
                assert_eq!(baseline["minimum"].as_f64(), values.iter().copied().reduce(f64::min));
                assert_eq!(baseline["maximum"].as_f64(), values.iter().copied().reduce(f64::max));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_day_has_baselines_and_a_revised_day_corrects_the_later_ones() {
    let world = World::connected().await;
    world.work().await;
    let before = stored(&world).await;
    assert!(before.len() > 25);
    assert_in_step(&before);
    let newest = before.last_key_value().unwrap().1;
    assert_eq!(newest["baselines"]["activity"]["steps"]["days30"]["confidence"], "high", "{newest}");

    let edited: Day = "2026-03-10".parse().unwrap();
    world.oura().edit_night("ada", edited.date()).unwrap();
    world.pass(Duration::from_secs(3600));
    let events = world.count("wearable_day_updated");
    let range = DayRange::new(edited, edited).unwrap();
    assert!(world.deliver(&[world.pull(Trigger::Manual, "manual-1", range)], 1).await.is_empty());
    let after = stored(&world).await;
    assert_in_step(&after);
    assert_ne!(after[&edited]["metrics"]["sleep"], before[&edited]["metrics"]["sleep"], "the night was edited");
    assert_eq!(
        after[&edited]["baselines"], before[&edited]["baselines"],
        "a day's own values are not in its baselines"
    );
    let next = edited.plus(1);
    assert_ne!(after[&next]["baselines"], before[&next]["baselines"]);
    assert_eq!(after[&next]["revision"], before[&next]["revision"], "nothing that was measured has changed");
    assert_eq!(world.count("wearable_day_updated"), events + 1, "and nobody is told so");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_worker_does_not_replace_newer_baselines() {
    let world = World::connected().await;
    world.work().await;
    let day = "2026-03-12";
    let client = aws_sdk_dynamodb::Client::new(&world.sdk);
    // As if another worker had seen more revisions of the days before than there are now to be read.
    client
        .update_item()
        .table_name(&world.names.daily_stats_table)
        .key("patientId", AttributeValue::S(PATIENT.into()))
        .key("day", AttributeValue::S(day.into()))
        .update_expression("SET baselines = :newer, baselinesBasis = :basis")
        .expression_attribute_values(":newer", AttributeValue::M([].into()))
        .expression_attribute_values(":basis", AttributeValue::N("1000000".into()))
        .send()
        .await
        .unwrap();
    let edited: Day = "2026-03-10".parse().unwrap();
    world.oura().edit_night("ada", edited.date()).unwrap();
    world.pass(Duration::from_secs(3600));
    let range = DayRange::new(edited, edited).unwrap();
    assert!(world.deliver(&[world.pull(Trigger::Manual, "manual-1", range)], 1).await.is_empty());
    let after = stored(&world).await;
    assert_eq!(after[&day.parse().unwrap()]["baselines"], json!({}));
    assert_ne!(after[&"2026-03-11".parse().unwrap()]["baselines"], json!({}));
}
