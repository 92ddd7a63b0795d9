//! The history of a patient's consents, and the consents that are not kept.

use std::time::Duration;

use local::aws::{Effect, Fault, Service};
use oura_simulator::{Fault as OuraFault, FaultMatch};
use serde_json::{Value, json};
use shared::domain::{ConnectionStatus, Trigger};
use tests::{PATIENT, World};

async fn consents(world: &World) -> Vec<Value> {
    world.get("/connections/oura/consents", "").await.data()["consents"].as_array().unwrap().clone()
}

fn revoked(world: &World) -> u64 {
    world.oura().request_counts().get("POST /oauth/revoke").copied().unwrap_or_default()
}

/// Lets all queued work run, with its repetitions over an hour.
async fn settle(world: &World) {
    for _ in 0..8 {
        world.work().await;
        world.pass(Duration::from_secs(450));
    }
}

#[tokio::test]
async fn consents_are_a_history() {
    let world = World::start().await;
    assert_eq!(consents(&world).await, [] as [Value; 0]);
    let flow = world.begin_with(PATIENT, r#"{"consentVersion":"2026-03"}"#).await;
    let denied = world.consent(&flow, "ada", "deny", None).await;
    world.callback(&denied, Some(&flow.cookie)).await;
    world.pass(Duration::from_secs(60));
    let flow = world.begin_with(PATIENT, r#"{"consentVersion":"2026-04"}"#).await;
    let query = world.consent(&flow, "ada", "allow", Some(&["daily", "spo2"])).await;
    world.pass(Duration::from_secs(30));
    world.callback(&query, Some(&flow.cookie)).await;
    world.pass(Duration::from_secs(3600));
    world.connect_as(PATIENT, "ada").await;
    world.pass(Duration::from_secs(3600));
    assert_eq!(world.request(Some(PATIENT), "DELETE", "/connections/oura", "", "").await.status, 202);
    settle(&world).await;

    let all = consents(&world).await;
    let of = |name: &str| all.iter().map(|one| one[name].clone()).collect::<Vec<_>>();
    assert_eq!(of("outcome"), ["access_denied", "connected", "connected"]);
    assert_eq!(of("consentVersion"), [json!("2026-03"), json!("2026-04"), json!(null)]);
    assert_eq!(of("endReason"), [json!(null), json!("replaced"), json!("user_request")]);
    assert_eq!(of("revocation"), [json!(null), json!("superseded"), json!("revoked")]);
    assert_eq!(of("scopesGranted")[..2], [json!([]), json!(["daily", "spo2"])]);
    assert_eq!(all[1]["scopesRequested"].as_array().unwrap().len(), 11);
    assert_eq!(
        (&all[1]["requestedAt"], &all[1]["completedAt"]),
        (&json!("2026-03-18T12:01:00Z"), &json!("2026-03-18T12:01:30Z"))
    );
    assert!(all.iter().all(|one| one["appVersion"].is_string()));

    let export = world.get("/export", "").await;
    let lines: Vec<Value> = export.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let exported: Vec<_> = lines.iter().filter(|line| line["type"] == "consent").map(|line| &line["outcome"]).collect();
    assert_eq!(exported, ["access_denied", "connected", "connected"]);

    assert_eq!(world.request(Some(PATIENT), "DELETE", "/connections/oura", "data=purge", "").await.status, 202);
    settle(&world).await;
    assert_eq!(consents(&world).await, [] as [Value; 0]);
    let receipt = world.events().into_iter().find(|event| event.detail_type == "wearable_data_purged").unwrap();
    assert_eq!(receipt.detail["counts"]["consents"], 3);
}

#[tokio::test]
async fn personal_information_is_stored_only_if_it_is_switched_on() {
    let profile = async |world: &World| world.get("/profile", "").await.data()["profile"].clone();
    let off = World::connected().await;
    settle(&off).await;
    assert_eq!(profile(&off).await, Value::Null);

    let world = World::with(|env| env.with("PERSONAL_INFO", "on"), |_| ()).await;
    world.connect_as(PATIENT, "ada").await;
    settle(&world).await;
    let first = profile(&world).await;
    for field in ["age", "weight", "height", "biologicalSex", "observedAt"] {
        assert!(!first[field].is_null(), "{field}: {first}");
    }
    // Weekly, also where some of it is unreadable; what cannot be read is null.
    let on = FaultMatch { path: "/v2/usercollection/personal_info".into(), ..FaultMatch::default() };
    let odd = json!({"id": "x", "age": 900, "weight": "heavy", "height": 1.5, "biological_sex": null, "email": "a@b.example"});
    world.oura().add_fault(OuraFault { on, status: Some(200), body: Some(odd), ..OuraFault::default() }).unwrap();
    let nightly = async |name: &str| {
        let today = shared::domain::Day::of_utc(world.clock.now());
        let message = world.sync_message(Trigger::Daily, name, shared::domain::DayRange::ending(today, 2));
        assert!(world.deliver(&[message], 1).await.is_empty());
    };
    world.pass(Duration::from_secs(3 * 24 * 3600));
    nightly("nightly-2026-03-21").await;
    assert_eq!(profile(&world).await, first, "it is asked for once a week");
    world.pass(Duration::from_secs(5 * 24 * 3600));
    nightly("nightly-2026-03-26").await;
    let second = profile(&world).await;
    assert_eq!((&second["height"], &second["age"], &second["weight"]), (&json!(1.5), &Value::Null, &Value::Null));
    let all = json!(world.items(&world.names.connections_table).await).to_string();
    assert!(!all.contains('@'), "the e-mail address is never stored");
    assert!(world.get("/export", "").await.body.contains("\"type\":\"profile\""));
    world.request(Some(PATIENT), "DELETE", "/connections/oura", "data=purge", "").await;
    settle(&world).await;
    assert_eq!(profile(&world).await, Value::Null);
}

#[tokio::test]
async fn malformed_consent_version_is_refused() {
    let world = World::start().await;
    for body in [r#"{"consentVersion":7}"#, r#"{"consentVersion":""}"#, r#"{"consentVersion":"a b"}"#] {
        let answer = world.request(Some(PATIENT), "POST", "/connect/oura", "", body).await;
        assert_eq!(answer.refusal(), (400, "invalid_body".into()), "{body}");
    }
}

/// None of these consents becomes a connection, and each is revoked at Oura.
#[tokio::test]
async fn consents_that_are_not_kept_are_revoked() {
    let world = World::connected().await;
    settle(&world).await;
    let answer = |path: &str, status: u16, body: Value| OuraFault {
        on: FaultMatch { path: path.into(), ..FaultMatch::default() },
        status: Some(status),
        body: Some(body),
        ..OuraFault::default()
    };
    // The account of another patient.
    assert_eq!(world.connect_as("patient-2", "ada").await.outcome().1, "account_conflict");
    settle(&world).await;
    assert_eq!(revoked(&world), 1, "the account has no newer consent");
    assert_eq!(world.connection().await.status, ConnectionStatus::Connected);
    // No data granted.
    let flow = world.begin("patient-3").await;
    let query = world.consent(&flow, "bruno", "allow", Some(&["email"])).await;
    assert_eq!(world.callback(&query, Some(&flow.cookie)).await.outcome().1, "scope_missing");
    settle(&world).await;
    assert_eq!(revoked(&world), 2);
    // The account cannot be read.
    world.oura().add_fault(answer("/v2/usercollection/personal_info", 403, json!(""))).unwrap();
    assert_eq!(world.connect_as("patient-3", "bruno").await.outcome().1, "membership");
    world.oura().clear_faults();
    settle(&world).await;
    assert_eq!(revoked(&world), 3);
    // Another account replaces the patient's.
    assert_eq!(world.connect_as(PATIENT, "chiyo").await.outcome().0, "connected");
    settle(&world).await;
    assert_eq!(revoked(&world), 4);
    // A newer consent of the same account replaces the older: nothing is revoked.
    assert_eq!(world.connect_as(PATIENT, "chiyo").await.outcome().0, "connected");
    settle(&world).await;
    assert_eq!(revoked(&world), 4);
    assert!(world.bodies().await.is_empty());
    let left = world.items(&world.names.connections_table).await;
    assert!(!left.iter().any(|item| item["sk"].as_str().unwrap().ends_with(".revoke")), "no token is left");
}

#[tokio::test]
async fn account_conflict_is_an_event_without_ids_of_the_other_patient() {
    let world = World::connected().await;
    assert_eq!(world.connect_as("patient-2", "ada").await.outcome().1, "account_conflict");
    let conflict = world.events().into_iter().find(|event| event.detail_type == "wearable_account_conflict").unwrap();
    assert_eq!(conflict.detail["patientId"], "patient-2");
    let (text, first) = (conflict.detail.to_string(), world.connection().await);
    assert!(!text.contains(PATIENT) && !text.contains(first.oura_user_id.as_str()), "{text}");
}

#[tokio::test]
async fn change_of_the_ring_account_is_published_or_refused() {
    let world = World::connected().await;
    world.connect_as(PATIENT, "ada").await;
    world.connect_as(PATIENT, "bruno").await;
    let published: Vec<_> = world
        .events()
        .into_iter()
        .filter(|event| event.detail_type == "wearable_connected")
        .map(|event| event.detail["accountChanged"].clone())
        .collect();
    assert_eq!(published, [false, false, true]);

    let strict = World::with(|env| env.with("ACCOUNT_CHANGE", "refuse"), |_| ()).await;
    strict.connect_as(PATIENT, "ada").await;
    let refused = strict.connect_as(PATIENT, "bruno").await;
    assert_eq!(refused.outcome(), ("error".into(), "account_change_refused".into()));
    assert_eq!(strict.connection().await.status, ConnectionStatus::Connected);
    assert_eq!(strict.connect_as(PATIENT, "ada").await.outcome().0, "connected", "the same account may");
    // Not even after a disconnect, since the first account's data stays.
    strict.request(Some(PATIENT), "DELETE", "/connections/oura", "", "").await;
    settle(&strict).await;
    assert_eq!(strict.connect_as(PATIENT, "bruno").await.outcome().1, "account_change_refused");
    strict.request(Some(PATIENT), "DELETE", "/connections/oura", "data=purge", "").await;
    settle(&strict).await;
    assert_eq!(strict.connect_as(PATIENT, "bruno").await.outcome().0, "connected");
}

/// Oura does not answer the first revocation, or the old access token has expired: both are retried.
#[tokio::test]
async fn revocation_of_an_unkept_consent_is_retried() {
    let world = World::connected().await;
    settle(&world).await;
    let on = FaultMatch { path: "/oauth/revoke".into(), ..FaultMatch::default() };
    let fault = OuraFault { on, status: Some(503), body: Some(json!("")), times: Some(1), ..OuraFault::default() };
    world.oura().add_fault(fault).unwrap();
    assert_eq!(world.connect_as("patient-2", "ada").await.outcome().1, "account_conflict");
    settle(&world).await;
    assert_eq!(revoked(&world), 2);
    world.oura().clear_faults();
    world.pass(Duration::from_secs(30 * 3600));
    assert_eq!(world.connect_as(PATIENT, "bruno").await.outcome().0, "connected");
    settle(&world).await;
    assert_eq!(consents(&world).await[0]["revocation"], "revoked");
    assert_eq!(world.oura().person("ada").unwrap().grants, 0);
    assert_eq!(world.oura().summary().reused, 0);
}

/// The callback could not move the tokens to the revocation: the message finds them where they were stored.
#[tokio::test]
async fn tokens_that_the_callback_could_not_move_are_revoked_too() {
    let world = World::connected().await;
    settle(&world).await;
    let refused = Effect::Error { status: 400, code: "AccessDeniedException".into(), message: "no".into() };
    let fault = Fault::on(Service::SecretsManager, "CreateSecret", refused);
    world.aws.faults().inject(Fault { contains: Some(".revoke".into()), ..fault });
    assert_eq!(world.connect_as("patient-2", "ada").await.outcome().1, "account_conflict");
    world.aws.faults().clear();
    settle(&world).await;
    assert_eq!(revoked(&world), 1);
    let secrets = aws_sdk_secretsmanager::Client::new(&world.sdk).list_secrets().send().await.unwrap();
    assert_eq!(secrets.secret_list().len(), 3, "app, key ring, and the tokens of the connection");
}

/// The refresh of a replaced consent ends when the newer one is recorded: revoking its tokens could end that one too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refresh_of_a_replaced_consent_revokes_nothing() {
    let world = World::connected().await;
    settle(&world).await;
    world.pass(Duration::from_secs(30 * 3600));
    world.request(Some(PATIENT), "POST", "/sync", "", "{}").await;
    let bodies = world.bodies().await;
    let flow = world.begin(PATIENT).await;
    let query = world.consent(&flow, "ada", "allow", None).await;
    let on =
        FaultMatch { path: "/oauth/token".into(), grant_type: Some("refresh_token".into()), ..FaultMatch::default() };
    world.oura().add_fault(OuraFault { on, delay_ms: Some(3000), ..OuraFault::default() }).unwrap();
    let reconnect = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        world.callback(&query, Some(&flow.cookie)).await
    };
    let (_, answer) = futures::future::join(world.deliver(&bodies, 1), reconnect).await;
    assert_eq!(answer.outcome().0, "connected");
    settle(&world).await;
    assert_eq!(revoked(&world), 0);
    assert_eq!(world.connection().await.status, ConnectionStatus::Connected);
}

