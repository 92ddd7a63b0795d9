//! Every refusal that is described is given by the code, and (as each answer is held against the description) no other.

use std::collections::BTreeSet;
use std::time::Duration;

use local::aws::{Effect, Fault};
use oura_simulator::{Fault as OuraFault, FaultMatch};
use serde_json::{Value, json};

use tests::contracts::{Operation, contracts, escaped};
use tests::{Answer, PATIENT, World, event};

/// An operation, a status, and the code that comes with it (none with a page).
type Refusals = BTreeSet<(String, u16, String)>;

/// Nothing that a caller or a dependency does brings it about.
const UNPROVOKED: &str = "internal";

fn codes(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(fields) => {
            let listed = fields.get("code").and_then(|code| code["enum"].as_array());
            found.extend(listed.into_iter().flatten().map(|code| code.as_str().unwrap().to_owned()));
            fields.values().for_each(|value| codes(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| codes(value, found)),
        _ => {}
    }
}

fn described() -> Refusals {
    let mut described = Refusals::new();
    for operation in contracts().operations() {
        let name = format!("{} {}", operation.method, operation.path);
        let responses = escaped(operation.path);
        for status in
            operation.described["responses"].as_object().unwrap().keys().filter(|status| status.as_str() >= "400")
        {
            let pointer = format!("/paths/{responses}/{}/responses/{status}", operation.method.to_lowercase());
            let (_, response) = contracts().at(&pointer);
            let mut found = BTreeSet::new();
            codes(&response["content"]["application/json"], &mut found);
            if response["content"]["text/html"].is_object() {
                found.insert(String::new());
            }
            assert!(!found.is_empty(), "{name} {status} names its codes");
            found.remove(UNPROVOKED);
            let status = status.parse().unwrap();
            described.extend(found.into_iter().map(|code| (name.clone(), status, code)));
        }
    }
    described
}

/// Answers to the requests of this test.
#[derive(Default)]
struct Seen(Refusals);

impl Seen {
    fn note(&mut self, name: &str, answer: &Answer) {
        assert!(answer.status >= 400, "{name}: {answer:?}");
        let is_page = answer.headers["content-type"].starts_with("text/html");
        let code = if is_page { String::new() } else { answer.refusal().1 };
        self.0.insert((name.to_owned(), answer.status, code));
    }

    async fn ask(&mut self, world: &World, name: &str, query: &str, body: &str) {
        let (method, path) = name.split_once(' ').unwrap();
        let answer = world.request(Some(PATIENT), method, path, query, body).await;
        self.note(name, &answer);
    }
}

/// A question that is answered if nothing is in the way: query and body.
fn good(operation: &Operation) -> (&'static str, &'static str) {
    match (operation.method, operation.path) {
        ("POST", "/callback/oura") => ("", r#"{"code":"c","state":"s"}"#),
        ("GET", "/daily" | "/workouts") => ("from=2026-03-01&to=2026-03-18", ""),
        ("GET", "/records") => ("from=2026-03-01&to=2026-03-18&type=sleep", ""),
        ("GET", "/series") => ("type=met&day=2026-03-18", ""),
        _ => ("", ""),
    }
}

/// Routes that know who asks.
fn of_patients() -> Vec<Operation> {
    contracts().operations().into_iter().filter(|one| one.described["security"].is_null()).collect()
}

fn name(operation: &Operation) -> String {
    format!("{} {}", operation.method, operation.path)
}

async fn who_asks_is_not_let_in(seen: &mut Seen) {
    let lists = |env: shared::env::Env| env.with("JWT_ALLOWED_AUDIENCES", "us").with("JWT_ALLOWED_AZP", "app");
    let world = World::with(lists, |_| ()).await;
    for operation in of_patients() {
        let (query, body) = good(&operation);
        let (ours, others) =
            (json!({"sub": PATIENT, "aud": "us", "azp": "else"}), json!({"sub": PATIENT, "aud": "else"}));
        for claims in [None, Some(ours), Some(others), Some(json!({"aud": "us", "azp": "app"}))] {
            let event = event(claims, operation.method, operation.path, query, body, &[]);
            seen.note(&name(&operation), &world.send(&event).await);
        }
    }
}

/// Stores that answer nothing but errors.
fn broken() -> Fault {
    let effect = Effect::Error { status: 400, code: "AccessDeniedException".into(), message: "no".into() };
    Fault::any(effect)
}

async fn a_store_fails(seen: &mut Seen) {
    let world = World::start().await;
    world.aws.faults().inject(broken());
    for operation in of_patients() {
        let (query, body) = good(&operation);
        seen.ask(&world, &name(&operation), query, body).await;
    }
}

async fn the_body_does_not_fit(seen: &mut Seen) {
    let world = World::start().await;
    let large = format!("{{\"code\":\"{}\"}}", "x".repeat(20_000));
    for operation in of_patients().iter().filter(|one| one.described["requestBody"].is_object()) {
        for body in ["{", "[]", &large] {
            seen.ask(&world, &name(operation), "", body).await;
        }
    }
    seen.ask(&world, "POST /connect/oura", "", r#"{"returnTo":"https://evil.example/"}"#).await;
    for body in [
        r#"{"source":"fitbit"}"#,
        r#"{"from":"yesterday"}"#,
        r#"{"to":"2026-03-01"}"#,
        r#"{"from":"2026-03-02","to":"2026-03-01"}"#,
        r#"{"from":"2020-01-01","to":"2026-03-01"}"#,
    ] {
        seen.ask(&world, "POST /sync", "", body).await;
    }
}

async fn the_query_does_not_fit(seen: &mut Seen) {
    let world = World::start().await;
    for query in ["data=all", "patient=other", "data=keep&data=purge"] {
        seen.ask(&world, "DELETE /connections/oura", query, "").await;
    }
    for (route, also) in [("GET /daily", ""), ("GET /workouts", ""), ("GET /records", "&type=sleep")] {
        for query in [
            "",
            "from=2026-02-30&to=2026-03-01",
            "from=2026-03-02&to=2026-03-01",
            "from=2001-01-01&to=2026-03-01",
            "from=2026-01-01&from=2026-01-02&to=2026-03-01",
            "from=2026-01-01&to=2026-03-01&cursor=zzz",
            "from=2026-01-01&to=2026-03-01&patientId=other",
        ] {
            seen.ask(&world, route, &format!("{query}{also}"), "").await;
        }
    }
    for (route, query) in [
        ("GET /daily", "from=2026-01-01&to=2026-03-01&metrics=steps"),
        ("GET /records", "from=2026-01-01&to=2026-03-01"),
        ("GET /records", "from=2026-01-01&to=2026-03-01&type=hrv"),
        ("GET /records", "from=2026-01-01&to=2026-03-01&type=hrv&per=week"),
        ("GET /series", "day=2026-03-01"),
        ("GET /series", "type=met"),
        ("GET /series", "type=steps&day=2026-03-01"),
        ("GET /series", "type=met&day=today"),
        ("GET /series", "type=met&day=2026-03-01&day=2026-03-02"),
        ("GET /series", "type=met&day=2026-03-01&patientId=other"),
        ("GET /metrics", "patientId=other"),
        ("GET /metrics", "a=1&a=2"),
        ("GET /export", "format=csv"),
        ("GET /export", "cursor=zzz"),
        ("GET /export", "patientId=other"),
        ("GET /export", "format=fhir&format=ndjson"),
    ] {
        seen.ask(&world, route, query, "").await;
    }
}

async fn nothing_is_connected_or_it_is_asked_too_often(seen: &mut Seen) {
    let world = World::start().await;
    for route in ["POST /sync", "POST /connections/oura/refresh", "DELETE /connections/oura"] {
        seen.ask(&world, route, "", "").await;
    }
    let world = World::connected().await;
    // A newer token pair is kept, so the requests would not count.
    world.pass(Duration::from_secs(600));
    for (path, code) in [
        ("/connect/oura", "too_many_connects"),
        ("/sync", "too_many_syncs"),
        ("/connections/oura/refresh", "too_many_refreshes"),
    ] {
        for _ in 0..20 {
            let answer = world.request(Some(PATIENT), "POST", path, "", "").await;
            if answer.status >= 400 {
                assert_eq!(answer.refusal(), (429, code.to_owned()));
                assert!(answer.headers["retry-after"].parse::<u64>().unwrap() > 0);
                seen.note(&format!("POST {path}"), &answer);
            }
        }
    }
}

fn answers(path: &str, status: u16, body: Value) -> OuraFault {
    let on = FaultMatch { path: path.to_owned(), ..FaultMatch::default() };
    OuraFault { on, status: Some(status), body: Some(body), ..OuraFault::default() }
}

/// Ways in which a consent does not end in a connection: for the app, which completes it, and for the browser, which gets a
/// page where there is none of the app.
async fn a_consent_is_worth_nothing(seen: &mut Seen) {
    const INFO: &str = "/v2/usercollection/personal_info";
    let faults = [
        answers("/oauth/token", 400, json!({"error": "invalid_grant"})),
        answers("/oauth/token", 503, json!("")),
        answers(INFO, 401, json!("")),
        answers(INFO, 403, json!("")),
        answers(INFO, 426, json!("")),
        answers(INFO, 200, json!({"age": 30})),
        answers("/oauth/token", 200, json!({"access_token": "a", "refresh_token": "r", "scope": "email"})),
        answers("/oauth/token", 200, json!({"access_token": "a", "refresh_token": "r", "scope": ""})),
    ];
    let world = World::start().await;
    let pages = World::with(|env| env.with("APP_RETURN_URL", ""), |_| ()).await;
    for fault in faults {
        world.oura().add_fault(fault.clone()).unwrap();
        pages.oura().add_fault(fault).unwrap();
        seen.note("POST /callback/oura", &completed_by_the_app(&world, PATIENT, PATIENT).await);
        seen.note("GET /callback/oura", &pages.connect_as(PATIENT, "ada").await);
        world.oura().clear_faults();
        pages.oura().clear_faults();
    }
    seen.ask(&world, "POST /callback/oura", "", r#"{"code":"c","state":"never made"}"#).await;
    seen.ask(&world, "POST /callback/oura", "", r#"{"code":"c","state":"s","iss":"https://login.example"}"#).await;
    seen.note("POST /callback/oura", &completed_by_the_app(&world, "patient-2", PATIENT).await);

    // The ring is another patient's.
    assert_eq!(world.connect_as(PATIENT, "ada").await.outcome().0, "connected");
    assert_eq!(pages.connect_as(PATIENT, "ada").await.status, 200);
    seen.note("POST /callback/oura", &completed_by_the_app(&world, "patient-2", "patient-2").await);
    seen.note("GET /callback/oura", &pages.connect_as("patient-2", "ada").await);

    // Earlier data is being deleted.
    world.request(Some(PATIENT), "DELETE", "/connections/oura", "data=purge", "").await;
    world.pass(Duration::from_secs(60));
    seen.note("POST /callback/oura", &completed_by_the_app(&world, PATIENT, PATIENT).await);

    pages.aws.faults().inject(broken());
    seen.note("GET /callback/oura", &pages.callback("code=c&state=s", Some("__Host-wearable_connect=x")).await);
}

/// A flow that Oura's consent page has ended, asked for again by the app.
async fn the_consent_page_fails(seen: &mut Seen) {
    let world = World::start().await;
    for error in [
        "access_denied",
        "invalid_scope",
        "invalid_request",
        "unauthorized_client",
        "unsupported_response_type",
        "server_error",
        "temporarily_unavailable",
        "something_new",
    ] {
        let flow = world.begin(PATIENT).await;
        let query = world.consent(&flow, "ada", "allow", None).await;
        let state = query.split('&').find_map(|part| part.strip_prefix("state=")).unwrap();
        world.callback(&format!("error={error}&state={state}"), Some(&flow.cookie)).await;
        let body = json!({"code": "c", "state": state}).to_string();
        seen.ask(&world, "POST /callback/oura", "", &body).await;
    }
}

async fn another_account_is_refused(seen: &mut Seen) {
    let world = World::with(|env| env.with("ACCOUNT_CHANGE", "refuse"), |_| ()).await;
    assert_eq!(world.connect_as(PATIENT, "bruno").await.outcome().0, "connected");
    seen.note("POST /callback/oura", &completed_by_the_app(&world, PATIENT, PATIENT).await);
}

/// The flow that one patient began, completed over the app by another (or the same).
async fn completed_by_the_app(world: &World, began: &str, completes: &str) -> Answer {
    let flow = world.begin(began).await;
    let query = world.consent(&flow, "ada", "allow", None).await;
    let handed = world.callback(&query, None).await.redirect();
    let body = json!({"code": handed["code"], "state": handed["state"]}).to_string();
    world.request(Some(completes), "POST", "/callback/oura", "", &body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn described_refusals_are_given_and_no_other() {
    let mut seen = Seen::default();
    who_asks_is_not_let_in(&mut seen).await;
    a_store_fails(&mut seen).await;
    the_body_does_not_fit(&mut seen).await;
    the_query_does_not_fit(&mut seen).await;
    nothing_is_connected_or_it_is_asked_too_often(&mut seen).await;
    a_consent_is_worth_nothing(&mut seen).await;
    the_consent_page_fails(&mut seen).await;
    another_account_is_refused(&mut seen).await;
    let described = described();
    let missing: Vec<_> = described.difference(&seen.0).collect();
    assert!(missing.is_empty(), "described and never given: {missing:#?}");
    let more: Vec<_> = seen.0.difference(&described).collect();
    assert!(more.is_empty(), "given and not described: {more:#?}");
}
