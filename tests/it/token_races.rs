//! Token pairs when much happens at once: many workers, clocks that differ, connections that end meanwhile, stores and
//! hosts that fail. The vault is asked directly, so that one test can hold several, each with a clock of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use axum::http::StatusCode;
use axum::routing::post;
use jiff::Timestamp;
use local::aws::{Effect, Fault, Service};
use oura_simulator::{Fault as OuraFault, FaultMatch};
use serde_json::json;
use shared::aws::{AppSecrets, Disconnected, StoredTokens};
use shared::domain::{Clock, Connection, ConnectionStatus, Entropy, ReasonCode};
use shared::env::Env;
use shared::oura::{HttpOptions, OAuthHttp, OuraHosts};
use shared::vault::{Access, OuraApp, Vault, VaultError};
use tokio::net::TcpListener;

use tests::{PATIENT, World};

const LIFE: Duration = Duration::from_secs(120);

fn vault_at(world: &World, clock: &Clock, env: &Env) -> Vault {
    let http = OAuthHttp::new(&OuraHosts::from_env(env).unwrap(), HttpOptions::default()).unwrap();
    let secrets = AppSecrets::new(&world.sdk, env.required("OURA_APP_SECRET_ID").unwrap(), clock.clone());
    let app = OuraApp::new(secrets, http, env.required("OURA_REDIRECT_URI").unwrap());
    Vault::new(app, world.secrets.clone(), world.connections.clone(), clock.clone(), Entropy::system(), 20)
}

pub fn vault(world: &World) -> Vault {
    vault_at(world, &world.clock, world.env())
}

/// A connected patient whose access token has ended.
async fn ended_token() -> World {
    let world = World::connected().await;
    world.pass(Duration::from_secs(25 * 3600));
    world.oura().change_options(|options| options.family_revocation = true).unwrap();
    world.oura().clear_requests();
    world
}

fn slow_refresh(world: &World, delay_ms: u64) {
    let on = FaultMatch { path: "/oauth/token".into(), ..FaultMatch::default() };
    let fault = OuraFault { on, delay_ms: Some(delay_ms), times: Some(1), ..OuraFault::default() };
    world.oura().add_fault(fault).unwrap();
}

fn asked(world: &World, request: &str) -> u64 {
    world.oura().request_counts().get(request).copied().unwrap_or(0)
}

async fn access(world: &World) -> Result<Access, VaultError> {
    vault(world).access(&world.connection().await, world.clock.now() + LIFE).await
}

async fn pair(world: &World, connection: &Connection) -> Option<StoredTokens> {
    world.secrets.get(&connection.patient_id, &connection.grant_id).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_workers_send_one_refresh() {
    let world = ended_token().await;
    slow_refresh(&world, 400);
    let all = futures::future::join_all((0..30).map(|_| access(&world))).await;
    assert_eq!(asked(&world, "POST /oauth/token"), 1);
    let stored = pair(&world, &world.connection().await).await.unwrap();
    for access in all {
        let access = access.unwrap();
        assert_eq!((access.generation, access.token.expose()), (2, stored.access_token.expose()));
    }
}

/// The fast clock shows that the holder's invocation ended minutes ago.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fast_clock_does_not_take_over_a_live_lease() {
    let world = ended_token().await;
    slow_refresh(&world, 1000);
    let connection = world.connection().await;
    let clock = world.clock.clone();
    let ahead = Clock::from_fn(move || clock.now() + Duration::from_secs(290));
    let (slow, fast) = (vault(&world), vault_at(&world, &ahead, world.env()));
    let holder = slow.access(&connection, world.clock.now() + Duration::from_secs(45));
    let other = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        fast.access(&connection, ahead.now() + LIFE).await
    };
    let (holder, other) = futures::future::join(holder, other).await;
    assert_eq!((holder.unwrap().generation, other.unwrap().generation), (2, 2));
    assert_eq!(asked(&world, "POST /oauth/token"), 1);
}

/// The lease expires while its holder's request hangs, against the design: still no patient is disconnected.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answer_after_the_lease_keeps_the_connection() {
    let world = ended_token().await;
    world.oura().change_options(|options| options.family_revocation = false).unwrap();
    slow_refresh(&world, 1000);
    let late = access(&world);
    let other = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        world.pass(Duration::from_secs(3600));
        access(&world).await
    };
    let (late, other) = futures::future::join(late, other).await;
    assert_eq!((late.unwrap().generation, other.unwrap().generation), (2, 2), "the late one uses the other's");
    let connection = world.connection().await;
    assert_eq!((connection.status, connection.suspect, connection.generation), (ConnectionStatus::Connected, None, 2));
}

