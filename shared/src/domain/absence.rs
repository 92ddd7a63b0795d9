//! Reasons for days without data and for missing metric types: from stored facts, never by guessing.

use std::collections::BTreeMap;

use jiff::civil::Time;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{
    BackfillState, Connection, ConnectionStatus, DailyStats, DataType, Day, DayMetrics, DayRange, Expected,
    FetchFailure, LONGEST_WINDOW, MetricType, Moment, ReasonCode,
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
    /// Oura gave the day's document without a score, as it did on the days before, or says that it has too few nights.
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
    /// The ring has synced on that day, and the day is not over where the patient is.
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
        has_main_value: |day| has_score(day, MetricType::Readiness),
    },
    ExpectedMetric {
        metric_type: MetricType::Sleep,
        from: DataType::Sleep,
        has_main_value: |day| day.sleep.as_ref().is_some_and(|of| of.main.total_sleep.is_some()),
    },
    ExpectedMetric {
        metric_type: MetricType::Activity,
        from: DataType::DailyActivity,
        has_main_value: |day| has_score(day, MetricType::Activity),
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

/// Time after the end of a day in UTC at which it is over everywhere: no zone is further behind.
const BEHIND_UTC: SignedDuration = SignedDuration::from_hours(12);

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
    /// Days that a sync reads again (`LOOKBACK_DAYS`).
    pub lookback_days: u32,
    /// True if Oura answered no request of any patient at the last try.
    pub is_outage: bool,
    /// Now.
    pub now: Timestamp,
}

