//! A callback that is fetched again, prefetched, or whose answers from the table are lost.

use std::time::Duration;

use axum::http::HeaderName;
use local::aws::{Effect, Fault, Service};
use oura_simulator::{Fault as OuraFault, FaultMatch};
use serde_json::{Value, json};
use tests::{Flow, PATIENT, World, event};

fn token_requests(world: &World) -> u64 {
    world.oura().request_counts().get("POST /oauth/token").copied().unwrap_or_default()
}

async fn consented(world: &World) -> (Flow, String) {
    let flow = world.begin(PATIENT).await;
    let query = world.consent(&flow, "ada", "allow", None).await;
    (flow, query)
}

fn lost(operation: &str, contains: &str) -> Fault {
    let effect =
        Effect::ErrorAfter { status: 500, code: "InternalServerError".into(), message: "the answer is lost".into() };
    Fault { contains: Some(contains.to_owned()), ..Fault::on(Service::DynamoDb, operation, effect) }
}

#[tokio::test]
async fn repeated_callback_gets_the_outcome_of_the_first() {
    let world = World::start().await;
    let (flow, query) = consented(&world).await;
    for _ in 0..3 {
        assert_eq!(world.callback(&query, Some(&flow.cookie)).await.outcome(), ("connected".into(), String::new()));
        world.pass(Duration::from_secs(100));
    }
    assert_eq!(token_requests(&world), 1, "the code is exchanged once");
    assert_eq!((world.messages().await.len(), world.count("wearable_connected")), (1, 1));
    // Nobody else gets anything of it: not without the cookie, not with that of another flow, not after its time.
    let other = world.begin("patient-2").await;
    for cookie in [None, Some(other.cookie.as_str())] {
        let answer = world.callback(&query, cookie).await;
        assert_eq!(answer.outcome(), ("error".into(), "state_invalid".into()));
        assert!(!answer.headers["location"].contains("code="));
    }
    world.pass(Duration::from_secs(600));
    assert_eq!(world.callback(&query, Some(&flow.cookie)).await.outcome().1, "state_invalid");
}

#[tokio::test]
async fn repeated_callback_gets_the_refusal_of_the_first() {
    let world = World::start().await;
    let flow = world.begin(PATIENT).await;
    let denied = world.consent(&flow, "ada", "deny", None).await;
    for _ in 0..2 {
        let answer = world.callback(&denied, Some(&flow.cookie)).await;
        assert_eq!(answer.outcome(), ("denied".into(), "access_denied".into()));
    }
    let (flow, query) = consented(&world).await;
    let on = FaultMatch { path: "/oauth/token".into(), ..FaultMatch::default() };
    let refusal = json!({"error": "invalid_grant"});
    world.oura().add_fault(OuraFault { on, status: Some(400), body: Some(refusal), ..OuraFault::default() }).unwrap();
    for _ in 0..2 {
        assert_eq!(world.callback(&query, Some(&flow.cookie)).await.outcome().1, "code_refused");
    }
    assert_eq!(token_requests(&world), 1);
}

/// The first attempt was cut short after the connection was written: its outcome is missing.
#[tokio::test]
async fn repeated_callback_finds_the_connection_of_an_attempt_without_outcome() {
    let world = World::start().await;
    let (flow, query) = consented(&world).await;
    let refused = Effect::Error { status: 400, code: "AccessDeniedException".into(), message: "no".into() };
    let fault = Fault::on(Service::DynamoDb, "UpdateItem", refused);
    world.aws.faults().inject(Fault { contains: Some("outcome".into()), ..fault });
    assert_eq!(world.callback(&query, Some(&flow.cookie)).await.outcome().0, "connected");
    world.aws.faults().clear();
    world.pass(Duration::from_secs(60));
    assert_eq!(world.callback(&query, Some(&flow.cookie)).await.outcome().0, "connected");
    assert_eq!(token_requests(&world), 1);
}

#[tokio::test]
async fn prefetched_callback_uses_nothing_up() {
    let world = World::start().await;
    let (flow, query) = consented(&world).await;
    for (name, value) in [
        ("sec-purpose", "prefetch"),
        ("sec-purpose", "prefetch;prerender"),
        ("purpose", "Prefetch"),
        ("x-moz", "prefetch"),
    ] {
        let mut event = event(None, "GET", "/callback/oura", &query, "", &[&flow.cookie]);
        event["headers"][HeaderName::from_static(name).as_str()] = json!(value);
        let answer = world.send(&event).await;
        assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{name}: {value}");
    }
    assert_eq!(token_requests(&world), 0);
    assert_eq!(world.callback(&query, Some(&flow.cookie)).await.outcome().0, "connected");
}

#[tokio::test]
async fn lost_answer_of_the_state_is_the_attempts_own() {
    let world = World::start().await;
    let (flow, query) = consented(&world).await;
    world.aws.faults().inject(lost("UpdateItem", "STATE#").times(1));
    assert_eq!(world.callback(&query, Some(&flow.cookie)).await.outcome(), ("connected".into(), String::new()));
    assert_eq!((token_requests(&world), world.messages().await.len()), (1, 1));
}

