//! Connect and callback: the main path, and everything that can come instead.

use std::time::Duration;

use local::aws::{Effect, Fault, Service};
use oura_simulator::{Fault as OuraFault, FaultMatch};
use serde_json::{Value, json};
use shared::domain::{ConnectionStatus, Trigger};

use tests::{APP, PATIENT, World, event};

fn at(path: &str) -> FaultMatch {
    FaultMatch { path: path.to_owned(), ..FaultMatch::default() }
}

fn answers(path: &str, status: u16, body: Value) -> OuraFault {
    OuraFault { on: at(path), status: Some(status), body: Some(body), ..OuraFault::default() }
}

async fn nothing_is_stored(world: &World) {
    assert!(world.connections.get(&world.patient()).await.unwrap().is_none());
    assert!(world.messages().await.is_empty());
    assert!(world.events().is_empty());
}

#[tokio::test]
async fn connect_flow_connects_a_patient() {
    let world = World::start().await;
    assert_eq!(world.get("/connections", "").await.data(), json!({ "connections": [] }));
    let flow = world.begin(PATIENT).await;
    assert_eq!(world.get("/connections", "").await.data()["connections"][0]["status"], "pending");
    let query = world.consent(&flow, "ada", "allow", None).await;
    assert!(!query.contains("iss="), "the documented authorization server does not name itself");
    let answer = world.callback(&query, Some(&flow.cookie)).await;
    assert_eq!(answer.outcome(), ("connected".into(), String::new()));
    assert!(answer.headers["location"].starts_with(APP));
    assert!(!answer.headers.contains_key("set-cookie"), "the cookie stays for a repetition");
    let connection = world.connection().await;
    assert_eq!((connection.status, connection.generation), (ConnectionStatus::Connected, 1));
    assert!(connection.scopes_granted.contains("daily"), "prefixes are stripped: {}", connection.scopes_granted);
    let tokens = world.secrets.get(&world.patient(), &connection.grant_id).await.unwrap().unwrap();
    assert_eq!(tokens.generation, 1);
    let messages = world.messages().await;
    assert_eq!((messages.len(), messages[0].trigger, messages[0].range.days()), (1, Trigger::Backfill, 31));
    let published = world.events();
    assert_eq!(
        (published.len(), published[0].detail_type.as_str(), published[0].source.as_str()),
        (1, "wearable_connected", "wearables.oura")
    );
    assert_eq!(published[0].detail["reconnected"], false);
    let shown = world.get("/connections", "").await.data();
    assert_eq!(
        (&shown["connections"][0]["status"], &shown["connections"][0]["source"]),
        (&"connected".into(), &"oura".into())
    );
}

