//! Requests of the page under `/dev/`.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn page_lets_the_ring_sync_edits_a_night_and_loses_webhook_events() {
    let stack = Stack::start(quiet(Options::default())).await.unwrap();
    let http = browser();
    let press = async |button: &str, origin: &str, body: Value| {
        let request = http.post(format!("{}/dev/ring/{button}", stack.url())).header("Origin", origin).json(&body);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let view = async || {
        let answer = http.get(format!("{}/dev/ring?patient={}", stack.url(), stack.patient_id())).send().await;
        answer.unwrap().json::<Value>().await.unwrap()
    };
    let own = stack.url();
    let me = json!({"patientId": stack.patient_id()});
    assert_eq!(press("sync", own, me.clone()).await.0, 404, "nothing is connected");
    let off = json!({"lose": false, "outage": false, "membershipEnded": false});
    assert_eq!(view().await, json!({"available": true, "person": null, "switches": off, "deliveries": []}));
    connected(&stack).await;
    assert_eq!(press("sync", "https://evil.example", me.clone()).await.0, 403);
    assert_eq!(view().await["person"], "Ada");

    let (status, synced) = press("sync", own, me.clone()).await;
    assert!(status == 200 && synced["deliveries"].as_u64() > Some(0), "{synced}");
    until("the delivery", async || {
        view().await["deliveries"].as_array().unwrap().iter().all(|one| one["status"] == 200)
    })
    .await;
    let first = view().await["deliveries"][0].clone();
    assert_eq!((&first["state"], &first["attempts"]), (&json!("delivered"), &json!(1)));

    let (status, edited) = press("edit-night", own, me.clone()).await;
    assert!(status == 200 && edited["day"].is_string() && edited["deliveries"].as_u64() >= Some(3), "{edited}");
    // The walk has to arrive before it can be the last workout.
    until("the workout's deletion", async || press("delete-workout", own, me.clone()).await.0 == 200).await;
    until("its delivery", async || {
        let view = view().await;
        let last = view["deliveries"].as_array().unwrap().last().unwrap();
        (&last["event"], &last["dataType"], &last["status"]) == (&json!("delete"), &json!("workout"), &json!(200))
    })
    .await;

    let turned = |on: bool| json!({"patientId": stack.patient_id(), "on": on});
    assert_eq!(press("lose", own, turned(true)).await, (200, json!({"on": true})));
    press("sync", own, me.clone()).await;
    let lost = view().await;
    assert_eq!(
        (&lost["switches"]["lose"], &lost["deliveries"].as_array().unwrap().last().unwrap()["state"]),
        (&json!(true), &json!("lost"))
    );
    assert_eq!(press("lose", own, turned(false)).await, (200, json!({"on": false})));

    for (button, body) in [("sync", json!({})), ("sync", json!({"patientId": "a b"})), ("lose", me.clone())] {
        assert_eq!(press(button, own, body).await.0, 400, "{button}");
    }
    assert_eq!(press("dance", own, me).await.0, 404);
    stack.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn page_switches_end_a_membership_and_a_consent() {
    let stack = Stack::start(quiet(Options::default())).await.unwrap();
    let patient = connected(&stack).await;
    let http = browser();
    let press = async |button: &str, on: Option<bool>| {
        let body = match on {
            Some(on) => json!({"patientId": stack.patient_id(), "on": on}),
            None => json!({"patientId": stack.patient_id()}),
        };
        let request = http.post(format!("{}/dev/ring/{button}", stack.url())).header("Origin", stack.url()).json(&body);
        request.send().await.unwrap().status().as_u16()
    };
    let switches = async || {
        let view = http.get(format!("{}/dev/ring?patient={}", stack.url(), stack.patient_id())).send().await.unwrap();
        view.json::<Value>().await.unwrap()["switches"].clone()
    };
    let condition = async || {
        let data = patient.get("/connections").await.unwrap();
        let connection = &data["connections"][0];
        (connection["status"].as_str().unwrap().to_owned(), connection["reasonCode"].clone())
    };
    let token = stack.token_for(stack.patient_id()).unwrap();
    let sync = async || {
        let request = http.post(format!("{}{PREFIX}/sync", stack.url())).bearer_auth(&token);
        assert_eq!(request.json(&json!({"source": "oura"})).send().await.unwrap().status(), StatusCode::ACCEPTED);
    };

    assert_eq!(press("outage", None).await, 400, "on or off?");
    assert_eq!(press("outage", Some(true)).await, 200);
    assert_eq!(switches().await["outage"], true);
    assert!(stack.oura().unwrap().control().outage().is_some());
    assert_eq!(press("outage", Some(false)).await, 200);
    assert_eq!(switches().await["outage"], false);
    assert!(stack.oura().unwrap().control().outage().is_none());

    assert_eq!(press("membership-ended", Some(true)).await, 200);
    sync().await;
    until("the membership's end", async || condition().await == ("error".to_owned(), json!("membership"))).await;
    assert_eq!(switches().await["membershipEnded"], true);
    // Of a connection with an error too: nothing else could begin the membership again.
    assert_eq!(press("membership-ended", Some(false)).await, 200);
    sync().await;
    until("the membership", async || condition().await == ("connected".to_owned(), Value::Null)).await;

    let grants = || stack.oura().unwrap().control().person("ada").unwrap().grants;
    assert_eq!(grants(), 1);
    assert_eq!(press("revoke", None).await, 200);
    assert_eq!(grants(), 0);
    stack.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn page_shows_the_items_of_the_tables_and_no_token() {
    let options = quiet(Options::default());
    let env = options.env.clone().with("TOKEN_VAULT", "sealed");
    let stack = Stack::start(Options { env, ..options }).await.unwrap();
    connected(&stack).await;
    let http = browser();
    let items = async |table: &str, more: &str| {
        let url = format!("{}/dev/items?table={table}&patient={}{more}", stack.url(), stack.patient_id());
        http.get(url).send().await.unwrap()
    };
    let connections = items("connections", "").await.text().await.unwrap();
    for secret in ["nonce", "sealed\"", "ciphertext", "verifier", "access_token"] {
        assert!(!connections.contains(secret), "{secret}: {connections}");
    }
    let connections: Value = serde_json::from_str(&connections).unwrap();
    let of = |start: &str| {
        let items = connections["items"].as_array().unwrap();
        items.iter().find(|item| item["key"].as_str().unwrap().starts_with(start)).unwrap().clone()
    };
    assert_eq!(of("CONNECTION#oura")["fields"]["status"], "connected");
    assert_eq!(of("TOKENS#")["fields"], Value::Null);

    let days: Value = items("days", "").await.json().await.unwrap();
    // The newest day has no night yet where it has just begun.
    let mut nights = days["items"].as_array().unwrap().iter().map(|day| &day["fields"]["metrics"]["sleep"]);
    assert!(nights.any(Value::is_object), "{days}");
    let first: Value = items("records", "").await.json().await.unwrap();
    let next = first["next"].as_str().unwrap().replace('#', "%23");
    let second: Value = items("records", &format!("&after={next}")).await.json().await.unwrap();
    assert!(second["items"][0]["key"].as_str().unwrap() < first["items"][19]["key"].as_str().unwrap());
    assert_eq!(items("secrets", "").await.status(), StatusCode::BAD_REQUEST);
    stack.shutdown().await;
}
