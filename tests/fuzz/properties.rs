//! Properties of every input of the webhook: a fuzzer looks for one that breaks it
//! (`fuzz_targets/webhook.rs`), and an ordinary test tries a few thousand (`functions/webhook/tests/any_input.rs`).

use std::collections::BTreeMap;

use aws_lambda_events::event::lambda_function_urls::LambdaFunctionUrlRequest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::value::RawValue;
use shared::domain::{QueueMessage, WebhookEvent};
use shared::oura::{ClientSecret, SIGNATURE_HEADER, SignatureError, TIMESTAMP_HEADER, sign};
use webhook::{BODY_LIMIT, Delivery, Handshake, Refusal};

/// Time of every check, in seconds.
pub const NOW: i64 = 1_772_366_400;

const TOKEN: &str = "handshake-t0ken";

/// Checks one input. Its first byte says what the rest is: an event as JSON, a delivery, or the query of a handshake.
pub fn check(input: &[u8]) {
    match input.split_first() {
        Some((b'e', rest)) => event(rest),
        Some((b'd', rest)) => delivery(rest),
        Some((b'q', rest)) => query(rest),
        _ => {}
    }
}

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap_or_default()
}

fn secret() -> ClientSecret {
    ClientSecret::new("app-s3cret")
}

/// Any event of Lambda is read without a panic.
fn event(json: &[u8]) {
    let Ok(request) = serde_json::from_slice::<LambdaFunctionUrlRequest>(json) else { return };
    if let Ok(delivery) = Delivery::read(&request)
        && let Ok(body) = delivery.verify(&secret(), now())
    {
        // Only this test has the secret: a verified body would be a forgery. But for what we signed ourselves (a seed).
        let _ = body.webhook_event(now());
    }
    query(request.raw_query_string.unwrap_or_default().as_bytes());
}

/// Two lines, the headers' values, and then the body: once with the given signature, once properly signed, as
/// text and as base64.
fn delivery(input: &[u8]) {
    let mut lines = input.splitn(3, |byte| *byte == b'\n');
    let (Some(given), Some(stamp), Some(body)) = (lines.next(), lines.next(), lines.next()) else { return };
    let (Ok(given), Ok(stamp)) = (std::str::from_utf8(given), std::str::from_utf8(stamp)) else { return };
    let signed = sign(&secret(), stamp, body);
    let text = std::str::from_utf8(body).ok();
    let as_given = verify(request(given, stamp, &STANDARD.encode(body), true));
    if given.eq_ignore_ascii_case(&signed) {
        assert_eq!(as_given, verify(request(&signed, stamp, &STANDARD.encode(body), true)));
    } else if let Some(outcome) = as_given {
        let refused = Outcome::Refused(Refusal::Unverified(SignatureError::Mismatch));
        let malformed = Outcome::Refused(Refusal::Unverified(SignatureError::Malformed));
        assert!(
            outcome == refused || outcome == malformed || outcome == Outcome::Refused(Refusal::TooLarge),
            "a forgery"
        );
    }
    let outcome = verify(request(&signed, stamp, &STANDARD.encode(body), true));
    if let Some(text) = text {
        assert_eq!(verify(request(&signed, stamp, text, false)), outcome, "text and base64 are the same bytes");
    }
    match outcome {
        None => {}
        Some(Outcome::Refused(refusal)) => assert_eq!(Some(refusal), expected_refusal(stamp, body)),
        Some(Outcome::VerifiedBody(webhook_event)) => {
            assert_eq!(expected_refusal(stamp, body), None);
            assert_fields(body, webhook_event.as_ref());
        }
    }
}

/// Progress of a delivery.
#[derive(Debug, PartialEq)]
enum Outcome {
    Refused(Refusal),
    VerifiedBody(Option<WebhookEvent>),
}