/// Ends of a connection during its refresh.
#[derive(Debug, Clone, Copy)]
enum Ending {
    /// Marked, its tokens still there.
    Disconnected,
    /// Marked, its tokens deleted.
    TokensDeleted,
    /// The whole item is gone.
    Purged,
    /// The patient has connected again.
    Reconnected,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disconnect_during_a_refresh_revokes_the_new_tokens() {
    for ending in [Ending::Disconnected, Ending::TokensDeleted, Ending::Purged, Ending::Reconnected] {
        let world = ended_token().await;
        slow_refresh(&world, 1000);
        let before = world.connection().await;
        let end = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            end(&world, &before, ending).await;
        };
        let (refreshed, ()) = futures::future::join(access(&world), end).await;
        assert!(matches!(refreshed, Err(VaultError::Ended { .. })), "{ending:?}: {refreshed:?}");
        // A revocation could end the newer consent of the same account too.
        let revocations = u64::from(!matches!(ending, Ending::Reconnected));
        assert_eq!(asked(&world, "POST /oauth/revoke"), revocations, "{ending:?}");
        assert!(pair(&world, &before).await.is_none(), "{ending:?}: no tokens are left");
        let after = world.connections.get(&world.patient()).await.unwrap();
        match ending {
            Ending::Purged => assert_eq!(after, None),
            Ending::Reconnected => {
                let after = after.unwrap();
                assert_eq!((after.status, after.generation), (ConnectionStatus::Connected, 1));
                assert_eq!(pair(&world, &after).await.unwrap().generation, 1);
            }
            Ending::Disconnected | Ending::TokensDeleted => {
                let after = after.unwrap();
                assert_eq!((after.status, after.lease, after.intent), (ConnectionStatus::Disconnected, None, None));
                assert_eq!((after.reason, after.generation), (Some(ReasonCode::UserRequest), 1));
            }
        }
    }
}

