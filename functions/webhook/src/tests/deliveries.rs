//! `POST`: accepted and refused deliveries.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use shared::oura::sign;

use super::*;

/// A webhook event padded with spaces to this number of bytes.
fn of_size(size: usize) -> String {
    let body = webhook_event("d-1");
    let padding = " ".repeat(size - body.len());
    body + &padding
}

fn in_base64(mut event: Value) -> Value {
    event["body"] = json!(STANDARD.encode(event["body"].as_str().unwrap()));
    event["isBase64Encoded"] = json!(true);
    event
}

fn without(mut event: Value, header: &str) -> Value {
    event["headers"].as_object_mut().unwrap().remove(header).unwrap();
    event
}

fn with(mut event: Value, header: &str, value: &str) -> Value {
    event["headers"][header] = json!(value);
    event
}

#[tokio::test]
async fn webhook_event_is_queued_by_one_write_and_answered_with_200() {
    let world = World::start().await;
    let answer = world.post(&webhook_event("d-1")).await;
    assert_eq!((answer.status, answer.body), (200, json!({ "success": true })));
    assert_eq!(world.aws.meter().mutations(), 1);
    assert_eq!((world.aws.meter().calls(), world.secret_reads()), (2, 1));
    let [QueueMessage::WebhookEvent(queued)] = &world.queued().await[..] else { panic!("one webhook event") };
    assert_eq!((queued.user.as_str(), queued.document_id.as_str()), ("ring-1", "d-1"));
    assert_eq!((queued.event_type.as_str(), queued.data_type.as_str()), ("update", "daily_sleep"));
    assert_eq!(queued.event_time, Some("2026-03-01T11:59:40Z".parse().unwrap()));
    assert_eq!(queued.received_at, NOW.parse().unwrap());
}

#[tokio::test]
async fn secret_is_read_once_for_many_webhook_events() {
    let world = World::start().await;
    for n in 0..20 {
        assert_eq!(world.post(&webhook_event(&format!("d-{n}"))).await.status, 200);
    }
    assert_eq!((world.secret_reads(), world.queued().await.len()), (1, 20));
}

#[tokio::test]
async fn path_query_and_letter_case_have_no_effect() {
    let world = World::start().await;
    let mut event = world.signed(&webhook_event("d-1"));
    event["rawPath"] = json!("/any/where");
    event["rawQueryString"] = json!("verification_token=x&verification_token=y");
    let signature = event["headers"]["x-oura-signature"].as_str().unwrap().to_lowercase();
    let event = with(without(event, "x-oura-signature"), "X-Oura-SIGNATURE", &signature);
    let event = with(without(event, "x-oura-timestamp"), "X-OURA-Timestamp", &world.stamp());
    assert_eq!(world.send(&event).await.status, 200);
}

#[tokio::test]
async fn timestamp_in_seconds_is_accepted() {
    let world = World::start().await;
    let seconds = world.stamp()[..10].to_owned();
    assert_eq!(world.send(&signed_with(SECRET, &seconds, &webhook_event("d-1"))).await.status, 200);
}

