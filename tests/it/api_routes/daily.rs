//! `GET /daily` and `POST /sync`.

use std::collections::BTreeSet;

use oura_simulator::{Fault, FaultMatch};
use serde_json::{Value, json};
use shared::domain::Trigger;

use tests::{PATIENT, World};

#[tokio::test]
async fn malformed_queries_are_refused_by_code() {
    let world = World::start().await;
    for (query, wanted) in [
        ("", (400, "missing_range")),
        ("from=2026-01-01", (400, "missing_range")),
        ("from=&to=", (400, "invalid_date")),
        ("from=2026-02-30&to=2026-03-01", (400, "invalid_date")),
        ("from=20260101&to=2026-03-01", (400, "invalid_date")),
        ("from=2026-01-01T00:00:00Z&to=2026-03-01", (400, "invalid_date")),
        ("from=2026-03-02&to=2026-03-01", (400, "range_reversed")),
        ("from=2001-01-01&to=2026-03-01", (400, "range_too_long")),
        ("from=2026-01-01&from=2026-01-02&to=2026-03-01", (400, "invalid_query")),
        ("from=2026-01-01&to=2026-03-01&metrics=steps", (400, "unknown_metric")),
        ("from=2026-01-01&to=2026-03-01&metrics=", (400, "unknown_metric")),
        ("from=2026-01-01&to=2026-03-01&cursor=zzz", (400, "invalid_cursor")),
        ("from=2026-01-01&to=2026-03-01&patientId=other", (400, "unknown_parameter")),
    ] {
        let (status, code) = world.get("/daily", query).await.refusal();
        assert_eq!((status, code.as_str()), wanted, "{query}");
    }
}

#[tokio::test]
async fn daily_lists_oldest_days_first_in_pages_with_requested_metrics() {
    let world = World::with(|env| env.with("BACKFILL_DAYS", "200"), |_| ()).await;
    assert_eq!(world.connect_as(PATIENT, "ada").await.outcome().0, "connected");
    world.work().await;
    let range = "from=2025-09-01&to=2026-03-18&metrics=sleep,hrv";
    let mut pages = vec![world.get("/daily", range).await.data()];
    while let Some(cursor) = pages.last().unwrap()["cursor"].as_str() {
        pages.push(world.get("/daily", &format!("{range}&cursor={cursor}")).await.data());
    }
    assert_eq!(pages.len(), 3, "ninety days a page");
    let days: Vec<_> = pages.iter().flat_map(|page| page["days"].as_array().unwrap().clone()).collect();
    assert!(days.len() > 180, "{}", days.len());
    let names: Vec<_> = days.iter().map(|day| day["day"].as_str().unwrap()).collect();
    assert!(names.is_sorted_by(|a, b| a < b), "ascending, none twice");
    for day in &days {
        assert!(
            day["metrics"]
                .as_object()
                .unwrap()
                .keys()
                .all(|metric_type| metric_type == "sleep" || metric_type == "hrv"),
            "{day}"
        );
    }
    let cursor = pages[0]["cursor"].as_str().unwrap();
    let elsewhere = world.get("/daily", &format!("from=2026-03-01&to=2026-03-18&cursor={cursor}")).await;
    assert_eq!(elsewhere.refusal(), (400, "invalid_cursor".into()), "a cursor belongs to its range");
}

/// Lambda's limit of an answer, in which the body is a JSON string.
const MAX_ANSWER: usize = 6 * 1024 * 1024;

