//! Which moment of a document a range is compared with.
//!
//! Oura compares midnight of `start_date` and `end_date` with the record's own time, so that `end_date` is inclusive for
//! documents stamped at midnight and exclusive for those stamped later (measured: `daily_activity` at 04:00, `sleep`,
//! `workout`, the last one in UTC). Sessions and tags, which nobody measured, follow the same reasoning.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;
use serde_json::Value;

use super::collection::Collection;

/// The civil time by which a range finds the document, if the document tells one.
pub(crate) fn stamp(collection: Collection, document: &Value) -> Option<DateTime> {
    let text = |key: &str| document.get(key).and_then(Value::as_str);
    let date = |key: &str| text(key).and_then(|text| text.parse::<Date>().ok()).map(|date| date.at(0, 0, 0, 0));
    // The first 19 characters are the local time; what follows is the offset.
    let civil = |key: &str| text(key).and_then(|text| text.get(..19)).and_then(|text| text.parse::<DateTime>().ok());
    match collection {
        Collection::DailyActivity => date("day").map(|day| day.date().at(4, 0, 0, 0)),
        Collection::Sleep => {
            let day = date("day")?;
            let woke = civil("bedtime_end").filter(|woke| woke.date() == day.date());
            Some(woke.unwrap_or(day.date().at(0, 0, 1, 0)))
        }
        Collection::Workout => {
            let at: Timestamp = text("start_datetime")?.parse().ok()?;
            Some(Offset::UTC.to_datetime(at))
        }
        Collection::Session => civil("start_datetime"),
        Collection::Tag => civil("timestamp"),
        Collection::EnhancedTag | Collection::RestModePeriod => date("start_day"),
        Collection::RingConfiguration => civil("set_up_at"),
        _ => date("day"),
    }
}
