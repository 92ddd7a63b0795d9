//! Moves of a document in time.

use jiff::Span;
use jiff::civil::{Date, DateTime};
use serde_json::{Value, json};

use crate::time::plus;

/// Moves all days and times of a document by some days.
pub(crate) fn move_days(document: &mut Value, days: i64) {
    match document {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_i64() {
                    Some(unix) if name == "timestamp_unix" => *value = json!(unix + days * 86_400_000),
                    _ => move_days(value, days),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| move_days(item, days)),
        Value::String(text) => {
            let moved = text.get(..10).and_then(|date| date.parse::<Date>().ok());
            if let (Some(date), Some(rest)) = (moved, text.get(10..)) {
                *text = format!("{}{rest}", plus(date, days));
            }
        }
        _ => {}
    }
}

/// A time as Oura writes it, some seconds later; its offset stays.
pub(crate) fn seconds_later(text: &str, seconds: i64) -> Option<String> {
    let (civil, offset) = (text.get(..19)?, text.get(19..)?);
    let later = civil.parse::<DateTime>().ok()?.checked_add(Span::new().try_seconds(seconds).ok()?).ok()?;
    Some(format!("{}{offset}", later.strftime("%Y-%m-%dT%H:%M:%S")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn move_changes_days_and_times_and_nothing_else() {
        let mut document = json!({
            "day": "2031-06-01", "label": "run", "calories": 3.5, "timestamp_unix": 86_400_000,
            "heart_rate": { "timestamp": "2031-05-31T23:00:00.000+02:00", "items": [null, 51] },
        });
        move_days(&mut document, 18);
        let expected = json!({
            "day": "2031-06-19", "label": "run", "calories": 3.5, "timestamp_unix": 19 * 86_400_000_i64,
            "heart_rate": { "timestamp": "2031-06-18T23:00:00.000+02:00", "items": [null, 51] },
        });
        assert_eq!(document, expected);
        assert_eq!(seconds_later("2031-05-31T23:00:00+02:00", 7200).as_deref(), Some("2031-06-01T01:00:00+02:00"));
    }
}
