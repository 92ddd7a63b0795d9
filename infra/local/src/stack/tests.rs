use reqwest::header::{AUTHORIZATION, COOKIE, LOCATION, SET_COOKIE};
use reqwest::{StatusCode, redirect};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::Url;

use super::*;
use crate::demo;
use crate::gateway::routes::PREFIX;
use crate::oura_cloud::OuraCloudConfig;

fn quiet(options: Options) -> Options {
    Options { port: Some(0), env: options.env.with("BACKFILL_DAYS", "3"), ..options }
}

fn browser() -> reqwest::Client {
    reqwest::Client::builder().user_agent("test").redirect(redirect::Policy::none()).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_ends_with_the_days_the_events_and_the_costs() {
    let stack = Stack::start(quiet(Options::default())).await.unwrap();
    let mut out = Vec::new();
    demo::run(&stack, &mut out, false).await.unwrap();
    let text = String::from_utf8(out).unwrap();
    for part in ["with data", "wearable_connected", "wearable_sync", "wearable_backfill_completed", "AWS: ", "average"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    // A second time, the same patient connects again: nothing about it is special.
    demo::run(&stack, &mut Vec::new(), true).await.unwrap();
    stack.shutdown().await;
}

/// A stand-in for Oura at another address, with an app that registered a redirect address of somebody's tunnel.
#[tokio::test(flavor = "multi_thread")]
async fn live_mode_serves_the_registered_path_and_talks_to_nobody_but_the_named_hosts() {
    let redirect_uri = "https://tunnel.example/oauth/oura-back";
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let config = OuraCloudConfig::new("registered-app", "its-secret".into(), redirect_uri);
    let oura = OuraCloud::start(listener, config).await.unwrap();
    let at = |path: &str| oura.url().join(path).unwrap().to_string();
    let env = Env::default()
        .with("OURA_CLIENT_ID", "registered-app")
        .with("OURA_CLIENT_SECRET", "its-secret")
        .with("OURA_REDIRECT_URI", redirect_uri)
        .with("OURA_AUTHORIZE_URL", at("/oauth/authorize"))
        .with("OURA_TOKEN_URL", at("/oauth/token"))
        .with("OURA_REVOKE_URL", at("/oauth/revoke"))
        .with("OURA_API_BASE_URL", at("/"));
    let stack = Stack::start(quiet(Options { oura: OuraMode::Live, env, ..Options::default() })).await.unwrap();
    assert!(stack.oura().is_none());
    let bearer = format!("Bearer {}", stack.token_for(stack.patient_id()).unwrap());
    let http = browser();

    let begun = http.post(format!("{}{PREFIX}/connect/oura", stack.url())).header(AUTHORIZATION, &bearer);
    let begun = begun.json(&json!({})).send().await.unwrap();
    let cookie = begun.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let begun: Value = begun.json().await.unwrap();
    let auth_url: Url = begun["data"]["authUrl"].as_str().unwrap().parse().unwrap();
    assert_eq!(auth_url.origin(), oura.url().origin());

    let mut form: Vec<(String, String)> = auth_url.query_pairs().into_owned().collect();
    form.extend([("account".to_owned(), "ada".to_owned()), ("decision".to_owned(), "allow".to_owned())]);
    let consented = http.post(at("/oauth/authorize")).form(&form).send().await.unwrap();
    let back: Url = consented.headers()[LOCATION].to_str().unwrap().parse().unwrap();
    assert!(back.as_str().starts_with(redirect_uri), "{back}");

    // What the tunnel does.
    let tunneled = format!("{}{}?{}", stack.url(), back.path(), back.query().unwrap());
    let returned = http.get(&tunneled).header("Host", "tunnel.example").header(COOKIE, cookie).send().await.unwrap();
    assert_eq!(returned.status(), StatusCode::SEE_OTHER);
    let app = returned.headers()[LOCATION].to_str().unwrap();
    assert_eq!(app, format!("{}/?wearable=oura&status=connected", stack.url()));

    // The tunnel leads to the callback, not to the console and its tokens.
    let token = http.post(format!("{}/dev/token", stack.url())).header("Host", "tunnel.example").body("{}");
    assert_eq!(token.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    stack.shutdown().await;
}

#[tokio::test]
async fn a_wrong_setting_is_named_before_anything_is_started() {
    let error = Stack::start(Options { oura: OuraMode::Live, ..quiet(Options::default()) }).await.err().unwrap();
    assert!(error.to_string().contains("OURA_CLIENT_ID"), "{error:#}");
    let env = Env::default().with("BACKFILL_DAYS", "many");
    let error = Stack::start(Options { port: Some(0), env, ..Options::default() }).await.err().unwrap();
    assert!(format!("{error:#}").contains("BACKFILL_DAYS"), "{error:#}");

    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = Stack::start(Options { port: Some(port), ..Options::default() }).await.err().unwrap();
    assert!(format!("{error:#}").contains("--port"), "{error:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_answers_for_itself_before_any_function_is_called() {
    let stack = Stack::start(quiet(Options::default())).await.unwrap();
    let http = browser();
    let url = |path: &str| format!("{}{path}", stack.url());
    let bearer = format!("Bearer {}", stack.token_for(stack.patient_id()).unwrap());

    let refused = http.get(url(&format!("{PREFIX}/connections"))).send().await.unwrap();
    assert_eq!(
        (refused.status(), &refused.headers()["www-authenticate"]),
        (StatusCode::UNAUTHORIZED, &"Bearer".parse().unwrap())
    );
    let body: Value = refused.json().await.unwrap();
    assert_eq!((&body["message"], &body["error"]["code"]), (&json!("Unauthorized"), &json!("unauthorized")));

    let large = vec![b' '; gateway::BODY_LIMIT + 1];
    let large = http.post(url(&format!("{PREFIX}/sync"))).header(AUTHORIZATION, &bearer).body(large).send().await;
    // It may cut the connection while the rest is still being sent.
    assert!(large.map_or(true, |answer| answer.status() == StatusCode::PAYLOAD_TOO_LARGE));

    let page = http.get(url("/")).send().await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    let none: Value = http.get(url("/dev/events?after=x")).send().await.unwrap().json().await.unwrap();
    assert_eq!(none, json!({"available": true, "events": []}));
    let webhook = http.post(stack.webhook_url()).body("{}").send().await.unwrap();
    assert_eq!(webhook.status(), StatusCode::SERVICE_UNAVAILABLE);

    let response = http.get(url(&format!("{PREFIX}/connections"))).header(AUTHORIZATION, &bearer);
    let response = response.header("Origin", stack.url()).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["access-control-allow-origin"], stack.url());
    assert!(response.headers().contains_key("apigw-requestid"));
    stack.shutdown().await;
}
