//! `DELETE /connections/oura`: the consent ends, the data stays.

use std::time::Duration;

use local::aws::{Effect, Fault, Service};
use serde_json::{Value, json};
use shared::domain::{ConnectionStatus, ReasonCode, Revocation};

use super::{asked, assert_ended, delete, delete_of, delete_until_killed, details, secrets_of, settle, settled, small};
use tests::PATIENT;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disconnect_keeps_the_data_only() {
    let world = settled().await;
    let grant = world.connection().await.grant_id;
    // The reason for missing days is computed at each request: from now on it is the missing connection.
    let stored = async || {
        let mut days = world.daily("2026-02-16", "2026-03-19").await;
        days.iter_mut().for_each(|day| drop(day.as_object_mut().unwrap().remove("missing")));
        days
    };
    let days = stored().await;
    let answer = delete(&world, "").await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.data(), json!({"source": "oura", "status": "disconnected", "data": "keep"}));
    // At once, before any worker has looked.
    assert_ended(&world, &grant).await;
    let connection = world.connection().await;
    assert_eq!((connection.status, connection.reason), (ConnectionStatus::Disconnected, Some(ReasonCode::UserRequest)));
    assert!(world.secrets.get(&world.patient(), &grant).await.unwrap().is_none());
    assert!(
        world.secrets.get(&world.patient(), &grant.revocation()).await.unwrap().is_some(),
        "for the revocation only"
    );
    assert_eq!(details(&world, "wearable_disconnected").len(), 1);
    assert_eq!(details(&world, "wearable_disconnected")[0]["reasonCode"], "user_request");
    assert_eq!(details(&world, "wearable_disconnected")[0]["revocation"], "pending");
    assert_eq!(details(&world, "wearable_reconnect_required"), Vec::<Value>::new(), "no reconnect is requested");
    let shown = world.get("/connections", "").await.data()["connections"][0].clone();
    assert_eq!((&shown["status"], &shown["reasonCode"]), (&json!("disconnected"), &json!("user_request")));
    assert_eq!(shown["revocation"], "pending");
    assert_eq!(asked(&world, "POST /oauth/revoke"), 0, "a request does not wait for Oura");

    settle(&world).await;
    assert_eq!(asked(&world, "POST /oauth/revoke"), 1);
    assert_eq!(secrets_of(&world, PATIENT).await, Vec::<String>::new());
    assert_ended(&world, &grant).await;
    let published: Vec<_> =
        details(&world, "wearable_disconnected").iter().map(|one| one["revocation"].clone()).collect();
    assert_eq!(published, ["pending", "revoked"]);
    assert_eq!(world.get("/connections", "").await.data()["connections"][0]["revocation"], "revoked");
    assert_eq!(stored().await, days);
    for (method, path) in [("POST", "/sync"), ("POST", "/connections/oura/refresh")] {
        let refusal = world.request(Some(PATIENT), method, path, "", "").await.refusal();
        assert_eq!(refusal, (409, "not_connected".into()), "{path}");
    }
    assert_eq!(world.connect_as("patient-2", "ada").await.outcome().0, "connected", "the ring is free");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disconnect_refuses_ambiguous_queries() {
    let world = settled().await;
    let before = world.tables().await;
    for (query, code) in [
        ("data=", "invalid_data"),
        ("data=all", "invalid_data"),
        ("data=Purge", "invalid_data"),
        ("purge=true", "unknown_parameter"),
        ("data=keep&source=oura", "unknown_parameter"),
        ("data=keep&data=purge", "invalid_query"),
    ] {
        assert_eq!(delete(&world, query).await.refusal(), (400, code.into()), "{query}");
    }
    assert_eq!(delete_of(&world, "patient-2", "data=keep").await.refusal(), (409, "not_connected".into()));
    let without_token = world.request(None, "DELETE", "/connections/oura", "data=purge", "").await;
    assert_eq!(without_token.refusal().0, 401);
    let other = world.request(Some(PATIENT), "DELETE", "/connections/fitbit", "", "").await;
    assert_eq!(other.refusal(), (404, "not_found".into()));
    let wrong = world.request(Some(PATIENT), "POST", "/connections/oura", "", "").await;
    assert_eq!(wrong.refusal(), (405, "method_not_allowed".into()));
    assert_eq!(world.tables().await, before);
    assert!(world.bodies().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeated_disconnect_ends_the_connection_once() {
    let world = settled().await;
    let (first, second) = futures::future::join(delete(&world, "data=keep"), delete(&world, "")).await;
    assert_eq!((first.status, second.status), (202, 202));
    settle(&world).await;
    let since = world.connection().await.since;
    assert_eq!(delete(&world, "").await.status, 202);
    settle(&world).await;
    assert_eq!(details(&world, "wearable_disconnected").len(), 2, "the end, and that of the revocation");
    assert!((1..=2).contains(&asked(&world, "POST /oauth/revoke")), "Oura may be asked twice at once, and not later");
    assert_eq!(world.connection().await.since, since);
    assert_eq!(secrets_of(&world, PATIENT).await, Vec::<String>::new());
}

/// A late message of an earlier grant changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn immediate_reconnect_stays_connected() {
    let world = settled().await;
    let old = world.connection().await.grant_id;
    assert_eq!(delete(&world, "").await.status, 202);
    assert_eq!(world.connect_as(PATIENT, "ada").await.outcome().0, "connected");
    settle(&world).await;
    let connection = world.connection().await;
    assert_eq!(connection.status, ConnectionStatus::Connected);
    assert_ne!(connection.grant_id, old);
    assert!(world.secrets.get(&world.patient(), &connection.grant_id).await.unwrap().is_some());
    assert_eq!(secrets_of(&world, PATIENT).await.len(), 1);
    assert_eq!(details(&world, "wearable_backfill_completed").len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disconnect_without_the_queue_changes_nothing_and_can_be_retried() {
    let world = settled().await;
    let down = Effect::Error { status: 500, code: "InternalError".into(), message: "x".into() };
    world.aws.faults().inject(Fault::on(Service::Sqs, "SendMessage", down));
    assert_eq!(delete(&world, "").await.refusal(), (503, "service_unavailable".into()));
    assert_eq!(world.connection().await.status, ConnectionStatus::Connected);
    world.aws.faults().clear();
    let grant = world.connection().await.grant_id;
    assert_eq!(delete(&world, "").await.status, 202);
    assert_ended(&world, &grant).await;
}

/// Secrets Manager does not answer while the patient disconnects: a message makes good what the request could not do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn undeleted_tokens_are_deleted_later() {
    let world = settled().await;
    let grant = world.connection().await.grant_id;
    let down = Effect::Error { status: 500, code: "InternalServiceError".into(), message: "x".into() };
    world.aws.faults().inject(Fault { service: Some(Service::SecretsManager), ..Fault::any(down) });
    assert_eq!(delete(&world, "").await.status, 202);
    assert_eq!(world.connection().await.status, ConnectionStatus::Disconnected);
    world.aws.faults().clear();
    settle(&world).await;
    assert_ended(&world, &grant).await;
    assert_eq!((secrets_of(&world, PATIENT).await.len(), asked(&world, "POST /oauth/revoke")), (0, 1));
}

/// A state that has led to a connection is worth nothing more, and expires: only a request that lives deletes it.
fn without_states(mut tables: [Vec<Value>; 3]) -> [Vec<Value>; 3] {
    tables[0].retain(|item| item["sk"] != "STATE");
    tables
}

/// Killed before or after any write, the request is repeated, or not: whatever was begun comes to its end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disconnect_killed_at_any_write_completes() {
    let clean = small().await;
    let before = clean.aws.meter().mutations();
    assert_eq!(delete(&clean, "").await.status, 202);
    let writes = u32::try_from(clean.aws.meter().mutations() - before).unwrap();
    assert!(writes >= 6, "{writes}");
    settle(&clean).await;
    let (tables, events) = (without_states(clean.tables().await), clean.event_ids());
    for (point, effect) in (0..writes).flat_map(|point| [(point, Effect::Stop), (point, Effect::StopAfter)]) {
        let context = format!("killed at write {point} ({effect:?})");
        let world = small().await;
        let fault = Fault { effect: effect.clone(), ..Fault::stop_after_mutations(point) };
        assert!(delete_until_killed(&world, "", fault).await.is_none(), "{context}");
        if point == 0 && effect == Effect::Stop {
            assert_eq!(delete(&world, "").await.status, 202);
        }
        settle(&world).await;
        assert_eq!(
            (without_states(world.tables().await), world.event_ids()),
            (tables.clone(), events.clone()),
            "{context}"
        );
        assert_eq!(secrets_of(&world, PATIENT).await, Vec::<String>::new(), "{context}");
        // Killed between Oura's answer and the next step, a revocation is asked for twice.
        assert!((1..=2).contains(&asked(&world, "POST /oauth/revoke")), "{context}");
    }
}

/// The same for the worker that revokes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revocation_killed_at_any_write_completes() {
    for (point, effect) in (0..9).flat_map(|point| [(point, Effect::Stop), (point, Effect::StopAfter)]) {
        let world = small().await;
        // The request dies after it has made its safety net: all is left to the worker.
        let fault = Fault { effect: Effect::StopAfter, ..Fault::stop_after_mutations(0) };
        assert!(delete_until_killed(&world, "", fault).await.is_none());
        world.pass(Duration::from_secs(16));
        let bodies = world.bodies().await;
        assert_eq!(bodies.len(), 1);
        let fault = Fault { effect, ..Fault::stop_after_mutations(point) };
        assert!(world.deliver_until_killed(&bodies, 1, fault).await, "write {point}");
        assert!(world.deliver(&bodies, 2).await.is_empty(), "write {point}");
        settle(&world).await;
        assert_eq!(world.connection().await.status, ConnectionStatus::Disconnected);
        assert_eq!(secrets_of(&world, PATIENT).await, Vec::<String>::new(), "write {point}");
        assert_eq!(details(&world, "wearable_disconnected").len(), 2, "write {point}");
        assert!((1..=3).contains(&asked(&world, "POST /oauth/revoke")), "write {point}");
        assert_eq!(world.connection().await.revocation, Some(Revocation::Revoked), "write {point}");
        assert_eq!(world.oura().summary().reused, 0, "write {point}: no refresh token was sent twice");
    }
}
