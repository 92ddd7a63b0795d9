//! The program as a user starts it: its ready file for other programs, and its log.

#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, redirect};
use serde_json::{Value, json};

/// Longest time for anything of this test.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Calories of a workout that can be found again.
const CANARY: &str = "98461.3579";

/// A running program; killed when dropped.
struct Local(Child);

impl Drop for Local {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Variables of a shifted clock, which the program shares with its test.
fn clock() -> impl Iterator<Item = (String, String)> {
    let is_of_clock = |name: &str| name.starts_with("FAKETIME") || ["LD_PRELOAD", "NO_FAKE_STAT"].contains(&name);
    std::env::vars().filter(move |(name, _)| is_of_clock(name))
}

/// Starts the program in an otherwise empty environment, with its output in files of this directory.
fn start(directory: &Path, variables: &[(&str, &str)]) -> Local {
    let file = |name: &str| File::create(directory.join(name)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
    command.args(["--port", "0", "--ready-file"]).arg(directory.join("ready.json"));
    command.env_clear().envs(clock()).envs(variables.iter().copied()).stdout(file("stdout")).stderr(file("stderr"));
    Local(command.spawn().unwrap())
}

/// Waits for a value.
async fn until<T>(what: &str, mut value: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        if let Some(value) = value().await {
            return value;
        }
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The clients' configuration from the ready file.
fn sdk(ready: &Value) -> SdkConfig {
    let key = |name: &str| ready["credentials"][name].as_str().unwrap();
    let credentials = Credentials::new(key("accessKeyId"), key("secretAccessKey"), None, None, "ready file");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(ready["endpoints"]["secretsmanager"].as_str().unwrap())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build()
}

/// Every secret text that the secrets hold.
async fn secrets(sdk: &SdkConfig) -> Vec<String> {
    let client = aws_sdk_secretsmanager::Client::new(sdk);
    let listed = client.list_secrets().send().await.unwrap();
    let mut found = Vec::new();
    for secret in listed.secret_list() {
        let read = client.get_secret_value().secret_id(secret.arn().unwrap()).send().await.unwrap();
        let content: Value = serde_json::from_str(read.secret_string().unwrap()).unwrap();
        for name in ["access_token", "refresh_token", "client_secret", "webhook_verification_token"] {
            found.extend(content[name].as_str().map(str::to_owned));
        }
    }
    found
}

#[tokio::test]
async fn other_programs_reach_aws_by_the_ready_file_and_the_log_holds_no_secret_at_trace() {
    let directory = tempfile::tempdir().unwrap();
    let quick = [("RUST_LOG", "trace"), ("BACKFILL_DAYS", "2"), ("SIMULATED_WEBHOOK_DELAY_SECONDS", "0")];
    let _local = start(directory.path(), &quick);
    let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap_or_default();
    let ready: Value = until("a ready file", async || serde_json::from_str(&read("ready.json")).ok()).await;
    let printed =
        until("the address of Oura", async || read("stdout").contains("Ctrl-C").then(|| read("stdout"))).await;
    let oura = printed.lines().find_map(|line| line.strip_prefix("Oura")?.split_whitespace().next()).unwrap();
    let http = Client::builder().user_agent("test").redirect(redirect::Policy::none()).build().unwrap();

    // A workout of today, whose calories are nowhere else.
    let now = jiff::Timestamp::now();
    let day = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let document = json!({"id": "c-1", "day": day.to_string(), "activity": "running", "intensity": "moderate",
        "source": "manual", "calories": CANARY.parse::<f64>().unwrap(), "start_datetime": format!("{day}T00:00:00+00:00"),
        "end_datetime": format!("{day}T00:00:01+00:00")});
    let put = json!({"collection": "workout", "document": document}).to_string();
    let put = http.put(format!("{oura}/control/people/ada/documents")).body(put).send().await.unwrap();
    assert_eq!(put.status(), 200);

    let (url, token) = (ready["url"].as_str().unwrap(), ready["token"].as_str().unwrap());
    let api = format!("{url}/api/patient-graph/wearables");
    let begun = http.post(format!("{api}/connect/oura")).bearer_auth(token).send().await.unwrap();
    let cookie = begun.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let begun: Value = begun.json().await.unwrap();
    let consent = json!({"authorizeUrl": begun["data"]["authUrl"]}).to_string();
    let consent = http.post(format!("{oura}/control/people/ada/consent")).body(consent).send().await.unwrap();
    let consent: Value = consent.json().await.unwrap();
    let back = http.get(consent["redirectTo"].as_str().unwrap()).header(COOKIE, cookie).send().await.unwrap();
    assert!(back.headers()[LOCATION].to_str().unwrap().ends_with("status=connected"));
    let workouts = until("the workout", async || {
        let asked = http.get(format!("{api}/workouts?from={day}&to={day}")).bearer_auth(token).send().await.unwrap();
        let answer = asked.text().await.unwrap();
        answer.contains(CANARY).then_some(answer)
    });
    workouts.await;

    let secrets = secrets(&sdk(&ready)).await;
    assert!(secrets.len() >= 4, "app and patient have secrets");
    let log = read("stderr");
    assert!(log.contains("event=\"local.answered\""), "the log is on: {:.2000}", log);
    assert!(!log.contains("98461"), "a measured value is in the log");
    let code = consent["code"].as_str().unwrap().to_owned();
    for secret in secrets.iter().chain([&code, &token.to_owned()]) {
        assert!(!log.contains(secret), "a secret is in the log");
    }
    let key = ready["credentials"]["accessKeyId"].as_str().unwrap();
    assert!(printed.contains(key) && !log.contains(key));
}
