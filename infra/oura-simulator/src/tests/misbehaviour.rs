use super::*;

use serde_json::json;

async fn post(world: &World, path: &str, body: Value) -> Value {
    let sent = world.http.post(world.url(path)).body(body.to_string()).send().await.unwrap();
    assert!(sent.status().is_success(), "{path}");
    super::json(sent).await
}

#[tokio::test]
async fn fault_answers_the_configured_number_of_requests() {
    let world = World::new().await;
    let tokens = world.connect("ada", ALL).await;
    let fault = json!({
        "match": { "method": "GET", "path": "/v2/usercollection/sleep" },
        "status": 503, "headers": { "retry-after": "7" }, "body": { "detail": "resting" }, "times": 2,
    });
    let id = post(&world, "/control/faults", fault).await["id"].as_u64().unwrap();
    for _ in 0..2 {
        let answer = world.get(&tokens.access, "sleep").await;
        assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (503, "7"));
        assert_eq!(super::json(answer).await["detail"], "resting");
        assert_eq!(world.get(&tokens.access, "daily_sleep").await.status(), 200, "other paths are well");
    }
    assert_eq!(world.get(&tokens.access, "sleep").await.status(), 200);
    let listed = super::json(world.http.get(world.url("/control/faults")).send().await.unwrap()).await;
    assert_eq!((&listed[0]["id"], &listed[0]["matched"], &listed[0]["times"]), (&json!(id), &json!(2), &json!(0)));
    let gone = world.http.delete(world.url(&format!("/control/faults/{id}"))).send().await.unwrap();
    assert_eq!(gone.status(), 200);
    assert!(world.oura.control().faults().is_empty());
}

#[tokio::test]
async fn faults_meet_prefixes_and_persons_and_bodies_need_not_be_json() {
    let world = World::new().await;
    let (ada, bruno) = (world.connect("ada", ALL).await, world.connect("bruno", ALL).await);
    let fault = json!({ "match": { "path": "/v2/*", "person": "ada" }, "body": "<html>gateway</html>" });
    post(&world, "/control/faults", fault).await;
    let answer = world.get(&ada.access, "sleep").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.text().await.unwrap(), "<html>gateway</html>");
    assert_eq!(world.list(&bruno.access, "ring_configuration").await.len(), 1);
    world.oura.control().clear_faults();
    assert_eq!(world.list(&ada.access, "ring_configuration").await.len(), 2);
}

#[tokio::test]
async fn a_dropped_connection_gives_no_answer_and_takes_no_effect() {
    let world = World::new().await;
    let tokens = world.connect("ada", ALL).await;
    let fault = json!({ "match": { "path": "/oauth/token" }, "dropConnection": true, "times": 1 });
    post(&world, "/control/faults", fault).await;
    let form = [
        ("client_id", "the-app"),
        ("client_secret", "the-secret"),
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens.refresh.as_str()),
    ];
    let lost = world.http.post(world.url("/oauth/token")).form(&form).send().await;
    assert!(lost.unwrap_err().status().is_none());
    assert_eq!(world.refresh(&tokens.refresh).await.status(), 200, "the token was not used up");
}

#[tokio::test]
async fn a_lost_answer_leaves_the_refresh_token_used_up() {
    let world = World::new().await;
    let tokens = world.connect("ada", ALL).await;
    let fault = json!({
        "match": { "method": "POST", "path": "/oauth/token" },
        "dropConnection": true, "times": 1, "afterResponseApplied": true,
    });
    post(&world, "/control/faults", fault).await;
    let form = [
        ("client_id", "the-app"),
        ("client_secret", "the-secret"),
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens.refresh.as_str()),
    ];
    assert!(world.http.post(world.url("/oauth/token")).form(&form).send().await.is_err());
    assert_eq!(error(world.refresh(&tokens.refresh).await).await, (400, "invalid_grant".into()));
    let record = world.oura.control().requests().into_iter().rev().nth(1).unwrap();
    assert_eq!((record.status, record.faulted, record.person.as_deref()), (None, true, Some("ada")));
}

