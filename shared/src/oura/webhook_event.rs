//! Body of a webhook event: `{"event_type","data_type","object_id","event_time","user_id"}` (Oura API v2, webhooks).

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::Value;

use crate::domain::{DocumentId, OuraUserId, RawEventType, WebhookEvent};

/// Reason for which a verified body is not a webhook event. The texts name the field and never quote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWebhookEvent {
    /// Not JSON, or not an object.
    #[error("the body is not a JSON object")]
    NotJson,
    /// A field is missing, or is not the expected text.
    #[error("the body's {0} is missing or malformed")]
    Field(&'static str),
}

#[derive(Deserialize)]
struct Wire {
    event_type: Option<Value>,
    data_type: Option<Value>,
    object_id: Option<Value>,
    event_time: Option<Value>,
    user_id: Option<Value>,
}

/// Reads a verified body. Unknown fields are ignored, and so is an unreadable `event_time`.
///
/// # Errors
/// [`InvalidWebhookEvent`].
pub fn parse_webhook_event(body: &[u8], received_at: Timestamp) -> Result<WebhookEvent, InvalidWebhookEvent> {
    // The JSON parser would not check the text of ignored fields.
    let text = std::str::from_utf8(body).map_err(|_not_utf8| InvalidWebhookEvent::NotJson)?;
    // An array of five texts would be read as the five fields in their order.
    if !text.trim_ascii_start().starts_with('{') {
        return Err(InvalidWebhookEvent::NotJson);
    }
    let wire: Wire = serde_json::from_str(text).map_err(|_quotes_the_body| InvalidWebhookEvent::NotJson)?;
    Ok(WebhookEvent {
        user: field("user_id", id(wire.user_id), |text| OuraUserId::parse(text).ok())?,
        event_type: field("event_type", wire.event_type, |text| RawEventType::parse(text).ok())?,
        data_type: field("data_type", wire.data_type, |text| RawEventType::parse(text).ok())?,
        document_id: field("object_id", id(wire.object_id), |text| DocumentId::parse(text).ok())?,
        event_time: wire.event_time.as_ref().and_then(Value::as_str).and_then(moment),
        received_at,
    })
}

/// An id as text: it may be given as a number.
fn id(value: Option<Value>) -> Option<Value> {
    value.map(|value| if value.is_number() { Value::String(value.to_string()) } else { value })
}

fn field<T>(
    name: &'static str,
    value: Option<Value>,
    parse: impl Fn(String) -> Option<T>,
) -> Result<T, InvalidWebhookEvent> {
    let Some(Value::String(text)) = value else { return Err(InvalidWebhookEvent::Field(name)) };
    parse(text).ok_or(InvalidWebhookEvent::Field(name))
}

