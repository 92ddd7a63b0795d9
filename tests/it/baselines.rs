//! Baselines: a patient's usual values, for every day.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join;
use local::aws::{Effect, Fault, Service};
use serde_json::{Value, json};
use shared::aws::Days;
use shared::domain::{Day, DayRange, Trigger};

use tests::{PATIENT, World};

/// The stored days, by day.
async fn stored(world: &World) -> BTreeMap<Day, Value> {
    let items = world.items(&world.names.daily_stats_table).await;
    items.into_iter().map(|item| (item["day"].as_str().unwrap().parse().unwrap(), item)).collect()
}

/// Computed again in the plain way and compared with the stored ones.
fn assert_in_step(days: &BTreeMap<Day, Value>) {
    for (day, item) in days {
        assert!(item["baselines"].is_object(), "{day}: the first one, too");
        for (metric_type, field) in [("sleep", "totalSleep"), ("activity", "steps"), ("hrv", "averageHrv")] {
            for (window, length, enough) in [("days7", 7, 3), ("days30", 30, 10)] {
                let of_day = |back: i32| {
                    let metrics = &days.get(&day.plus(-back))?["metrics"][metric_type];
                    let is_unworn = metrics["steps"] == 0 && metrics["nonWearTime"].as_f64()? >= 82_800.0;
                    metrics[field].as_f64().filter(|_| !is_unworn)
                };
                let values: Vec<f64> = (1..=length).filter_map(of_day).collect();
                let baseline = &item["baselines"][metric_type][field][window];
                if values.is_empty() {
                    assert!(baseline.is_null() || baseline["count"] == 0, "{day} {metric_type}: {baseline}");
                    continue;
                }
                assert_eq!(baseline["count"], values.len(), "{day} {metric_type} {window}");
                if values.len() < enough {
                    assert_eq!(baseline["confidence"], "calibrating", "{day} {metric_type} {window}");
                    assert_eq!(baseline["mean"], Value::Null);
                    continue;
                }
                #[expect(clippy::cast_precision_loss, reason = "at most thirty values")]
                let mean = values.iter().sum::<f64>() / values.len() as f64;
                assert!(
                    (baseline["mean"].as_f64().unwrap() - mean).abs() < 0.006,
                    "{day} {metric_type} {window}: {baseline}"
                );
                assert_eq!(baseline["minimum"].as_f64(), values.iter().copied().reduce(f64::min));
                assert_eq!(baseline["maximum"].as_f64(), values.iter().copied().reduce(f64::max));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn baselines_follow_a_revised_day() {
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
    assert!(world.deliver(&[world.sync_message(Trigger::Manual, "manual-1", range)], 1).await.is_empty());
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
    assert_eq!(world.count("wearable_day_updated"), events + 1, "and no event is published");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_worker_does_not_replace_newer_baselines() {
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
    assert!(world.deliver(&[world.sync_message(Trigger::Manual, "manual-1", range)], 1).await.is_empty());
    let after = stored(&world).await;
    assert_eq!(after[&day.parse().unwrap()]["baselines"], json!({}));
    assert_ne!(after[&"2026-03-11".parse().unwrap()]["baselines"], json!({}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_change_of_a_day_is_kept() {
    for (update, is_newer, expected) in [
        ("SET baselinesBasis = :known", true, Some(true)),
        ("SET revision = revision + :known", false, Some(false)),
        ("", false, None),
    ] {
        let world = World::connected().await;
        world.work().await;
        let (client, day) = (aws_sdk_dynamodb::Client::new(&world.sdk), "2026-03-12");
        let set = |expression: &str, value: u32| {
            client
                .update_item()
                .table_name(&world.names.daily_stats_table)
                .key("patientId", AttributeValue::S(PATIENT.into()))
                .key("day", AttributeValue::S(day.into()))
                .update_expression(expression)
                .expression_attribute_values(":known", AttributeValue::N(value.to_string()))
        };
        // Its baselines are old, so they are rewritten; the write is slow.
        let old = set("SET baselinesBasis = :known, baselines = :old", 0);
        let old = old.expression_attribute_values(":old", AttributeValue::M([].into()));
        old.send().await.unwrap();
        world.aws.meter().reset();
        let slow = Fault::on(Service::DynamoDb, "UpdateItem", Effect::Delay { millis: 500 }).times(1);
        world.aws.faults().inject(slow);
        let names = &world.names;
        let days =
            Days::new(&world.sdk, &names.connections_table, &names.wearable_data_table, &names.daily_stats_table);
        let (patient, changed) = (world.patient(), [Day::from_str("2026-03-10").unwrap()].into());
        let other = async {
            world.arrived(Service::DynamoDb, "UpdateItem", 1).await;
            if update.is_empty() {
                let delete = client.delete_item().table_name(&names.daily_stats_table);
                let delete = delete.key("patientId", AttributeValue::S(PATIENT.into()));
                delete.key("day", AttributeValue::S(day.into())).send().await.unwrap();
            } else {
                set(update, if is_newer { 1_000_000 } else { 1 }).send().await.unwrap();
            }
        };
        let (updated, ()) = join(days.update_baselines(&patient, &changed), other).await;
        updated.unwrap();
        let item = stored(&world).await.remove(&day.parse().unwrap());
        let is_still_old = item.map(|item| item["baselines"] == json!({}));
        assert_eq!(is_still_old, expected, "{update}");
    }
}
