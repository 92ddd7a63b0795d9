//! Reading the query of a list: ranges, `fields`, `latest`, `next_token`.

use std::collections::BTreeMap;

use axum::response::Response;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;
use jiff::{Span, Timestamp};

use crate::answers::unprocessable;
use crate::time::Zone;

/// A parsed query string. Of a repeated parameter the last value counts, as in FastAPI.
pub(crate) struct Query(BTreeMap<String, String>);

impl Query {
    pub(crate) fn parse(text: Option<&str>) -> Self {
        let pairs = url::form_urlencoded::parse(text.unwrap_or("").as_bytes());
        Self(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All parameters except the page, in a canonical spelling, for page tokens.
    pub(crate) fn without_page(&self) -> String {
        let pairs = self.0.iter().filter(|(name, _)| *name != "next_token");
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    }

    /// The requested page; an empty token is the first page.
    pub(crate) fn next_token(&self) -> Option<&str> {
        self.get("next_token").filter(|token| !token.is_empty())
    }

    /// The requested fields; `None` = all.
    pub(crate) fn fields(&self) -> Option<Vec<&str>> {
        self.get("fields").map(|text| text.split(',').map(str::trim).collect())
    }

    pub(crate) fn flag(&self, name: &str) -> Result<bool, Box<Response>> {
        let Some(text) = self.get(name) else { return Ok(false) };
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "on" | "yes" | "t" | "y" => Ok(true),
            "false" | "0" | "off" | "no" | "f" | "n" => Ok(false),
            _ => Err(Box::new(unprocessable(
                name,
                "bool_parsing",
                "Input should be a valid boolean, unable to interpret input",
                text,
            ))),
        }
    }

    /// A date or a date-time, or nothing.
    pub(crate) fn bound(&self, name: &str) -> Result<Option<Bound>, Box<Response>> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let refused =
            || unprocessable(name, "datetime_from_date_parsing", "Input should be a valid datetime or date", text);
        Bound::parse(text).map(Some).ok_or_else(|| Box::new(refused()))
    }
}

/// One end of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bound {
    /// As written, without regard to an offset.
    pub(crate) civil: DateTime,
    /// In UTC; a time without an offset is taken as UTC.
    pub(crate) utc: DateTime,
    /// True for a date without a time.
    pub(crate) is_date: bool,
}

impl Bound {
    pub(crate) fn at(utc: DateTime) -> Self {
        Self { civil: utc, utc, is_date: false }
    }

    fn parse(text: &str) -> Option<Self> {
        if let Ok(number) = text.parse::<i64>() {
            // Pydantic reads a number as a Unix time, in milliseconds if it is large: this is why
            // `start_date=1&end_date=2` is no error but an empty list.
            let at = if number.abs() > 20_000_000_000 { number / 1000 } else { number };
            return Timestamp::from_second(at).ok().map(|at| Self::at(Offset::UTC.to_datetime(at)));
        }
        if text.get(4..5) != Some("-") {
            return None;
        }
        if text.len() == 10 {
            let at = |date: Date| Self { is_date: true, ..Self::at(date.at(0, 0, 0, 0)) };
            return text.parse::<Date>().ok().map(at);
        }
        if let Ok(at) = text.parse::<Timestamp>() {
            let civil = text.get(..19).or(text.get(..16))?.parse::<DateTime>().ok()?;
            return Some(Self { civil, utc: Offset::UTC.to_datetime(at), is_date: false });
        }
        text.parse::<DateTime>().ok().map(Self::at)
    }

    /// Seconds since the epoch.
    pub(crate) fn moment(&self) -> i64 {
        Zone::utc().moment(self.utc)
    }

    pub(crate) fn days_earlier(&self, days: i32) -> Self {
        let back = |at: DateTime| at.saturating_sub(Span::new().days(days));
        Self { civil: back(self.civil), utc: back(self.utc), ..*self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_times_and_numbers_parse_and_everything_else_is_refused() {
        let civil = |text: &str| Bound::parse(text).map(|bound| bound.civil.to_string());
        assert_eq!(civil("2031-05-06").as_deref(), Some("2031-05-06T00:00:00"));
        assert_eq!(civil("2031-05-06T07:08:09").as_deref(), Some("2031-05-06T07:08:09"));
        assert_eq!(civil("1").as_deref(), Some("1970-01-01T00:00:01"));
        let offset = Bound::parse("2031-05-06T01:00:00+02:00").unwrap();
        assert_eq!(offset.civil.to_string(), "2031-05-06T01:00:00");
        assert_eq!(offset.utc.to_string(), "2031-05-05T23:00:00");
        for bad in
            ["", "yesterday", "2031-13-01", "2031-02-30", "2031-05-06T01:00:00 02:00", "06.05.2031", "é031-05-06"]
        {
            assert_eq!(Bound::parse(bad), None, "{bad}");
        }
    }
}
