//! Refresh tokens that Oura refuses in other words than `invalid_grant`, an outage of the token endpoint, and scopes that a
//! refresh changes.

use std::time::Duration;

use jiff::SignedDuration;
use oura_simulator::{Fault as OuraFault, Outage, OutageKind, OutageTarget};
use serde_json::{Value, json};
use shared::domain::{ConnectionStatus, DayRange, ReasonCode, Trigger};
use shared::vault::VaultError;

use tests::{NIGHT, PATIENT, World, fleet};

use crate::token_races::vault;

const LIFE: Duration = Duration::from_secs(120);
const MINUTE: Duration = Duration::from_secs(60);

/// Answers to a used refresh token that are seen, or may be.
fn words() -> [(u16, Value); 5] {
    [
        (400, json!({"error": "invalid_request", "error_description": "Refresh token already used."})),
        (400, json!({"error": "token_used"})),
        (400, json!("")),
        (401, json!("<html>")),
        (401, json!({"detail": "Unauthorized"})),
    ]
}

fn refuses(person: &str, status: u16, body: &Value) -> OuraFault {
    let on = json!({"path": "/oauth/token", "person": person, "grantType": "refresh_token"});
    serde_json::from_value(json!({"match": on, "status": status, "body": body})).unwrap()
}

fn token_requests(world: &World) -> u64 {
    world.oura().request_counts().get("POST /oauth/token").copied().unwrap_or(0)
}

/// Two connected patients whose access tokens have expired.
async fn two_patients() -> World {
    let world = World::connected().await;
    assert_eq!(world.connect_as("patient-2", "bruno").await.outcome().0, "connected");
    world.work().await;
    world.pass(Duration::from_secs(25 * 3600));
    world.oura().clear_requests();
    world
}

