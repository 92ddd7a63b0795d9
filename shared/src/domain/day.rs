//! Calendar days as Oura counts them: the `day` of a document is the patient's local day and is taken as given.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::{Span, Timestamp};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A calendar day, `YYYY-MM-DD`, between the years 2000 and 2199: a mistyped century is not a date of a ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(Date);

/// A text that is not a calendar day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a calendar day of the form YYYY-MM-DD")]
pub struct InvalidDay;

impl JsonSchema for Day {
    fn schema_name() -> Cow<'static, str> {
        "Day".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The patient's local day, as Oura counts it.",
            "type": "string",
            "format": "date",
            "pattern": "^2[01][0-9]{2}-[0-9]{2}-[0-9]{2}$",
            "examples": ["2026-03-01"],
        })
    }
}

impl Day {
    /// The day of this moment in UTC, held inside the range of days.
    #[must_use]
    pub fn of_utc(at: Timestamp) -> Self {
        Self::from(jiff::tz::Offset::UTC.to_datetime(at).date())
    }

    /// The day as a civil date.
    #[must_use]
    pub fn date(self) -> Date {
        self.0
    }

    /// The day that is `days` later (earlier when negative), held inside the range of days.
    #[must_use]
    pub fn plus(self, days: i32) -> Self {
        Self::from(self.0.saturating_add(Span::new().days(days)))
    }

    /// Number of days from `earlier` to this day; negative if `earlier` is later.
    #[must_use]
    pub fn days_since(self, earlier: Self) -> i32 {
        self.0.since(earlier.0).map_or(0, |span| span.get_days())
    }

