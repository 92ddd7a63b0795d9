//! Why a patient has no data for a day, or a day lacks a kind: from what is stored, never by guessing.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;

use super::{BackfillState, Connection, ConnectionStatus, DailyStats, Day, MetricType, ReasonCode};
use crate::oura::{DataType, OuraError};

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
    /// Every how many days a pull asks for everything (`FULL_PULL_DAYS`).
    pub full_pull_days: u32,
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
            age.is_some_and(|age| age < SignedDuration::from_hours(24 * i64::from(self.full_pull_days + 2)));
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
        let failing = connection.failing.get(&from).map(String::as_str);
        if failing.is_some_and(OuraError::is_outage) {
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
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::{Backfill, DayRange, ScopeSet};

    const NOW: &str = "2026-03-20T09:00:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    /// Pulled last night; the newest day with data is yesterday.
    fn connection() -> Connection {
        Connection {
            patient_id: "p-1".parse().unwrap(),
            status: ConnectionStatus::Connected,
            reason: None,
            since: at("2026-03-01T09:00:00Z"),
            oura_user_id: "ring-1".parse().unwrap(),
            grant_id: "g-1".parse().unwrap(),
            generation: 1,
            scopes_granted: ScopeSet::parse(ScopeSet::DEFAULT),
            scopes_requested: ScopeSet::parse(ScopeSet::DEFAULT),
            lease: None,
            intent: None,
            suspect: None,
            last_sync_at: Some(at("2026-03-20T03:01:00Z")),
            last_data_day: Some(day("2026-03-19")),
            last_notice_at: None,
            unannounced: BTreeMap::new(),
            backfill: Some(Backfill {
                state: BackfillState::Done,
                sync_id: "backfill-g-1".parse().unwrap(),
                range: DayRange::ending(day("2026-03-01"), 30),
                per_type: BTreeMap::new(),
                reconnected: false,
                days_repaired: None,
            }),
            failing: BTreeMap::new(),
            watermarks: DataType::ALL.into_iter().map(|kind| (kind, at("2026-03-20T03:01:00Z"))).collect(),
        }
    }

    /// A day with all that is expected, changed by `with`.
    fn stats(of: &str, with: impl FnOnce(&mut BTreeMap<MetricType, Value>)) -> DailyStats {
        let mut metrics: BTreeMap<MetricType, Value> =
            EXPECTED.iter().map(|expected| (expected.kind, json!({ expected.field: 80 }))).collect();
        with(&mut metrics);
        DailyStats {
            day: day(of),
            metrics,
            revision: 1,
            content_hash: String::new(),
            provisional: false,
            observed_at: at(NOW),
            baselines: None,
        }
    }

    fn whole(connection: Option<&Connection>, days: &[DailyStats], of: &str) -> Absence {
        let days = days.iter().map(|stats| (stats.day, stats.clone())).collect();
        Evidence { connection, days: &days, full_pull_days: 7, is_outage: false, now: at(NOW) }.of_day(day(of))
    }

    fn missing(connection: &Connection, stats: &DailyStats) -> BTreeMap<MetricType, Absence> {
        let days = BTreeMap::from([(stats.day, stats.clone())]);
        Evidence { connection: Some(connection), days: &days, full_pull_days: 7, is_outage: false, now: at(NOW) }
            .missing(stats)
    }

    #[test]
    fn an_empty_day_between_others_was_not_worn_and_one_after_them_has_not_synced() {
        let connection = connection();
        assert_eq!(whole(Some(&connection), &[], "2026-03-15"), Absence::NotWorn);
        assert_eq!(whole(Some(&connection), &[], "2026-03-20"), Absence::NotSyncedYet);
        let low = stats("2026-03-14", |metrics| drop(metrics.insert(MetricType::Ring, json!({"batteryLast": 4}))));
        assert_eq!(whole(Some(&connection), std::slice::from_ref(&low), "2026-03-15"), Absence::Battery);
        assert_eq!(whole(Some(&connection), &[low], "2026-03-19"), Absence::NotWorn, "a battery low five days before");
        let alert =
            stats("2026-03-19", |metrics| drop(metrics.insert(MetricType::Sleep, json!({"lowBatteryAlert": true}))));
        assert_eq!(whole(Some(&connection), &[alert], "2026-03-20"), Absence::Battery);
    }

    #[test]
    fn what_was_never_asked_for_is_not_blamed_on_the_ring() {
        assert_eq!(whole(None, &[], "2026-03-15"), Absence::NotConnected);
        let mut of = connection();
        assert_eq!(whole(Some(&of), &[], "2026-01-15"), Absence::NotFetched);
        of.backfill.as_mut().unwrap().reconnected = true;
        assert_eq!(whole(Some(&of), &[], "2026-01-15"), Absence::NotWorn, "an earlier connection fetched it");
        of.backfill.as_mut().unwrap().state = BackfillState::Running;
        assert_eq!(whole(Some(&of), &[], "2026-02-15"), Absence::WeAreLate, "its history is arriving");
        let mut of = connection();
        of.scopes_granted = ScopeSet::parse("heartrate");
        assert_eq!(whole(Some(&of), &[], "2026-03-15"), Absence::ScopeNotGranted);
    }

    #[test]
    fn what_keeps_data_away_is_told_for_the_days_since_the_last_fetch_only() {
        let old = |mut of: Connection| {
            of.watermarks = DataType::ALL.into_iter().map(|kind| (kind, at("2026-03-17T03:00:00Z"))).collect();
            of
        };
        let late = old(connection());
        assert_eq!(whole(Some(&late), &[], "2026-03-18"), Absence::WeAreLate);
        assert_eq!(whole(Some(&late), &[], "2026-03-15"), Absence::NotWorn, "that day was asked for");
        let mut ended = old(connection());
        (ended.status, ended.reason) = (ConnectionStatus::Error, Some(ReasonCode::Membership));
        assert_eq!(whole(Some(&ended), &[], "2026-03-18"), Absence::MembershipEnded);
        ended.reason = Some(ReasonCode::AppOutdated);
        assert_eq!(whole(Some(&ended), &[], "2026-03-18"), Absence::AppOutdated);
        (ended.status, ended.reason) = (ConnectionStatus::Disconnected, Some(ReasonCode::Revoked));
        assert_eq!(whole(Some(&ended), &[], "2026-03-18"), Absence::NotConnected);
        let all_out = |connection: &Connection, of: &str| {
            let days = BTreeMap::new();
            let evidence = Evidence {
                connection: Some(connection),
                days: &days,
                full_pull_days: 7,
                is_outage: true,
                now: at(NOW),
            };
            evidence.of_day(day(of))
        };
        assert_eq!(all_out(&late, "2026-03-18"), Absence::OuraUnavailable);
        assert_eq!(all_out(&late, "2026-03-15"), Absence::NotWorn, "that day was asked for");
        assert_eq!(all_out(&connection(), "2026-03-18"), Absence::NotWorn, "and that one in time");
        let mut outage = old(connection());
        outage.failing.insert(DataType::DailyActivity, "unavailable".to_owned());
        assert_eq!(whole(Some(&outage), &[], "2026-03-18"), Absence::OuraUnavailable);
        // Webhooks that work announce what there is: nothing announced means that the ring has not synced.
        let mut current = old(connection());
        current.last_data_day = Some(day("2026-03-17"));
        current.last_notice_at = Some(at("2026-03-19T20:00:00Z"));
        assert_eq!(whole(Some(&current), &[], "2026-03-18"), Absence::NotSyncedYet);
        // Where full pulls are rare, the last one may be long ago.
        let of = |connection: &Connection, full_pull_days: u32| {
            let days = BTreeMap::new();
            Evidence { connection: Some(connection), days: &days, full_pull_days, is_outage: false, now: at(NOW) }
                .of_day(day("2026-03-18"))
        };
        let mut rare = current.clone();
        rare.watermarks = DataType::ALL.into_iter().map(|kind| (kind, at("2026-03-08T03:00:00Z"))).collect();
        assert_eq!((of(&rare, 7), of(&rare, 14)), (Absence::WeAreLate, Absence::NotSyncedYet));
        current.last_notice_at = Some(at("2026-03-17T20:00:00Z"));
        assert_eq!(whole(Some(&current), &[], "2026-03-18"), Absence::WeAreLate);
    }

    #[test]
    fn a_kind_is_explained_by_the_rest_of_its_day() {
        let connection = connection();
        assert_eq!(missing(&connection, &stats("2026-03-15", |_| ())), BTreeMap::new());
        let unworn = stats("2026-03-15", |metrics| {
            metrics.retain(|kind, _| *kind == MetricType::Activity);
            metrics.insert(MetricType::Activity, json!({"score": 70, "nonWearTime": 30_000}));
        });
        let told = missing(&connection, &unworn);
        assert_eq!((told[&MetricType::Sleep], told[&MetricType::Hrv]), (Absence::NotWorn, Absence::NotWorn));
        assert_eq!(told[&MetricType::Stress], Absence::Unknown, "eight hours are not the whole day");
        let moments = stats("2026-03-15", |metrics| metrics.retain(|kind, _| *kind == MetricType::HeartRate));
        let told = missing(&connection, &moments);
        assert_eq!((told[&MetricType::Sleep], told[&MetricType::Activity]), (Absence::NotWorn, Absence::NotWorn));
        let without = stats("2026-03-15", |metrics| drop(metrics.remove(&MetricType::Spo2)));
        assert_eq!(missing(&connection, &without), BTreeMap::from([(MetricType::Spo2, Absence::Unknown)]));
        let mut refused = connection.clone();
        refused.scopes_granted = ScopeSet::parse("daily heartrate stress heart_health");
        assert_eq!(missing(&refused, &without)[&MetricType::Spo2], Absence::ScopeNotGranted);
        let mut today = stats("2026-03-20", |metrics| {
            metrics.remove(&MetricType::Stress);
            metrics.remove(&MetricType::Resilience);
        });
        today.provisional = true;
        let told = missing(&connection, &today);
        assert_eq!(told, BTreeMap::from([(MetricType::Stress, Absence::NotSyncedYet)]), "resilience comes later");
    }

    #[test]
    fn a_new_ring_and_rest_mode_are_told_apart() {
        let connection = connection();
        let scoreless =
            stats("2026-03-15", |metrics| drop(metrics.insert(MetricType::Readiness, json!({"score": null}))));
        assert_eq!(missing(&connection, &scoreless)[&MetricType::Readiness], Absence::Calibrating);
        let new = stats("2026-03-15", |metrics| {
            metrics.remove(&MetricType::Resilience);
            metrics.insert(MetricType::SleepTime, json!({"status": "not_enough_nights"}));
        });
        assert_eq!(missing(&connection, &new)[&MetricType::Resilience], Absence::Calibrating);
        let resting = stats("2026-03-15", |metrics| {
            metrics.insert(MetricType::Activity, json!({"score": null}));
            let periods = json!({"periods": [{"startDay": "2026-03-14", "endDay": null}]});
            metrics.insert(MetricType::RestMode, periods);
        });
        assert_eq!(missing(&connection, &resting)[&MetricType::Activity], Absence::RestMode);
        let over = stats("2026-03-15", |metrics| {
            metrics.insert(MetricType::Activity, json!({"score": null}));
            let periods = json!({"periods": [{"startDay": "2026-03-10", "endDay": "2026-03-12"}]});
            metrics.insert(MetricType::RestMode, periods);
        });
        assert_eq!(missing(&connection, &over)[&MetricType::Activity], Absence::Calibrating);
    }

    #[test]
    fn a_history_explains_its_own_days_and_only_while_it_arrives() {
        let mut of = connection();
        assert_eq!(whole(Some(&of), &[], "2026-02-15"), Absence::NotWorn, "it has arrived");
        of.backfill.as_mut().unwrap().state = BackfillState::Running;
        assert_eq!(whole(Some(&of), &[], "2026-03-15"), Absence::NotWorn, "a pull brought this one");
        let mut never = connection();
        never.watermarks.clear();
        assert_eq!(whole(Some(&never), &[], "2026-03-15"), Absence::NotFetched);
        let mut empty = connection();
        empty.last_data_day = None;
        assert_eq!(whole(Some(&empty), &[], "2026-03-15"), Absence::NotSyncedYet, "there was never anything");
        let mut failing = connection();
        failing.failing.insert(DataType::DailyActivity, "malformed_documents".to_owned());
        assert_eq!(whole(Some(&failing), &[], "2026-03-20"), Absence::WeAreLate, "Oura answered");
        let full = stats("2026-03-14", |metrics| drop(metrics.insert(MetricType::Ring, json!({"batteryLast": 80}))));
        assert_eq!(whole(Some(&connection()), &[full], "2026-03-15"), Absence::NotWorn, "the battery was full");
    }

    #[test]
    fn only_webhooks_that_work_explain_what_was_not_asked_for() {
        let mut of = connection();
        of.last_notice_at = Some(at("2026-03-19T20:00:00Z"));
        let fetched = |of: &mut Connection, text: &str| of.watermarks.values_mut().for_each(|known| *known = at(text));
        fetched(&mut of, "2026-03-17T03:00:00Z");
        let without = |kind| stats("2026-03-18", move |metrics| drop(metrics.remove(&kind)));
        assert_eq!(missing(&of, &without(MetricType::Stress))[&MetricType::Stress], Absence::Unknown);
        let told = missing(&of, &without(MetricType::HeartRate));
        assert_eq!(told[&MetricType::HeartRate], Absence::WeAreLate, "it has no webhook");
        let mut silent = of.clone();
        silent.unannounced.insert(DataType::DailyStress, 1);
        assert_eq!(missing(&silent, &without(MetricType::Stress))[&MetricType::Stress], Absence::WeAreLate);
        fetched(&mut of, "2026-03-10T03:00:00Z");
        let told = missing(&of, &without(MetricType::Stress));
        assert_eq!(told[&MetricType::Stress], Absence::WeAreLate, "a full pull is long due");
    }

    #[test]
    fn what_is_asked_for_once_in_a_few_days_is_late_after_these() {
        let mut of = connection();
        let without = stats("2026-03-18", |metrics| drop(metrics.remove(&MetricType::Resilience)));
        of.watermarks.insert(DataType::DailyResilience, at("2026-03-15T03:00:00Z"));
        assert_eq!(missing(&of, &without)[&MetricType::Resilience], Absence::NotFetched);
        of.watermarks.insert(DataType::DailyResilience, at("2026-03-10T03:00:00Z"));
        assert_eq!(missing(&of, &without)[&MetricType::Resilience], Absence::WeAreLate);
    }

    #[test]
    fn battery_and_hours_without_the_ring_explain_only_what_they_can() {
        use MetricType::{Activity, HeartRate, Ring, Sleep, Spo2, Stress};
        let of = |day: &str, without: &[MetricType], with: &[(MetricType, Value)], asked: MetricType| {
            let stats = stats(day, |metrics| {
                metrics.retain(|kind, _| !without.contains(kind));
                metrics.extend(with.iter().cloned());
            });
            missing(&connection(), &stats)[&asked]
        };
        let low = [(Ring, json!({"batteryLast": 4}))];
        let unworn = |seconds: u32| [(Activity, json!({"score": 70, "nonWearTime": seconds}))];
        let (day, last) = ("2026-03-15", "2026-03-19");
        assert_eq!(of(day, &[Sleep], &low, Sleep), Absence::Battery);
        assert_eq!(of(day, &[Stress], &low, Stress), Absence::Battery);
        assert_eq!(of(day, &[Spo2], &low, Spo2), Absence::Unknown, "it lasted the night");
        assert_eq!(of(day, &[Sleep], &unworn(3_600), Sleep), Absence::Unknown, "an hour is no night");
        assert_eq!(of(day, &[Spo2], &unworn(30_000), Spo2), Absence::Unknown, "the night was measured");
        assert_eq!(of(day, &[Stress], &unworn(50_000), Stress), Absence::NotWorn);
        assert_eq!(of(day, &[Activity, Stress], &[], Stress), Absence::Unknown, "it was worn all night");
        let all_but_heart_rate: Vec<_> =
            EXPECTED.iter().map(|expected| expected.kind).filter(|kind| *kind != HeartRate).collect();
        assert_eq!(of(last, &all_but_heart_rate, &[], Sleep), Absence::Unknown, "more of the newest day may come");
        let no_average = [(Spo2, json!({"average": null}))];
        assert_eq!(of(day, &[], &no_average, Spo2), Absence::Unknown, "only scores are computed from several nights");
    }

    #[test]
    fn a_new_ring_and_rest_mode_explain_only_what_follows_from_them() {
        use MetricType::{Activity, Readiness, RestMode, Sleep, SleepTime, Spo2};
        let new = |without: &[MetricType]| {
            let stats = stats("2026-03-15", |metrics| {
                metrics.retain(|kind, _| !without.contains(kind));
                metrics.insert(SleepTime, json!({"status": "not_enough_nights"}));
            });
            missing(&connection(), &stats)
        };
        assert_eq!(new(&[Readiness])[&Readiness], Absence::Calibrating);
        assert_eq!(new(&[Spo2])[&Spo2], Absence::Unknown);
        assert_eq!(new(&[Readiness, Sleep])[&Readiness], Absence::Unknown, "without a night there is none to be had");
        let resting = |from: &str| {
            let stats = stats("2026-03-15", |metrics| {
                metrics.retain(|kind, _| ![Activity, Readiness, Spo2].contains(kind));
                metrics.insert(RestMode, json!({"periods": [{"startDay": from, "endDay": null}]}));
            });
            let told = missing(&connection(), &stats);
            [told[&Activity], told[&Readiness], told[&Spo2]]
        };
        assert_eq!(resting("2026-03-15"), [Absence::RestMode, Absence::RestMode, Absence::Unknown]);
        assert_eq!(resting("2026-03-16"), [Absence::Unknown; 3], "it began the day after");
    }

    #[test]
    fn every_reason_has_one_name_and_a_text() {
        for absence in Absence::ALL {
            assert_eq!(serde_json::to_value(absence).unwrap(), absence.as_str());
            assert!(absence.text().ends_with('.'));
        }
    }
}
