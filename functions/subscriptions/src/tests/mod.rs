//! The plan, and the whole function against a fake Oura and the embedded AWS.

#[path = "../../tests/fake_oura/mod.rs"]
mod fake_oura;
mod plans;
mod refusals;
mod runs;
mod settings;

use jiff::Timestamp;
use local::aws::resources::{self, AppCredentials, Names};
use local::aws::{EmbeddedAws, EmbeddedOptions};
use shared::aws::SdkConfig;

use self::fake_oura::{FakeOura, Reply, Seen};
use super::*;

const SECRET: &str = "app-s3cret";
const TOKEN: &str = "handshake-t0ken";
const NOW: &str = "2026-03-01T12:00:00Z";
const HERE: &str = "https://abc.lambda-url.example/oura/6b9f0c1e-3d0a-11f0-9a77-0a58a9feac02";
/// The same path on another host: the function URL has changed.
const ONCE: &str = "https://old.lambda-url.example/oura/6b9f0c1e-3d0a-11f0-9a77-0a58a9feac02";
const ELSEWHERE: &str = "https://hooks.example/oura/staging";

/// Number of topics with all scopes.
const ALL: usize = 48;

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// Pairs as `<data type>/<event type>`.
fn words(pairs: &[Pair]) -> Vec<String> {
    pairs.iter().map(|pair| format!("{}/{}", pair.data_type, pair.event_type)).collect()
}

/// Failed steps as `<data type>/<event type> <action>: <error>`.
fn failures(report: &Report) -> Vec<String> {
    let line = |it: &Failed| format!("{}/{} {}: {}", it.data_type, it.event_type, <&str>::from(it.action), it.error);
    report.failed.iter().map(line).collect()
}

/// The function with an AWS and an Oura of its own, at a fixed time.
struct World {
    _aws: EmbeddedAws,
    sdk: SdkConfig,
    env: Env,
    oura: FakeOura,
    deps: Deps,
}

impl World {
    async fn start() -> Self {
        Self::with(Env::default(), SECRET, TOKEN).await
    }

    /// Desires only the three topics of `workout`.
    async fn small() -> Self {
        Self::with(Env::default().with("OURA_SCOPES", "workout"), SECRET, TOKEN).await
    }

    async fn with(env: Env, client_secret: &str, verification_token: &str) -> Self {
        let aws = EmbeddedAws::start(EmbeddedOptions::default()).await.unwrap();
        let sdk = aws.sdk_config();
        let app = AppCredentials {
            client_id: "client-1".to_owned(),
            client_secret: client_secret.to_owned(),
            webhook_verification_token: verification_token.to_owned(),
        };
        let made = resources::ensure(&sdk, &Names::default(), &app).await.unwrap();
        let oura = FakeOura::start("client-1", SECRET, now()).await;
        let env = made.describe_in(env).with("OURA_API_BASE_URL", oura.url()).with("WEBHOOK_URL", HERE);
        let deps = Deps::new(Config::from_env(&env).unwrap(), &sdk, Clock::fixed(now())).unwrap();
        Self { _aws: aws, sdk, env, oura, deps }
    }

    /// Moves the function and the fake to another time.
    fn set_now(&mut self, at: Timestamp) {
        self.oura.set_now(at);
        self.deps = Deps::new(Config::from_env(&self.env).unwrap(), &self.sdk, Clock::fixed(at)).unwrap();
    }

    async fn run(&self) -> Report {
        handle(&self.deps, Request::default()).await.unwrap()
    }

    /// Runs the function, which fails with this code. Returns the message.
    async fn fails(&self, code: &str) -> String {
        let error = handle(&self.deps, Request::default()).await.unwrap_err();
        let diagnostic = diagnostic(&error);
        assert_eq!(diagnostic.error_type, code, "{error:#}");
        assert!(!diagnostic.error_message.contains(SECRET) && !diagnostic.error_message.contains(TOKEN), "{error:#}");
        diagnostic.error_message
    }

    /// Every desired subscription exists, once.
    fn assert_settled(&self, report: &Report) {
        assert!(report.ok && report.missing.is_empty() && report.failed.is_empty(), "{report:?}");
        let ours = self.oura.all().into_iter().filter(|line| line.ends_with(HERE)).count();
        assert_eq!(ours, report.desired, "{:?}", self.oura.all());
    }

    /// Requests to Oura since the last call, without the lists.
    fn changes(&self) -> Vec<String> {
        let mut lines: Vec<_> = self.oura.take_seen().into_iter().map(|seen| seen.line).collect();
        lines.retain(|line| line != "GET ");
        lines.sort();
        lines
    }
}