/// Reads a time with an offset, as documented, or without one, in UTC, as Oura's other times.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    text.parse::<Timestamp>().ok().or_else(|| {
        let civil: DateTime = text.parse().ok()?;
        civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn body() -> Value {
        json!({
            "event_type": "update", "data_type": "daily_sleep", "object_id": "d-1",
            "event_time": "2026-03-01T08:00:00.25+02:00", "user_id": "ring-1",
        })
    }

    fn with(name: &str, value: Value) -> Value {
        let mut body = body();
        body[name] = value;
        body
    }

    fn without(name: &str) -> Value {
        let mut body = body();
        body.as_object_mut().unwrap().remove(name);
        body
    }

    fn received_at() -> Timestamp {
        "2026-03-01T06:00:30Z".parse().unwrap()
    }

    fn parse(body: &Value) -> Result<WebhookEvent, InvalidWebhookEvent> {
        parse_webhook_event(body.to_string().as_bytes(), received_at())
    }

    #[test]
    fn webhook_event_is_read_with_unknown_fields() {
        let expected = WebhookEvent {
            user: "ring-1".parse().unwrap(),
            event_type: "update".parse().unwrap(),
            data_type: "daily_sleep".parse().unwrap(),
            document_id: "d-1".parse().unwrap(),
            event_time: Some("2026-03-01T06:00:00.25Z".parse().unwrap()),
            received_at: received_at(),
        };
        assert_eq!(parse(&body()), Ok(expected.clone()));
        assert_eq!(parse(&with("something_new", json!({"deep": [1, null]}))), Ok(expected.clone()));
        let spaced = format!(" \r\n\t{}\n", serde_json::to_string_pretty(&body()).unwrap());
        assert_eq!(parse_webhook_event(spaced.as_bytes(), received_at()), Ok(expected));
    }

    #[test]
    fn unknown_words_are_kept() {
        let event = parse(&with("data_type", json!("meal"))).unwrap();
        assert_eq!((event.data_type.as_str(), event.document_event()), ("meal", None));
    }

    #[test]
    fn event_time_without_offset_is_utc_and_an_unreadable_one_is_absent() {
        let time = |time: Value| parse(&with("event_time", time)).unwrap().event_time;
        assert_eq!(time(json!("2026-03-01T06:00:00.123456")), Some("2026-03-01T06:00:00.123456Z".parse().unwrap()));
        assert_eq!(time(json!("2026-03-01T06:00:00Z")), Some("2026-03-01T06:00:00Z".parse().unwrap()));
        for unreadable in [json!("yesterday"), json!(""), json!(1_772_344_800), json!(null), json!({})] {
            assert_eq!(time(unreadable.clone()), None, "{unreadable}");
        }
        assert_eq!(parse(&without("event_time")).unwrap().event_time, None);
    }

    #[test]
    fn missing_or_malformed_field_is_named_and_not_quoted() {
        let names = [("event_type", false), ("data_type", false), ("object_id", true), ("user_id", true)];
        for (name, is_id) in names {
            assert_eq!(parse(&without(name)), Err(InvalidWebhookEvent::Field(name)));
            let of_any = [json!(null), json!(["c4nary"]), json!({"c4nary": 1}), json!(""), json!("c4nary\nc4nary")];
            let of_words = [json!(7), json!("c4nary c4nary"), json!("c4n\u{e4}ry")];
            for bad in of_any.into_iter().chain(of_words.into_iter().filter(|_| !is_id)) {
                let error = parse(&with(name, bad)).unwrap_err();
                assert_eq!(error, InvalidWebhookEvent::Field(name));
                assert!(error.to_string().contains(name) && !error.to_string().contains("c4n"), "{error}");
            }
            assert_eq!(parse(&with(name, json!("x".repeat(600)))), Err(InvalidWebhookEvent::Field(name)));
        }
    }

    #[test]
    fn id_may_be_a_number_or_hold_any_letter() {
        for (id, text) in [(json!(7), "7"), (json!("a b"), "a b"), (json!("\u{e9}"), "\u{e9}")] {
            assert_eq!(parse(&with("object_id", id.clone())).unwrap().document_id.as_str(), text);
            assert_eq!(parse(&with("user_id", id)).unwrap().user.as_str(), text);
        }
    }

    #[test]
    fn body_other_than_a_json_object_is_refused() {
        let doubled = br#"{"user_id":"ring-1","user_id":"ring-2"}"#;
        let deep = "[".repeat(100_000);
        let nested = format!(r#"{{"x":{deep}"#);
        let array = json!(["update", "daily_sleep", "d-1", "2026-03-01T08:00:00Z", "ring-1"]).to_string();
        let marked = format!("\u{feff}{}", body());
        let followed = format!("{}{}", body(), body());
        for body in [
            &b""[..],
            b" ",
            b"null",
            b"7",
            b"\"text\"",
            b"{",
            b"event_type=update",
            b"{\"event_type\":\"\xff\"}",
            b"\x00\xff\xfe",
            &[body().to_string().trim_end_matches('}').as_bytes(), b",\"more\":\"\xff\"}"].concat(),
            doubled,
            deep.as_bytes(),
            nested.as_bytes(),
            array.as_bytes(),
            marked.as_bytes(),
            followed.as_bytes(),
        ] {
            assert_eq!(parse_webhook_event(body, received_at()), Err(InvalidWebhookEvent::NotJson), "{}", body.len());
        }
    }
}
