//! Why a patient has no data for a day, or a day lacks a kind: from what is stored, never by guessing.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;

use super::{
    BackfillState, Connection, ConnectionStatus, DailyStats, DataType, Day, FetchFailure, MetricType, ReasonCode,
};

/// Why something is not there. Stable: frontends choose their texts by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Absence {
    /// Data of later days has come, and none of this one; or the day's activity tells of hours without the ring.
    NotWorn,
    /// Oura was asked and had nothing newer: the ring has not synced with the phone.
    NotSyncedYet,
    /// The ring's battery was low at the last sign of it.
    Battery,
    /// Oura gave the day's document without a score, or says that it has too few nights.
    Calibrating,
    /// The patient did not allow this kind.
    ScopeNotGranted,
    /// The Oura membership is not active.
    MembershipEnded,
    /// The patient had rest mode on: Oura gives no activity score then.
    RestMode,
    /// Oura did not answer when it was last asked.
    OuraUnavailable,
    /// We have not asked since, and should have; or the history after the connect is still arriving.
    WeAreLate,
    /// The patient's Oura app is older than Oura's minimum.
    AppOutdated,
    /// There is no connection, or it ended before the day was fetched.
    NotConnected,
    /// The day lies before the history that was asked for, or the kind is asked for once in a few days only.
    NotFetched,
    /// Nothing that is stored explains it.
    Unknown,
}

impl Absence {
    /// Every reason.
    pub const ALL: [Self; 13] = [
        Self::NotWorn,
        Self::NotSyncedYet,
        Self::Battery,
        Self::Calibrating,
        Self::ScopeNotGranted,
        Self::MembershipEnded,
        Self::RestMode,
        Self::OuraUnavailable,
        Self::WeAreLate,
        Self::AppOutdated,
        Self::NotConnected,
        Self::NotFetched,
        Self::Unknown,
    ];

    /// The word in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotWorn => "not_worn",
            Self::NotSyncedYet => "not_synced_yet",
            Self::Battery => "battery",
            Self::Calibrating => "calibrating",
            Self::ScopeNotGranted => "scope_not_granted",
            Self::MembershipEnded => "membership_ended",
            Self::RestMode => "rest_mode",
            Self::OuraUnavailable => "oura_unavailable",
            Self::WeAreLate => "we_are_late",
            Self::AppOutdated => "app_outdated",
            Self::NotConnected => "not_connected",
            Self::NotFetched => "not_fetched",
            Self::Unknown => "unknown",
        }
    }

    /// What the patient can be told, in English.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::NotWorn => "The ring was not worn.",
            Self::NotSyncedYet => "The ring has not synced yet. Open the Oura app with the ring nearby.",
            Self::Battery => "The ring's battery was low. Charge it.",
            Self::Calibrating => "Oura needs some more nights for this.",
            Self::ScopeNotGranted => "This was not allowed when the ring was connected. Reconnect to allow it.",
            Self::MembershipEnded => "The Oura membership is not active, so Oura gives no data.",
            Self::RestMode => "Rest mode was on.",
            Self::OuraUnavailable => "Oura does not answer at the moment. The data follows by itself.",
            Self::WeAreLate => "This has not been fetched yet. It follows by itself.",
            Self::AppOutdated => "The Oura app is too old. Update it.",
            Self::NotConnected => "No ring was connected.",
            Self::NotFetched => "Oura was not asked for this.",
            Self::Unknown => "It is not known why.",
        }
    }
}

/// A kind that most days have.
struct Expected {
    kind: MetricType,
    /// The field without which the kind says little.
    field: &'static str,
    /// Where it comes from; the first is asked for.
    from: DataType,
    when: When,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    /// Measured asleep.
    Night,
    /// Measured awake.
    Day,
    /// Computed by Oura over weeks, and asked for once in a few days.
    Weeks,
}

const EXPECTED: [Expected; 9] = [
    Expected { kind: MetricType::Readiness, field: "score", from: DataType::DailyReadiness, when: When::Night },
    Expected { kind: MetricType::Sleep, field: "totalSleep", from: DataType::Sleep, when: When::Night },
    Expected { kind: MetricType::Activity, field: "score", from: DataType::DailyActivity, when: When::Day },
    Expected { kind: MetricType::Hrv, field: "averageHrv", from: DataType::Sleep, when: When::Night },
    Expected { kind: MetricType::Spo2, field: "average", from: DataType::DailySpo2, when: When::Night },
    Expected { kind: MetricType::Stress, field: "stressHigh", from: DataType::DailyStress, when: When::Day },
    Expected { kind: MetricType::HeartRate, field: "average", from: DataType::HeartRate, when: When::Day },
    Expected { kind: MetricType::Resilience, field: "level", from: DataType::DailyResilience, when: When::Weeks },
    Expected {
        kind: MetricType::CardiovascularAge,
        field: "vascularAge",
        from: DataType::DailyCardiovascularAge,
        when: When::Weeks,
    },
];