#[tokio::test]
async fn daily_page_ends_before_an_answer_is_too_large() {
    let world = World::connected().await;
    // A quote takes four bytes of an answer, in which JSON is a JSON string.
    let workouts: Vec<Value> = (0..5_000)
        .map(|n| {
            let day = format!("2026-03-{:02}", 3 + n % 14);
            let at = |hour: u32| format!("{day}T{hour:02}:{:02}:{:02}+01:00", n / 60 % 60, n % 60);
            json!({"id": format!("w-{n}"), "day": day, "activity": "walking", "label": "\"".repeat(256), "calories": 10.0,
                "start_datetime": at(10 + n / 3_600), "end_datetime": at(20)})
        })
        .collect();
    let fault = Fault {
        on: FaultMatch { path: "/v2/usercollection/workout".to_owned(), ..FaultMatch::default() },
        body: Some(json!({"data": workouts, "next_token": null})),
        ..Fault::default()
    };
    world.oura().add_fault(fault).unwrap();
    world.work().await;
    let range = "from=2026-01-20&to=2026-03-18";
    let (mut pages, mut query) = (Vec::new(), range.to_owned());
    loop {
        let answer = world.get("/daily", &query).await;
        assert!(Value::from(answer.body.clone()).to_string().len() < MAX_ANSWER, "{}", answer.body.len());
        let page = answer.data();
        let cursor = page["cursor"].as_str().map(|cursor| format!("{range}&cursor={cursor}"));
        pages.push(page);
        assert!(pages.len() < 10, "a list that does not end");
        match cursor {
            Some(next) => query = next,
            None => break,
        }
    }
    assert!((2..4).contains(&pages.len()), "{}", pages.len());
    let of = |name: &str| -> Vec<String> {
        let all = pages.iter().flat_map(|page| page[name].as_array().unwrap().clone());
        all.map(|day| day["day"].as_str().unwrap().to_owned()).collect()
    };
    let (days, gaps) = (of("days"), of("gaps"));
    assert!(days.is_sorted_by(|a, b| a < b) && gaps.is_sorted_by(|a, b| a < b), "ascending, none twice");
    assert!(days.len() > 27, "{}", days.len());
    let both: BTreeSet<_> = days.iter().chain(&gaps).collect();
    assert_eq!((both.len(), days.len() + gaps.len()), (58, 58), "every day once");
    for page in &pages {
        let used = page["days"].as_array().unwrap().iter().flat_map(|day| day["missing"].as_object().unwrap().values());
        let of_gaps = page["gaps"].as_array().unwrap().iter().map(|gap| &gap["reason"]);
        let used: BTreeSet<_> = used.chain(of_gaps).map(Value::to_string).collect();
        assert_eq!(used.len(), page["reasons"].as_object().unwrap().len(), "the reasons of this page alone");
    }
}

#[tokio::test]
async fn daily_excludes_other_patients() {
    let world = World::connected().await;
    world.work().await;
    let other = world.request(Some("patient-2"), "GET", "/daily", "from=2026-03-01&to=2026-03-18", "").await;
    assert_eq!(other.data()["days"], json!([]));
    let other = world.request(Some("patient-2"), "GET", "/connections", "", "").await;
    assert_eq!(other.data()["connections"], json!([]));
}

#[tokio::test]
async fn sync_request_takes_an_optional_range() {
    let world = World::connected().await;
    world.work().await;
    let asked = world
        .request(Some(PATIENT), "POST", "/sync", "", r#"{"source":"oura","from":"2026-01-01","to":"2026-01-05"}"#)
        .await;
    assert_eq!(asked.status, 202);
    let id = asked.data()["syncId"].as_str().unwrap().to_owned();
    let bodies = world.bodies().await;
    let message = shared::domain::SyncMessage::parse(&bodies[0]).unwrap();
    assert_eq!((message.sync_id.as_str(), message.trigger, message.range.days()), (id.as_str(), Trigger::Manual, 5));
    assert!(world.deliver(&bodies, 1).await.is_empty());
    assert_eq!(world.daily("2026-01-01", "2026-01-05").await.len(), 5);
    world.request(Some(PATIENT), "POST", "/sync", "", "").await;
    assert_eq!(world.messages().await[0].range.days(), 8, "seven days back, and tomorrow where it is tomorrow already");
}
