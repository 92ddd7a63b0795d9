//! Apps of both of Oura's developer portals: where a code goes, and the token host of a refresh and a revocation.

use std::time::Duration;

use oura_simulator::{Options, TokenHost};
use serde_json::json;
use tests::{PATIENT, World};

use crate::token_races::vault;

const FOREIGN_ISSUER: &str = "https://login.example";

async fn world(portal: &'static str, token_host: TokenHost) -> World {
    let world = World::with(|env| env.with("OURA_PORTAL", portal), |_| ()).await;
    set(&world, |options| options.token_host = token_host);
    world
}

fn set(world: &World, change: impl FnOnce(&mut Options)) {
    world.oura().change_options(change).unwrap();
}

fn set_issuer(world: &World, issuer: &str) {
    set(world, |options| options.iss = Some(issuer.to_owned()));
}

/// Number of requests to the token endpoints: the legacy host's, the new portal's.
fn token_requests(world: &World) -> (u64, u64) {
    let counts = world.oura().request_counts();
    let of = |end: &str| counts.iter().filter(|(line, _)| line.ends_with(end)).map(|(_, count)| *count).sum();
    (of("/oauth/token"), of("/oauth-token"))
}

async fn token_host(world: &World) -> String {
    let connection = world.connection().await;
    world.secrets.get(&world.patient(), &connection.grant_id).await.unwrap().unwrap().token_host
}

#[tokio::test]
async fn issuer_of_callback_selects_the_token_host() {
    for (served_at, host, requests) in
        [(TokenHost::Legacy, "127.0.0.1:", (1, 0)), (TokenHost::New, "localhost:", (0, 1))]
    {
        let world = world("auto", served_at).await;
        assert_eq!(world.connect_as(PATIENT, "ada").await.outcome().0, "connected");
        assert_eq!(token_requests(&world), requests);
        assert!(token_host(&world).await.starts_with(host));
    }
}

#[tokio::test]
async fn fixed_portal_needs_no_issuer_and_accepts_any() {
    for (portal, served_at) in [("legacy", TokenHost::Legacy), ("new", TokenHost::New)] {
        for named in ["", FOREIGN_ISSUER] {
            let world = world(portal, served_at).await;
            set_issuer(&world, named);
            assert_eq!(world.connect_as(PATIENT, "ada").await.outcome().0, "connected", "{portal} {named}");
        }
    }
}

#[tokio::test]
async fn callback_of_an_unknown_issuer_is_refused_and_spends_nothing() {
    let world = world("auto", TokenHost::Both).await;
    let flow = world.begin(PATIENT).await;
    let query = world.consent(&flow, "ada", "allow", None).await;
    for forged in [format!("{query}&iss=https%3A%2F%2Flogin.example"), format!("{query}&iss=")] {
        let answer = world.callback(&forged, Some(&flow.cookie)).await;
        assert_eq!(answer.outcome(), ("error".into(), "issuer_invalid".into()));
        assert!(!answer.headers.contains_key("set-cookie"), "the flow is still open");
    }
    assert_eq!(token_requests(&world), (0, 0));
    assert_eq!(world.callback(&query, Some(&flow.cookie)).await.outcome().0, "connected");
}

#[tokio::test]
async fn code_of_the_other_portal_is_tried_at_one_host_only() {
    let world = world("auto", TokenHost::New).await;
    set_issuer(&world, "");
    let answer = world.connect_as(PATIENT, "ada").await;
    assert_eq!(answer.outcome(), ("error".into(), "code_refused".into()));
    assert_eq!(token_requests(&world), (1, 0));
}

#[tokio::test]
async fn app_completes_a_flow_with_the_issuer_of_its_callback() {
    let world = world("auto", TokenHost::New).await;
    let flow = world.begin(PATIENT).await;
    let query = world.consent(&flow, "ada", "allow", None).await;
    let page = url::Url::parse(&world.callback(&query, None).await.headers["location"]).unwrap();
    let passed: std::collections::BTreeMap<_, _> = page.query_pairs().into_owned().collect();
    let complete = async |iss: &str| {
        let body = json!({ "code": passed["code"], "state": passed["state"], "scope": passed["scope"], "iss": iss });
        world.request(Some(PATIENT), "POST", "/callback/oura", "", &body.to_string()).await
    };
    assert_eq!(complete(FOREIGN_ISSUER).await.refusal(), (400, "issuer_invalid".into()));
    assert_eq!(complete(&passed["iss"]).await.data()["status"], "connected");
    assert!(token_host(&world).await.starts_with("localhost:"));
}

#[tokio::test]
async fn refresh_falls_back_to_the_other_host_and_stays_there() {
    let world = world("auto", TokenHost::Both).await;
    assert_eq!(world.connect_as(PATIENT, "ada").await.outcome().0, "connected");
    set(&world, |options| options.token_host = TokenHost::New);
    for requests in [(2, 1), (2, 2)] {
        world.pass(Duration::from_secs(25 * 3600));
        vault(&world).access(&world.connection().await, world.clock.now() + Duration::from_secs(60)).await.unwrap();
        assert_eq!(token_requests(&world), requests);
    }
    assert!(token_host(&world).await.starts_with("localhost:"));
}
