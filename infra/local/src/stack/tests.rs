use reqwest::header::{AUTHORIZATION, COOKIE, LOCATION, SET_COOKIE};
use reqwest::{StatusCode, redirect};
use serde_json::{Value, json};
use shared::domain::Day;
use tokio::net::TcpListener;
use url::Url;

use super::*;
use crate::demo;
use crate::demo::client::Patient;
use crate::gateway::routes::PREFIX;
use oura_simulator::OuraSimulatorConfig;

/// Little history, and the shortest pauses for webhook events.
fn quiet(options: Options) -> Options {
    let env = options.env.with("BACKFILL_DAYS", "3").with("WEBHOOK_DEBOUNCE_SECONDS", "1");
    let oura = match options.oura {
        OuraMode::Simulated(_) => OuraMode::Simulated(Box::new(Simulation {
            configure: Box::new(|config| {
                config.webhook_delay = Duration::ZERO;
                // The machine's clock runs here; the people's days are the same on every date.
                config.pinned_day = Some(oura_simulator::TYPICAL_DAY);
            }),
            ..Simulation::default()
        })),
        OuraMode::Live => OuraMode::Live,
    };
    Options { port: Some(0), env, oura, ..options }
}

fn browser() -> reqwest::Client {
    reqwest::Client::builder().user_agent("test").redirect(redirect::Policy::none()).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn demo_ends_with_the_days_the_events_and_the_costs() {
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

/// A redirect address at a tunnel.
const TUNNEL: &str = "https://tunnel.example/oauth/oura-back";

/// A simulated Oura at another address, with an app that registered the tunnel, and the options of a live stack with it.
async fn elsewhere() -> (OuraSimulator, impl Fn() -> Options) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let config = OuraSimulatorConfig::new("registered-app", "its-secret".into(), TUNNEL);
    let oura = OuraSimulator::start(listener, config).await.unwrap();
    let at = |path: &str| oura.url().join(path).unwrap().to_string();
    let env = Env::default()
        .with("OURA_CLIENT_ID", "registered-app")
        .with("OURA_CLIENT_SECRET", "its-secret")
        .with("OURA_REDIRECT_URI", TUNNEL)
        .with("OURA_AUTHORIZE_URL", at("/oauth/authorize"))
        .with("OURA_TOKEN_URL", at("/oauth/token"))
        .with("OURA_REVOKE_URL", at("/oauth/revoke"))
        .with("OURA_API_BASE_URL", at("/"));
    (oura, move || quiet(Options { oura: OuraMode::Live, env: env.clone(), ..Options::default() }))
}

/// Addresses of the subscriptions at Oura, without repetition.
fn subscribed(oura: &OuraSimulator) -> Vec<String> {
    let mut addresses: Vec<_> = oura.control().subscriptions().into_iter().map(|one| one.callback_url).collect();
    assert_eq!(addresses.len(), 48);
    addresses.dedup();
    addresses
}

#[tokio::test(flavor = "multi_thread")]
async fn live_stack_leaves_subscriptions_of_another_stack_unchanged() {
    let (oura, options) = elsewhere().await;
    let other = Stack::start(options()).await.unwrap();
    assert_eq!(subscribed(&oura), [other.webhook_url()]);
    let stack = Stack::start(options()).await.unwrap();
    assert_eq!(subscribed(&oura), [other.webhook_url()]);
    let state = stack.watch().subscriptions().to_string();
    assert!(state.contains("48 of this app belong to another address"), "{state}");
    stack.shutdown().await;
    other.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn live_stack_with_kept_data_corrects_subscriptions_of_its_earlier_address() {
    let (oura, options) = elsewhere().await;
    let data = tempfile::tempdir().unwrap();
    let kept = || Options { data_dir: Some(data.path().to_owned()), ..options() };
    let stack = Stack::start(kept()).await.unwrap();
    let before = stack.webhook_url();
    assert_eq!(subscribed(&oura), [before.as_str()]);
    stack.shutdown().await;
    // Its port is another one now, as a tunnel would have another name.
    let _taken = TcpListener::bind(before.trim_start_matches("http://").split('/').next().unwrap()).await;
    let again = Stack::start(kept()).await.unwrap();
    assert_ne!(again.webhook_url(), before);
    assert_eq!(subscribed(&oura), [again.webhook_url()]);
    again.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn live_mode_serves_the_registered_path_and_talks_to_nobody_but_the_named_hosts() {
    let redirect_uri = TUNNEL;
    let (oura, options) = elsewhere().await;
    let at = |path: &str| oura.url().join(path).unwrap().to_string();
    let stack = Stack::start(options()).await.unwrap();
    assert!(stack.oura().is_none());
    // An Oura on this machine reaches the gateway as it is.
    let subscriptions = oura.control().subscriptions();
    assert_eq!(subscriptions.len(), 48);
    assert!(subscriptions.iter().all(|one| one.callback_url == stack.webhook_url()), "{subscriptions:?}");
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
async fn wrong_setting_is_named_before_the_start() {
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
async fn gateway_refuses_requests_before_any_function_is_called() {
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

    let response = http.get(url(&format!("{PREFIX}/connections"))).header(AUTHORIZATION, &bearer);
    let response = response.header("Origin", stack.url()).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["access-control-allow-origin"], stack.url());
    assert!(response.headers().contains_key("apigw-requestid"));
    stack.shutdown().await;
}

/// Verification of the stack's tokens by another authorizer.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_verify_by_the_keys_that_the_issuers_discovery_leads_to() {
    use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};

    let stack = Stack::start(quiet(Options::default())).await.unwrap();
    let http = browser();
    let discovery = format!("{}/.well-known/openid-configuration", stack.url());
    let discovery: Value = http.get(discovery).send().await.unwrap().json().await.unwrap();
    assert_eq!(discovery["issuer"], stack.url());
    let keys = || http.get(discovery["jwks_uri"].as_str().unwrap()).send();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_issuer(&[stack.url()]);
    validation.set_audience(&["wearables"]);
    let verify = |token: &str, keys: &JwkSet| {
        let kid = decode_header(token).unwrap().kid.unwrap();
        let key = DecodingKey::from_jwk(keys.find(&kid)?).unwrap();
        Some(decode::<Value>(token, &key, &validation).unwrap().claims)
    };
    let token = stack.token_for(stack.patient_id()).unwrap();
    let published: JwkSet = keys().await.unwrap().json().await.unwrap();
    assert_eq!(verify(&token, &published).unwrap()["sub"], "patient-1");

    let change = |method: reqwest::Method| http.request(method, format!("{}/dev/signing-key", stack.url()));
    let foreign = change(reqwest::Method::POST).header("Origin", "https://evil.example").send().await.unwrap();
    assert_eq!(foreign.status(), StatusCode::FORBIDDEN);
    assert_eq!(change(reqwest::Method::POST).send().await.unwrap().status(), StatusCode::OK);
    let newer = stack.token_for(stack.patient_id()).unwrap();
    assert!(verify(&newer, &published).is_none(), "another key signs now");
    let published: JwkSet = keys().await.unwrap().json().await.unwrap();
    assert!(verify(&newer, &published).is_some() && verify(&token, &published).is_some());

    assert_eq!(change(reqwest::Method::DELETE).send().await.unwrap().status(), StatusCode::OK);
    let statuses = async |token: &str| {
        let asked = http.get(format!("{}{PREFIX}/connections", stack.url())).bearer_auth(token);
        asked.send().await.unwrap().status()
    };
    assert_eq!((statuses(&token).await, statuses(&newer).await), (StatusCode::UNAUTHORIZED, StatusCode::OK));
    stack.shutdown().await;
}

/// The function's own lists, behind an authorizer that has let the token in.
#[tokio::test(flavor = "multi_thread")]
async fn token_of_another_app_passes_the_gateway_and_is_refused_by_the_functions() {
    let env = Env::default().with("JWT_ALLOWED_AUDIENCES", "wearables").with("JWT_ALLOWED_AZP", "local,mobile");
    let stack = Stack::start(quiet(Options { env, ..Options::default() })).await.unwrap();
    let http = browser();
    let ask = async |claims: Value| {
        let asked = http.post(format!("{}/dev/token", stack.url())).json(&claims).send().await.unwrap();
        let token: Value = asked.json().await.unwrap();
        let asked =
            http.get(format!("{}{PREFIX}/connections", stack.url())).bearer_auth(token["token"].as_str().unwrap());
        let answer = asked.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json::<Value>().await.unwrap()["error"]["code"].clone())
    };
    for good in [json!({}), json!({"azp": "mobile"}), json!({"aud": ["x", "wearables"]})] {
        let mut claims = good.clone();
        claims["patientId"] = json!("patient-1");
        assert_eq!(ask(claims).await, (200, Value::Null), "{good}");
    }
    let foreign = ask(json!({"patientId": "patient-1", "azp": "other"})).await;
    assert_eq!(foreign, (403, json!("party_not_allowed")));
    // The gateway itself stops the audience.
    assert_eq!(ask(json!({"patientId": "patient-1", "aud": "else"})).await, (401, json!("unauthorized")));
    stack.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn webhook_answers_the_handshake_and_accepts_signed_events_only() {
    let stack = Stack::start(quiet(Options::default())).await.unwrap();
    let secret = parts::app_secret(stack.sdk_config(), stack.names()).await.unwrap().unwrap();
    // Oura comes by a tunnel, under any name and at any path below.
    let http = browser();
    let get = |token: &str| {
        let query = [("verification_token", token), ("challenge", "a b&c")];
        http.get(format!("{}/from/oura", stack.webhook_url())).header("Host", "tunnel.example").query(&query).send()
    };
    let known = get(&secret.webhook_verification_token).await.unwrap();
    assert_eq!(known.status(), StatusCode::OK);
    assert!(!known.headers().contains_key("access-control-allow-origin"));
    assert_eq!(known.json::<Value>().await.unwrap(), json!({"challenge": "a b&c"}));
    assert_eq!(get("guessed").await.unwrap().status(), StatusCode::UNAUTHORIZED);

    let webhook_event = r#"{ "event_type":"update","data_type":"sleep","object_id":"d-1","user_id":"unknown" }"#;
    let post = |signature: Option<String>, body: String| {
        let request = http.post(stack.webhook_url()).header("content-type", "application/json").body(body);
        match signature {
            Some(signature) => request.header("x-oura-signature", signature),
            None => request,
        }
    };
    let timestamp = stack.now().as_millisecond().to_string();
    let signature = shared::oura::sign(
        &shared::oura::ClientSecret::new(&secret.client_secret),
        &timestamp,
        webhook_event.as_bytes(),
    );
    for (signature, body) in [
        (None, webhook_event),
        (Some("00".repeat(32)), webhook_event),
        (Some(signature.clone()), &webhook_event.replace("d-1", "d-2")),
    ] {
        let refused = post(signature, body.to_owned()).header("x-oura-timestamp", &timestamp).send().await.unwrap();
        let status = refused.status();
        assert!(status.is_client_error() && status != StatusCode::GONE, "{status}");
    }
    let taken =
        post(Some(signature), webhook_event.to_owned()).header("x-oura-timestamp", &timestamp).send().await.unwrap();
    assert_eq!(taken.status(), StatusCode::OK);

    let large = post(None, " ".repeat(gateway::function_url::BODY_LIMIT + 1)).send().await;
    assert!(large.map_or(true, |answer| answer.status() == StatusCode::PAYLOAD_TOO_LARGE));
    stack.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn started_stack_has_all_subscriptions() {
    let stack = Stack::start(quiet(Options::default())).await.unwrap();
    let subscriptions = stack.oura().unwrap().control().subscriptions();
    assert_eq!(subscriptions.len(), 48);
    assert!(subscriptions.iter().all(|one| one.callback_url == stack.webhook_url()), "{subscriptions:?}");
    assert_eq!(stack.watch().subscriptions(), Subscriptions::Complete { count: 48 });
    assert_eq!(stack.watch().subscriptions().to_string(), "48 webhook subscriptions");
    stack.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stack_runs_without_subscriptions_and_gives_the_reason() {
    let live = Env::default()
        .with("OURA_CLIENT_ID", "registered-app")
        .with("OURA_CLIENT_SECRET", "its-secret")
        .with("OURA_REDIRECT_URI", "https://tunnel.example/back");
    // A port without a listener.
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap();
    let away = live.clone().with("OURA_API_BASE_URL", format!("http://{closed}"));
    for (env, skipped) in [(live, true), (away, false)] {
        let stack = Stack::start(quiet(Options { oura: OuraMode::Live, env, ..Options::default() })).await.unwrap();
        let state = stack.watch().subscriptions();
        assert!(
            if skipped { state == Subscriptions::Skipped } else { matches!(state, Subscriptions::Failed { .. }) },
            "{state:?}"
        );
        let page = browser().get(format!("{}/", stack.url())).send().await.unwrap();
        assert_eq!(page.status(), StatusCode::OK);
        stack.shutdown().await;
    }
}

/// A patient of a started stack, with the history of Ada's ring.
async fn connected(stack: &Stack) -> Patient {
    let patient = Patient::new(stack.url(), &stack.token_for(stack.patient_id()).unwrap()).unwrap();
    patient.connect("ada").await.unwrap();
    until("the backfill", async || {
        patient.get("/connections").await.unwrap()["connections"][0]["backfill"]["state"] == "done"
    })
    .await;
    patient
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_consent_is_shown_as_being_checked_and_ends_within_seconds() {
    let stack = Stack::start(quiet(Options::default())).await.unwrap();
    let patient = connected(&stack).await;
    stack.oura().unwrap().control().withdraw_consent("ada").unwrap();
    let token = stack.token_for(stack.patient_id()).unwrap();
    let asked = browser().post(format!("{}{PREFIX}/sync", stack.url())).bearer_auth(token).send().await.unwrap();
    assert_eq!(asked.status(), StatusCode::ACCEPTED);
    let connection = async || patient.get("/connections").await.unwrap()["connections"][0].clone();
    until("the first refusal", async || !connection().await["lastSync"].is_null()).await;
    let shown = connection().await;
    assert_eq!((&shown["status"], &shown["lastSync"]["state"]), (&json!("connected"), &json!("waiting")));
    assert_eq!(shown["lastSync"]["reason"], "checking_consent");
    let check_at: jiff::Timestamp = shown["lastSync"]["until"].as_str().unwrap().parse().unwrap();
    assert!(check_at.duration_since(stack.now()) <= PROBE_AFTER.try_into().unwrap());
    until("the end", async || connection().await["status"] == "disconnected").await;
    assert_eq!(connection().await["lastSync"], Value::Null);
    stack.shutdown().await;
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(30), wait).await.is_ok(), "{what} did not come");
}

#[tokio::test(flavor = "multi_thread")]
async fn ring_sync_arrives_in_the_tables_by_webhook() {
    let stack = Stack::start(quiet(Options::default())).await.unwrap();
    let control = stack.oura().unwrap().control();
    let yesterday = stack.now() - jiff::SignedDuration::from_hours(24);
    control.set_last_synced("ada", Some(yesterday)).unwrap();
    let patient = connected(&stack).await;
    // Wherever Ada is, her walk is on one of these days.
    let today = Day::of_utc(stack.now());
    let range = format!("/daily?from={}&to={}", today.plus(-1), today.plus(1));
    let workouts = async || {
        let days = patient.get(&range).await.unwrap();
        let counts = days["days"].as_array().unwrap().iter().map(|day| &day["metrics"]["workout"]["count"]);
        counts.filter_map(Value::as_u64).sum::<u64>()
    };
    let before = workouts().await;
    control.clear_requests();

    let touched = control.sync_ring_after_walk("ada").unwrap();
    assert!(touched.iter().any(|one| one.collection == "workout"), "{touched:?}");
    until("the walk", async || workouts().await > before).await;
    until("the event", async || {
        stack.watch().events().unwrap().iter().any(|event| event.detail["trigger"] == "webhook")
    })
    .await;
    let log = control.delivery_log();
    assert!(
        !log.is_empty() && log.iter().all(|one| one.attempts.iter().all(|attempt| attempt.status == Some(200))),
        "{log:?}"
    );
    // Only what was named was asked for: no list of every kind.
    let asked: Vec<_> = control.request_counts().into_keys().filter(|route| route.contains("usercollection")).collect();
    assert!(!asked.iter().any(|route| route.contains("heartrate")), "{asked:?}");
    stack.shutdown().await;
}

mod console;
mod restart;
