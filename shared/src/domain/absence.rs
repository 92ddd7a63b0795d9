//! Reasons for days without data and for missing metric types: from stored facts, never by guessing.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{
    BackfillState, Connection, ConnectionStatus, DailyStats, DataType, Day, DayMetrics, Expected, FetchFailure,
    MetricType, ReasonCode,
};

/// Reason for missing data. Stable: frontends choose their texts by it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, strum::IntoStaticStr, strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Absence {
    /// Data of later days has come, and none of this one; or the day's activity shows hours without the ring.
    NotWorn,
    /// Oura had nothing newer at the last sync: the ring has not synced with the phone.
    NotSyncedYet,
    /// The ring's battery was low at the last sign of it.
    Battery,
    /// Oura gave the day's document without a score, or says that it has too few nights.
    Calibrating,
    /// The patient did not grant the scope.
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
    /// The day is before the requested history, or the data type is fetched once in a few days only.
    NotFetched,
    /// Oura sent it in a form that could not be read.
    Unreadable,
    /// Oura has the day's document, and no value in it: the ring measured too little.
    NotMeasured,
    /// The ring has synced today, and the day is not over.
    InProgress,
    /// Nothing that is stored explains it.
    Unknown,
}

impl Absence {
    /// All reasons.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// Name in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Text for the patient, in English: what is so, and the next step or that there is none.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::NotWorn => "The ring was not worn. Wear it, and the next days have data.",
            Self::NotSyncedYet => "The ring has not synced yet. Open the Oura app with the ring nearby.",
            Self::Battery => "The ring's battery was low. Charge it.",
            Self::Calibrating => "Oura needs some more nights for this. Keep wearing the ring.",
            Self::ScopeNotGranted => "This was not allowed when the ring was connected. Reconnect to allow it.",
            Self::MembershipEnded => {
                "The Oura membership is not active, so Oura gives no data. Renew it in the Oura app."
            }
            Self::RestMode => "Rest mode was on, so Oura gives no score. There is nothing to do.",
            Self::OuraUnavailable => "Oura does not answer at the moment. The data follows by itself.",
            Self::WeAreLate => "This has not been fetched yet. It follows by itself.",
            Self::AppOutdated => "The Oura app is too old. Update it.",
            Self::NotConnected => "No ring was connected. Connect one to get data from then on.",
            Self::NotFetched => "Oura was not asked for this day. There is nothing to do.",
            Self::Unreadable => {
                "Oura sent this in a form that could not be read. It comes when Oura corrects it; there is nothing to do."
            }
            Self::NotMeasured => {
                "The ring could not measure this. Check that it fits well and that the measurement is on in the Oura app."
            }
            Self::InProgress => "The day is not over yet. This follows by itself.",
            Self::Unknown => "Oura has no value for this and gives no reason. There is nothing to do.",
        }
    }
}

/// A metric type that days should have.
struct ExpectedMetric {
    metric_type: MetricType,
    /// Data type that it comes from; says on which days it is expected.
    from: DataType,
    /// True if the day has the value without which the type says little.
    has_main_value: fn(&DayMetrics) -> bool,
}

impl ExpectedMetric {
    fn expected(&self) -> Expected {
        self.from.facts().expected
    }
}