fn verify(request: Option<LambdaFunctionUrlRequest>) -> Option<Outcome> {
    let request = request?;
    let delivery = match Delivery::read(&request) {
        Ok(delivery) => delivery,
        Err(refusal) => return Some(Outcome::Refused(refusal)),
    };
    Some(match delivery.verify(&secret(), now()) {
        Ok(body) => Outcome::VerifiedBody(body.webhook_event(now()).ok()),
        Err(error) => Outcome::Refused(Refusal::Unverified(error)),
    })
}

/// Creates a request; `None` if the values do not fit into headers.
fn request(signature: &str, stamp: &str, body: &str, is_base64: bool) -> Option<LambdaFunctionUrlRequest> {
    let mut request = LambdaFunctionUrlRequest::default();
    request.headers.insert(SIGNATURE_HEADER, HeaderValue::from_bytes(signature.as_bytes()).ok()?);
    request.headers.insert(TIMESTAMP_HEADER, HeaderValue::from_bytes(stamp.as_bytes()).ok()?);
    request.body = Some(body.to_owned());
    request.is_base64_encoded = is_base64;
    Some(request)
}

/// Second implementation of the rules, for a correctly signed delivery.
fn expected_refusal(stamp: &str, body: &[u8]) -> Option<Refusal> {
    let age = || {
        let digits: i128 =
            if stamp.bytes().all(|byte| byte.is_ascii_digit()) { stamp.parse().ok()? } else { return None };
        let milliseconds = if digits < 100_000_000_000 { digits * 1000 } else { digits };
        (milliseconds <= i128::from(Timestamp::MAX.as_millisecond())).then_some(i128::from(NOW) * 1000 - milliseconds)
    };
    let error = if body.len() > BODY_LIMIT {
        return Some(Refusal::TooLarge);
    } else if !stamp.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) || stamp.contains(',') {
        SignatureError::Malformed
    } else {
        match age() {
            None => SignatureError::Timestamp,
            Some(age) if age > 2 * 3600 * 1000 => SignatureError::TooOld,
            Some(age) if age < -5 * 60 * 1000 => SignatureError::FromTheFuture,
            Some(_) => return None,
        }
    };
    Some(Refusal::Unverified(error))
}

/// A webhook event has the fields of its body, is small, and passes the queue unchanged.
fn assert_fields(body: &[u8], webhook_event: Option<&WebhookEvent>) {
    let Some(webhook_event) = webhook_event else { return };
    let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| fields.get(name).and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
    let words = [
        ("user_id", webhook_event.user.as_str()),
        ("object_id", webhook_event.document_id.as_str()),
        ("event_type", webhook_event.event_type.as_str()),
        ("data_type", webhook_event.data_type.as_str()),
    ];
    assert!(std::str::from_utf8(body).is_ok(), "JSON is UTF-8");
    for (name, word) in words {
        assert_eq!(text(name).as_deref(), Some(word), "{name}");
    }
    let message = webhook_event.to_body();
    assert!(message.len() < 2048, "{} bytes", message.len());
    assert_eq!(QueueMessage::parse(&message).ok().as_ref(), Some(&QueueMessage::WebhookEvent(webhook_event.clone())));
    if let Some(event) = webhook_event.document_event() {
        assert_eq!(event.to_string().parse(), Ok(event));
    }
}

/// A challenge is given back only to who knows the token, once and in plain text.
fn query(query: &[u8]) {
    let query = String::from_utf8_lossy(query);
    let Ok(handshake) = Handshake::read(&query) else { return };
    let values = |wanted: &str| -> Vec<String> {
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.filter(|(name, _)| name == wanted).map(|(_, value)| value.into_owned()).collect()
    };
    let tokens = values("verification_token");
    assert_eq!(handshake.has_token(&SecretString::from(TOKEN)), tokens == [TOKEN]);
    assert!(!handshake.has_token(&SecretString::from("")));
    if let Ok(challenge) = handshake.into_challenge() {
        assert!((1..=256).contains(&challenge.len()));
        assert!(challenge.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        assert_eq!(values("challenge"), [challenge]);
    }
}
