//! Lasting changes of a person's data, and the truth about it.

use super::*;

use serde_json::json;

impl World {
    async fn control(&self, path: &str, body: Value) -> Value {
        let sent = self.http.post(self.url(&format!("/control/{path}"))).body(body.to_string()).send().await.unwrap();
        assert_eq!(sent.status(), 200, "{path} {body}");
        json(sent).await
    }

    async fn truth(&self, person: &str, from: &str, to: &str) -> Value {
        let url = self.url(&format!("/control/people/{person}/truth?from={from}&to={to}"));
        json(self.http.get(url).send().await.unwrap()).await
    }
}

#[tokio::test]
async fn truth_is_the_served_data_without_faults() {
    let world = World::new().await;
    let tokens = world.connect("ada", ALL).await;
    let truth = world.truth("ada", "2031-06-03", "2031-06-09").await;
    for collection in ["daily_sleep", "daily_activity", "sleep", "workout", "tag"] {
        let range = "start_date=2031-05-31&end_date=2031-06-12";
        let mut served = world.list(&tokens.access, &format!("{collection}?{range}")).await;
        served.retain(|document| ("2031-06-03".."2031-06-10").contains(&document["day"].as_str().unwrap()));
        assert_eq!(truth[collection], json!(served), "{collection}");
    }
    let range = "start_datetime=2031-06-02T00:00:00Z&end_datetime=2031-06-11T00:00:00Z";
    world.oura.control().change_options(|options| options.page_size = Some(100_000)).unwrap();
    assert_eq!(truth["heartrate"], json!(world.list(&tokens.access, &format!("heartrate?{range}")).await));
    world.control("faults", json!({ "match": { "path": "*" }, "keep": 0 })).await;
    assert!(world.list(&tokens.access, "daily_sleep?start_date=2031-06-01").await.is_empty());
    assert_eq!(world.truth("ada", "2031-06-03", "2031-06-09").await, truth, "whatever faults there are");
}

#[tokio::test]
async fn document_gets_a_new_id_or_moves_to_another_day() {
    let world = World::new().await;
    let tokens = world.connect("chiyo", ALL).await;
    let range = "start_date=2031-05-20&end_date=2031-06-12";
    let workout = world.list(&tokens.access, &format!("workout?{range}")).await[0].clone();
    let (id, day) = (workout["id"].as_str().unwrap(), workout["day"].as_str().unwrap());
    let moved = json!({ "collection": "workout", "documents": { "ids": [id] }, "edit": [{ "moveDays": 15 }] });
    let changes = world.control("people/chiyo/changes", moved).await;
    assert_eq!(changes["changes"], json!([{ "collection": "workout", "id": id, "event": "update" }]));
    let later: jiff::civil::Date = day.parse::<jiff::civil::Date>().unwrap() + jiff::Span::new().days(15);
    let served = world.list(&tokens.access, &format!("workout?{range}")).await;
    let days: Vec<_> = served.iter().filter(|one| one["id"] == id).map(|one| one["day"].clone()).collect();
    assert_eq!(days, [json!(later.to_string())], "one document, one day");
    let renamed = json!({ "collection": "daily_sleep", "documents": { "from": "2031-06-05", "to": "2031-06-05" },
        "edit": [{ "idSuffix": "-b" }, { "set": { "pointer": "/score", "value": 0 } }] });
    let changes = world.control("people/chiyo/changes", renamed).await["changes"].clone();
    assert_eq!((&changes[0]["event"], &changes[1]["event"]), (&json!("create"), &json!("delete")));
    let new = changes[0]["id"].as_str().unwrap();
    assert_eq!(json(world.get(&tokens.access, &format!("daily_sleep/{new}")).await).await["score"], 0);
    let old = new.strip_suffix("-b").unwrap();
    assert_eq!(world.get(&tokens.access, &format!("daily_sleep/{old}")).await.status(), 404);
    assert_eq!(world.truth("chiyo", "2031-06-05", "2031-06-05").await["daily_sleep"][0]["id"], new);
}

#[tokio::test]
async fn night_in_pieces_keeps_its_day_and_follows_itself() {
    let world = World::new().await;
    let tokens = world.connect("chiyo", ALL).await;
    let night = json!({ "collection": "sleep", "documents": { "from": "2031-06-05", "to": "2031-06-05" },
        "edit": [{ "split": [12_600, 11_880, 2400] }], "webhooks": false });
    world.control("people/chiyo/changes", night).await;
    let truth = world.truth("chiyo", "2031-06-05", "2031-06-05").await;
    let pieces: Vec<&Value> = truth["sleep"].as_array().unwrap().iter().take(3).collect();
    let of = |key: &str| pieces.iter().map(|piece| piece[key].clone()).collect::<Value>();
    assert_eq!(of("total_sleep_duration"), json!([12_600, 11_880, 2400]));
    assert_eq!(of("type"), json!(["long_sleep", "long_sleep", "sleep"]));
    assert_eq!(of("day"), json!(["2031-06-05", "2031-06-05", "2031-06-05"]));
    for two in pieces.windows(2) {
        assert!(two[0]["bedtime_end"].as_str() < two[1]["bedtime_start"].as_str());
    }
    let served = world.list(&tokens.access, "sleep?start_date=2031-06-03&end_date=2031-06-07").await;
    assert!(pieces.iter().all(|piece| served.contains(piece)));
}

