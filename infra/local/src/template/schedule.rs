//! Schedule expressions of EventBridge Scheduler: `rate(5 minutes)` and the daily `cron(0 3 * * ? *)`, in UTC.

use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::de::{Deserialize, Deserializer, Error as _};
use shared::domain::Day;

/// Times at which a schedule invokes its function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// At every multiple of this many seconds. (AWS counts from the creation of the schedule.)
    Rate(i64),
    /// Every day, this long after midnight UTC.
    Daily(SignedDuration),
}

impl Schedule {
    /// Returns the first time after `now`.
    #[must_use]
    pub fn next(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Rate(seconds) => Timestamp::from_second((now.as_second() / seconds + 1) * seconds).unwrap_or(now),
            Self::Daily(after_midnight) => {
                let today = Day::of_utc(now);
                let of = |day: Day| day.start_utc() + after_midnight;
                if of(today) > now { of(today) } else { of(today.plus(1)) }
            }
        }
    }
}

/// An expression that the local stack cannot follow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither rate(<n> minutes|hours|days) nor cron(<minute> <hour> * * ? *)")]
pub struct UnsupportedSchedule(String);

impl FromStr for Schedule {
    type Err = UnsupportedSchedule;

    fn from_str(text: &str) -> Result<Self, UnsupportedSchedule> {
        let unsupported = || UnsupportedSchedule(text.to_owned());
        let (kind, arguments) = text.strip_suffix(')').and_then(|text| text.split_once('(')).ok_or_else(unsupported)?;
        let fields: Vec<_> = arguments.split_whitespace().collect();
        let number = |text: &str, below: i64| text.parse().ok().filter(|number: &i64| (0..below).contains(number));
        match (kind, fields.as_slice()) {
            ("rate", [count, unit]) => {
                let unit = match unit.trim_end_matches('s') {
                    "minute" => 60,
                    "hour" => 3600,
                    "day" => 86_400,
                    _ => return Err(unsupported()),
                };
                let count = number(count, 10_000).filter(|count| *count > 0).ok_or_else(unsupported)?;
                Ok(Self::Rate(count * unit))
            }
            ("cron", [minute, hour, "*", "*", "?", "*"]) => {
                let (minute, hour) = number(minute, 60).zip(number(hour, 24)).ok_or_else(unsupported)?;
                Ok(Self::Daily(SignedDuration::from_mins(hour * 60 + minute)))
            }
            _ => Err(unsupported()),
        }
    }
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(expression: &str, now: &str) -> String {
        expression.parse::<Schedule>().unwrap().next(now.parse().unwrap()).to_string()
    }

    #[test]
    fn next_time_follows_the_expression() {
        assert_eq!(next("cron(0 3 * * ? *)", "2026-03-19T02:57:00Z"), "2026-03-19T03:00:00Z");
        assert_eq!(next("cron(0 3 * * ? *)", "2026-03-19T03:00:00Z"), "2026-03-20T03:00:00Z");
        assert_eq!(next("cron(30 2 * * ? *)", "2026-12-31T23:59:59Z"), "2027-01-01T02:30:00Z");
        assert_eq!(next("rate(5 minutes)", "2026-03-19T03:00:00Z"), "2026-03-19T03:05:00Z");
        assert_eq!(next("rate(2 hours)", "2026-03-19T11:59:59Z"), "2026-03-19T12:00:00Z");
        assert_eq!(next("rate(1 day)", "2026-03-19T11:59:59Z"), "2026-03-20T00:00:00Z");
    }

    #[test]
    fn unsupported_expressions_are_refused() {
        for text in ["rate(0 minutes)", "rate(5 weeks)", "cron(0 3 ? * MON *)", "cron(60 3 * * ? *)", "at(now)", ""] {
            let error = text.parse::<Schedule>().unwrap_err().to_string();
            assert!(error.contains(&format!("`{text}`")), "{error}");
        }
    }
}
