//! Token refreshes: one at a time, nothing lost, no patient disconnected by mistake; with either vault (`main.rs` takes this
//! file in once for each).

use std::time::Duration;

use local::aws::{Effect, Fault, Service};
use oura_simulator::{Drip, Fault as OuraFault, FaultMatch};
use serde_json::{Value, json};
use shared::domain::{ConnectionStatus, ReasonCode};

use tests::{PATIENT, World};

/// The vault of this copy of the file.
fn vault() -> &'static str {
    if module_path!().ends_with("sealed") { "sealed" } else { "secret" }
}

fn token_host(status: u16, body: Value) -> OuraFault {
    let on = FaultMatch { path: "/oauth/token".into(), ..FaultMatch::default() };
    OuraFault { on, status: Some(status), body: Some(body), ..OuraFault::default() }
}

/// A connected patient with data, a day later: the access token has ended.
async fn a_day_later() -> World {
    let world = World::connected_in(vault()).await;
    world.work().await;
    world.pass(Duration::from_secs(25 * 3600));
    world.oura().clear_requests();
    world
}

async fn asked_to_sync(world: &World) -> Vec<String> {
    assert_eq!(world.request(Some(PATIENT), "POST", "/sync", "", "{}").await.status, 202);
    world.bodies().await
}

fn refreshes(world: &World) -> u64 {
    world.oura().request_counts().get("POST /oauth/token").copied().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expiring_token_is_refreshed_once_and_stored_first() {
    let world = a_day_later().await;
    let bodies = asked_to_sync(&world).await;
    assert!(world.deliver(&bodies, 1).await.is_empty());
    assert_eq!(refreshes(&world), 1);
    let connection = world.connection().await;
    assert_eq!((connection.generation, connection.lease, connection.intent), (2, None, None));
    let tokens = world.secrets.get(&world.patient(), &connection.grant_id).await.unwrap().unwrap();
    assert_eq!(tokens.generation, 2);
    assert_eq!(world.daily("2026-03-19", "2026-03-19").await.len(), 1, "and the new day is there");
}

/// The sync fails while Oura's answer with the new pair arrives.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refresh_outlives_its_failed_sync() {
    let world = a_day_later().await;
    let slow = OuraFault {
        drip: Some(Drip { bytes: 40, every_ms: 400 }),
        times: Some(1),
        status: None,
        body: None,
        ..token_host(200, Value::Null)
    };
    world.oura().add_fault(slow).unwrap();
    let bodies = asked_to_sync(&world).await;
    let refusal = Effect::Error { status: 400, code: "ValidationException".into(), message: "x".into() };
    for effect in [Effect::Delay { millis: 1500 }, refusal] {
        let query = Fault::on(Service::DynamoDb, "Query", effect);
        world.aws.faults().inject(query.containing(&world.names.wearable_data_table));
    }
    assert_eq!(world.deliver(&bodies, 1).await.len(), 1, "the sync has failed");
    let connection = world.connection().await;
    assert_eq!((connection.generation, connection.lease, connection.intent), (2, None, None));
    let tokens = world.secrets.get(&world.patient(), &connection.grant_id).await.unwrap().unwrap();
    assert_eq!(tokens.generation, 2);
    world.aws.faults().clear();
    assert!(world.deliver(&bodies, 2).await.is_empty());
    assert_eq!((refreshes(&world), world.connection().await.status), (1, ConnectionStatus::Connected));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unauthorized_answer_leads_to_a_refresh() {
    let world = World::connected_in(vault()).await;
    assert!(world.oura().expire_access_tokens(None).unwrap() > 0);
    assert_eq!(world.work().await, 1);
    assert_eq!(world.connection().await.generation, 2);
    assert!(world.daily("2026-02-16", "2026-03-19").await.len() >= 28);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_workers_spend_one_refresh_token() {
    let world = a_day_later().await;
    let slow = OuraFault { delay_ms: Some(400), status: None, body: None, ..token_host(200, Value::Null) };
    world.oura().add_fault(slow).unwrap();
    let bodies = asked_to_sync(&world).await;
    let all = futures::future::join_all((0..12).map(|_| world.deliver(&bodies, 1))).await;
    assert_eq!(refreshes(&world), 1);
    assert!(all.iter().any(Vec::is_empty), "at least the one with the token is done");
    let connection = world.connection().await;
    assert_eq!((connection.status, connection.generation), (ConnectionStatus::Connected, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn systemic_errors_change_no_status() {
    for fault in [
        token_host(400, json!({"error": "invalid_request"})),
        token_host(400, json!({"error": "invalid_client", "error_description": "Invalid client_id."})),
        token_host(401, json!({"error": "invalid_client"})),
        token_host(400, json!("<html>invalid_grant</html>")),
        token_host(403, json!("")),
        token_host(429, json!("")),
    ] {
        let context = format!("{fault:?}");
        let world = a_day_later().await;
        world.oura().add_fault(fault).unwrap();
        let bodies = asked_to_sync(&world).await;
        for count in 1..=5 {
            // A message that finds the token endpoint paused is re-enqueued, any other is redelivered.
            world.deliver(&bodies, count).await;
            assert_eq!(world.connection().await.generation, 1, "{context}");
            world.pass(Duration::from_secs(600));
        }
        let connection = world.connection().await;
        assert_eq!(
            (connection.status, connection.reason, connection.suspect),
            (ConnectionStatus::Connected, None, None),
            "{context}"
        );
        assert_eq!(world.count("wearable_disconnected"), 0);
        world.oura().clear_faults();
        world.pass(Duration::from_secs(3600));
        assert!(world.deliver(&bodies, 1).await.is_empty(), "{context}");
        assert_eq!(world.connection().await.generation, 2, "{context}: the token was not spent");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_outcome_is_waited_out_and_probed() {
    for fault in [
        token_host(503, json!("<html>")),
        token_host(200, json!("<html>")),
        OuraFault { drop_connection: true, status: None, body: None, ..token_host(200, Value::Null) },
    ] {
        let context = format!("{fault:?}");
        let world = a_day_later().await;
        world.oura().add_fault(OuraFault { times: Some(1), ..fault }).unwrap();
        let bodies = asked_to_sync(&world).await;
        assert_eq!(world.deliver(&bodies, 1).await.len(), 1, "{context}");
        let connection = world.connection().await;
        assert!(connection.lease.is_some() && connection.intent.is_some(), "{context}: the next worker sees it");
        assert_eq!(connection.status, ConnectionStatus::Connected);
        world.pass(Duration::from_secs(361));
        assert!(world.deliver(&bodies, 2).await.is_empty(), "{context}: Oura had not taken the token");
        assert_eq!(world.connection().await.generation, 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_answer_ends_the_connection_after_a_second_refusal() {
    let world = a_day_later().await;
    let lost = OuraFault {
        drop_connection: true,
        after_response_applied: true,
        times: Some(1),
        ..token_host(200, Value::Null)
    };
    world.oura().add_fault(OuraFault { status: None, body: None, ..lost }).unwrap();
    let bodies = asked_to_sync(&world).await;
    assert_eq!(world.deliver(&bodies, 1).await.len(), 1);
    world.pass(Duration::from_secs(361));
    assert!(world.deliver(&bodies, 2).await.is_empty(), "once is not enough: it is re-enqueued");
    let connection = world.connection().await;
    assert_eq!(
        (connection.status, connection.suspect.map(|s| s.reason)),
        (ConnectionStatus::Connected, Some(ReasonCode::RefreshLost))
    );
    world.pass(Duration::from_secs(30));
    assert!(world.deliver(&bodies, 3).await.is_empty(), "too soon to ask again");
    assert_eq!(world.connection().await.status, ConnectionStatus::Connected);
    world.pass(Duration::from_secs(121));
    assert!(world.deliver(&world.bodies().await, 1).await.is_empty());
    let connection = world.connection().await;
    assert_eq!((connection.status, connection.reason), (ConnectionStatus::Disconnected, Some(ReasonCode::RefreshLost)));
    assert_eq!((world.count("wearable_disconnected"), world.count("wearable_reconnect_required")), (1, 1));
    assert!(world.secrets.get(&world.patient(), &connection.grant_id).await.unwrap().is_none());
    // The patient connects again: same history, new consent.
    assert_eq!(world.connect_as(PATIENT, "ada").await.outcome().0, "connected");
    world.work().await;
    assert_eq!(world.connection().await.status, ConnectionStatus::Connected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn withdrawn_consent_ends_the_connection_once() {
    let world = a_day_later().await;
    world.oura().withdraw_consent("ada").unwrap();
    let bodies = asked_to_sync(&world).await;
    assert!(world.deliver(&bodies, 1).await.is_empty(), "it is re-enqueued for the probe");
    assert_eq!(world.connection().await.status, ConnectionStatus::Connected);
    let last_sync = async || world.get("/connections", "").await.data()["connections"][0]["lastSync"].clone();
    let until = world.clock.now() + Duration::from_secs(120);
    let waiting = json!({"state": "waiting", "reason": "checking_consent", "until": until});
    assert_eq!(last_sync().await, waiting);
    world.pass(Duration::from_secs(60));
    assert_eq!(last_sync().await, waiting);
    world.pass(Duration::from_secs(61));
    let requeued = world.bodies().await;
    assert_eq!(requeued.len(), 1);
    assert!(world.deliver(&requeued, 1).await.is_empty());
    assert!(world.deliver(&bodies, 2).await.is_empty(), "and again changes nothing");
    let connection = world.connection().await;
    assert_eq!((connection.status, connection.reason), (ConnectionStatus::Disconnected, Some(ReasonCode::Revoked)));
    assert_eq!((world.count("wearable_disconnected"), world.count("wearable_reconnect_required")), (1, 1));
    let shown = world.get("/connections", "").await.data();
    assert_eq!(
        (&shown["connections"][0]["status"], &shown["connections"][0]["reasonCode"]),
        (&"disconnected".into(), &"revoked".into())
    );
    assert_eq!(last_sync().await, Value::Null);
    assert_eq!(world.request(Some(PATIENT), "POST", "/sync", "", "{}").await.refusal(), (409, "not_connected".into()));
    assert_eq!(world.connect_as("patient-2", "ada").await.outcome().0, "connected", "the ring is free again");
    assert_eq!(world.connect_as(PATIENT, "ada").await.outcome().1, "account_conflict");
    assert_eq!(world.connect_as(PATIENT, "bruno").await.outcome().0, "connected");
}

/// A lost answer of the token endpoint is waited out for minutes. A sync that waits has not failed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_for_another_attempt_uses_no_delivery() {
    let world = a_day_later().await;
    let lost = OuraFault { drop_connection: true, status: None, body: None, ..token_host(200, Value::Null) };
    world.oura().add_fault(OuraFault { times: Some(1), ..lost }).unwrap();
    let mut bodies = asked_to_sync(&world).await;
    assert_eq!(world.deliver(&bodies, 1).await.len(), 1, "the outcome is unknown");
    let mut rounds = 0;
    while !bodies.is_empty() {
        rounds += 1;
        assert!(rounds < 9, "it comes to an end");
        assert!(world.deliver(&bodies, 2).await.is_empty(), "no further delivery has failed");
        world.pass(Duration::from_secs(130));
        bodies = world.bodies().await;
    }
    assert!(rounds > 1, "it has waited");
    let connection = world.connection().await;
    assert_eq!((connection.status, connection.generation), (ConnectionStatus::Connected, 2));
    assert_eq!(world.count("wearable_disconnected"), 0);
}

/// A pair that was stored, but whose generation never reached the connection, has ended as well by now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expired_pair_ahead_of_the_item_is_refreshed() {
    let world = a_day_later().await;
    let bodies = asked_to_sync(&world).await;
    assert!(world.deliver_until_killed(&bodies, 1, Fault::stop_after_mutations(3)).await);
    assert_eq!(world.connection().await.generation, 1);
    world.pass(Duration::from_secs(25 * 3600));
    assert!(world.deliver(&bodies, 2).await.is_empty());
    let connection = world.connection().await;
    assert_eq!((connection.status, connection.generation), (ConnectionStatus::Connected, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scope_401_for_every_data_type_is_probed() {
    let world = World::connected_in(vault()).await;
    assert!(world.oura().expire_access_tokens(None).unwrap() > 0);
    let on = FaultMatch { path: "/v2/usercollection/*".into(), ..FaultMatch::default() };
    let body = Some(json!({"detail": "token expired or scope missing"}));
    world.oura().add_fault(OuraFault { on, status: Some(401), body, times: Some(40), ..OuraFault::default() }).unwrap();
    let bodies = world.bodies().await;
    world.deliver(&bodies, 1).await;
    assert_eq!(world.connection().await.generation, 2, "it was found out by a refresh");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn store_of_the_new_pair_is_retried() {
    let world = a_day_later().await;
    let failure = Effect::Error { status: 500, code: "InternalServiceError".into(), message: "x".into() };
    // Each put is tried four times by the SDK alone.
    let put = match vault() {
        "secret" => Fault::on(Service::SecretsManager, "PutSecretValue", failure),
        _ => Fault::on(Service::DynamoDb, "PutItem", failure).containing("TOKENS#"),
    };
    world.aws.faults().inject(put.times(9));
    let bodies = asked_to_sync(&world).await;
    assert!(world.deliver(&bodies, 1).await.is_empty());
    assert_eq!((refreshes(&world), world.connection().await.generation), (1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stored_pair_is_rolled_forward_after_a_crash() {
    for effect in [Effect::Stop, Effect::StopAfter] {
        let world = a_day_later().await;
        let bodies = asked_to_sync(&world).await;
        // The sync is opened by the first write, the lease is the second, the new pair the third, the new generation the
        // fourth.
        let fault = Fault { effect, ..Fault::stop_after_mutations(3) };
        assert!(world.deliver_until_killed(&bodies, 1, fault).await);
        let connection = world.connection().await;
        let tokens = world.secrets.get(&world.patient(), &connection.grant_id).await.unwrap().unwrap();
        assert_eq!(tokens.generation, 2);
        assert!(world.deliver(&bodies, 2).await.is_empty(), "no wait for the dead holder's lease");
        assert_eq!(refreshes(&world), 1);
        let connection = world.connection().await;
        assert_eq!((connection.generation, connection.lease, connection.intent), (2, None, None));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refresh_of_an_older_grant_leaves_the_new_one() {
    let world = a_day_later().await;
    let slow =
        OuraFault { delay_ms: Some(700), times: Some(1), status: None, body: None, ..token_host(200, Value::Null) };
    world.oura().add_fault(slow).unwrap();
    let bodies = asked_to_sync(&world).await;
    let old = world.connection().await;
    world.oura().clear_requests();
    let late = world.deliver(&bodies, 1);
    let reconnect = async {
        tokio::time::sleep(Duration::from_millis(250)).await;
        assert_eq!(world.connect_as(PATIENT, "ada").await.outcome().0, "connected");
    };
    futures::future::join(late, reconnect).await;
    let asked = world.oura().request_counts();
    assert!(!asked.contains_key("GET /v2/usercollection/sleep"), "nothing is fetched for the old consent: {asked:?}");
    let connection = world.connection().await;
    assert_ne!(connection.grant_id, old.grant_id);
    assert_eq!((connection.status, connection.generation, connection.lease), (ConnectionStatus::Connected, 1, None));
    let tokens = world.secrets.get(&world.patient(), &connection.grant_id).await.unwrap().unwrap();
    assert_eq!(tokens.generation, 1);
    world.work().await;
    assert_eq!(world.connection().await.status, ConnectionStatus::Connected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_fresh_token_is_an_error_and_keeps_the_connection() {
    let world = World::connected_in(vault()).await;
    let on = FaultMatch { path: "/v2/usercollection/*".into(), ..FaultMatch::default() };
    let refused = OuraFault { on, status: Some(401), body: Some(json!("")), ..OuraFault::default() };
    world.oura().add_fault(refused).unwrap();
    assert_eq!(world.work().await, 1);
    let connection = world.connection().await;
    assert_eq!((connection.status, connection.reason), (ConnectionStatus::Error, Some(ReasonCode::Unauthorized)));
    assert_eq!(connection.generation, 2, "one refresh, no loop");
    assert_eq!(world.count("wearable_disconnected"), 0);
}

/// More patients than the guard allows lose their refresh token on one day: something larger is wrong.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guard_stops_a_mass_disconnection() {
    let world = World::with(|env| env.with("MAX_DISCONNECTS_PER_DAY", "1").with("TOKEN_VAULT", vault()), |_| ()).await;
    for (patient, account) in [("patient-1", "ada"), ("patient-2", "bruno"), ("patient-3", "chiyo")] {
        assert_eq!(world.connect_as(patient, account).await.outcome().0, "connected");
    }
    let bodies = world.bodies().await;
    world.pass(Duration::from_secs(10 * 3600));
    world.oura().expire_access_tokens(None).unwrap();
    world.oura().add_fault(token_host(400, json!({"error": "invalid_grant"}))).unwrap();
    assert!(world.deliver(&bodies, 1).await.is_empty(), "they are re-enqueued for the probe");
    world.pass(Duration::from_secs(121));
    let requeued = world.bodies().await;
    assert_eq!(world.deliver(&requeued, 1).await.len(), 2, "one was ended, the others wait for a person");
    let mut ended = 0;
    for patient in ["patient-1", "patient-2", "patient-3"] {
        let connection = world.connections.get(&patient.parse().unwrap()).await.unwrap().unwrap();
        ended += usize::from(connection.status == ConnectionStatus::Disconnected);
    }
    assert_eq!((ended, world.count("wearable_disconnected")), (1, 1));
}