    /// Midnight UTC at the start of the day.
    #[must_use]
    pub fn start_utc(self) -> Timestamp {
        jiff::tz::Offset::UTC.to_timestamp(self.0.at(0, 0, 0, 0)).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// Held inside the range of days, so that every day that is written can be read.
impl From<Date> for Day {
    fn from(date: Date) -> Self {
        let DayRange { first, last } = DayRange::EVERY;
        Self(date.clamp(first.0, last.0))
    }
}

impl FromStr for Day {
    type Err = InvalidDay;

    fn from_str(text: &str) -> Result<Self, InvalidDay> {
        // jiff also reads forms such as `20240615`; the contract has one form.
        let plain = text.len() == 10 && text.is_ascii();
        match (plain, text.parse::<Date>()) {
            (true, Ok(date)) if (2000..2200).contains(&date.year()) => Ok(Self(date)),
            _ => Err(InvalidDay),
        }
    }
}

impl TryFrom<String> for Day {
    type Error = InvalidDay;
    fn try_from(text: String) -> Result<Self, InvalidDay> {
        text.parse()
    }
}

impl From<Day> for String {
    fn from(day: Day) -> String {
        day.to_string()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Days from `first` to `last`, both included; never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DayRange {
    first: Day,
    last: Day,
}

/// Reason why two days are no range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRange {
    /// `from` is after `to`.
    #[error("the range ends before it begins")]
    Reversed,
    /// More days than allowed.
    #[error("the range is longer than {max} days")]
    TooLong {
        /// The most days that a range may hold here.
        max: i32,
    },
}

impl DayRange {
    /// Every day that there is.
    pub const EVERY: Self =
        Self { first: Day(jiff::civil::date(2000, 1, 1)), last: Day(jiff::civil::date(2199, 12, 31)) };

    /// The range of both days and all between.
    ///
    /// # Errors
    /// [`InvalidRange::Reversed`] when `last` is before `first`.
    pub fn new(first: Day, last: Day) -> Result<Self, InvalidRange> {
        if last < first { Err(InvalidRange::Reversed) } else { Ok(Self { first, last }) }
    }

    /// The same, with a bound on its length.
    ///
    /// # Errors
    /// [`InvalidRange`] when reversed or longer than `max` days.
    pub fn bounded(first: Day, last: Day, max: i32) -> Result<Self, InvalidRange> {
        let range = Self::new(first, last)?;
        if range.days() > max { Err(InvalidRange::TooLong { max }) } else { Ok(range) }
    }

    /// The `days` days that end with `last`; at least one.
    #[must_use]
    pub fn ending(last: Day, days: i32) -> Self {
        Self { first: last.plus(1 - days.max(1)), last }
    }

    /// The first day.
    #[must_use]
    pub const fn first(&self) -> Day {
        self.first
    }

    /// The last day, included.
    #[must_use]
    pub const fn last(&self) -> Day {
        self.last
    }

    /// Number of days.
    #[must_use]
    pub fn days(&self) -> i32 {
        self.last.days_since(self.first) + 1
    }

    /// True if the day is in it.
    #[must_use]
    pub fn contains(&self, day: Day) -> bool {
        self.first <= day && day <= self.last
    }

    /// The range with `days` more on each side.
    #[must_use]
    pub fn widened(&self, days: i32) -> Self {
        Self { first: self.first.plus(-days), last: self.last.plus(days) }
    }

    /// The range from the earlier beginning to the later end.
    #[must_use]
    pub fn joined_with(&self, other: &Self) -> Self {
        Self { first: self.first.min(other.first), last: self.last.max(other.last) }
    }

    /// True if every day of the other range is in this one.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }

    /// Its days, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = Day> + use<> {
        let (first, count) = (self.first, self.days());
        (0..count).map(move |n| first.plus(n))
    }

    /// The range cut into pieces of at most `days` days, oldest first.
    pub fn pieces(&self, days: i32) -> impl Iterator<Item = Self> + use<> {
        let (range, step) = (*self, days.max(1));
        let mut next = Some(range.first);
        std::iter::from_fn(move || {
            let first = next?;
            let last = first.plus(step - 1).min(range.last);
            next = (last < range.last).then(|| last.plus(1));
            Some(Self { first, last })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn day_parses_only_real_days_in_one_form() {
        for bad in
            ["", "1", "2024-2-3", "20240203", "2024-02-30", "2023-02-29", "0024-01-01", "2024-01-01T00", "2024-13-01"]
        {
            assert_eq!(bad.parse::<Day>(), Err(InvalidDay), "{bad}");
        }
        assert_eq!(day("2024-02-29").to_string(), "2024-02-29");
    }

    #[test]
    fn ranges_count_widen_and_split_across_months() {
        let range = DayRange::new(day("2024-02-28"), day("2024-03-02")).unwrap();
        assert_eq!(range.days(), 4);
        assert_eq!(
            range.iter().map(|d| d.to_string()).collect::<Vec<_>>(),
            ["2024-02-28", "2024-02-29", "2024-03-01", "2024-03-02"]
        );
        assert_eq!(range.widened(2).days(), 8);
        let pieces: Vec<_> = range.pieces(3).map(|p| p.days()).collect();
        assert_eq!(pieces, [3, 1]);
        assert_eq!(DayRange::new(day("2024-03-02"), day("2024-03-01")), Err(InvalidRange::Reversed));
        assert_eq!(
            DayRange::bounded(day("2024-01-01"), day("2024-12-31"), 365),
            Err(InvalidRange::TooLong { max: 365 })
        );
        assert_eq!(DayRange::ending(day("2024-03-02"), 30).first(), day("2024-02-02"));
        assert_eq!(day("2025-03-01").days_since(day("2024-03-01")), 365);
    }

    #[test]
    fn every_day_that_is_made_can_be_read() {
        let edge: Timestamp = "2199-12-31T23:59:59-12:00".parse().unwrap();
        for made in [
            Day::of_utc(edge),
            Day::of_utc(Timestamp::MIN),
            day("2199-12-31").plus(1),
            day("2000-01-01").plus(-1),
            Day::from(jiff::civil::date(9999, 12, 31)),
        ] {
            assert_eq!(made.to_string().parse(), Ok(made));
        }
    }
}
