//! The body of a notice: `{"event_type","data_type","object_id","event_time","user_id"}` (Oura API v2, webhooks).

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::Value;

use crate::domain::{DocumentId, Notice, NoticeWord, OuraUserId};

/// Why a genuine body is no notice. The texts name the field and never quote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNotice {
    /// Not JSON, or not an object.
    #[error("the body is not a JSON object")]
    NotJson,
    /// A field is missing, or is not the text that it should be.
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

/// Reads a body that was proven genuine. Fields that are not known here are ignored; without a readable `event_time` the
/// notice is as good as with one.
///
/// # Errors
/// [`InvalidNotice`].
pub fn parse_notice(body: &[u8], received_at: Timestamp) -> Result<Notice, InvalidNotice> {
    let wire: Wire = serde_json::from_slice(body).map_err(|_quotes_the_body| InvalidNotice::NotJson)?;
    Ok(Notice {
        user: field("user_id", wire.user_id, |text| OuraUserId::parse(text).ok())?,
        event_type: field("event_type", wire.event_type, |text| NoticeWord::parse(text).ok())?,
        data_type: field("data_type", wire.data_type, |text| NoticeWord::parse(text).ok())?,
        document_id: field("object_id", wire.object_id, |text| DocumentId::parse(text).ok())?,
        event_time: wire.event_time.as_ref().and_then(Value::as_str).and_then(moment),
        received_at,
    })
}

fn field<T>(name: &'static str, value: Option<Value>, parse: impl Fn(String) -> Option<T>) -> Result<T, InvalidNotice> {
    let Some(Value::String(text)) = value else { return Err(InvalidNotice::Field(name)) };
    parse(text).ok_or(InvalidNotice::Field(name))
}

/// With an offset as documented; one without is taken for UTC, as Oura's other times without one are.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    text.parse::<Timestamp>().ok().or_else(|| {
        let civil: DateTime = text.parse().ok()?;
        civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    })
}