#[tokio::test]
async fn lost_answer_of_the_connection_is_a_success_and_the_history_starts() {
    // More often than the SDK repeats the request: the connection has to be read again.
    for times in [1, 4] {
        let world = World::start().await;
        let (flow, query) = consented(&world).await;
        world.aws.faults().inject(lost("TransactWriteItems", "CLAIM").times(times));
        let answer = world.callback(&query, Some(&flow.cookie)).await;
        assert_eq!(answer.outcome(), ("connected".into(), String::new()), "{times} answers are lost");
        world.work().await;
        assert_eq!((world.count("wearable_connected"), world.count("wearable_backfill_completed")), (1, 1));
        let shown = world.get("/connections", "").await.data();
        assert_eq!(shown["connections"][0]["status"], "connected");
    }
}

/// Chrome and proxies may send the same cookie twice; a sibling domain may plant one.
#[tokio::test]
async fn two_cookies_of_the_name_prove_nothing() {
    let world = World::start().await;
    let attacker = world.begin("attacker").await;
    let victim = world.begin(PATIENT).await;
    let query = world.consent(&attacker, "ada", "allow", None).await;
    let both = format!("{}; {}", attacker.cookie, victim.cookie);
    let handed = world.callback(&query, Some(&both)).await.redirect();
    assert!(handed.contains_key("code") && !handed.contains_key("status"), "it is left for the signed-in patient");
    // What a sibling domain can set has another name.
    let planted = attacker.cookie.replace("__Host-", "");
    assert!(world.callback(&query, Some(&planted)).await.redirect().contains_key("code"));
    assert_eq!(token_requests(&world), 0);
}

#[tokio::test]
async fn scopes_of_the_browser_count_as_far_as_they_were_requested() {
    let world = World::start().await;
    let answer = |path: &str, body: Value| OuraFault {
        on: FaultMatch { path: path.into(), ..FaultMatch::default() },
        status: Some(200),
        body: Some(body),
        times: Some(1),
        ..OuraFault::default()
    };
    world.oura().add_fault(answer("/oauth/token", json!({"access_token": "a", "refresh_token": "r"}))).unwrap();
    world.oura().add_fault(answer("/v2/usercollection/personal_info", json!({"id": "ring-9"}))).unwrap();
    let (_, query) = consented(&world).await;
    let handed = world.callback(&query, None).await.redirect();
    let many: String = (0..2000).map(|n| format!("scope{n} ")).collect();
    let body =
        json!({"code": handed["code"], "state": handed["state"], "scope": format!("{} daily spo2", &many[..6000])});
    world.request(Some(PATIENT), "POST", "/callback/oura", "", &body.to_string()).await.data();
    assert_eq!(world.connection().await.scopes_granted.to_string(), "daily spo2");
}

#[tokio::test]
async fn errors_of_the_consent_page_have_reasons_of_their_own() {
    let world = World::start().await;
    for (error, reason) in [
        ("invalid_scope", "invalid_scope"),
        ("invalid_request", "invalid_request"),
        ("unauthorized_client", "unauthorized_client"),
        ("unsupported_response_type", "unsupported_response_type"),
        ("server_error", "server_error"),
        ("temporarily_unavailable", "temporarily_unavailable"),
        ("something_new", "authorization_failed"),
    ] {
        let (flow, query) = consented(&world).await;
        let state = query.split('&').find(|part| part.starts_with("state=")).unwrap();
        let answer = world.callback(&format!("error={error}&{state}"), Some(&flow.cookie)).await;
        assert_eq!(answer.outcome(), ("error".into(), reason.into()));
    }
}

#[tokio::test]
async fn patient_begins_a_limited_number_of_consents() {
    let world = World::start().await;
    let connect = async || world.request(Some(PATIENT), "POST", "/connect/oura", "", "{}").await;
    for _ in 0..10 {
        assert_eq!(connect().await.status, 200);
    }
    let refused = connect().await;
    assert_eq!(refused.refusal(), (429, "too_many_connects".into()));
    assert_eq!(refused.headers["retry-after"], "60");
    assert_eq!(
        world.request(Some("patient-2"), "POST", "/connect/oura", "", "{}").await.status,
        200,
        "another patient"
    );
    world.pass(Duration::from_secs(60));
    assert_eq!((connect().await.status, connect().await.status), (200, 429));
}

#[tokio::test]
async fn connect_names_prerequisites_and_the_reason_for_each_scope() {
    let world = World::start().await;
    let data = world.request(Some(PATIENT), "POST", "/connect/oura", "", "{}").await.data();
    let keys = |list: &Value, name: &str| -> Vec<String> {
        list.as_array().unwrap().iter().map(|one| one[name].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        keys(&data["prerequisites"], "textKey"),
        ["prerequisite.ring_generation", "prerequisite.membership", "prerequisite.app_paired"]
    );
    assert_eq!(keys(&data["scopes"], "scope").join(" "), shared::domain::ScopeSet::DEFAULT);
    assert!(keys(&data["scopes"], "textKey").iter().all(|key| key != "scope.other"));
    assert!(keys(&data["scopes"], "text").iter().all(|text| text.ends_with('.')));
}
