//! `GET /series`.

use serde_json::{Value, json};

use super::{month, stored};
use tests::World;

const DAY: &str = "2026-03-16";

async fn series(world: &World, metric_type: &str, day: &str) -> Value {
    let data = world.get("/series", &format!("type={metric_type}&day={day}")).await.data();
    assert_eq!((&data["type"], &data["day"]), (&json!(metric_type), &json!(day)));
    data
}

async fn of_day(world: &World, data_type: &str) -> Vec<Value> {
    let mut items = stored(world, None).await;
    items.retain(|item| item["day"] == DAY && item["dataType"] == data_type);
    items
}

#[tokio::test]
async fn sleep_series_has_stages_and_variability_in_milliseconds() {
    let world = month().await;
    let main = &world.daily(DAY, DAY).await[0]["metrics"]["sleep"].clone();
    let night = series(&world, "hypnogram", DAY).await;
    assert_eq!(night["unit"], Value::Null);
    let first = &night["series"][0];
    assert_eq!((&first["documentId"], &first["start"]), (&main["documentId"], &main["bedtimeStart"]));
    assert_eq!(first["label"], "long_sleep");
    let stored = of_day(&world, "sleep").await;
    let stored = stored.iter().find(|item| item["documentId"] == main["documentId"]).unwrap();
    let fine = stored["metrics"]["sleepPhase30Sec"].as_str();
    let coarse = stored["metrics"]["sleepPhase5Min"].as_str().unwrap();
    assert_eq!(first["intervalSeconds"], if fine.is_some() { 30 } else { 300 });
    let digits: String = first["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| match word.as_str().unwrap() {
            "deep" => '1',
            "light" => '2',
            "rem" => '3',
            "awake" => '4',
            other => panic!("{other}"),
        })
        .collect();
    assert_eq!(digits, fine.unwrap_or(coarse));

    let hrv = series(&world, "hrv", DAY).await;
    assert_eq!(hrv["unit"], "ms");
    let series = &hrv["series"][0];
    assert_eq!(series["documentId"], main["documentId"]);
    assert_eq!(
        (&series["items"], &series["start"]),
        (&stored["metrics"]["hrv"]["items"], &stored["metrics"]["hrv"]["start"])
    );
    assert_eq!(series["intervalSeconds"], 300);
}

#[tokio::test]
async fn heart_rate_series_joins_samples_and_sleep() {
    let world = month().await;
    let data = series(&world, "heartRate", DAY).await;
    assert_eq!(data["unit"], "bpm");
    let [day] = <[Value; 1]>::try_from(of_day(&world, "heartrate").await).unwrap();
    let samples = &data["series"][0];
    assert_eq!((&samples["label"], &samples["intervalSeconds"]), (&json!("day"), &Value::Null));
    let lists = |of: &Value, bpm: &str| [of["secondsFromStart"].clone(), of[bpm].clone(), of["source"].clone()];
    assert_eq!(lists(samples, "items"), lists(&day["metrics"], "bpm"));
    assert!(samples["items"].as_array().unwrap().len() > 100);
    assert_eq!(
        (&data["series"][1]["label"], &data["series"][1]["intervalSeconds"]),
        (&json!("long_sleep"), &json!(300))
    );
}

#[tokio::test]
async fn met_series_is_that_of_the_activity() {
    let world = month().await;
    let data = series(&world, "met", DAY).await;
    let [day] = <[Value; 1]>::try_from(of_day(&world, "daily_activity").await).unwrap();
    let wanted = json!([{"start": day["metrics"]["met"]["start"], "intervalSeconds": 60, "label": "activity",
        "documentId": day["documentId"], "items": day["metrics"]["met"]["items"]}]);
    assert_eq!((&data["unit"], &data["series"]), (&json!("MET"), &wanted));
}

#[tokio::test]
async fn missing_series_is_an_empty_list() {
    let world = month().await;
    let unconnected = World::start().await;
    for metric_type in ["heartRate", "hrv", "hypnogram", "met"] {
        assert_eq!(series(&world, metric_type, "2020-01-01").await["series"], json!([]));
        assert_eq!(series(&unconnected, metric_type, DAY).await["series"], json!([]));
    }
}
