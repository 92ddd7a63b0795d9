//! Civil time of a place as whole seconds since the epoch, and Oura's ways to write it.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// Time zone of a place.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Zone(TimeZone);

impl Zone {
    /// The zone of this IANA name; UTC if the bundled database does not know it.
    pub(crate) fn named(name: &str) -> Self {
        Self(TimeZone::get(name).unwrap_or(TimeZone::UTC))
    }

    pub(crate) fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// The moment of a civil time; inside a DST gap the time after it, inside a fold the first.
    pub(crate) fn moment(&self, civil: DateTime) -> i64 {
        self.0.to_ambiguous_timestamp(civil).compatible().map_or(0, Timestamp::as_second)
    }

    /// The civil time of a moment.
    pub(crate) fn civil(&self, moment: i64) -> DateTime {
        self.0.to_datetime(timestamp(moment))
    }

    /// The offset from UTC at a moment, in seconds.
    pub(crate) fn offset(&self, moment: i64) -> i32 {
        self.0.to_offset(timestamp(moment)).seconds()
    }

    /// `2031-10-10T01:01:59+02:00`, as Oura writes most times.
    pub(crate) fn text(&self, moment: i64) -> String {
        timestamp(moment).to_zoned(self.0.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }

    /// `2031-10-10T01:01:59.000+02:00`, as Oura writes the time of a sample.
    pub(crate) fn text_millis(&self, moment: i64) -> String {
        timestamp(moment).to_zoned(self.0.clone()).strftime("%Y-%m-%dT%H:%M:%S.000%:z").to_string()
    }
}

/// A moment as a timestamp; moments of this simulation are always in range.
pub(crate) fn timestamp(moment: i64) -> Timestamp {
    Timestamp::from_second(moment).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The date `days` later.
pub(crate) fn plus(date: Date, days: i64) -> Date {
    Span::new().try_days(days).map_or(date, |span| date.saturating_add(span))
}

/// Days since 1970-01-01.
pub(crate) fn day_number(date: Date) -> i64 {
    Zone::utc().moment(date.at(0, 0, 0, 0)) / 86_400
}

/// A civil time this many minutes after noon of `date`: evenings without a seam at midnight.
pub(crate) fn after_noon(date: Date, minutes: i64) -> DateTime {
    let (days, rest) = ((720 + minutes).div_euclid(1440), (720 + minutes).rem_euclid(1440));
    let (hour, minute) = (i8::try_from(rest / 60).unwrap_or(0), i8::try_from(rest % 60).unwrap_or(0));
    plus(date, days).at(hour, minute, 0, 0)
}
