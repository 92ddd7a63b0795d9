//! The end of a connection at the patient's request: deleted and kept data, and races with running work.

mod keep_data;
mod limits;
mod purge;
mod races;
mod reconnect;
mod revocation;

use std::collections::BTreeSet;
use std::time::Duration;

use local::aws::Fault;
use oura_simulator::{Fault as OuraFault, FaultMatch};
use serde_json::Value;
use shared::aws::Inbox;
use shared::domain::{GrantId, PatientId};

use tests::{Answer, PATIENT, World};

/// The usual patient, connected, with the whole history.
async fn settled() -> World {
    settled_with(World::connected().await).await
}

/// The same with less of it, where a world is needed for each write.
async fn small() -> World {
    let world = World::with(|env| env.with("BACKFILL_DAYS", "2"), |_| ()).await;
    assert_eq!(world.connect_as(PATIENT, "ada").await.outcome().0, "connected");
    settled_with(world).await
}

async fn settled_with(world: World) -> World {
    world.work().await;
    world.pass(Duration::from_secs(3600));
    world.oura().clear_requests();
    world
}

async fn delete(world: &World, query: &str) -> Answer {
    delete_of(world, PATIENT, query).await
}

async fn delete_of(world: &World, patient: &str, query: &str) -> Answer {
    world.request(Some(patient), "DELETE", "/connections/oura", query, "").await
}

/// The request, killed when the fault stops everything; its answer, if there was one.
async fn delete_until_killed(world: &World, query: &str, fault: Fault) -> Option<Answer> {
    let faults = world.aws.faults();
    faults.inject(fault);
    let answer = {
        let request = Box::pin(delete(world, query));
        let stopped = Box::pin(faults.stopped());
        tokio::select! {
            biased;
            () = stopped => None,
            answer = request => Some(answer),
        }
    };
    faults.clear();
    answer
}

/// The bodies to be redelivered.
fn failed(bodies: Vec<String>, again: &[String]) -> Vec<String> {
    let comes_again = |n: usize| again.contains(&format!("m-{n}"));
    bodies.into_iter().enumerate().filter(|(n, _)| comes_again(*n)).map(|(_, body)| body).collect()
}

/// Works off whatever waits, until nothing has come for longer than SQS delays a message.
async fn settle(world: &World) {
    let mut quiet = 0;
    while quiet < 4 {
        let mut bodies = world.bodies().await;
        quiet = if bodies.is_empty() { quiet + 1 } else { 0 };
        for count in 1..=5 {
            if bodies.is_empty() {
                break;
            }
            let again = world.deliver(&bodies, count).await;
            bodies = failed(bodies, &again);
            if !bodies.is_empty() {
                world.pass(Duration::from_secs(200));
            }
        }
        assert!(bodies.is_empty(), "abandoned: {bodies:?}");
        world.pass(Duration::from_secs(300));
    }
}

/// Items of the tables that are a patient's, by a mention of the id anywhere in them.
async fn items_of(world: &World, patient: &str) -> Vec<Value> {
    let name = |value: &Value| value.to_string().contains(&format!("{patient}\""));
    world.tables().await.into_iter().flatten().filter(name).collect()
}

/// The names of the secrets that hold tokens of the patient's.
async fn secrets_of(world: &World, patient: &str) -> Vec<String> {
    let hash = PatientId::parse(patient).unwrap().opaque();
    let client = aws_sdk_secretsmanager::Client::new(&world.sdk);
    let mut pages = client.list_secrets().into_paginator().send();
    let mut names = Vec::new();
    while let Some(page) = pages.next().await {
        names.extend(page.unwrap().secret_list().iter().filter_map(|secret| secret.name().map(str::to_owned)));
    }
    names.retain(|name| name.contains(&hash));
    names
}

/// Details of the events of one type, repeats left out.
/// The different events of a type, in the order of their first publication.
fn details(world: &World, detail_type: &str) -> Vec<Value> {
    let events = world.events().into_iter().filter(|event| event.detail_type == detail_type);
    let mut seen = BTreeSet::new();
    events.map(|event| event.detail).filter(|detail| seen.insert(detail["eventId"].to_string())).collect()
}

fn asked(world: &World, request: &str) -> u64 {
    world.oura().request_counts().get(request).copied().unwrap_or(0)
}

/// Oura's revoke endpoint on a bad day.
fn revoke(status: u16, body: &str) -> OuraFault {
    let on = FaultMatch { path: "/oauth/revoke".into(), ..FaultMatch::default() };
    OuraFault { on, status: Some(status), body: Some(body.into()), ..OuraFault::default() }
}

/// Oura, but slowly.
fn slow(path: &str, delay_ms: u64) -> OuraFault {
    let on = FaultMatch { path: path.into(), ..FaultMatch::default() };
    OuraFault { on, delay_ms: Some(delay_ms), ..OuraFault::default() }
}

/// Nothing works for the patient any more: no tokens, no ring, no work under way.
async fn assert_ended(world: &World, grant: &GrantId) {
    let patient = world.patient();
    assert!(world.secrets.get(&patient, grant).await.unwrap().is_none(), "the pair is gone");
    assert_eq!(world.connections.owner(&world.user_id("ada").parse().unwrap()).await.unwrap(), None);
    assert_eq!(Inbox::new(&world.sdk, &world.names.connections_table).get(&patient).await.unwrap(), None);
    let items = world.items(&world.names.connections_table).await;
    let is_open = |item: &&Value| {
        item["sk"].as_str().is_some_and(|key| key.starts_with("SYNC#")) && item["ended"] != Value::Bool(true)
    };
    assert_eq!(items.iter().filter(is_open).collect::<Vec<_>>(), Vec::<&Value>::new());
    if let Some(connection) = world.connections.get(&patient).await.unwrap() {
        assert_eq!((connection.lease, connection.intent, connection.suspect), (None, None, None));
    }
}
