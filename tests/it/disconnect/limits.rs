//! Limits of patients' requests, and the reasons in `GET /connections` that have no cause here.

use std::time::Duration;

use oura_simulator::{Fault as OuraFault, FaultMatch, Outage, OutageKind, OutageTarget};
use serde_json::{Value, json};
use shared::domain::ConnectionStatus;

use super::{asked, delete, settle, settled};
use tests::{Answer, PATIENT, World};

async fn sync(world: &World) -> Answer {
    world.request(Some(PATIENT), "POST", "/sync", "", "{}").await
}

async fn refresh(world: &World) -> Answer {
    world.request(Some(PATIENT), "POST", "/connections/oura/refresh", "", "").await
}

fn retry_after(answer: &Answer) -> u64 {
    answer.headers["retry-after"].parse().unwrap()
}

async fn shown(world: &World) -> Value {
    world.get("/connections", "").await.data()["connections"][0].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn manual_syncs_are_throttled_with_retry_after() {
    let world = World::with(|env| env.with("MANUAL_SYNCS_PER_HOUR", "6"), |_| ()).await;
    for (patient, account) in [(PATIENT, "ada"), ("patient-2", "bruno")] {
        assert_eq!(world.connect_as(patient, account).await.outcome().0, "connected");
    }
    // What is refused for another reason does not count.
    for _ in 0..10 {
        let wrong =
            world.request(Some(PATIENT), "POST", "/sync", "", r#"{"from":"2026-03-18","to":"2026-03-01"}"#).await;
        assert_eq!(wrong.refusal().0, 400);
    }
    for n in 0..3 {
        assert_eq!(sync(&world).await.status, 202, "{n}");
    }
    world.bodies().await;
    let refused = sync(&world).await;
    assert_eq!(refused.refusal(), (429, "too_many_syncs".into()));
    assert_eq!(retry_after(&refused), 600);
    assert!(refused.json()["error"]["message"].as_str().unwrap().contains("10 minutes"), "{refused:?}");
    assert!(world.bodies().await.is_empty(), "nothing is queued");
    assert_eq!(world.request(Some("patient-2"), "POST", "/sync", "", "{}").await.status, 202, "others may");
    world.pass(Duration::from_millis(200_500));
    assert_eq!(retry_after(&sync(&world).await), 400, "rounded up, and refusals do not make it longer");
    world.pass(Duration::from_secs(400));
    assert_eq!(sync(&world).await.status, 202);
    assert_eq!(sync(&world).await.status, 429);
    // In the long run six an hour, however they are asked for.
    let mut taken = 0;
    for _ in 0..240 {
        world.pass(Duration::from_secs(60));
        taken += u32::from(sync(&world).await.status == 202);
    }
    assert_eq!(taken, 24);
    world.pass(Duration::from_secs(24 * 3600));
    let all = futures::future::join_all((0..12).map(|_| sync(&world))).await;
    assert_eq!(all.iter().filter(|answer| answer.status == 202).count(), 3, "also at once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requested_refresh_runs_once_per_interval() {
    let world = settled().await;
    let answer = refresh(&world).await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.data(), json!({"requestedAt": world.clock.now(), "refreshed": true, "nextPossibleAt": null}));
    let refused = refresh(&world).await;
    assert_eq!(refused.refusal(), (429, "too_many_refreshes".into()));
    assert_eq!(retry_after(&refused), 600);
    let bodies = world.bodies().await;
    assert!(world.deliver(&bodies, 1).await.is_empty());
    assert_eq!((world.connection().await.generation, asked(&world, "POST /oauth/token")), (2, 1));
    assert!(world.deliver(&bodies, 2).await.is_empty(), "delivered twice");
    assert_eq!((world.connection().await.generation, asked(&world, "POST /oauth/token")), (2, 1));
    world.pass(Duration::from_secs(600));
    assert_eq!(refresh(&world).await.data()["refreshed"], true);
    settle(&world).await;
    assert_eq!(world.connection().await.generation, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refresh_of_a_new_pair_is_answered_with_the_time_from_which_it_is_possible() {
    let world = World::connected().await;
    world.work().await;
    world.oura().clear_requests();
    for generation in [1, 2] {
        let issued_at = world.connection().await.tokens_issued_at.unwrap();
        let possible_at = issued_at + Duration::from_secs(600);
        let early = async || {
            let answer = refresh(&world).await;
            assert_eq!(answer.status, 202);
            let now = world.clock.now();
            assert_eq!(answer.data(), json!({"requestedAt": now, "refreshed": false, "nextPossibleAt": possible_at}));
            assert!(world.bodies().await.is_empty(), "nothing is queued");
        };
        early().await;
        let wait = Duration::try_from(possible_at.duration_since(world.clock.now())).unwrap();
        world.pass(wait - Duration::from_secs(1));
        early().await;
        world.pass(Duration::from_secs(1));
        // The early requests did not count.
        assert_eq!(refresh(&world).await.data()["refreshed"], true);
        let bodies = world.bodies().await;
        assert!(world.deliver(&bodies, 1).await.is_empty());
        assert_eq!(world.connection().await.generation, generation + 1);
    }
}

/// The token host is down: the refresh is tried for an hour, no message fails, and no patient is disconnected.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unanswered_refresh_is_retried_by_a_sync_after_an_hour() {
    let world = settled().await;
    let on = FaultMatch { path: "/oauth/token".into(), ..FaultMatch::default() };
    let busy = OuraFault { on, status: Some(429), body: Some(json!("")), ..OuraFault::default() };
    world.oura().add_fault(busy).unwrap();
    assert_eq!(refresh(&world).await.status, 202);
    for _ in 0..16 {
        let bodies = world.bodies().await;
        assert!(world.deliver(&bodies, 1).await.is_empty());
        world.pass(Duration::from_secs(300));
    }
    assert!(world.bodies().await.is_empty());
    assert!(asked(&world, "POST /oauth/token") >= 3);
    assert_eq!(world.connection().await.status, ConnectionStatus::Connected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oura_outage_is_shown_and_not_stored() {
    let world = settled().await;
    world
        .oura()
        .set_outage(Some(Outage { target: OutageTarget::Data, ..Outage::new(OutageKind::Unavailable) }))
        .unwrap();
    assert_eq!(sync(&world).await.status, 202);
    let began = world.clock.now();
    // One patient's trouble is no outage for the others: the message is redelivered, and is abandoned in the end.
    let bodies = world.bodies().await;
    assert_eq!(world.deliver(&bodies, 5).await.len(), 1);
    let shown_connection = shown(&world).await;
    assert_eq!(
        (&shown_connection["status"], &shown_connection["reasonCode"]),
        (&json!("error"), &json!("oura_unavailable")),
        "{shown_connection}"
    );
    assert_eq!(shown_connection["since"], json!(began), "since when nothing arrives");
    let connection = world.connection().await;
    assert_eq!((connection.status, connection.reason), (ConnectionStatus::Connected, None));
    world.oura().set_outage(None).unwrap();
    world.pass(Duration::from_secs(901));
    assert_eq!(sync(&world).await.status, 202);
    world.work().await;
    assert_eq!(shown(&world).await["status"], "connected");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn account_conflict_is_shown_for_a_day() {
    let world = World::connected().await;
    let of = |patient: &'static str| world.request(Some(patient), "GET", "/connections", "", "");
    assert_eq!(world.connect_as("patient-2", "ada").await.outcome().1, "account_conflict");
    let shown_connection = of("patient-2").await.data()["connections"][0].clone();
    assert_eq!(
        (&shown_connection["status"], &shown_connection["reasonCode"]),
        (&json!("error"), &json!("account_conflict"))
    );
    let flow = world.begin("patient-2").await;
    assert_eq!(of("patient-2").await.data()["connections"][0]["status"], "pending", "another try is under way");
    let query = world.consent(&flow, "bruno", "allow", None).await;
    assert_eq!(world.callback(&query, Some(&flow.cookie)).await.outcome().0, "connected");
    assert_eq!(of("patient-2").await.data()["connections"][0]["status"], "connected");
    // A patient with another ring never sees it, and after a day no patient does.
    assert_eq!(world.connect_as("patient-2", "ada").await.outcome().1, "account_conflict");
    assert_eq!(of("patient-2").await.data()["connections"][0]["status"], "connected");
    assert_eq!(world.connect_as("patient-3", "ada").await.outcome().1, "account_conflict");
    world.pass(Duration::from_secs(24 * 3600 + 1));
    assert_eq!(of("patient-3").await.data()["connections"], json!([]));
    // A later disconnect works after any refusal.
    assert_eq!(world.connect_as(PATIENT, "bruno").await.outcome().1, "account_conflict");
    world.pass(Duration::from_secs(60));
    assert_eq!(delete(&world, "").await.status, 202);
    assert_eq!(shown(&world).await["status"], "disconnected");
}