const EXPECTED: [ExpectedMetric; 9] = [
    ExpectedMetric {
        metric_type: MetricType::Readiness,
        from: DataType::DailyReadiness,
        has_main_value: |day| day.readiness.as_ref().is_some_and(|of| of.measured.score.is_some()),
    },
    ExpectedMetric {
        metric_type: MetricType::Sleep,
        from: DataType::Sleep,
        has_main_value: |day| day.sleep.as_ref().is_some_and(|of| of.main.total_sleep.is_some()),
    },
    ExpectedMetric {
        metric_type: MetricType::Activity,
        from: DataType::DailyActivity,
        has_main_value: |day| day.activity.as_ref().is_some_and(|of| of.score.is_some()),
    },
    ExpectedMetric {
        metric_type: MetricType::Hrv,
        from: DataType::Sleep,
        has_main_value: |day| day.hrv.as_ref().is_some_and(|of| of.average_hrv.is_some()),
    },
    ExpectedMetric {
        metric_type: MetricType::Spo2,
        from: DataType::DailySpo2,
        has_main_value: |day| day.spo2.as_ref().is_some_and(|of| of.average.is_some()),
    },
    ExpectedMetric {
        metric_type: MetricType::Stress,
        from: DataType::DailyStress,
        has_main_value: |day| {
            day.stress.as_ref().is_some_and(|of| of.stress_high.is_some()) && !day.is_unworn(MetricType::Stress)
        },
    },
    ExpectedMetric {
        metric_type: MetricType::HeartRate,
        from: DataType::HeartRate,
        has_main_value: |day| day.heart_rate.is_some(),
    },
    ExpectedMetric {
        metric_type: MetricType::Resilience,
        from: DataType::DailyResilience,
        has_main_value: |day| day.resilience.as_ref().is_some_and(|of| of.level.is_some()),
    },
    ExpectedMetric {
        metric_type: MetricType::CardiovascularAge,
        from: DataType::DailyCardiovascularAge,
        has_main_value: |day| day.cardiovascular_age.as_ref().is_some_and(|of| of.vascular_age.is_some()),
    },
];

/// Age at which a fetch is late: syncs run every night.
const A_NIGHT: SignedDuration = SignedDuration::from_hours(30);

/// Time that a catch-up run may take until it has synced a patient.
const CATCH_UP_TIME: SignedDuration = SignedDuration::from_hours(1);

/// A battery below this does not last a night, percent.
const LOW_BATTERY: f64 = 10.0;

/// So many seconds without the ring are a night missed, or most of the waking day.
const NIGHT_UNWORN: f64 = 4.0 * 3600.0;
const DAY_UNWORN: f64 = 12.0 * 3600.0;

/// Stored facts about a patient.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The connection, if there was ever one.
    pub connection: Option<&'a Connection>,
    /// The stored days in question, and some before them.
    pub days: &'a BTreeMap<Day, DailyStats>,
    /// Days between two full syncs (`FULL_SYNC_INTERVAL_DAYS`).
    pub full_sync_interval_days: u32,
    /// Hours between two catch-up runs (`CATCH_UP_HOURS`); 0: none.
    pub catch_up_hours: u32,
    /// True if Oura answered no request of any patient at the last try.
    pub is_outage: bool,
    /// Now.
    pub now: Timestamp,
}

