//! The binary as a program in any language uses it: options, ready file, consent, token, data, signed webhooks, end.

#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::{Value, json};

const CALLBACK: &str = "https://clinic.example/callback";

/// A running simulator; killed when dropped.
struct Simulator(Child);

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(ready: &Path, arguments: &[&str]) -> Simulator {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oura-simulator"));
    command.args(["--port", "0", "--client-id", "my-app", "--client-secret", "my-secret"]);
    command.args(["--redirect-uri", CALLBACK]).arg("--ready-file").arg(ready).args(arguments);
    Simulator(command.stdout(std::process::Stdio::null()).spawn().unwrap())
}

/// Waits for the ready file and returns its JSON.
async fn addresses(ready: &Path) -> Value {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !ready.exists() {
        assert!(Instant::now() < deadline, "the simulator is not ready");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    serde_json::from_slice(&std::fs::read(ready).unwrap()).unwrap()
}

async fn post(http: &Client, url: &str, body: &Value) -> (u16, Value) {
    let answer = http.post(url).body(body.to_string()).send().await.unwrap();
    (answer.status().as_u16(), serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

/// A person's daily sleep of one day.
async fn night(http: &Client, addresses: &Value, day: &str) -> Value {
    let text = |name: &str| addresses[name].as_str().unwrap();
    let consent = format!("{}/people/fleet-00002/consent", text("controlUrl"));
    let authorize = format!(
        "{}?response_type=code&client_id=my-app&redirect_uri={CALLBACK}&scope=daily&state=s",
        text("authorizeUrl")
    );
    let (status, given) = post(http, &consent, &json!({ "authorizeUrl": authorize })).await;
    assert_eq!((status, &given["state"]), (200, &json!("s")), "{given}");
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", given["code"].as_str().unwrap()),
        ("redirect_uri", CALLBACK),
        ("client_id", "my-app"),
        ("client_secret", "my-secret"),
    ];
    let tokens: Value = http.post(text("tokenUrl")).form(&fields).send().await.unwrap().json().await.unwrap();
    assert_eq!((&tokens["scope"], &tokens["expires_in"]), (&json!("extapi:daily"), &json!(3600)));
    let list = format!("{}/v2/usercollection/daily_sleep?start_date={day}&end_date={day}", text("url"));
    let bearer = tokens["access_token"].as_str().unwrap();
    let mut page: Value = http.get(list).bearer_auth(bearer).send().await.unwrap().json().await.unwrap();
    page["data"][0].take()
}

#[tokio::test]
async fn binary_serves_a_program_that_knows_only_its_ready_file() {
    let folder = tempfile::tempdir().unwrap();
    let http = Client::builder().user_agent("any-language").no_proxy().build().unwrap();
    let arguments = ["--start-time", "2031-06-12T15:00:00Z", "--fleet", "2", "--access-token-ttl", "3600"];
    let mut nights = Vec::new();
    for seed in ["7", "7", "8"] {
        let ready = folder.path().join(format!("ready-{}", nights.len()));
        let mut simulator = start(&ready, &[&arguments[..], &["--seed", seed]].concat());
        let addresses = addresses(&ready).await;
        nights.push(night(&http, &addresses, "2031-06-10").await);

        let stranger = json!({ "clientId": "another", "redirectUri": CALLBACK });
        let consent = format!("{}/people/ada/consent", addresses["controlUrl"].as_str().unwrap());
        let (status, error) = post(&http, &consent, &stranger).await;
        assert_eq!((status, &error["error"]), (400, &json!("unknown_client")));

        assert!(Command::new("kill").arg(simulator.0.id().to_string()).status().unwrap().success());
        assert!(simulator.0.wait().unwrap().success(), "SIGTERM ends it cleanly");
    }
    assert_eq!(nights[0], nights[1], "the same seed and start");
    assert!(nights[0]["score"].is_number() && nights[2]["score"].is_number(), "{nights:?}");
    assert_ne!(nights[0], nights[2], "another seed");
}

#[test]
fn binary_refuses_an_address_that_is_taken() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_oura-simulator")).args(["--port", &port]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains(&port), "{text}");
}
