//! Civil times of a document that the bounds of a range are compared with.
//!
//! Oura compares midnight of `start_date` and `end_date` with the record's own time. So `end_date` is inclusive for
//! documents stamped at midnight and exclusive for later ones (measured: `daily_activity` at 04:00, `sleep`, `session`,
//! `workout`, the last one in UTC). A night must lie in the range as a whole, so `start_date` excludes the one that began
//! the evening before. Tags were never measured; they follow the same rule here.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;
use serde_json::Value;

use crate::collection::Collection;

/// Civil times that the bounds of a range are compared with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RangeKey {
    /// Not before the start of the range.
    pub(crate) start: DateTime,
    /// Not after its end.
    pub(crate) end: DateTime,
}

impl RangeKey {
    pub(crate) fn at(time: DateTime) -> Self {
        Self { start: time, end: time }
    }

    pub(crate) fn lies_in(self, (from, to): (DateTime, DateTime)) -> bool {
        from <= self.start && self.end <= to
    }
}

/// The range key of a document; `None` if its own fields do not give one.
pub(crate) fn range_key(collection: Collection, document: &Value) -> Option<RangeKey> {
    let text = |key: &str| document.get(key).and_then(Value::as_str);
    let date = |key: &str| text(key).and_then(|text| text.parse::<Date>().ok()).map(|date| date.at(0, 0, 0, 0));
    // The first 19 characters are the local time; the rest is the offset.
    let civil = |key: &str| text(key).and_then(|text| text.get(..19)).and_then(|text| text.parse::<DateTime>().ok());
    let time = match collection {
        Collection::DailyActivity => date("day").map(|day| day.date().at(4, 0, 0, 0)),
        Collection::Sleep => {
            let day = date("day")?;
            let woke = civil("bedtime_end").filter(|woke| woke.date() == day.date());
            let end = woke.unwrap_or(day.date().at(0, 0, 1, 0));
            let start = civil("bedtime_start").filter(|start| *start <= end).unwrap_or(end);
            return Some(RangeKey { start, end });
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
    };
    time.map(RangeKey::at)
}