async fn end(world: &World, connection: &Connection, ending: Ending) {
    let (patient, grant) = (&connection.patient_id, &connection.grant_id);
    match ending {
        Ending::Disconnected | Ending::TokensDeleted => {
            let reason = ReasonCode::UserRequest;
            let ended = world.connections.disconnect(connection, reason, &[], 20, world.clock.now()).await.unwrap();
            assert_eq!(ended, Disconnected::Recorded);
            if matches!(ending, Ending::TokensDeleted) {
                world.secrets.delete(patient, grant).await.unwrap();
            }
        }
        Ending::Purged => {
            aws_sdk_dynamodb::Client::new(&world.sdk)
                .delete_item()
                .table_name(&world.names.connections_table)
                .key("pk", AttributeValue::S(format!("PATIENT#{patient}")))
                .key("sk", AttributeValue::S("CONNECTION#oura".into()))
                .send()
                .await
                .unwrap();
        }
        Ending::Reconnected => assert_eq!(world.connect_as(PATIENT, "ada").await.outcome().0, "connected"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requested_refresh_runs_at_most_every_ten_minutes() {
    let world = World::connected().await;
    let renew = async || {
        let deadline = world.clock.now() + LIFE;
        vault(&world).renew(&world.connection().await, deadline).await.unwrap().generation
    };
    assert_eq!(renew().await, 1, "Oura gave it just now");
    world.pass(Duration::from_secs(601));
    assert_eq!(renew().await, 2);
    assert_eq!(renew().await, 2);
    world.pass(Duration::from_secs(601));
    assert_eq!(renew().await, 3);
}

/// Stores a pair that lives for weeks and was refreshed at that time.
async fn long_lived(world: &World, refreshed_at: Option<Timestamp>) {
    let connection = world.connection().await;
    let pair = pair(world, &connection).await.unwrap();
    let expires_at = Some(world.clock.now() + Duration::from_secs(30 * 24 * 3600));
    let next = StoredTokens { generation: pair.generation + 1, expires_at, refreshed_at, ..pair };
    world.secrets.put(&connection.patient_id, &connection.grant_id, &next).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refresh_token_is_used_within_two_weeks() {
    let days = |world: &World, days: i64| Some(world.clock.now() - jiff::SignedDuration::from_hours(24 * days));
    let world = World::connected().await;
    long_lived(&world, days(&world, 13)).await;
    assert_eq!(access(&world).await.unwrap().generation, 2, "not yet");
    long_lived(&world, days(&world, 14)).await;
    assert_eq!(access(&world).await.unwrap().generation, 4);

    let world = World::connected().await;
    long_lived(&world, None).await;
    assert_eq!(access(&world).await.unwrap().generation, 2, "how old it is was not recorded then");

    let world = World::connected().await;
    long_lived(&world, days(&world, 14)).await;
    let on = FaultMatch { path: "/oauth/token".into(), ..FaultMatch::default() };
    world.oura().add_fault(OuraFault { on, status: Some(503), ..OuraFault::default() }).unwrap();
    assert_eq!(access(&world).await.unwrap().generation, 2, "the token that is there still serves");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failing_secret_store_is_retried_and_a_loss_is_named() {
    let world = ended_token().await;
    let failure = Effect::Error { status: 500, code: "InternalServiceError".into(), message: "x".into() };
    world.aws.faults().inject(Fault::on(Service::SecretsManager, "PutSecretValue", failure));
    let (clock, looked) = (world.clock.clone(), Arc::new(AtomicU64::new(0)));
    // Time passes by being looked at, so that the deadline comes.
    let passing = Clock::from_fn(move || clock.now() + Duration::from_secs(10 * looked.fetch_add(1, Ordering::SeqCst)));
    let refreshed =
        vault_at(&world, &passing, world.env()).access(&world.connection().await, world.clock.now() + LIFE).await;
    assert!(matches!(refreshed, Err(VaultError::Store(_))), "{refreshed:?}");
    world.aws.faults().clear();
    let connection = world.connection().await;
    assert_eq!((connection.status, connection.suspect), (ConnectionStatus::Connected, None));
    world.pass(LIFE + Duration::from_secs(361));
    assert!(matches!(access(&world).await, Err(VaultError::Busy { .. })), "Oura says no, once");
    let suspect = world.connection().await.suspect.map(|suspect| suspect.reason);
    assert_eq!(suspect, Some(ReasonCode::RefreshLost));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_outage_disconnects_no_patient() {
    let world = ended_token().await;
    let on = FaultMatch { path: "/oauth/token".into(), ..FaultMatch::default() };
    for (status, body) in [(503, json!("<html>")), (400, json!({"error": "invalid_request"})), (502, json!(""))] {
        let fault = OuraFault { on: on.clone(), status: Some(status), body: Some(body), ..OuraFault::default() };
        world.oura().add_fault(fault).unwrap();
        for _ in 0..6 {
            let refreshed = access(&world).await;
            assert!(matches!(refreshed, Err(VaultError::Systemic { .. })), "{status}: {refreshed:?}");
            world.pass(Duration::from_secs(600));
        }
        let connection = world.connection().await;
        assert_eq!((connection.status, connection.suspect), (ConnectionStatus::Connected, None), "{status}");
        world.oura().clear_faults();
    }
    assert_eq!(access(&world).await.unwrap().generation, 2);
}

/// An attempt whose answer was lost is not forgotten because a later one was refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_refresh_keeps_its_reason() {
    let world = ended_token().await;
    let on = FaultMatch { path: "/oauth/token".into(), ..FaultMatch::default() };
    let lost = OuraFault {
        on: on.clone(),
        drop_connection: true,
        after_response_applied: true,
        times: Some(1),
        ..OuraFault::default()
    };
    world.oura().add_fault(lost).unwrap();
    assert!(matches!(access(&world).await, Err(VaultError::Systemic { .. })));
    world.pass(Duration::from_secs(361));
    world.oura().add_fault(OuraFault { on, status: Some(429), times: Some(1), ..OuraFault::default() }).unwrap();
    assert!(matches!(access(&world).await, Err(VaultError::Systemic { .. })));
    assert!(matches!(access(&world).await, Err(VaultError::Busy { .. })), "the lease was given back");
    assert_eq!(world.connection().await.suspect.map(|suspect| suspect.reason), Some(ReasonCode::RefreshLost));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn working_token_host_is_stored_with_the_pair() {
    let world = ended_token().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let moved = format!("http://{}/oauth/token", listener.local_addr().unwrap());
    let refusals = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&refusals);
    let refuse = post(async move || {
        counted.fetch_add(1, Ordering::SeqCst);
        (StatusCode::BAD_REQUEST, r#"{"error":"invalid_request"}"#)
    });
    let server = tokio::spawn(axum::serve(listener, axum::Router::new().route("/oauth/token", refuse)).into_future());
    let works = world.env().required("OURA_TOKEN_URL").unwrap();
    let env = world.env().clone().with("OURA_TOKEN_URL", moved).with("OURA_NEW_PORTAL_TOKEN_URL", &works);
    // Each in a process of its own, which has learned nothing.
    let fresh = async || {
        let vault = vault_at(&world, &world.clock, &env);
        vault.access(&world.connection().await, world.clock.now() + LIFE).await.unwrap().generation
    };
    let connection = world.connection().await;
    let of_nobody =
        StoredTokens { generation: 2, token_host: "api.example".into(), ..pair(&world, &connection).await.unwrap() };
    world.secrets.put(&connection.patient_id, &connection.grant_id, &of_nobody).await.unwrap();
    assert_eq!((fresh().await, refusals.load(Ordering::SeqCst)), (3, 1));
    let host = pair(&world, &connection).await.unwrap().token_host;
    assert!(works.starts_with(&format!("http://{host}/")), "{host}");
    world.pass(Duration::from_secs(25 * 3600));
    assert_eq!((fresh().await, refusals.load(Ordering::SeqCst)), (4, 1), "it is asked first");
    server.abort();
}