async fn access_of(world: &World, patient: &str) -> Result<u64, VaultError> {
    let connection = world.connection_of(patient).await;
    vault(world).access(&connection, world.clock.now() + LIFE).await.map(|access| access.generation)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn token_refused_in_other_words_ends_its_connection_alone() {
    for (status, body) in words() {
        let world = two_patients().await;
        world.oura().add_fault(refuses("ada", status, &body)).unwrap();
        assert!(matches!(access_of(&world, PATIENT).await, Err(VaultError::Systemic { .. })), "{status} {body}");
        world.pass(20 * MINUTE);
        assert_eq!(access_of(&world, "patient-2").await.unwrap(), 2, "Oura serves another patient");
        let mut minutes = 20;
        while world.connection().await.status == ConnectionStatus::Connected {
            assert!(minutes < 90, "{status} {body}");
            access_of(&world, PATIENT).await.unwrap_err();
            world.pass(MINUTE);
            minutes += 1;
        }
        assert!(minutes >= 60, "{status} {body}: after {minutes} minutes");
        // Three refusals, a probe (here also one that came too early), and the other patient.
        assert!(token_requests(&world) <= 6, "{status} {body}: {}", token_requests(&world));
        let connection = world.connection().await;
        assert_eq!(connection.reason, Some(ReasonCode::RefreshLost));
        assert_eq!((connection.refusals, connection.suspect, connection.lease), (None, None, None));
        assert_eq!(world.connection_of("patient-2").await.status, ConnectionStatus::Connected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn token_endpoint_that_refuses_everyone_ends_no_connection() {
    for (status, body) in [(400, json!({"error": "invalid_request"})), (401, json!(""))] {
        let world = two_patients().await;
        let on = json!({"path": "/oauth/token", "grantType": "refresh_token"});
        let fault = serde_json::from_value(json!({"match": on, "status": status, "body": body})).unwrap();
        world.oura().add_fault(fault).unwrap();
        for _ in 0..3 * 24 * 6 {
            for patient in [PATIENT, "patient-2"] {
                access_of(&world, patient).await.unwrap_err();
            }
            world.pass(10 * MINUTE);
        }
        assert!(token_requests(&world) < 3 * 24 * 4, "{status}: {}", token_requests(&world));
        world.oura().clear_faults();
        world.pass(Duration::from_secs(2 * 3600));
        for patient in [PATIENT, "patient-2"] {
            assert_eq!(world.connection_of(patient).await.status, ConnectionStatus::Connected);
            assert_eq!(access_of(&world, patient).await.unwrap(), 2);
            assert_eq!(world.connection_of(patient).await.refusals, None, "a success ends them");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn token_refused_for_a_day_ends_the_connection_of_an_only_patient() {
    let world = World::connected().await;
    world.pass(Duration::from_secs(25 * 3600));
    world.oura().clear_requests();
    world.oura().add_fault(refuses("ada", 400, &words()[0].1)).unwrap();
    let mut hours = 0.0;
    while world.connection().await.status == ConnectionStatus::Connected {
        assert!(hours < 27.0, "{:?}", world.connection().await.refusals);
        access_of(&world, PATIENT).await.unwrap_err();
        world.pass(3 * MINUTE);
        hours += 0.05;
    }
    assert!(hours >= 24.0, "{hours}");
    assert!(token_requests(&world) < 20, "{}", token_requests(&world));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn client_that_is_refused_ends_no_connection() {
    let world = two_patients().await;
    world.oura().add_fault(refuses("ada", 401, &json!({"error": "invalid_client"}))).unwrap();
    for _ in 0..30 {
        access_of(&world, PATIENT).await.unwrap_err();
        world.pass(10 * MINUTE);
        access_of(&world, "patient-2").await.unwrap();
    }
    let connection = world.connection().await;
    assert_eq!((connection.status, connection.refusals, connection.suspect), (ConnectionStatus::Connected, None, None));
}

/// The night of a patient whose refresh is refused, among patients whose refreshes succeed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn night_of_a_refused_token_ends_with_a_request_to_reconnect() {
    let world = World::with_fleet(4, &[]).await;
    world.pass_until(NIGHT);
    world.pass(Duration::from_secs(24 * 3600));
    world.oura().clear_requests();
    world.oura().add_fault(refuses("fleet-00002", 400, &words()[0].1)).unwrap();
    world.schedule(json!({"task": "nightly", "scheduledAt": "2026-03-20T03:00:00Z"})).await;
    let before = world.clock.now();
    world.work_off_night().await;
    let took = world.clock.now().duration_since(before);
    assert!(took < SignedDuration::from_hours(3), "{took}");
    assert!(token_requests(&world) <= 8, "{}", token_requests(&world));
    for (n, patient) in fleet(4).enumerate() {
        let ended = world.connection_of(&patient).await.status == ConnectionStatus::Disconnected;
        assert_eq!(ended, n == 1, "{patient}");
    }
    assert_eq!((world.count("wearable_reconnect_required"), world.count("wearable_disconnected")), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outage_of_the_token_endpoint_costs_a_few_probes() {
    for kind in [OutageKind::Unavailable, OutageKind::Drop] {
        let world = World::with_fleet(20, &[]).await;
        world.pass_until(NIGHT);
        world.pass(Duration::from_secs(24 * 3600));
        world.oura().clear_requests();
        world.oura().set_outage(Some(Outage { target: OutageTarget::Token, ..Outage::new(kind) })).unwrap();
        world.schedule(json!({"task": "nightly", "scheduledAt": "2026-03-20T03:00:00Z"})).await;
        let end = world.clock.now() + SignedDuration::from_hours(3);
        while world.clock.now() < end {
            let messages = world.receive_nightly().await;
            if messages.is_empty() {
                world.pass(MINUTE);
            } else {
                assert_eq!(world.hand_over(world.worker(), &messages).await, 0, "waiting is no failure");
            }
        }
        assert!(token_requests(&world) < 40, "{kind:?}: {} requests in three hours", token_requests(&world));
        world.oura().set_outage(None).unwrap();
        world.work_off_night().await;
        for patient in fleet(20) {
            let connection = world.connection_of(&patient).await;
            assert_eq!((connection.status, connection.failing.len()), (ConnectionStatus::Connected, 0), "{patient}");
        }
    }
}

fn answers_scope(scope: &str) -> OuraFault {
    let edit = json!([{"set": {"pointer": "/scope", "value": scope}}]);
    serde_json::from_value(json!({"match": {"path": "/oauth/token"}, "edit": edit, "times": 1})).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scopes_of_a_refresh_are_the_granted_ones() {
    let world = World::connected().await;
    world.work().await;
    let all = world.connection().await.scopes_granted;
    // 1. Fewer: from the same sync on, what was lost is not fetched, and explained.
    world.pass(Duration::from_secs(25 * 3600));
    world.oura().add_fault(answers_scope("extapi:daily extapi:email")).unwrap();
    world.oura().clear_requests();
    let range = DayRange::ending("2026-03-20".parse().unwrap(), 8);
    assert!(world.deliver(&[world.sync_message(Trigger::Manual, "manual-1", range)], 1).await.is_empty());
    let connection = world.connection().await;
    assert!(connection.scopes_granted.contains("daily") && !connection.scopes_granted.contains("workout"));
    let counts = world.oura().request_counts();
    assert!(counts.contains_key("GET /v2/usercollection/sleep"), "{counts:?}");
    assert!(!counts.contains_key("GET /v2/usercollection/workout"), "{counts:?}");
    let shown = world.get("/connections", "").await.data()["connections"][0].clone();
    assert!(shown["scopesMissing"].to_string().contains("workout"), "{shown}");
    assert!(shown["scopesGranted"].to_string().contains("daily"), "{shown}");
    // 2. An answer without scopes changes nothing; neither does an empty text.
    for odd in [json!(null), json!(""), json!(7)] {
        world.pass(Duration::from_secs(25 * 3600));
        let edit = json!([{"set": {"pointer": "/scope", "value": odd}}]);
        let fault = json!({"match": {"path": "/oauth/token"}, "edit": edit, "times": 1});
        world.oura().add_fault(serde_json::from_value(fault).unwrap()).unwrap();
        vault(&world).access(&world.connection().await, world.clock.now() + LIFE).await.unwrap();
        assert_eq!(world.connection().await.scopes_granted, connection.scopes_granted, "{odd}");
    }
    // 3. More: what came back is fetched by the next sync.
    world.pass(Duration::from_secs(25 * 3600));
    world.oura().add_fault(answers_scope(&all.to_string())).unwrap();
    world.oura().clear_requests();
    let range = DayRange::ending("2026-03-24".parse().unwrap(), 8);
    assert!(world.deliver(&[world.sync_message(Trigger::Manual, "manual-2", range)], 1).await.is_empty());
    let again = [world.sync_message(Trigger::Manual, "manual-3", range)];
    assert!(world.deliver(&again, 1).await.is_empty());
    assert_eq!(world.connection().await.scopes_granted, all);
    let counts = world.oura().request_counts();
    assert!(counts.contains_key("GET /v2/usercollection/workout"), "{counts:?}");
}