#[tokio::test]
async fn signature_is_verified_over_the_raw_bytes() {
    let world = World::start().await;
    let spaced = format!("\r\n\t {} \n", webhook_event("d-1").replace(':', " : "));
    let more = webhook_event("d-2").replacen('{', r#"{"new": {"\u00e9": [1.50, "é"]}, "#, 1);
    for body in [spaced, more, webhook_event("d-3").replace("daily_sleep", "meal"), of_size(BODY_LIMIT)] {
        let event = world.signed(&body);
        assert_eq!(world.send(&in_base64(event.clone())).await.status, 200, "base64");
        assert_eq!(world.send(&event).await.status, 200, "text");
    }
    assert_eq!(world.queued().await.len(), 8);
}

#[tokio::test]
async fn missing_header_is_refused_without_reading_the_secret() {
    let world = World::start().await;
    let event = world.signed(&webhook_event("d-1"));
    for header in ["x-oura-signature", "x-oura-timestamp"] {
        world.refuses(&without(event.clone(), header), 401, "signature_missing").await;
    }
    let bare = without(without(event, "x-oura-signature"), "x-oura-timestamp");
    world.refuses(&bare, 401, "signature_missing").await;
    assert_eq!(world.aws.meter().calls(), 0);
}

#[tokio::test]
async fn malformed_signature_is_refused() {
    let world = World::start().await;
    let event = world.signed(&webhook_event("d-1"));
    let signature = event["headers"]["x-oura-signature"].as_str().unwrap();
    for malformed in [
        "",
        "c4nary",
        &signature[..63],
        &signature[..62],
        &format!("{signature}00"),
        &format!(" {signature}"),
        &format!("{signature} "),
        &format!("{}\t{}", &signature[..32], &signature[32..]),
        "\u{fc}ber",
        // As a function URL joins two headers.
        &format!("{signature},{signature}"),
        &format!("{signature}, "),
    ] {
        world.refuses(&with(event.clone(), "x-oura-signature", malformed), 401, "signature_malformed").await;
    }
    let twice = format!("{0},{0}", world.stamp());
    world.refuses(&with(event.clone(), "x-oura-timestamp", &twice), 401, "signature_malformed").await;
    // Even when the joined text was signed.
    world.refuses(&signed_with(SECRET, &twice, &webhook_event("d-1")), 401, "signature_malformed").await;
    // As an event with several values of a header would look.
    for header in ["x-oura-signature", "x-oura-timestamp"] {
        let mut twice = event.clone();
        twice["headers"][header] = json!([event["headers"][header], event["headers"][header]]);
        world.refuses(&twice, 401, "signature_malformed").await;
    }
}

#[tokio::test]
async fn signature_of_another_body_secret_or_timestamp_is_refused() {
    let world = World::start().await;
    let (stamp, body) = (world.stamp(), webhook_event("d-1"));
    let signature = |secret, stamp: &str, body: &str| sign(&ClientSecret::new(secret), stamp, body.as_bytes());
    for wrong in [
        signature("another", &stamp, &body),
        signature("", &stamp, &body),
        signature(SECRET, &stamp, &webhook_event("d-2")),
        signature(SECRET, &stamp, ""),
        signature(SECRET, "", &body),
        signature(SECRET, &stamp[..10], &body),
        "0".repeat(64),
    ] {
        world.refuses(&post(&wrong, &stamp, &body), 401, "signature_mismatch").await;
    }
    // The same JSON, but not the same bytes.
    let reordered = serde_json::from_str::<Value>(&body).unwrap().to_string();
    assert_ne!(reordered, body);
    world.refuses(&post(&signature(SECRET, &stamp, &body), &stamp, &reordered), 401, "signature_mismatch").await;
}

#[tokio::test]
async fn malformed_or_distant_timestamp_is_refused() {
    let world = World::start().await;
    let now = world.now.load(Ordering::SeqCst) / 1000;
    let body = webhook_event("d-1");
    for (timestamp, code) in [
        (String::new(), "timestamp_malformed"),
        ("c4nary".to_owned(), "timestamp_malformed"),
        (format!("-{now}"), "timestamp_malformed"),
        (format!("{now}.0"), "timestamp_malformed"),
        (format!("{now}000000"), "timestamp_malformed"),
        (format!("{now}000000000"), "timestamp_malformed"),
        (NOW.to_owned(), "timestamp_malformed"),
        ("0".to_owned(), "timestamp_too_old"),
        ((now - 7201).to_string(), "timestamp_too_old"),
        (format!("{}999", now - 7202), "timestamp_too_old"),
        ((now + 301).to_string(), "timestamp_in_future"),
        (format!("{}001", now + 300), "timestamp_in_future"),
        ("99999999999".to_owned(), "timestamp_in_future"),
    ] {
        world.refuses(&signed_with(SECRET, &timestamp, &body), 401, code).await;
    }
    for timestamp in [now - 7200, now + 300] {
        assert_eq!(world.send(&signed_with(SECRET, &timestamp.to_string(), &body)).await.status, 200);
    }
}

#[tokio::test]
async fn replay_is_refused_after_two_hours() {
    let world = World::start().await;
    let event = world.signed(&webhook_event("d-1"));
    assert_eq!(world.send(&event).await.status, 200);
    world.pass(3600);
    assert_eq!(world.send(&event).await.status, 200, "Oura repeats what was not answered for an hour");
    world.pass(3601);
    let answer = world.send(&event).await;
    assert_eq!((answer.status, answer.code()), (401, "timestamp_too_old"));
}

#[tokio::test]
async fn verified_body_that_is_not_a_webhook_event_is_refused_and_not_quoted() {
    let world = World::start().await;
    let mut bodies: Vec<String> =
        ["", " ", "c4nary", "{\"c4nary", "null", "[]", "7", "{}", "\u{feff}{}"].map(String::from).into();
    bodies.push(r#"["update","daily_sleep","d-1","2026-03-01T11:59:40+00:00","ring-1"]"#.to_owned());
    bodies.push(webhook_event("c4nary\\nc4nary"));
    bodies.push(webhook_event(&"x".repeat(600)));
    bodies.push(webhook_event("d-1").replace("\"ring-1\"", "{}"));
    bodies.push(webhook_event("d-1").replace("object_id", "document_id"));
    bodies.push(format!("{{\"x\":{}", "[".repeat(50_000)));
    for body in bodies {
        let event = world.signed(&body);
        world.refuses(&event, 400, "invalid_body").await;
        world.refuses(&in_base64(event), 400, "invalid_body").await;
    }
    // Not UTF-8: a function URL brings it in base64.
    let bytes = b"{\"user_id\":\"\xff\xfe\"}";
    let signature = sign(&ClientSecret::new(SECRET), &world.stamp(), bytes);
    let mut event = post(&signature, &world.stamp(), &STANDARD.encode(bytes));
    event["isBase64Encoded"] = json!(true);
    world.refuses(&event, 400, "invalid_body").await;
    // No body at all.
    let mut event = world.signed("");
    event["body"] = json!(null);
    world.refuses(&event, 400, "invalid_body").await;
    event.as_object_mut().unwrap().remove("body");
    world.refuses(&event, 400, "invalid_body").await;
}

#[tokio::test]
async fn body_is_read_only_after_its_verification() {
    let world = World::start().await;
    world.refuses(&post(&"0".repeat(64), &world.stamp(), "c4nary"), 401, "signature_mismatch").await;
}

#[tokio::test]
async fn too_large_body_is_refused_first() {
    let world = World::start().await;
    for size in [BODY_LIMIT + 1, 1024 * 1024] {
        let event = world.signed(&of_size(size));
        world.refuses(&event, 413, "body_too_large").await;
        world.refuses(&in_base64(event), 413, "body_too_large").await;
    }
    // Too long to be worth decoding: that it is not base64 is never seen.
    let mut event = world.signed(&webhook_event("d-1"));
    event["body"] = json!("!".repeat(BODY_LIMIT * 2));
    event["isBase64Encoded"] = json!(true);
    world.refuses(&event, 413, "body_too_large").await;
    // As long as a body of the allowed size can be, but longer when decoded.
    let encoded = STANDARD.encode(vec![b' '; BODY_LIMIT + 2]);
    assert_eq!(encoded.len(), STANDARD.encode(vec![b' '; BODY_LIMIT]).len());
    event["body"] = json!(encoded);
    world.refuses(&event, 413, "body_too_large").await;
    assert_eq!(world.aws.meter().calls(), 0, "no secret is read for it");
}

#[tokio::test]
async fn wrong_base64_flag_is_refused() {
    let world = World::start().await;
    let plain = world.signed(&webhook_event("d-1"));
    let mut said_to_be_base64 = plain.clone();
    said_to_be_base64["isBase64Encoded"] = json!(true);
    world.refuses(&said_to_be_base64, 400, "invalid_base64").await;
    let mut said_to_be_plain = in_base64(plain.clone());
    said_to_be_plain["isBase64Encoded"] = json!(false);
    world.refuses(&said_to_be_plain, 401, "signature_mismatch").await;
    // Base64, but cut off, with a line break, or of the other alphabet.
    let encoded = STANDARD.encode(webhook_event("d-1"));
    for broken in [&encoded[..encoded.len() - 1], &format!("{encoded}\n"), &format!("-_{}", &encoded[2..]), "c4nary="] {
        let mut event = said_to_be_base64.clone();
        event["body"] = json!(broken);
        world.refuses(&event, 400, "invalid_base64").await;
    }
}

#[tokio::test]
async fn other_methods_are_refused_with_the_allowed_ones() {
    let world = World::start().await;
    for method in ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "post", "c4nary", ""] {
        let mut event = world.signed(&webhook_event("d-1"));
        event["requestContext"]["http"]["method"] = json!(method);
        world.refuses(&event, 405, "method_not_allowed").await;
        assert_eq!(world.send(&event).await.headers["allow"], "GET, POST");
    }
    let mut event = world.signed(&webhook_event("d-1"));
    event["requestContext"]["http"].as_object_mut().unwrap().remove("method");
    world.refuses(&event, 405, "method_not_allowed").await;
    assert_eq!(world.aws.meter().calls(), 0);
}

#[test]
fn log_has_known_words_only() {
    let read = |body: &str| shared::oura::parse_webhook_event(body.as_bytes(), NOW.parse().unwrap()).unwrap();
    assert_eq!(known_words(&read(&webhook_event("d-1"))), ("daily_sleep", "update"));
    let strange = webhook_event("d-1").replace("daily_sleep", "c4nary").replace("update", "c4nary");
    assert_eq!(known_words(&read(&strange)), ("other", "other"));
}