/// A consent that began before a disconnect or a purge does not bring the patient back after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callback_in_flight_does_not_undo_a_disconnect_or_purge() {
    for query in ["", "data=purge"] {
        let world = World::connected().await;
        settle(&world).await;
        let flow = world.begin(PATIENT).await;
        let callback = world.consent(&flow, "ada", "allow", None).await;
        let on = FaultMatch { path: "/oauth/token".into(), ..FaultMatch::default() };
        world.oura().add_fault(OuraFault { on, delay_ms: Some(3000), ..OuraFault::default() }).unwrap();
        let end = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            assert_eq!(world.request(Some(PATIENT), "DELETE", "/connections/oura", query, "").await.status, 202);
            world.work().await;
        };
        let (answer, ()) = futures::future::join(world.callback(&callback, Some(&flow.cookie)), end).await;
        // The purge may have ended by then, or not.
        let (status, reason) = answer.outcome();
        assert_eq!(status, "error", "{query}");
        assert!(reason == "state_invalid" || (reason == "purge_running" && !query.is_empty()), "{query}: {reason}");
        world.oura().clear_faults();
        settle(&world).await;
        let shown = world.get("/connections", "").await.data()["connections"].clone();
        if query.is_empty() {
            assert_eq!(shown[0]["status"], "disconnected");
        } else {
            assert_eq!(shown, json!([]));
            assert_eq!(consents(&world).await, [] as [Value; 0], "nothing is written after the purge");
        }
        assert_eq!(world.oura().person("ada").unwrap().grants, 0, "{query}: both consents are revoked");
    }
}

