//! The end of the consent at Oura: asked for until Oura says that it has ended, for a day.

use std::time::Duration;

use oura_simulator::{Fault, FaultMatch};
use serde_json::Value;
use shared::domain::{ConnectionStatus, Revocation};

use super::{asked, assert_ended, delete, details, items_of, revoke, secrets_of, settle, settled};
use tests::{PATIENT, World};

/// Delivers what comes within this time; nothing of it counts as a failure.
async fn let_pass(world: &World, hours: u64) {
    for _ in 0..hours * 12 {
        let bodies = world.bodies().await;
        assert!(world.deliver(&bodies, 1).await.is_empty(), "waiting is no failure");
        world.pass(Duration::from_secs(300));
    }
}

/// True if Oura still has a consent of the patient.
fn is_alive(world: &World) -> bool {
    world.oura().person("ada").unwrap().grants > 0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revocation_is_retried_after_an_outage() {
    for (status, body) in [(503, ""), (500, "<html>Something went wrong</html>"), (429, ""), (404, "not here")] {
        let world = settled().await;
        let grant = world.connection().await.grant_id;
        world.oura().add_fault(revoke(status, body)).unwrap();
        assert_eq!(delete(&world, "").await.status, 202);
        let_pass(&world, 3).await;
        let tried = asked(&world, "POST /oauth/revoke");
        assert!((8..40).contains(&tried), "{status}: {tried} times in three hours");
        assert_ended(&world, &grant).await;
        assert!(is_alive(&world), "{status}");
        world.oura().clear_faults();
        settle(&world).await;
        assert_eq!(asked(&world, "POST /oauth/revoke"), tried + 1, "{status}");
        assert!(!is_alive(&world), "{status}: the consent has ended");
        assert_eq!(secrets_of(&world, PATIENT).await, Vec::<String>::new(), "{status}");
        assert_eq!(world.connection().await.status, ConnectionStatus::Disconnected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revocation_is_abandoned_after_a_day() {
    let world = settled().await;
    world.oura().add_fault(revoke(503, "")).unwrap();
    assert_eq!(delete(&world, "data=purge").await.status, 202);
    let_pass(&world, 23).await;
    assert_eq!(items_of(&world, PATIENT).await, Vec::<Value>::new(), "the data does not wait for Oura");
    assert_eq!(secrets_of(&world, PATIENT).await.len(), 1, "what revokes outlives the purge");
    let_pass(&world, 2).await;
    assert_eq!(secrets_of(&world, PATIENT).await, Vec::<String>::new());
    let tried = asked(&world, "POST /oauth/revoke");
    let_pass(&world, 2).await;
    assert_eq!(asked(&world, "POST /oauth/revoke"), tried, "nothing is asked any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revocation_of_an_invalid_grant_is_done() {
    for dead in [true, false] {
        let world = settled().await;
        if dead {
            world.oura().withdraw_consent("ada").unwrap();
        } else {
            world.oura().add_fault(revoke(401, "")).unwrap();
        }
        assert_eq!(delete(&world, "").await.status, 202);
        settle(&world).await;
        // Of a consent that Oura has ended, neither token is valid. Another 401 is no proof: a new token is tried, once no
        // refresh can be running any more.
        let (asked_for, expected) = if dead { (2, Revocation::Revoked) } else { (3, Revocation::Unconfirmed) };
        assert_eq!(asked(&world, "POST /oauth/revoke"), asked_for);
        assert_eq!(world.connection().await.revocation, Some(expected));
        assert_eq!(secrets_of(&world, PATIENT).await, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expired_access_token_is_refreshed_once_before_the_revocation() {
    let world = settled().await;
    world.pass(Duration::from_secs(30 * 3600));
    let refreshes = asked(&world, "POST /oauth/token");
    assert_eq!(delete(&world, "").await.status, 202);
    settle(&world).await;
    assert!(!is_alive(&world), "the consent has ended");
    assert_eq!((asked(&world, "POST /oauth/token") - refreshes, asked(&world, "POST /oauth/revoke")), (1, 1));
    assert_eq!(world.connection().await.revocation, Some(Revocation::Revoked));
    assert_eq!(world.oura().summary().reused, 0);
}

/// The refresh's answer is lost: the token is not sent again, and the end is not taken for a success.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_refresh_before_the_revocation_is_not_repeated() {
    let world = settled().await;
    world.pass(Duration::from_secs(30 * 3600));
    let on = FaultMatch { path: "/oauth/token".into(), ..FaultMatch::default() };
    world.oura().add_fault(Fault { on, drop_connection: true, ..Fault::default() }).unwrap();
    let refreshes = asked(&world, "POST /oauth/token");
    assert_eq!(delete(&world, "").await.status, 202);
    settle(&world).await;
    assert_eq!(asked(&world, "POST /oauth/token") - refreshes, 1);
    assert_eq!(world.connection().await.revocation, Some(Revocation::Unconfirmed));
    let published = details(&world, "wearable_disconnected");
    assert_eq!(published.iter().map(|one| &one["revocation"]).collect::<Vec<_>>(), ["pending", "unconfirmed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn older_consent_is_not_revoked_once_the_account_has_a_newer_one() {
    for other in [PATIENT, "patient-2"] {
        let world = settled().await;
        assert_eq!(delete(&world, "").await.status, 202);
        world.pass(Duration::from_secs(10));
        assert_eq!(world.connect_as(other, "ada").await.outcome().0, "connected");
        world.pass(Duration::from_secs(10));
        settle(&world).await;
        assert_eq!(asked(&world, "POST /oauth/revoke"), 0, "{other}: it could end the newer consent");
        assert_eq!(secrets_of(&world, PATIENT).await.len(), usize::from(other == PATIENT));
        let consents = world.get("/connections/oura/consents", "").await.data();
        assert_eq!(consents["consents"][0]["revocation"], "superseded");
    }
}
