//! Single answers that differ from Oura's own data.

use super::*;

use serde_json::json;

const WEEK: &str = "start_date=2031-06-05&end_date=2031-06-11";

impl World {
    async fn fault(&self, fault: Value) {
        let sent = self.http.post(self.url("/control/faults")).body(fault.to_string()).send().await.unwrap();
        assert_eq!(sent.status(), 200, "{fault}");
    }

    async fn answer(&self, token: &str, path: &str) -> Value {
        json(self.get(token, path).await).await
    }
}

fn documents(answer: &Value) -> &[Value] {
    answer["data"].as_array().unwrap()
}

#[tokio::test]
async fn list_is_empty_or_cut_short_once() {
    let world = World::new().await;
    let tokens = world.connect("chiyo", ALL).await;
    let path = format!("daily_sleep?{WEEK}");
    let whole = world.answer(&tokens.access, &path).await;
    assert_eq!(documents(&whole).len(), 7);
    for keep in [0, 2] {
        world.fault(json!({ "match": { "path": "daily_sleep" }, "keep": keep, "times": 1 })).await;
        let cut = world.answer(&tokens.access, &path).await;
        assert_eq!((documents(&cut), &cut["next_token"]), (&documents(&whole)[..keep], &Value::Null));
        assert_eq!(world.answer(&tokens.access, &path).await, whole);
    }
}

#[tokio::test]
async fn cut_list_drops_the_pages_that_follow() {
    let world = World::new().await;
    let tokens = world.connect("chiyo", ALL).await;
    world.oura.control().change_options(|options| options.page_size = Some(3)).unwrap();
    world.fault(json!({ "match": { "path": "daily_sleep" }, "keep": 1 })).await;
    let cut = world.answer(&tokens.access, &format!("daily_sleep?{WEEK}")).await;
    assert_eq!((documents(&cut).len(), &cut["next_token"]), (1, &Value::Null));
}

#[tokio::test]
async fn odd_fields_are_served_in_lists_rows_and_single_documents() {
    let world = World::new().await;
    let tokens = world.connect("chiyo", ALL).await;
    let edit = json!([
        { "set": { "pointer": "/hrv/items", "value": null } },
        { "set": { "pointer": "/average_breath", "value": "14.2" } },
        { "remove": { "pointer": "/latency" } },
        { "text": { "pointer": "/label", "bytes": 450_000 } },
    ]);
    let documents_of = json!({ "from": "2031-06-06", "every": 2 });
    let fault = json!({ "match": { "path": "sleep*", "person": "chiyo" }, "documents": documents_of, "edit": edit });
    world.fault(fault).await;
    let nights = world.answer(&tokens.access, &format!("sleep?{WEEK}")).await;
    let mut edited = None;
    for night in documents(&nights) {
        let odd = matches!(night["day"].as_str().unwrap(), "2031-06-06" | "2031-06-08" | "2031-06-10");
        assert_eq!(night["average_breath"] == "14.2", odd, "{}", night["day"]);
        assert_eq!(night.get("latency").is_none(), odd);
        assert_eq!(night["label"].as_str().map(str::len), odd.then_some(450_000));
        edited = if odd && night["type"] == "long_sleep" { Some(night.clone()) } else { edited };
    }
    let edited = edited.unwrap();
    let single = world.answer(&tokens.access, &format!("sleep/{}", edited["id"].as_str().unwrap())).await;
    assert_eq!(single, edited);
    let bpm = json!([{ "set": { "pointer": "/bpm", "value": 255 } }]);
    world.fault(json!({ "match": { "path": "heartrate" }, "documents": { "positions": [0, 3] }, "edit": bpm })).await;
    let rows = world.answer(&tokens.access, "heartrate").await;
    let odd: Vec<usize> = (0..9).filter(|n| rows["data"][n]["bpm"] == 255).collect();
    assert_eq!(odd, [0, 3]);
    let id = json!([{ "set": { "pointer": "/id", "value": "an id, ü" } }]);
    world.fault(json!({ "match": { "path": "personal_info" }, "edit": id })).await;
    assert_eq!(world.answer(&tokens.access, "personal_info").await["id"], "an id, ü");
}

#[tokio::test]
async fn lists_never_end_in_three_ways() {
    let world = World::new().await;
    let tokens = world.connect("chiyo", ALL).await;
    let path = format!("daily_sleep?{WEEK}");
    let next = async |token: &Value| {
        let mut url = world.url(&format!("/v2/usercollection/{path}"));
        url.query_pairs_mut().append_pair("next_token", token.as_str().unwrap());
        json(world.http.get(url).bearer_auth(&tokens.access).send().await.unwrap()).await
    };
    for (pages, same_token, later) in [("endless", false, 7), ("empty", false, 0), ("repeated", true, 7)] {
        world.oura.control().clear_faults();
        world.fault(json!({ "match": { "path": "daily_sleep" }, "pages": pages })).await;
        let first = world.answer(&tokens.access, &path).await;
        let second = next(&first["next_token"]).await;
        let third = next(&second["next_token"]).await;
        assert_eq!((documents(&first).len(), documents(&third).len()), (7, later), "{pages}");
        assert_eq!(second["next_token"] == third["next_token"], same_token, "{pages}");
    }
}