#[tokio::test]
async fn connect_answers_as_documented() {
    let world = World::start().await;
    let answer = world.request(Some(PATIENT), "POST", "/connect/oura", "", "").await;
    let data = answer.data();
    let url = url::Url::parse(data["authUrl"].as_str().unwrap()).unwrap();
    let query: std::collections::BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    assert_eq!(query["response_type"], "code");
    assert_eq!(
        query["scope"],
        "email personal daily heartrate workout tag session spo2 heart_health stress ring_configuration"
    );
    assert_eq!((query["state"].len(), query["code_challenge_method"].as_str()), (64, "S256"));
    assert_eq!(data["expiresAt"], "2026-03-18T12:10:00Z");
    let cookie = &answer.headers["set-cookie"];
    for part in ["__Host-wearable_connect=", "HttpOnly", "Secure", "SameSite=Lax"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let stored = world.items(&world.names.connections_table).await;
    let text = json!(stored).to_string();
    assert!(!text.contains(&query["state"]), "the state is stored as a hash only");
    assert!(!text.contains(cookie.split(['=', ';']).nth(1).unwrap()), "so is the cookie");
}

#[tokio::test]
async fn routes_refuse_requests_without_a_token() {
    let world = World::start().await;
    let routes = [
        ("POST", "/connect/oura"),
        ("POST", "/callback/oura"),
        ("GET", "/connections"),
        ("POST", "/sync"),
        ("GET", "/daily"),
    ];
    for (method, path) in routes {
        assert_eq!(world.request(None, method, path, "", "").await.refusal(), (401, "unauthorized".into()), "{path}");
        for claims in [
            json!({}),
            json!({"sub": ""}),
            json!({"sub": "a b"}),
            json!({"email": "x"}),
            json!({"sub": "x".repeat(300)}),
            json!({"sub": "<nil>"}),
            json!({"sub": "true"}),
            json!({"sub": "1.0"}),
            json!({"sub": "[p]"}),
        ] {
            let answer = world.send(&event(Some(claims), method, path, "", "", &[])).await;
            assert_eq!(answer.refusal(), (401, "patient_claim_missing".into()), "{path}");
        }
    }
    nothing_is_stored(&world).await;
}

/// The authorizer has let these tokens in: it may be set up more widely than the functions.
#[tokio::test]
async fn routes_refuse_tokens_of_another_audience_or_app() {
    let lists = |env: shared::env::Env| {
        env.with("JWT_ALLOWED_AUDIENCES", "wearables,api").with("JWT_ALLOWED_AZP", "https://app.example")
    };
    let world = World::with(lists, |_| ()).await;
    let routes = [
        ("POST", "/connect/oura"),
        ("POST", "/callback/oura"),
        ("GET", "/connections"),
        ("POST", "/sync"),
        ("POST", "/connections/oura/refresh"),
        ("DELETE", "/connections/oura"),
        ("GET", "/daily"),
    ];
    let good = json!({"sub": PATIENT, "aud": "[x api]", "azp": "https://app.example"});
    let but = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    for (method, path) in routes {
        let ask = |claims: Value| {
            let event = event(Some(claims), method, path, "", "", &[]);
            let world = &world;
            async move { world.send(&event).await }
        };
        let admitted = ask(good.clone()).await.status;
        assert!(![401, 403].contains(&admitted), "{method} {path}: {admitted}");
        for aud in [json!("else"), json!("[else x]"), json!("")] {
            let answer = ask(but("aud", aud)).await;
            assert_eq!(answer.refusal(), (401, "audience_not_allowed".into()), "{method} {path}");
            assert_eq!(answer.headers["www-authenticate"], "Bearer error=\"invalid_token\"");
        }
        for azp in [json!("https://other.example"), json!("")] {
            assert_eq!(ask(but("azp", azp)).await.refusal(), (403, "party_not_allowed".into()), "{method} {path}");
        }
        let mut of_no_app = good.clone();
        of_no_app.as_object_mut().unwrap().remove("azp");
        assert_eq!(ask(of_no_app).await.refusal(), (403, "party_not_allowed".into()), "{method} {path}");
    }
}

#[tokio::test]
async fn routes_distinguish_unknown_path_from_method() {
    let world = World::start().await;
    assert_eq!(world.get("/nothing", "").await.refusal(), (404, "not_found".into()));
    assert_eq!(world.get("", "").await.refusal(), (404, "not_found".into()));
    assert_eq!(world.get("/connect/oura", "").await.refusal(), (405, "method_not_allowed".into()));
    for (method, path) in [("DELETE", "/daily"), ("PUT", "/sync"), ("POST", "/connections"), ("PUT", "/callback/oura")]
    {
        let answer = world.request(Some(PATIENT), method, path, "", "").await;
        assert_eq!(answer.refusal(), (405, "method_not_allowed".into()), "{method} {path}");
    }
    assert_eq!(world.request(Some(PATIENT), "OPTIONS", "/daily", "", "").await.status, 204);
}

#[tokio::test]
async fn connect_refuses_malformed_bodies_by_code() {
    let world = World::start().await;
    let large = format!("{{\"returnTo\":\"/{}\"}}", "x".repeat(20_000));
    for (path, body, wanted) in [
        ("/connect/oura", "{", (400, "invalid_json")),
        ("/connect/oura", "[]", (400, "invalid_body")),
        ("/connect/oura", r#"{"returnTo":7}"#, (400, "invalid_body")),
        ("/connect/oura", large.as_str(), (413, "body_too_large")),
        ("/connect/oura", r#"{"returnTo":"https://evil.example/"}"#, (400, "return_not_allowed")),
        ("/connect/oura", r#"{"returnTo":"//evil.example/"}"#, (400, "return_not_allowed")),
        ("/callback/oura", "{}", (400, "invalid_body")),
        ("/callback/oura", r#"{"code":1,"state":"x"}"#, (400, "invalid_body")),
        ("/callback/oura", r#"{"code":"","state":"x"}"#, (400, "invalid_body")),
        ("/callback/oura", r#"{"code":"c","state":"never made"}"#, (400, "state_invalid")),
        ("/sync", "nonsense", (400, "invalid_json")),
        ("/sync", r#"{"source":7}"#, (400, "invalid_body")),
        ("/sync", r#"{"source":"fitbit"}"#, (400, "unknown_source")),
        ("/sync", r#"{"from":"yesterday"}"#, (400, "invalid_date")),
        ("/sync", r#"{"from":"2026-04-01"}"#, (400, "invalid_date")),
        ("/sync", r#"{"to":"2026-03-01"}"#, (400, "missing_range")),
        ("/sync", r#"{"from":"2026-03-02","to":"2026-03-01"}"#, (400, "range_reversed")),
        ("/sync", r#"{"from":"2020-01-01","to":"2026-03-01"}"#, (400, "range_too_long")),
        ("/sync", "{}", (409, "not_connected")),
    ] {
        let (status, code) = world.request(Some(PATIENT), "POST", path, "", body).await.refusal();
        assert_eq!((status, code.as_str()), wanted, "{path} {}", &body[..body.len().min(60)]);
    }
    let mut odd = event(Some(json!({"sub": PATIENT})), "POST", "/sync", "", "/w==", &[]);
    odd["isBase64Encoded"] = json!(true);
    assert_eq!(world.send(&odd).await.refusal(), (400, "invalid_json".into()), "bytes that are not UTF-8");
    nothing_is_stored(&world).await;
}

#[tokio::test]
async fn callback_redirects_to_the_requested_page() {
    let world = World::start().await;
    let flow = world.begin_with(PATIENT, r#"{"returnTo":"/settings?tab=rings"}"#).await;
    let query = world.consent(&flow, "ada", "allow", None).await;
    let answer = world.callback(&query, Some(&flow.cookie)).await;
    assert!(
        answer.headers["location"].starts_with("https://app.example/settings?tab=rings&wearable=oura&status=connected")
    );
    assert_eq!(answer.headers["referrer-policy"], "no-referrer");
}

#[tokio::test]
async fn callback_reports_a_denied_consent() {
    let world = World::start().await;
    let flow = world.begin(PATIENT).await;
    let query = world.consent(&flow, "ada", "deny", None).await;
    assert_eq!(world.callback(&query, Some(&flow.cookie)).await.outcome(), ("denied".into(), "access_denied".into()));
    assert_eq!(world.get("/connections", "").await.data(), json!({ "connections": [] }), "nothing is pending");
    nothing_is_stored(&world).await;
}

#[tokio::test]
async fn callback_refuses_invalid_states() {
    let world = World::start().await;
    let flow = world.begin(PATIENT).await;
    let query = world.consent(&flow, "ada", "allow", None).await;
    let tampered = query.replace("state=", "state=0");
    for bad in [
        tampered.as_str(),
        "",
        "code=x",
        "state=&code=x",
        "code=x&code=y&state=z",
        "error=access_denied&state=zzz",
        "state=%ff&code=x",
    ] {
        let (status, reason) = world.callback(bad, Some(&flow.cookie)).await.outcome();
        assert_eq!((status.as_str(), reason.as_str()), ("error", "state_invalid"), "{bad}");
    }
    let state_only = format!("state={}", "a".repeat(64));
    assert_eq!(world.callback(&state_only, Some(&flow.cookie)).await.outcome().1, "code_missing");
    world.pass(Duration::from_secs(601));
    assert_eq!(world.callback(&query, Some(&flow.cookie)).await.outcome(), ("error".into(), "state_invalid".into()));
    assert_eq!(
        world.get("/connections", "").await.data(),
        json!({ "connections": [] }),
        "the pending mark has expired"
    );
    assert_eq!(world.oura().request_counts().get("POST /oauth/token"), None, "no code was tried");
    nothing_is_stored(&world).await;
}

#[tokio::test]
async fn concurrent_callbacks_connect_once() {
    let world = World::start().await;
    let flow = world.begin(PATIENT).await;
    let query = world.consent(&flow, "ada", "allow", None).await;
    let both = futures::future::join_all((0..8).map(|_| world.callback(&query, Some(&flow.cookie)))).await;
    assert!(both.iter().all(|answer| answer.outcome().0 == "connected"), "each gets the outcome of the first");
    assert_eq!(world.oura().request_counts()["POST /oauth/token"], 1);
    assert_eq!(world.messages().await.len(), 1);
    assert_eq!(world.events().len(), 1);
}

/// An attacker sends a victim their own authorize link: the victim's browser has no cookie of that flow.
#[tokio::test]
async fn callback_refuses_a_flow_of_another_browser() {
    let world = World::start().await;
    let attacker = world.begin("attacker").await;
    let victim = world.begin(PATIENT).await;
    let query = world.consent(&attacker, "ada", "allow", None).await;
    for cookie in [None, Some(victim.cookie.as_str()), Some("__Host-wearable_connect=")] {
        let answer = world.callback(&query, cookie).await;
        let handed = answer.redirect();
        assert_eq!(handed["wearable"], "oura");
        assert!(handed.contains_key("code") && handed.contains_key("state") && !handed.contains_key("status"));
        assert!(answer.headers["location"].starts_with(APP));
        let body = json!({ "code": handed["code"], "state": handed["state"] }).to_string();
        let refused = world.request(Some(PATIENT), "POST", "/callback/oura", "", &body).await;
        assert_eq!(refused.refusal(), (403, "state_foreign".into()), "the victim is not the one who began");
    }
    assert_eq!(world.oura().request_counts().get("POST /oauth/token"), None);
    nothing_is_stored(&world).await;
}

#[tokio::test]
async fn app_completes_a_flow_without_the_cookie() {
    let world = World::start().await;
    let flow = world.begin(PATIENT).await;
    let query = world.consent(&flow, "ada", "allow", None).await;
    let handed = world.callback(&query, None).await.redirect();
    let body = json!({ "code": handed["code"], "state": handed["state"] }).to_string();
    let done = world.request(Some(PATIENT), "POST", "/callback/oura", "", &body).await;
    assert_eq!(done.data(), json!({ "source": "oura", "status": "connected" }));
    let again = world.request(Some(PATIENT), "POST", "/callback/oura", "", &body).await;
    assert_eq!(again.data(), json!({ "source": "oura", "status": "connected" }), "the outcome of the first");
    let other = world.request(Some("patient-2"), "POST", "/callback/oura", "", &body).await;
    assert_eq!(other.refusal(), (400, "state_invalid".into()), "nothing of it for anybody else");
    assert_eq!(world.oura().request_counts()["POST /oauth/token"], 1);
    assert_eq!(world.messages().await.len(), 1);
}

#[tokio::test]
async fn callback_without_binding_needs_the_state_only() {
    let world = World::with(|env| env.with("CALLBACK_BINDING", "none"), |_| ()).await;
    let answer = world.request(Some(PATIENT), "POST", "/connect/oura", "", "{}").await;
    assert!(!answer.headers.contains_key("set-cookie"));
    let flow = tests::Flow { auth_url: answer.data()["authUrl"].as_str().unwrap().into(), cookie: String::new() };
    let query = world.consent(&flow, "ada", "allow", None).await;
    assert_eq!(world.callback(&query, None).await.outcome().0, "connected");
}

#[tokio::test]
async fn callback_without_return_url_shows_its_own_page() {
    let world = World::with(|env| env.with("APP_RETURN_URL", ""), |_| ()).await;
    let flow = world.begin(PATIENT).await;
    let query = world.consent(&flow, "ada", "allow", None).await;
    let odd = world.callback("code=%3Cscript%3E&state=%3Cscript%3E", Some(&flow.cookie)).await;
    assert_eq!((odd.status, odd.body.contains("<script>")), (400, false));
    let page = world.callback(&query, Some(&flow.cookie)).await;
    assert!(
        page.status == 200 && page.body.contains("connected") && page.headers["content-type"].starts_with("text/html")
    );
    assert!(page.headers["content-security-policy"].contains("default-src 'none'"));
}

#[tokio::test]
async fn refused_or_unanswered_code_does_not_connect() {
    let cases = [
        (answers("/oauth/token", 400, json!({"error": "invalid_grant"})), "code_refused"),
        (answers("/oauth/token", 400, json!({"error": "invalid_request"})), "code_refused"),
        (answers("/oauth/token", 401, json!({"error": "invalid_client"})), "code_refused"),
        (answers("/oauth/token", 200, json!("<html>hello</html>")), "oura_unavailable"),
        (answers("/oauth/token", 200, json!("")), "oura_unavailable"),
        (answers("/oauth/token", 200, json!({"token_type": "bearer"})), "oura_unavailable"),
        (answers("/oauth/token", 503, json!("<html>busy</html>")), "oura_unavailable"),
        (answers("/oauth/token", 429, json!("")), "oura_unavailable"),
        (OuraFault { on: at("/oauth/token"), drop_connection: true, ..OuraFault::default() }, "oura_unavailable"),
        (answers("/v2/usercollection/personal_info", 401, json!("")), "unauthorized_by_oura"),
        (answers("/v2/usercollection/personal_info", 403, json!("")), "membership"),
        (answers("/v2/usercollection/personal_info", 426, json!("")), "app_outdated"),
        (answers("/v2/usercollection/personal_info", 500, json!("")), "oura_unavailable"),
        (answers("/v2/usercollection/personal_info", 200, json!({"age": 30})), "account_unreadable"),
        (answers("/v2/usercollection/personal_info", 200, json!({"id": "x".repeat(600)})), "account_unreadable"),
        (answers("/v2/usercollection/personal_info", 200, json!("<html>")), "account_unreadable"),
    ];
    let world = World::start().await;
    for (fault, reason) in cases {
        let context = format!("{fault:?}");
        world.oura().add_fault(fault).unwrap();
        let flow = world.begin(PATIENT).await;
        let query = world.consent(&flow, "ada", "allow", None).await;
        assert_eq!(
            world.callback(&query, Some(&flow.cookie)).await.outcome(),
            ("error".into(), reason.into()),
            "{context}"
        );
        world.oura().clear_faults();
        world.pass(Duration::from_secs(60));
        nothing_is_stored(&world).await;
        assert_eq!(world.get("/connections", "").await.data(), json!({ "connections": [] }), "nothing is pending");
    }
    assert_eq!(world.connect_as(PATIENT, "ada").await.outcome().0, "connected", "and then all is well");
}

#[tokio::test]
async fn short_failure_of_personal_info_keeps_the_consent() {
    let world = World::start().await;
    let stumble = OuraFault { times: Some(2), ..answers("/v2/usercollection/personal_info", 503, json!("")) };
    world.oura().add_fault(stumble).unwrap();
    assert_eq!(world.connect_as(PATIENT, "ada").await.outcome().0, "connected");
}

#[tokio::test]
async fn consent_without_data_scopes_does_not_connect() {
    let world = World::start().await;
    for scopes in [&[][..], &["email"], &["personal", "email"]] {
        let flow = world.begin(PATIENT).await;
        let query = world.consent(&flow, "ada", "allow", Some(scopes)).await;
        let (status, reason) = world.callback(&query, Some(&flow.cookie)).await.outcome();
        assert_eq!(status, "error", "{scopes:?}");
        let expected = if scopes.is_empty() { ["no_scope_granted", "invalid_scope"] } else { ["scope_missing"; 2] };
        assert!(expected.contains(&reason.as_str()), "{scopes:?}: {reason}");
    }
    nothing_is_stored(&world).await;
}

#[tokio::test]
async fn oura_account_belongs_to_one_patient() {
    let world = World::connected().await;
    assert_eq!(world.connect_as("patient-2", "ada").await.outcome(), ("error".into(), "account_conflict".into()));
    let second = "patient-2".parse().unwrap();
    assert!(world.connections.get(&second).await.unwrap().is_none());
    assert_eq!(world.connection().await.status, ConnectionStatus::Connected);
    let claim = world.items(&world.names.connections_table).await;
    assert!(claim.iter().any(|item| item["sk"] == "CLAIM" && item["patientId"] == PATIENT));
    assert_eq!(world.connect_as("patient-2", "bruno").await.outcome().0, "connected");
}

#[tokio::test]
async fn reconnect_keeps_history_and_replaces_the_grant() {
    let world = World::connected().await;
    world.work().await;
    let first = world.connection().await;
    let days = world.items(&world.names.daily_stats_table).await;
    world.pass(Duration::from_secs(3600));
    assert_eq!(world.connect_as(PATIENT, "ada").await.outcome().0, "connected");
    let second = world.connection().await;
    assert_ne!(first.grant_id, second.grant_id);
    assert_eq!(second.last_data_day, first.last_data_day);
    assert!(world.secrets.get(&world.patient(), &first.grant_id).await.unwrap().is_none(), "the old tokens are gone");
    assert_eq!(
        world
            .events()
            .iter()
            .filter(|e| e.detail_type == "wearable_connected" && e.detail["reconnected"] == true)
            .count(),
        1
    );
    world.work().await;
    let after = world.items(&world.names.daily_stats_table).await;
    assert!(after.len() >= days.len());
    assert!(
        after.iter().filter(|day| day["revision"] == 1).count() >= days.len() - 2,
        "old days are not published again"
    );
    assert_eq!(world.count("wearable_backfill_completed"), 2);
}

#[tokio::test]
async fn scopes_named_by_the_callback_count_for_app_completion() {
    let world = World::start().await;
    let token = OuraFault {
        times: Some(1),
        ..answers("/oauth/token", 200, json!({"access_token": "a", "refresh_token": "r"}))
    };
    world.oura().add_fault(token).unwrap();
    world.oura().add_fault(answers("/v2/usercollection/personal_info", 200, json!({"id": "ring-9"}))).unwrap();
    let flow = world.begin(PATIENT).await;
    let query = world.consent(&flow, "ada", "allow", Some(&["daily", "spo2"])).await;
    let handed = world.callback(&query, None).await.redirect();
    let body = json!({ "code": handed["code"], "state": handed["state"], "scope": handed["scope"] }).to_string();
    world.request(Some(PATIENT), "POST", "/callback/oura", "", &body).await.data();
    assert_eq!(world.connection().await.scopes_granted.to_string(), "daily spo2");
}

#[tokio::test]
async fn another_account_of_the_patient_frees_the_first() {
    let world = World::connected().await;
    assert_eq!(world.connect_as(PATIENT, "bruno").await.outcome().0, "connected");
    assert_eq!(world.connect_as("patient-2", "ada").await.outcome().0, "connected");
}

#[tokio::test]
async fn failing_stores_leave_no_partial_connection() {
    let error = || Effect::Error { status: 400, code: "AccessDeniedException".into(), message: "no".into() };
    for fault in [
        Fault::on(Service::SecretsManager, "CreateSecret", error()),
        Fault::on(Service::DynamoDb, "TransactWriteItems", error()).after(1),
    ] {
        let world = World::start().await;
        world.aws.faults().inject(fault);
        let flow = world.begin(PATIENT).await;
        let query = world.consent(&flow, "ada", "allow", None).await;
        assert_eq!(
            world.callback(&query, Some(&flow.cookie)).await.outcome(),
            ("error".into(), "service_unavailable".into())
        );
        world.aws.faults().clear();
        world.work().await;
        nothing_is_stored(&world).await;
        let secrets = aws_sdk_secretsmanager::Client::new(&world.sdk).list_secrets().send().await.unwrap();
        let mut names: Vec<_> = secrets.secret_list().iter().filter_map(|secret| secret.name()).collect();
        names.sort_unstable();
        assert_eq!(names, ["oura/app", "oura/token-keys"], "no token is left behind");
        assert_eq!(world.connect_as(PATIENT, "ada").await.outcome().0, "connected");
    }
}

#[tokio::test]
async fn failing_queue_or_bus_keeps_the_connection() {
    let world = World::start().await;
    let error = || Effect::Error { status: 400, code: "AccessDeniedException".into(), message: "no".into() };
    world.aws.faults().inject(Fault::on(Service::Sqs, "SendMessage", error()));
    world.aws.faults().inject(Fault::on(Service::Events, "PutEvents", error()));
    assert_eq!(world.connect_as(PATIENT, "ada").await.outcome().0, "connected");
    world.aws.faults().clear();
    assert!(world.events().is_empty() && world.bodies().await.is_empty());
    // The page still says that the history is to come, and the patient's next sync brings the event.
    let shown = world.get("/connections", "").await.data();
    assert_eq!(shown["connections"][0]["backfill"]["state"], "pending");
    assert_eq!(world.request(Some(PATIENT), "POST", "/sync", "", "{}").await.status, 202);
    world.work().await;
    assert_eq!(world.count("wearable_connected"), 1);
    assert!(world.daily("2026-02-17", "2026-03-18").await.len() >= 28, "the whole history, as nothing had arrived yet");
    let shown = world.get("/connections", "").await.data();
    assert_eq!(shown["connections"][0]["backfill"]["state"], "done", "a page that polls comes to an end");
    assert_eq!(world.count("wearable_backfill_completed"), 1);
}

#[tokio::test]
async fn connect_refuses_an_empty_app_secret() {
    let world = World::start().await;
    let secrets = aws_sdk_secretsmanager::Client::new(&world.sdk);
    let placeholder = r#"{"client_id":"replace-me","client_secret":"replace-me","webhook_verification_token":"x"}"#;
    secrets.put_secret_value().secret_id("oura/app").secret_string(placeholder).send().await.unwrap();
    let answer = world.request(Some(PATIENT), "POST", "/connect/oura", "", "{}").await;
    assert_eq!(answer.refusal(), (503, "service_unavailable".into()));
}