#[tokio::test]
async fn consent_that_begins_during_a_purge_completes_after_it() {
    let world = World::connected().await;
    settle(&world).await;
    assert_eq!(world.request(Some(PATIENT), "DELETE", "/connections/oura", "data=purge", "").await.status, 202);
    world.pass(Duration::from_secs(5));
    let flow = world.begin(PATIENT).await;
    let query = world.consent(&flow, "ada", "allow", None).await;
    world.pass(Duration::from_secs(15));
    world.work().await;
    assert_eq!(world.callback(&query, Some(&flow.cookie)).await.outcome().0, "connected");
}

#[tokio::test]
async fn profile_of_an_earlier_account_is_not_kept() {
    let world = World::with(|env| env.with("PERSONAL_INFO", "on"), |_| ()).await;
    world.connect_as(PATIENT, "ada").await;
    settle(&world).await;
    assert!(world.get("/profile", "").await.data()["profile"].is_object());
    let flow = world.begin(PATIENT).await;
    let query = world.consent(&flow, "bruno", "allow", Some(&["daily"])).await;
    assert_eq!(world.callback(&query, Some(&flow.cookie)).await.outcome().0, "connected");
    settle(&world).await;
    assert_eq!(world.get("/profile", "").await.data()["profile"], Value::Null);
}
