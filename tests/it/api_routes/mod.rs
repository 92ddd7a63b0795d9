//! The routes that read stored data: days, records, series, the catalogue of metrics, and the export.

mod answers;
mod current;
mod cursors;
mod daily;
mod export;
mod metrics;
mod records;
mod refusals;
mod series;

use oura_simulator::PutDocument;
use serde_json::{Value, json};
use shared::domain::DayRange;

use tests::{PATIENT, World};

/// The usual patient with the usual 30 days.
async fn month() -> World {
    let world = World::connected().await;
    world.work().await;
    world
}

/// A history of so many days, with records of rest so long that eight of them are a megabyte, packed as they are.
async fn long_records(days: &str, per_day: u32) -> World {
    let world = World::with(|env| env.with("BACKFILL_DAYS", days), |_| ()).await;
    assert_eq!(world.connect_as(PATIENT, "ada").await.outcome().0, "connected");
    for day in DayRange::new("2026-02-17".parse().unwrap(), "2026-03-17".parse().unwrap()).unwrap().iter() {
        let at = |hour: u32| format!("{day}T{hour}:00:00+01:00");
        for n in 0..per_day {
            let mut random = fastrand::Rng::with_seed(u64::from(n));
            let items: Vec<f64> = std::iter::repeat_with(|| 60.0 + random.f64()).take(9_000).collect();
            let series = json!({"interval": 5, "timestamp": at(13), "items": items});
            let document = json!({"id": format!("long-{day}-{n}"), "day": day, "type": "rest",
                "bedtime_start": at(13 + n), "bedtime_end": at(14 + n), "hrv": series, "heart_rate": series});
            let put = PutDocument { collection: "sleep".to_owned(), document, day: None };
            world.oura().put_document("ada", put).unwrap();
        }
    }
    world.work().await;
    world
}

const RANGE: &str = "from=2026-02-01&to=2026-03-19";

/// Every page of a list that is asked for with this query; the list is called `name`.
async fn pages(world: &World, path: &str, query: &str, name: &str) -> Vec<Vec<Value>> {
    let mut pages = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let asked = cursor.map_or_else(|| query.to_owned(), |cursor| format!("{query}&cursor={cursor}"));
        let data = world.request(Some(PATIENT), "GET", path, &asked, "").await.data();
        pages.push(data[name].as_array().unwrap().clone());
        cursor = data["cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            return pages;
        }
        assert!(pages.len() < 100, "a list that does not end");
    }
}

/// Records in the table without tombstones, of one metric type or of all.
async fn stored(world: &World, metric_type: Option<&str>) -> Vec<Value> {
    let mut items = world.records().await;
    items.retain(|item| {
        item["deleted"].is_null() && metric_type.is_none_or(|metric_type| item["metricType"] == metric_type)
    });
    items.sort_by_key(|item| item["sk"].as_str().unwrap().to_owned());
    items
}