impl Evidence<'_> {
    /// Days before a day within which rest mode that covers it can have begun.
    pub const MAX_REST_MODE_DAYS: i32 = 365;

    /// True if the day has begun where the patient is, by the offset of the last sleep before; in UTC without one.
    #[must_use]
    pub fn has_begun(&self, day: Day) -> bool {
        let shown = self.days.range(..=day).rev().find_map(|(_, stats)| offset(&stats.metrics));
        day <= Day::from(shown.unwrap_or(Offset::UTC).to_datetime(self.now).date())
    }

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
        if self.battery_before(day) {
            return Absence::Battery;
        }
        if is_last {
            return Absence::NotSyncedYet;
        }
        // One readable data type would show that there was something.
        let all_unreadable = daily.all(|expected| self.can_be_unreadable(connection, expected.from, day));
        if all_unreadable { Absence::Unreadable } else { Absence::NotWorn }
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
        let is_score = matches!(missing.metric_type, MetricType::Activity | MetricType::Readiness);
        if is_score && self.is_resting(day) {
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
        let can_be_unreadable = self.connection.is_some_and(|of| self.can_be_unreadable(of, missing.from, day));
        // The document whose value is null. A score of `daily_sleep` is none of the night itself.
        let has_null = has_document && missing.metric_type != MetricType::Sleep;
        let is_over = self.is_over(day);
        let status = metrics.sleep_time.as_ref().and_then(|advice| advice.status.as_deref());
        let is_new = status.is_some_and(|status| status.starts_with("not_enough"));
        let has_night = has_night(metrics);
        let has_synced = has_night || connection.is_some_and(|of| of.last_data_day >= Some(day));
        match missing.expected() {
            // Oura computes nights when its app is opened.
            Expected::EveryNight if !has_night && !has_null && (!is_over || self.awaits_night(day)) => {
                Absence::NotSyncedYet
            }
            _ if is_score && has_null && !self.had_score_before(stats, missing.metric_type) => Absence::Calibrating,
            Expected::OverWeeks if is_new => Absence::Calibrating,
            Expected::EveryNight if has_night && missing.metric_type == MetricType::Readiness && is_new => {
                Absence::Calibrating
            }
            // The day's own document says more than the state of its data type.
            _ if has_null && !is_score && is_over => Absence::NotMeasured,
            _ if can_be_unreadable && (is_score || !has_null) => Absence::Unreadable,
            _ if !is_over && has_synced => Absence::InProgress,
            _ if !is_over => Absence::NotSyncedYet,
            _ if has_document && !is_score => Absence::NotMeasured,
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
        let says_unworn = metrics.is_unworn(missing.metric_type) && !shows_wear(metrics);
        match missing.expected() {
            Expected::EveryNight if !has_night && is_low(stats) => Some(Absence::Battery),
            Expected::EveryNight | Expected::EveryDay if hardly_worn => Some(Absence::NotWorn),
            Expected::EveryNight if !has_night && unworn >= NIGHT_UNWORN => Some(Absence::NotWorn),
            Expected::EveryDay if is_low(stats) => Some(Absence::Battery),
            Expected::EveryDay if unworn >= DAY_UNWORN => Some(Absence::NotWorn),
            Expected::EveryDay if self.is_over(day) && says_unworn => Some(Absence::NotWorn),
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
        let was_over = |at: &Timestamp| *at >= self.end_of(day);
        let age = fetched.map(|at| self.now.duration_since(*at));
        // A full sync requests what others leave out, and may run late.
        let is_looked_at =
            age.is_some_and(|age| age < SignedDuration::from_hours(24 * i64::from(self.full_sync_interval_days + 2)));
        let is_current = is_looked_at && connection.has_working_webhooks(from, self.now);
        if !is_arriving && (fetched.is_some_and(was_over) || is_current) {
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
        let failing = connection.failing.get(&from).copied();
        let failing = failing.filter(|failure| *failure != FetchFailure::MalformedDocuments);
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
        let days = self.days.range(day.plus(-Self::MAX_REST_MODE_DAYS)..=day);
        let periods = days.filter_map(|(_, stats)| stats.metrics.rest_mode.as_ref());
        let mut periods = periods.flat_map(|of_day| &of_day.periods).map(|period| &period.period);
        periods.any(|period| period.start_day <= day && period.end_day.is_none_or(|last| day <= last))
    }

    /// End of the day by the offset that its sleep shows; without one, the time at which it is over everywhere.
    fn end_of(&self, day: Day) -> Timestamp {
        let midnight = day.plus(1);
        let shown = self.days.get(&day).and_then(|stats| offset(&stats.metrics));
        let local = shown.and_then(|offset| offset.to_timestamp(midnight.date().to_datetime(Time::midnight())).ok());
        local.unwrap_or_else(|| midnight.start_utc() + BEHIND_UTC)
    }

    /// True if the day is over where the patient is.
    fn is_over(&self, day: Day) -> bool {
        let shows_end = self.days.get(&day).is_some_and(|stats| offset(&stats.metrics).is_some());
        let has_later = self.connection.is_some_and(|of| of.last_data_day.is_some_and(|last| last > day));
        self.now >= self.end_of(day) || !shows_end && has_later
    }

    /// True if no night of the day or of a later one has arrived.
    fn awaits_night(&self, day: Day) -> bool {
        let arrived = self.connection.and_then(|of| of.arrived_through.get(&DataType::Sleep));
        // A webhook can have brought a newer one since.
        arrived.is_some_and(|newest| *newest < day) && !self.days.range(day..).any(|(_, of)| has_night(&of.metrics))
    }

    /// True if one of the days before had this score. Baselines cover all of them, whatever days were read.
    fn had_score_before(&self, stats: &DailyStats, metric_type: MetricType) -> bool {
        let usual = stats.baselines.as_ref().and_then(|of| of.values.get(&metric_type)?.get("score"));
        let mut before = self.days.range(stats.day.plus(-LONGEST_WINDOW)..stats.day).map(|(_, of)| &of.metrics);
        usual.is_some_and(|of| of.days30.count > 0) || before.any(|of| has_score(of, metric_type))
    }

    /// True if the data type had unreadable parts when it was last fetched, and the day was read then.
    fn can_be_unreadable(&self, connection: &Connection, data_type: DataType, day: Day) -> bool {
        let is_malformed = connection.failing.get(&data_type) == Some(&FetchFailure::MalformedDocuments);
        is_malformed && self.last_read(connection, data_type).is_some_and(|days| days.contains(day))
    }

    /// Days that the last fetch of the newest documents has read: the history, or the look-back.
    fn last_read(&self, connection: &Connection, data_type: DataType) -> Option<DayRange> {
        let fetched = connection.watermarks.get(&data_type)?;
        let history = connection.backfill.as_ref().and_then(|of| of.per_type.get(&data_type));
        let history = history.filter(|of| of.fetched_at == Some(*fetched)).and_then(|of| of.from);
        let tomorrow = Day::of_utc(*fetched).plus(1);
        let look_back = tomorrow.plus(-i32::try_from(self.lookback_days).unwrap_or(0));
        DayRange::new(history.unwrap_or(look_back), tomorrow).ok()
    }

    /// True if the battery was low on the last day before with any stats, within three days.
    fn battery_before(&self, day: Day) -> bool {
        self.days.range(day.plus(-3)..day).next_back().is_some_and(|(_, stats)| is_low(stats))
    }
}

/// Offset of the patient on the day: that of the main sleep, whose times Oura gives with it.
fn offset(metrics: &DayMetrics) -> Option<Offset> {
    let sleep = &metrics.sleep.as_ref()?.main;
    [&sleep.bedtime_end, &sleep.bedtime_start].into_iter().flatten().find_map(Moment::offset)
}

/// True if the day's activity shows that the ring was worn for most of the waking day.
fn shows_wear(metrics: &DayMetrics) -> bool {
    metrics.activity.as_ref().is_some_and(|of| match of.non_wear_time {
        Some(unworn) => unworn.get() < DAY_UNWORN,
        None => of.steps.is_some_and(|steps| steps.get() > 0.0),
    })
}

fn has_score(metrics: &DayMetrics, metric_type: MetricType) -> bool {
    match metric_type {
        MetricType::Readiness => metrics.readiness.as_ref().is_some_and(|of| of.measured.score.is_some()),
        MetricType::Activity => metrics.activity.as_ref().is_some_and(|of| of.score.is_some()),
        _ => false,
    }
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