#[tokio::test]
async fn copies_make_a_list_of_thousands_and_omitted_documents_are_not_found() {
    let world = World::new().await;
    let tokens = world.connect("chiyo", ALL).await;
    let one = world.answer(&tokens.access, &format!("daily_sleep?{WEEK}")).await["data"][0].clone();
    let id = one["id"].as_str().unwrap();
    world
        .fault(
            json!({ "match": { "path": "daily_sleep" }, "documents": { "ids": [id] }, "edit": [{ "copies": 3000 }] }),
        )
        .await;
    let many = world.answer(&tokens.access, &format!("daily_sleep?{WEEK}")).await;
    assert_eq!(documents(&many).len(), 3007);
    world.fault(json!({ "match": { "path": "daily_sleep/*" }, "edit": ["omit"], "times": 1 })).await;
    assert_eq!(world.get(&tokens.access, &format!("daily_sleep/{id}")).await.status(), 404);
    assert_eq!(world.get(&tokens.access, &format!("daily_sleep/{id}")).await.status(), 200);
}

#[tokio::test]
async fn fault_has_a_period_and_skips_requests() {
    let world = World::new().await;
    let tokens = world.connect("ada", ALL).await;
    let fault = json!({
        "match": { "path": "sleep" }, "status": 403, "skip": 1, "times": 1,
        "from": "2031-06-12T15:10:00Z", "until": "2031-06-12T15:20:00Z",
    });
    world.fault(fault.clone()).await;
    world.fault(fault).await;
    let status = async || world.get(&tokens.access, "sleep").await.status().as_u16();
    assert_eq!((status().await, status().await), (200, 200), "before it begins");
    world.advance(700);
    assert_eq!((status().await, status().await), (200, 403), "the first in its period is skipped");
    world.advance(1200);
    assert_eq!((status().await, status().await), (200, 200), "after its end");
}

#[tokio::test]
async fn refresh_of_one_person_is_refused_with_any_body() {
    let world = World::new().await;
    let (ada, bruno) = (world.connect("ada", ALL).await, world.connect("bruno", ALL).await);
    let body = json!({ "error": "invalid_request", "error_description": "Refresh token already used." });
    let on = json!({ "path": "/oauth/token", "person": "ada", "grantType": "refresh_token" });
    world.fault(json!({ "match": on, "status": 400, "body": body, "times": 2 })).await;
    for _ in 0..2 {
        assert_eq!(error(world.refresh(&ada.refresh).await).await, (400, "invalid_request".into()));
    }
    assert_eq!(world.refresh(&bruno.refresh).await.status(), 200, "another person");
    assert_eq!(world.refresh(&ada.refresh).await.status(), 200, "the token was not used up");
    let on = json!({ "path": "/oauth/token" });
    let scope = json!([{ "set": { "pointer": "/scope", "value": "extapi:daily" } }]);
    world.fault(json!({ "match": on, "edit": scope })).await;
    assert_eq!(world.connect("ada", ALL).await.scope, "extapi:daily");
}

#[tokio::test]
async fn answer_drips_byte_by_byte_and_stays_whole() {
    let world = World::new().await;
    let tokens = world.connect("ada", ALL).await;
    let whole = world.answer(&tokens.access, "ring_configuration").await;
    world.fault(json!({ "match": { "path": "ring_configuration" }, "drip": { "bytes": 40, "everyMs": 2 } })).await;
    // A lower bound cannot be missed by a slow machine.
    let before = std::time::Instant::now();
    assert_eq!(world.answer(&tokens.access, "ring_configuration").await, whole);
    assert!(before.elapsed() >= Duration::from_millis(2 * (whole.to_string().len() as u64 / 40)));
}

#[tokio::test]
async fn fault_either_replaces_an_answer_or_changes_it() {
    let world = World::new().await;
    for body in [
        r#"{"match":{"path":"sleep"},"status":200,"keep":1}"#,
        r#"{"match":{"path":"sleep"},"skip":1}"#,
        r#"{"match":{"path":"sleep"},"keep":1,"from":"2031-06-12T15:00:00Z","until":"2031-06-12T15:00:00Z"}"#,
        r#"{"match":{"path":"sleep"},"edit":[{"rename":"x"}]}"#,
    ] {
        let refused = world.http.post(world.url("/control/faults")).body(body).send().await.unwrap();
        assert_eq!(refused.status(), 400, "{body}");
    }
}

/// The JSON objects in code spans of the README that begin so.
fn examples(beginning: &str) -> Vec<&'static str> {
    let spans = include_str!("../../README.md").split('`').skip(1).step_by(2);
    spans.filter(|span| span.starts_with(beginning)).collect()
}

#[tokio::test]
async fn examples_of_the_readme_are_accepted() {
    let world = World::new().await;
    let post = async |path: &str, body: &str| {
        let sent = world.http.post(world.url(path)).body(body.to_owned()).send().await.unwrap();
        assert_eq!(sent.status(), 200, "{body}");
    };
    let faults = examples("{\"match\"");
    assert!(faults.len() > 12, "{}", faults.len());
    for fault in faults {
        post("/control/faults", fault).await;
    }
    let changes = examples("{\"collection\":\"workout\"").into_iter().chain(examples("{\"collection\":\"session\""));
    for change in changes.chain(examples("{\"collection\":\"daily_spo2\"")) {
        post("/control/people/ada/changes", change).await;
    }
    for (path, beginning) in [
        ("unworn-days", "{\"days\""),
        ("rest-mode", "{\"from\":\"2031"),
        ("delays", "{\"heartrate\""),
        ("scopes", "{\"scopes\""),
    ] {
        let examples = examples(beginning);
        assert!(!examples.is_empty(), "{path}");
        for example in examples {
            post(&format!("/control/people/ada/{path}"), example).await;
        }
    }
}
