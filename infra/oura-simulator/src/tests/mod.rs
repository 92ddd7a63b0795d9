//! The cloud as its users meet it: over HTTP.

mod api;
mod consent;
mod families;
mod fleet;
mod hosts;
mod lasting_changes;
mod limits;
mod misbehaviour;
mod oauth;
mod outages;
mod pinned;
mod schemas;
mod small_faults;
mod webhooks;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use reqwest::{Client, Response, StatusCode, redirect};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use url::Url;

use super::*;

const CALLBACK: &str = "https://clinic.example/callback/oura";
const ALL: &str = "email personal daily heartrate workout tag session spo2 heart_health stress ring_configuration";
/// A Thursday in summer, in the afternoon.
const NOW: &str = "2031-06-12T15:00:00Z";

/// A cloud with a clock that the test moves.
struct World {
    oura: OuraSimulator,
    http: Client,
    clock: Arc<AtomicI64>,
}

/// The keys of a token answer that matter here.
struct Pair {
    access: String,
    refresh: String,
    scope: String,
}

impl World {
    async fn new() -> Self {
        Self::at(NOW).await
    }

    async fn at(now: &str) -> Self {
        Self::with(now, |_| ()).await
    }

    async fn with(now: &str, configure: impl FnOnce(&mut OuraSimulatorConfig)) -> Self {
        let now = now.parse::<Timestamp>().unwrap().as_second();
        let clock = Arc::new(AtomicI64::new(now));
        let shown = Arc::clone(&clock);
        let mut config = OuraSimulatorConfig::new("the-app", "the-secret".to_owned().into(), CALLBACK);
        config.clock = Clock::from_fn(move || Timestamp::from_second(shown.load(Ordering::SeqCst)).unwrap());
        config.deliver_webhooks = false;
        configure(&mut config);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let oura = OuraSimulator::start(listener, config).await.unwrap();
        let http = Client::builder().user_agent("tests").redirect(redirect::Policy::none()).build().unwrap();
        Self { oura, http, clock }
    }

    fn advance(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    fn url(&self, path: &str) -> Url {
        self.oura.url().join(path).unwrap()
    }

    /// Posts the consent form and gives the callback's parameters.
    async fn decide(&self, fields: &[(&str, &str)]) -> Vec<(String, String)> {
        let common = [("client_id", "the-app"), ("redirect_uri", CALLBACK), ("state", "s t&ate")];
        let form: Vec<_> = common.iter().chain(fields).copied().collect();
        let response = self.http.post(self.url("/oauth/authorize")).form(&form).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::FOUND);
        let location = response.headers()["location"].to_str().unwrap();
        assert!(location.starts_with(CALLBACK), "{location}");
        Url::parse(location).unwrap().query_pairs().into_owned().collect()
    }

    async fn code(&self, person: &str, scopes: &str) -> String {
        let callback = self.decide(&[("account", person), ("decision", "allow"), ("scope", scopes)]).await;
        value(&callback, "code").unwrap().to_owned()
    }

    async fn token(&self, fields: &[(&str, &str)]) -> Response {
        let client = [("client_id", "the-app"), ("client_secret", "the-secret")];
        let form: Vec<_> = client.iter().chain(fields).copied().collect();
        self.http.post(self.url("/oauth/token")).form(&form).send().await.unwrap()
    }

    async fn exchange(&self, code: &str) -> Response {
        self.token(&[("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK)]).await
    }

    async fn refresh(&self, token: &str) -> Response {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    async fn connect(&self, person: &str, scopes: &str) -> Pair {
        pair(self.exchange(&self.code(person, scopes).await).await).await
    }

    async fn get(&self, token: &str, path: &str) -> Response {
        let path = format!("/v2/usercollection/{path}");
        self.http.get(self.url(&path)).bearer_auth(token).send().await.unwrap()
    }

    async fn list(&self, token: &str, path: &str) -> Vec<Value> {
        let answer = self.get(token, path).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let mut body = json(answer).await;
        serde_json::from_value(body["data"].take()).unwrap()
    }

    async fn days(&self, token: &str, path: &str) -> Vec<String> {
        let mut days: Vec<String> = self
            .list(token, path)
            .await
            .iter()
            .map(|doc| doc.get("day").or(doc.get("start_day")).unwrap().as_str().unwrap().to_owned())
            .collect();
        days.dedup();
        days
    }
}

async fn json(response: Response) -> Value {
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

async fn pair(response: Response) -> Pair {
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["cache-control"], "no-store");
    let body = json(response).await;
    let text = |key: &str| body[key].as_str().unwrap().to_owned();
    assert_eq!(body["token_type"], "Bearer");
    Pair { access: text("access_token"), refresh: text("refresh_token"), scope: text("scope") }
}

async fn error(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    (status, json(response).await["error"].as_str().unwrap().to_owned())
}

fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}
