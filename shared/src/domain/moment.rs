//! Timestamps as Oura sends them. Offsets change inside one answer (travel, daylight saving), so each is kept.

use std::borrow::Cow;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::{DateTime, Time};
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

/// A moment: the text that Oura sent, and what it says. Oura's `LocalizedDateTime` and `UtcDateTime` carry an offset;
/// its `LocalDateTime` may have none, and then the moment has a local clock time only: it is never taken for UTC.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Moment {
    text: String,
    local: DateTime,
    offset: Option<Offset>,
    instant: Option<Timestamp>,
}

/// A text that is not a timestamp. It does not hold the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a timestamp (RFC 3339, the offset may be missing)")]
pub struct InvalidMoment;

impl Moment {
    /// Longest text that is read; RFC 3339 with nanoseconds needs 35 characters.
    const MAX_LENGTH: usize = 40;

    /// The text as Oura sent it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Time of the patient's clock.
    #[must_use]
    pub fn local(&self) -> DateTime {
        self.local
    }

    /// The offset from UTC, if one was sent.
    #[must_use]
    pub fn offset(&self) -> Option<Offset> {
        self.offset
    }

    /// The instant; none without an offset.
    #[must_use]
    pub fn instant(&self) -> Option<Timestamp> {
        self.instant
    }

    /// The instant in a field that Oura defines to be UTC (`UtcDateTime`), where a missing offset says nothing else.
    #[must_use]
    pub fn instant_in_utc(&self) -> Timestamp {
        self.instant.or_else(|| Offset::UTC.to_timestamp(self.local).ok()).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

impl FromStr for Moment {
    type Err = InvalidMoment;

    fn from_str(text: &str) -> Result<Self, InvalidMoment> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for Moment {
    type Error = InvalidMoment;

    fn try_from(text: String) -> Result<Self, InvalidMoment> {
        if text.len() > Self::MAX_LENGTH {
            return Err(InvalidMoment);
        }
        // The causes are left out on purpose: they quote the text.
        let Ok(pieces) = Pieces::parse(&text) else { return Err(InvalidMoment) };
        let (date, time, offset) = (pieces.date(), pieces.time(), pieces.to_numeric_offset());
        if !(1900..2200).contains(&date.year()) || pieces.time_zone_annotation().is_some() || time.is_none() {
            return Err(InvalidMoment);
        }
        let local = date.to_datetime(time.unwrap_or(Time::midnight()));
        let instant = match offset.map(|offset| offset.to_timestamp(local)) {
            Some(Ok(instant)) => Some(instant),
            Some(Err(_)) => return Err(InvalidMoment),
            None => None,
        };
        Ok(Self { text, local, offset, instant })
    }
}

/// As the text that Oura sent.
impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A time as Oura gave it: RFC 3339 with the patient's offset; Oura leaves the offset out at times.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Moment {
        text.parse().unwrap_or_else(|_| panic!("{text} is read"))
    }

    #[test]
    fn moment_reads_every_spelling_of_an_instant_and_keeps_its_text() {
        for text in [
            "2031-05-04T23:10:00-07:00",
            "2031-05-05T06:10:00Z",
            "2031-05-05T06:10:00.000+00:00",
            "2031-05-05T11:40:00+05:30",
        ] {
            let moment = moment(text);
            assert_eq!(moment.instant(), Some("2031-05-05T06:10:00Z".parse().unwrap()), "{text}");
            assert_eq!(moment.text(), text);
        }
        assert_eq!(moment("2031-05-04T23:10:00-07:00").offset(), Some(jiff::tz::offset(-7)));
    }

    #[test]
    fn moment_without_offset_is_no_instant() {
        let moment = moment("2031-05-04T23:10:00.250");
        assert_eq!((moment.instant(), moment.offset()), (None, None));
        assert_eq!(moment.instant_in_utc(), "2031-05-04T23:10:00.25Z".parse().unwrap());
        assert_eq!(moment.local(), jiff::civil::date(2031, 5, 4).at(23, 10, 0, 250_000_000));
    }

    #[test]
    fn moment_refuses_other_texts_without_quoting_them() {
        for bad in [
            "",
            "yesterday",
            "2031-05-04",
            "2031-02-30T10:00:00Z",
            "9031-01-01T00:00:00Z",
            "2031-05-04T10:00:00+01:00[Europe/Paris]",
            "2031-05-04T10:00:00.000000000000000000000000000+01:00",
        ] {
            let Err(error) = bad.parse::<Moment>() else { panic!("{bad} was read") };
            assert!(bad.is_empty() || !error.to_string().contains(bad));
        }
    }
}