#[tokio::test]
async fn faults_that_cannot_be_and_unknown_words_are_refused_with_a_reason() {
    let world = World::new().await;
    for body in [
        r#"{"match":{"path":"/x"}}"#,
        r#"{"match":{"path":"/x"},"status":99}"#,
        r#"{"match":{"path":"/x"},"status":500,"headers":{"bad name":"x"}}"#,
        r#"{"match":{"path":"/x"},"status":500,"colour":"red"}"#,
        r#"{"status":500}"#,
        "no json",
    ] {
        let refused = world.http.post(world.url("/control/faults")).body(body).send().await.unwrap();
        assert_eq!(refused.status(), 400, "{body}");
        assert!(super::json(refused).await["error"].is_string());
    }
    let refused = world.http.put(world.url("/control/options")).body(r#"{"scopeStatus":500}"#).send().await.unwrap();
    assert_eq!(refused.status(), 400);
    let refused = world.http.post(world.url("/control/people/unknown/revoke")).send().await.unwrap();
    assert_eq!(refused.status(), 404);
}

#[tokio::test]
async fn latency_delays_every_answer_but_the_control_apis() {
    let world = World::new().await;
    let tokens = world.connect("ada", ALL).await;
    let set = world.http.put(world.url("/control/latency")).body(r#"{"ms":40}"#).send().await.unwrap();
    assert_eq!(set.status(), 200);
    // A lower bound cannot be missed by a slow machine.
    let before = std::time::Instant::now();
    world.get(&tokens.access, "personal_info").await;
    assert!(before.elapsed() >= Duration::from_millis(40));
}

#[tokio::test]
async fn the_request_log_counts_by_route_and_holds_no_secret() {
    let world = World::new().await;
    let tokens = world.connect("ada", ALL).await;
    world.oura.control().clear_requests();
    world.get(&tokens.access, "sleep?start_date=2031-06-01").await;
    world.get(&tokens.access, "sleep/one").await;
    world.get(&tokens.access, "sleep/two").await;
    let revoke = world.http.post(world.url("/oauth/revoke")).query(&[("access_token", &tokens.access)]);
    assert_eq!(revoke.send().await.unwrap().status(), 200);
    let text = world.http.get(world.url("/control/requests")).send().await.unwrap().text().await.unwrap();
    assert!(!text.contains(&tokens.access) && !text.contains(&tokens.refresh));
    let shown: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(shown["counts"]["GET /v2/usercollection/sleep/{id}"], 2);
    assert_eq!(shown["counts"]["GET /v2/usercollection/sleep"], 1);
    assert_eq!(shown["requests"][0]["query"], json!([["start_date", "2031-06-01"]]));
    assert_eq!((&shown["requests"][0]["person"], &shown["requests"][0]["status"]), (&json!("ada"), &json!(200)));
}

#[tokio::test]
async fn expired_access_tokens_of_one_person_leave_the_others_alone() {
    let world = World::new().await;
    let (ada, bruno) = (world.connect("ada", ALL).await, world.connect("bruno", ALL).await);
    let expired = post(&world, "/control/tokens/expire", json!({ "person": "ada" })).await;
    assert_eq!(expired["expired"], 1);
    assert_eq!(world.get(&ada.access, "personal_info").await.status(), 401);
    assert_eq!(world.get(&bruno.access, "personal_info").await.status(), 200);
    assert_eq!(world.refresh(&ada.refresh).await.status(), 200);
    assert_eq!(post(&world, "/control/tokens/expire", json!({})).await["expired"], 2);
}

#[tokio::test]
async fn documents_can_be_put_replaced_and_deleted() {
    let world = World::new().await;
    let tokens = world.connect("ada", ALL).await;
    let put = async |body: Value| {
        let request = world.http.put(world.url("/control/people/ada/documents")).body(body.to_string());
        request.send().await.unwrap()
    };
    let range = "daily_sleep?start_date=2031-06-01&end_date=2031-06-05";
    let before = world.list(&tokens.access, range).await;
    let mut changed = before[1].clone();
    changed["score"] = json!("not a number");
    let id = changed["id"].as_str().unwrap().to_owned();
    assert_eq!(put(json!({ "collection": "daily_sleep", "document": changed })).await.status(), 200);
    let after = world.list(&tokens.access, range).await;
    assert_eq!(after.len(), before.len());
    assert_eq!(after[1], changed);
    assert_eq!(super::json(world.get(&tokens.access, &format!("daily_sleep/{id}")).await).await, changed);
    let dayless = json!({ "collection": "daily_sleep", "document": { "id": "odd" } });
    assert_eq!(put(dayless.clone()).await.status(), 400);
    let mut placed = dayless;
    placed["day"] = json!("2031-06-03");
    assert_eq!(put(placed).await.status(), 200);
    assert_eq!(world.list(&tokens.access, range).await.len(), before.len() + 1);
    let path = format!("/control/people/ada/documents/daily_sleep/{id}");
    assert_eq!(world.http.delete(world.url(&path)).send().await.unwrap().status(), 200);
    assert_eq!(world.get(&tokens.access, &format!("daily_sleep/{id}")).await.status(), 404);
    assert_eq!(world.http.delete(world.url(&path)).send().await.unwrap().status(), 404);
    assert_eq!(put(json!({ "collection": "heartrate", "document": {} })).await.status(), 400);
}

#[tokio::test]
async fn an_edited_night_keeps_its_ids_and_changes_sleep_scores_and_readiness() {
    let world = World::new().await;
    let tokens = world.connect("ada", ALL).await;
    let read = async |collection: &str| {
        let range = format!("{collection}?start_date=2031-06-09T12:00:00&end_date=2031-06-10T23:59:59");
        let of_day = |doc: &Value| doc["day"] == "2031-06-10" && doc["type"] != "sleep";
        world.list(&tokens.access, &range).await.into_iter().find(of_day).unwrap()
    };
    let data_types = ["sleep", "daily_sleep", "daily_readiness", "daily_activity"];
    let mut before = Vec::new();
    for data_type in data_types {
        before.push(read(data_type).await);
    }
    let edited = post(&world, "/control/people/ada/edit-night/2031-06-10", json!({})).await;
    assert_eq!(edited["changes"].as_array().unwrap().len(), 3);
    for (data_type, before) in data_types.into_iter().zip(before) {
        let after = read(data_type).await;
        assert_eq!(after["id"], before["id"], "{data_type}");
        assert_eq!(after != before, data_type != "daily_activity", "{data_type}");
    }
    let sleep = read("sleep").await;
    assert_eq!(sleep["sleep_analysis_reason"], "bedtime_edit");
    let unknown = |person: &str, day: &str| world.oura.control().edit_night(person, day.parse().unwrap());
    assert_eq!(unknown("ada", "1999-01-01"), Err(ControlError::UnknownDocument), "before the history");
    assert_eq!(unknown("ada", "2031-06-13"), Err(ControlError::UnknownDocument), "not slept yet");
    assert_eq!(
        world.oura.control().edit_night("eli", "2031-06-10".parse().unwrap()),
        Err(ControlError::UnknownDocument)
    );
}