/// A pull that is this old is late: pulls come every night.
const A_NIGHT: SignedDuration = SignedDuration::from_hours(30);

/// A battery below this does not last a night, percent.
const LOW_BATTERY: f64 = 10.0;

/// So many seconds without the ring are a night missed, or most of the waking day.
const NIGHT_UNWORN: f64 = 4.0 * 3600.0;
const DAY_UNWORN: f64 = 12.0 * 3600.0;

/// What is known of a patient.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The connection, if there was ever one.
    pub connection: Option<&'a Connection>,
    /// The stored days in question, and some before them.
    pub days: &'a BTreeMap<Day, DailyStats>,
    /// Every how many days a pull asks for everything (`FULL_SYNC_INTERVAL_DAYS`).
    pub full_sync_interval_days: u32,
    /// Oura answered nobody when it was last asked for anybody's data.
    pub is_outage: bool,
    /// Now.
    pub now: Timestamp,
}

impl Evidence<'_> {
    /// Why the day has no stats at all.
    #[must_use]
    pub fn of_day(&self, day: Day) -> Absence {
        let connection = match self.expected_of(day, DataType::DailyActivity) {
            Ok(connection) => connection,
            Err(absence) => return absence,
        };
        let is_last = connection.last_data_day.is_none_or(|last| last < day);
        match self.battery_before(day) {
            true => Absence::Battery,
            false if is_last => Absence::NotSyncedYet,
            false => Absence::NotWorn,
        }
    }

    /// The kinds that most days have and this one, which has stats, has not, each with why. A kind of which only the main
    /// value is null counts as missing. What Oura computes over weeks is not missed before the day has settled.
    #[must_use]
    pub fn missing(&self, stats: &DailyStats) -> BTreeMap<MetricType, Absence> {
        let lacks = |expected: &&Expected| {
            stats.metrics.get(&expected.kind).and_then(|kind| kind.get(expected.field)).is_none_or(Value::is_null)
        };
        let is_due = |expected: &&Expected| !stats.provisional || expected.when != When::Weeks;
        EXPECTED
            .iter()
            .filter(is_due)
            .filter(lacks)
            .map(|expected| (expected.kind, self.of_kind(stats, expected)))
            .collect()
    }

    fn of_kind(&self, stats: &DailyStats, expected: &Expected) -> Absence {
        let day = stats.day;
        let asked = self.expected_of(day, expected.from);
        let value = |kind: MetricType, field: &str| stats.metrics.get(&kind).and_then(|metrics| metrics.get(field));
        let number = |kind, field| value(kind, field).and_then(Value::as_f64);
        if matches!(expected.kind, MetricType::Activity | MetricType::Readiness) && self.is_resting(day) {
            return Absence::RestMode;
        }
        // The document is there: Oura has seen the day and computes nothing from it yet.
        if stats.metrics.contains_key(&expected.kind)
            && value(expected.kind, expected.field).is_some_and(Value::is_null)
            && expected.field == "score"
        {
            return Absence::Calibrating;
        }
        let few_nights = value(MetricType::SleepTime, "status").and_then(Value::as_str);
        let is_new = few_nights.is_some_and(|status| status.starts_with("not_enough"));
        let connection = match asked {
            Ok(connection) => connection,
            Err(absence) => return absence,
        };
        let unworn = number(MetricType::Activity, "nonWearTime").unwrap_or_default();
        let has_night = number(MetricType::Sleep, "totalSleep").is_some();
        // Some samples, and neither a night nor a day's activity, though later days have come: worn for moments.
        let hardly_worn = !has_night
            && !stats.metrics.contains_key(&MetricType::Activity)
            && connection.last_data_day.is_some_and(|last| last > day);
        match expected.when {
            When::Weeks if is_new => Absence::Calibrating,
            When::Night if !has_night && is_low(stats) => Absence::Battery,
            When::Night | When::Day if hardly_worn => Absence::NotWorn,
            When::Night if !has_night && unworn >= NIGHT_UNWORN => Absence::NotWorn,
            When::Night if has_night && expected.kind == MetricType::Readiness && is_new => Absence::Calibrating,
            When::Day if is_low(stats) => Absence::Battery,
            When::Day if unworn >= DAY_UNWORN => Absence::NotWorn,
            _ if day >= Day::of_utc(self.now) => Absence::NotSyncedYet,
            _ => Absence::Unknown,
        }
    }

    /// The connection, if data of this collection should have come for the day and Oura was asked for it; otherwise why not.
    fn expected_of(&self, day: Day, from: DataType) -> Result<&Connection, Absence> {
        let connection = self.connection.ok_or(Absence::NotConnected)?;
        if !connection.scopes_granted.contains(from.scope()) {
            return Err(Absence::ScopeNotGranted);
        }
        let fetched = connection.watermarks.get(&from);
        let history = connection.backfill.as_ref();
        let is_arriving = history.is_some_and(|of| of.state != BackfillState::Done && of.range.contains(day));
        // A day is over everywhere twelve hours after its end in UTC.
        let is_over = |at: &Timestamp| Day::of_utc(*at) > day;
        let age = fetched.map(|at| self.now.duration_since(*at));
        // What was left out of one full pull and the next one that may come late.
        let is_looked_at =
            age.is_some_and(|age| age < SignedDuration::from_hours(24 * i64::from(self.full_sync_interval_days + 2)));
        let is_current = is_looked_at && connection.is_kept_current(from, self.now);
        if !is_arriving && (fetched.is_some_and(is_over) || is_current) {
            let first = history.filter(|of| !of.reconnected).map(|of| of.range.first());
            return if first.is_some_and(|first| day < first) { Err(Absence::NotFetched) } else { Ok(connection) };
        }
        // It was not asked for since.
        if connection.status == ConnectionStatus::Disconnected {
            return Err(Absence::NotConnected);
        }
        match connection.reason {
            Some(ReasonCode::Membership) => return Err(Absence::MembershipEnded),
            Some(ReasonCode::AppOutdated) => return Err(Absence::AppOutdated),
            _ => {}
        }
        let failing = connection.failing.get(&from).copied();
        if failing.is_some_and(FetchFailure::is_outage) {
            return Err(Absence::OuraUnavailable);
        }
        let late = if self.is_outage { Absence::OuraUnavailable } else { Absence::WeAreLate };
        if is_arriving || failing.is_some() {
            return Err(late);
        }
        let is_rare = EXPECTED.iter().any(|of| of.from == from && of.when == When::Weeks);
        match age {
            None => Err(Absence::NotFetched),
            Some(_) if is_rare && is_looked_at => Err(Absence::NotFetched),
            Some(age) if age < A_NIGHT => Ok(connection),
            Some(_) => Err(late),
        }
    }

    /// Whether a rest mode period lies over the day.
    fn is_resting(&self, day: Day) -> bool {
        let bound =
            |period: &Value, key: &str| period.get(key).and_then(Value::as_str).and_then(|day| day.parse().ok());
        let covers = |period: &Value| {
            let (first, last): (Option<Day>, Option<Day>) = (bound(period, "startDay"), bound(period, "endDay"));
            first.is_some_and(|first| first <= day) && last.is_none_or(|last| day <= last)
        };
        let periods = self.days.range(..=day).filter_map(|(_, stats)| stats.metrics.get(&MetricType::RestMode));
        periods.filter_map(|kind| kind.get("periods")?.as_array()).flatten().any(covers)
    }

    /// Whether the battery was low on the last day before with any stats, if that is not long ago.
    fn battery_before(&self, day: Day) -> bool {
        self.days.range(day.plus(-3)..day).next_back().is_some_and(|(_, stats)| is_low(stats))
    }
}

/// Whether the day's stats tell of a battery that did not last.
fn is_low(stats: &DailyStats) -> bool {
    let battery = stats.metrics.get(&MetricType::Ring).and_then(|ring| ring.get("batteryLast")?.as_f64());
    let alert = stats.metrics.get(&MetricType::Sleep).and_then(|sleep| sleep.get("lowBatteryAlert")?.as_bool());
    battery.is_some_and(|level| level < LOW_BATTERY) || alert == Some(true)
}

#[cfg(test)]
mod tests;