impl Evidence<'_> {
    /// Reason for a day without any stats.
    #[must_use]
    pub fn of_day(&self, day: Day) -> Absence {
        let connection = match self.expected_of(day, DataType::DailyActivity) {
            Ok(connection) => connection,
            Err(absence) => return absence,
        };
        let is_last = connection.last_data_day.is_none_or(|last| last < day);
        let daily = EXPECTED.iter().filter(|expected| expected.expected() != Expected::OverWeeks);
        let mut daily = daily.filter(|expected| connection.scopes_granted.contains(expected.from.scope()));
        // One readable data type would show that there was something.
        let all_unreadable = daily.all(|expected| is_unreadable(connection, expected.from));
        match self.battery_before(day) {
            _ if all_unreadable => Absence::Unreadable,
            true => Absence::Battery,
            false if is_last => Absence::NotSyncedYet,
            false => Absence::NotWorn,
        }
    }

    /// The expected metric types that a day with stats lacks, each with the reason. A type with a null main value counts as
    /// missing. Types that Oura computes over weeks are not missing before the day has settled.
    #[must_use]
    pub fn missing(&self, stats: &DailyStats) -> BTreeMap<MetricType, Absence> {
        let lacks = |expected: &&ExpectedMetric| !(expected.has_main_value)(&stats.metrics);
        let is_due = |expected: &&ExpectedMetric| !stats.provisional || expected.expected() != Expected::OverWeeks;
        EXPECTED
            .iter()
            .filter(is_due)
            .filter(lacks)
            .map(|expected| (expected.metric_type, self.of_metric(stats, expected)))
            .collect()
    }

    /// The reason for a metric type that is missing or has no main value.
    fn of_metric(&self, stats: &DailyStats, missing: &ExpectedMetric) -> Absence {
        let (day, metrics) = (stats.day, &stats.metrics);
        let has_score = matches!(missing.metric_type, MetricType::Activity | MetricType::Readiness);
        if has_score && self.is_resting(day) {
            return Absence::RestMode;
        }
        // What the day has needs no ring, and nothing newer has come from it: the activity, which every sync fetches, decides.
        let is_unsynced = |of: &Connection| !metrics.shows_ring() && of.last_data_day.is_none_or(|last| last < day);
        let is_granted = |of: &Connection| of.is_granted(missing.from) && of.is_granted(DataType::DailyActivity);
        let is_usual = matches!(missing.expected(), Expected::EveryNight | Expected::EveryDay);
        if is_usual && self.connection.is_some_and(|of| is_granted(of) && is_unsynced(of)) {
            return self.of_day(day);
        }
        let has_document = metrics.contains(missing.metric_type);
        // Oura has seen the day, so a document of it explains more than the state of the connection.
        let connection = match self.expected_of(day, missing.from) {
            Ok(connection) => Some(connection),
            Err(_) if has_document => None,
            Err(absence) => return absence,
        };
        if let Some(absence) = self.of_wear(stats, missing) {
            return absence;
        }
        let is_unreadable = self.connection.is_some_and(|connection| is_unreadable(connection, missing.from));
        let status = metrics.sleep_time.as_ref().and_then(|advice| advice.status.as_deref());
        let is_new = status.is_some_and(|status| status.starts_with("not_enough"));
        let has_night = has_night(metrics);
        match missing.expected() {
            _ if is_unreadable => Absence::Unreadable,
            _ if has_score && has_document => Absence::Calibrating,
            Expected::OverWeeks if is_new => Absence::Calibrating,
            Expected::EveryNight if has_night && missing.metric_type == MetricType::Readiness && is_new => {
                Absence::Calibrating
            }
            _ if day >= Day::of_utc(self.now) => match missing.expected() {
                // Without a night the ring has still to be synced: Oura computes nights when its app is opened.
                Expected::EveryNight if !has_night => Absence::NotSyncedYet,
                _ if has_night || connection.is_some_and(|of| of.last_data_day >= Some(day)) => Absence::InProgress,
                _ => Absence::NotSyncedYet,
            },
            _ if has_document => Absence::NotMeasured,
            _ => Absence::Unknown,
        }
    }

    /// The reason if the day's own stats show that the ring was not worn, or had no power.
    fn of_wear(&self, stats: &DailyStats, missing: &ExpectedMetric) -> Option<Absence> {
        let (day, metrics) = (stats.day, &stats.metrics);
        let unworn = metrics.activity.as_ref().and_then(|of| of.non_wear_time).unwrap_or_default().get();
        let has_night = has_night(metrics);
        // Some samples, and neither a night nor a day's activity, though later days have come: worn for moments.
        let has_later = self.connection.is_some_and(|of| of.last_data_day.is_some_and(|last| last > day));
        let hardly_worn = !has_night && metrics.activity.is_none() && has_later;
        let is_over = day < Day::of_utc(self.now);
        match missing.expected() {
            Expected::EveryNight if !has_night && is_low(stats) => Some(Absence::Battery),
            Expected::EveryNight | Expected::EveryDay if hardly_worn => Some(Absence::NotWorn),
            Expected::EveryNight if !has_night && unworn >= NIGHT_UNWORN => Some(Absence::NotWorn),
            Expected::EveryDay if is_low(stats) => Some(Absence::Battery),
            Expected::EveryDay if unworn >= DAY_UNWORN => Some(Absence::NotWorn),
            Expected::EveryDay if is_over && metrics.is_unworn(missing.metric_type) => Some(Absence::NotWorn),
            _ => None,
        }
    }

    /// The connection, if the day was fetched and should have data of this collection; otherwise the reason against it.
    fn expected_of(&self, day: Day, from: DataType) -> Result<&Connection, Absence> {
        let connection = self.connection.ok_or(Absence::NotConnected)?;
        if !connection.scopes_granted.contains(from.scope()) {
            return Err(Absence::ScopeNotGranted);
        }
        let fetched = connection.watermarks.get(&from);
        let history = connection.backfill.as_ref();
        let is_missing = connection.owes_history(from).is_some() || fetched.is_none();
        let is_arriving =
            is_missing && history.is_some_and(|of| of.state != BackfillState::Done && of.range.contains(day));
        // A day is over everywhere twelve hours after its end in UTC.
        let is_over = |at: &Timestamp| Day::of_utc(*at) > day;
        let age = fetched.map(|at| self.now.duration_since(*at));
        // A full sync requests what others leave out, and may run late.
        let is_looked_at =
            age.is_some_and(|age| age < SignedDuration::from_hours(24 * i64::from(self.full_sync_interval_days + 2)));
        let is_current = is_looked_at && connection.is_kept_current(from, self.now);
        if !is_arriving && (fetched.is_some_and(is_over) || is_current) {
            let first = history.filter(|of| !of.reconnected).map(|of| of.range.first());
            return if first.is_some_and(|first| day < first) { Err(Absence::NotFetched) } else { Ok(connection) };
        }
        // It has not been requested since.
        if connection.status == ConnectionStatus::Disconnected {
            return Err(Absence::NotConnected);
        }
        match connection.reason {
            Some(ReasonCode::Membership) => return Err(Absence::MembershipEnded),
            Some(ReasonCode::AppOutdated) => return Err(Absence::AppOutdated),
            _ => {}
        }
        // Unreadable parts do not follow by themselves.
        let failing = connection.failing.get(&from).copied().filter(|_| !is_unreadable(connection, from));
        if failing.is_some_and(FetchFailure::is_outage) {
            return Err(Absence::OuraUnavailable);
        }
        let late = if self.is_outage { Absence::OuraUnavailable } else { Absence::WeAreLate };
        if is_arriving || failing.is_some() {
            return Err(late);
        }
        let is_rare = from.facts().expected == Expected::OverWeeks;
        match age {
            None => Err(Absence::NotFetched),
            Some(_) if is_rare && is_looked_at => Err(Absence::NotFetched),
            Some(age) if age < self.longest_wait(connection) => Ok(connection),
            Some(_) => Err(late),
        }
    }

    /// Age at which the last fetch is late. While webhooks are silent, only fetches show what there is.
    fn longest_wait(&self, connection: &Connection) -> SignedDuration {
        let catches_up = self.catch_up_hours > 0
            && connection.has_silent_webhooks()
            && !connection.is_ring_away(self.now)
            && connection.status == ConnectionStatus::Connected;
        if catches_up { SignedDuration::from_hours(i64::from(self.catch_up_hours)) + CATCH_UP_TIME } else { A_NIGHT }
    }

    /// True if a rest mode period covers the day.
    fn is_resting(&self, day: Day) -> bool {
        let periods = self.days.range(..=day).filter_map(|(_, stats)| stats.metrics.rest_mode.as_ref());
        let mut periods = periods.flat_map(|of_day| &of_day.periods).map(|period| &period.period);
        periods.any(|period| period.start_day <= day && period.end_day.is_none_or(|last| day <= last))
    }

    /// True if the battery was low on the last day before with any stats, within three days.
    fn battery_before(&self, day: Day) -> bool {
        self.days.range(day.plus(-3)..day).next_back().is_some_and(|(_, stats)| is_low(stats))
    }
}

/// True if Oura's documents of this data type had unreadable parts when they were last fetched.
fn is_unreadable(connection: &Connection, data_type: DataType) -> bool {
    connection.failing.get(&data_type) == Some(&FetchFailure::MalformedDocuments)
}

fn has_night(metrics: &DayMetrics) -> bool {
    metrics.sleep.as_ref().is_some_and(|of| of.main.total_sleep.is_some())
}

/// True if the day's stats show a low battery.
fn is_low(stats: &DailyStats) -> bool {
    let battery = stats.metrics.ring.as_ref().map(|ring| ring.battery_last.get());
    let alert = stats.metrics.sleep.as_ref().and_then(|sleep| sleep.main.low_battery_alert);
    battery.is_some_and(|level| level < LOW_BATTERY) || alert == Some(true)
}

#[cfg(test)]
mod tests;