#[tokio::test]
async fn unworn_days_have_documents_and_no_measurements() {
    let world = World::new().await;
    let days = json!({ "from": "2031-06-03", "to": "2031-06-09", "every": 3 });
    world.control("people/chiyo/unworn-days", json!({ "days": days, "score": 60 })).await;
    let truth = world.truth("chiyo", "2031-06-03", "2031-06-09").await;
    let day_of = |document: &Value| document["day"].as_str().unwrap().to_owned();
    let unworn = |day: &str| ["2031-06-03", "2031-06-06", "2031-06-09"].contains(&day);
    for activity in truth["daily_activity"].as_array().unwrap() {
        let zero = (&activity["steps"], &activity["non_wear_time"], &activity["score"]);
        assert_eq!(zero == (&json!(0), &json!(86_400), &json!(60)), unworn(&day_of(activity)));
    }
    let stress = truth["daily_stress"].as_array().unwrap();
    assert_eq!((&stress[0]["stress_high"], &stress[0]["day_summary"]), (&json!(0), &Value::Null));
    let nights: Vec<String> = truth["daily_sleep"].as_array().unwrap().iter().map(day_of).collect();
    assert_eq!(nights, ["2031-06-04", "2031-06-05", "2031-06-07", "2031-06-08"]);
    let tokyo_noon = |row: &Value| row["timestamp"].as_str().unwrap().starts_with("2031-06-06T03:");
    assert!(!truth["heartrate"].as_array().unwrap().iter().any(tokyo_noon));
}

#[tokio::test]
async fn rest_mode_that_began_long_ago_is_open_and_its_activity_scores_are_zero() {
    let world = World::new().await;
    world.control("people/ada/rest-mode", json!({ "from": "2031-04-28" })).await;
    let truth = world.truth("ada", "2031-06-08", "2031-06-10").await;
    let period = &truth["rest_mode_period"][0];
    assert_eq!((&period["start_day"], &period["end_day"]), (&json!("2031-04-28"), &Value::Null));
    assert!(truth["daily_activity"].as_array().unwrap().iter().all(|day| day["score"] == 0));
}

#[tokio::test]
async fn heart_rate_arrives_late_or_densely() {
    let world = World::new().await;
    let tokens = world.connect("chiyo", ALL).await;
    let range = "heartrate?start_datetime=2031-06-12T06:00:00Z&end_datetime=2031-06-13T02:00:00Z";
    world.oura.control().change_options(|options| options.page_size = Some(100_000)).unwrap();
    let arrived = world.list(&tokens.access, range).await;
    assert!(arrived.len() > 50);
    world.control("people/chiyo/delays", json!({ "heartrate": 90_000 })).await;
    world.advance(86_400);
    let tokens = pair(world.refresh(&tokens.refresh).await).await; // the access token lives for a day
    assert_eq!(world.list(&tokens.access, range).await, arrived, "what has arrived stays, and the rest is late");
    let night = world.list(&tokens.access, "daily_sleep?start_date=2031-06-13").await;
    assert!(!night.is_empty(), "others arrive in time");
    world.advance(86_400);
    let tokens = pair(world.refresh(&tokens.refresh).await).await; // the access token lives for a day
    let usual = world.list(&tokens.access, range).await.len();
    assert!(usual > arrived.len());
    world.control("people/chiyo/delays", json!({})).await;
    assert_eq!(world.list(&tokens.access, range).await.len(), usual);
    world.control("people/chiyo/heart-rate", json!({ "everySeconds": 8 })).await;
    let rows = world.list(&tokens.access, range).await;
    assert!(rows.len() > 3000, "{}", rows.len());
    world.control("people/chiyo/heart-rate", json!({ "everySeconds": null })).await;
    assert_eq!(world.list(&tokens.access, range).await.len(), usual);
}

#[tokio::test]
async fn scopes_change_with_the_next_refresh() {
    let world = World::new().await;
    let tokens = world.connect("ada", "daily heartrate").await;
    world.control("people/ada/scopes", json!({ "scopes": ["daily", "workout"] })).await;
    assert_eq!(world.get(&tokens.access, "heartrate").await.status(), 200);
    let refreshed = pair(world.refresh(&tokens.refresh).await).await;
    assert_eq!(refreshed.scope, "extapi:daily extapi:workout");
    assert_eq!(world.get(&refreshed.access, "heartrate").await.status(), 401);
    assert_eq!(world.get(&refreshed.access, "workout").await.status(), 200);
}
