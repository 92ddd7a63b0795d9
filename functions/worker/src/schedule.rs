//! The schedule of a nightly or catch-up sync: which data types are due for one patient, and for which days.
//!
//! | data types | due |
//! |---|---|
//! | sleep, its scores, activity: the source of most of a day's stats | every night |
//! | heart rate, ring battery: no webhook exists for them | every night on which the ring has synced |
//! | readiness, SpO2, stress, workouts, sessions, tags | every night on which the ring has synced |
//! | resilience, ages, bedtime advice, rest mode, rings: Oura gives them rarely | every few days |
//!
//! A data type that webhooks keep current is not due, except every few days. A data type that was never fetched completely, or
//! failed last time, is always due. A ring has synced if a webhook event arrived since the last fetch, or if one of the data
//! types of every night holds something new.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use shared::domain::{BackfillState, Connection, DataType, Day, DayRange, Frequency, RangeQuery};

/// Longest range of one sync, however long nothing was fetched. Oura advises one to three months per request.
const MAX_DAYS: i32 = 92;

/// Days to fetch, by data type.
pub(crate) type DueDays = BTreeMap<DataType, DayRange>;

/// Data types that are due for a patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyncSchedule {
    /// All days of the sync.
    pub(crate) range: DayRange,
    /// Fetched in any case.
    pub(crate) always: DueDays,
    /// Fetched in addition if the ring has synced.
    pub(crate) if_ring_synced: DueDays,
}

/// Rules that decide what is due.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SyncPolicy {
    /// Days after which every data type is due, webhooks or not.
    pub(crate) full_sync_interval_days: u32,
    pub(crate) now: Timestamp,
}

impl SyncSchedule {
    /// Computes what is due for a patient whose sync was requested for these days.
    pub(crate) fn new(connection: &Connection, requested: DayRange, policy: SyncPolicy) -> Self {
        // 1. Which data types are due at all.
        let due: Vec<DataType> =
            DataType::ALL.into_iter().filter(|data_type| is_due(connection, *data_type, policy)).collect();
        // 2. How far back: one day further for every day on which a due data type was not fetched.
        let range = extended_range(connection, requested, &due, policy.now);
        // 3. An incomplete history is fetched completely, as part of this sync.
        if let Some(backfill) = connection.backfill.as_ref().filter(|backfill| backfill.state != BackfillState::Done) {
            let range = range.joined_with(&backfill.range);
            let always = DataType::ALL.into_iter().map(|data_type| (data_type, range)).collect();
            return Self { range, always, if_ring_synced: DueDays::new() };
        }
        // 4. Otherwise most data types wait for a sign that the ring has synced.
        let (always, if_ring_synced): (Vec<_>, Vec<_>) = due
            .into_iter()
            .map(|data_type| (data_type, days_of(connection, data_type, range, policy.now)))
            .partition(|(data_type, _)| is_of_every_night(*data_type) || is_overdue(connection, *data_type, policy));
        let mut schedule =
            Self { range, always: always.into_iter().collect(), if_ring_synced: if_ring_synced.into_iter().collect() };
        // 5. A webhook event since their last fetch is such a sign.
        if has_webhook_since_fetch(connection, &schedule.if_ring_synced) {
            schedule.always.append(&mut schedule.if_ring_synced);
        }
        schedule
    }
}

/// True for the data types of every night: something new in one of them shows that the ring has synced.
pub(crate) fn is_of_every_night(data_type: DataType) -> bool {
    data_type.facts().frequency == Frequency::Always
}

/// Extends the requested days backwards by one day for every day on which a due data type was not fetched. Thus each day
/// is fetched for as long after it as the look-back says, even if webhook events were lost.
fn extended_range(connection: &Connection, requested: DayRange, due: &[DataType], now: Timestamp) -> DayRange {
    let mut first = requested.first();
    if let Some(oldest) = due.iter().filter_map(|data_type| connection.watermarks.get(data_type)).min() {
        let missed_days = Day::of_utc(now).days_since(Day::of_utc(*oldest)) - 1;
        first = first.plus(-missed_days.max(0));
    }
    let longest = DayRange::ending(requested.last(), MAX_DAYS);
    DayRange::new(first.max(longest.first()), requested.last()).unwrap_or(requested)
}

/// Days to fetch of one data type. Documents of any number of days cost one request, so they are fetched for the whole
/// range. A time series costs a request for every few days, so it is fetched from its last fetch on, or from the last day
/// with data, if the ring had not synced then.
fn days_of(connection: &Connection, data_type: DataType, range: DayRange, now: Timestamp) -> DayRange {
    if data_type.range_query() != RangeQuery::Instants {
        return range;
    }
    let Some(fetched) = connection.watermarks.get(&data_type).map(|fetched| Day::of_utc(*fetched)) else {
        return range;
    };
    let from = connection.last_data_day.map_or(fetched, |day| day.min(fetched)).max(range.first());
    // No place is more than 14 hours ahead of UTC.
    let to = Day::of_utc(now.saturating_add(SignedDuration::from_hours(14)).unwrap_or(now)).min(range.last());
    DayRange::new(from, to).unwrap_or(range)
}

/// True if the data type is granted and due, at least on nights on which the ring has synced.
fn is_due(connection: &Connection, data_type: DataType, policy: SyncPolicy) -> bool {
    let is_usual =
        data_type.facts().frequency != Frequency::EveryFewDays && !connection.is_kept_current(data_type, policy.now);
    connection.scopes_granted.contains(data_type.scope()) && (is_usual || is_overdue(connection, data_type, policy))
}

/// True if the data type is failing, was never fetched completely, or not for some days.
fn is_overdue(connection: &Connection, data_type: DataType, policy: SyncPolicy) -> bool {
    let interval = SignedDuration::from_hours(24 * i64::from(policy.full_sync_interval_days));
    // Six hours less: a nightly run is not late because the one before it ended late.
    let is_recent =
        |fetched: &Timestamp| policy.now.duration_since(*fetched) < interval - SignedDuration::from_hours(6);
    connection.failing.contains_key(&data_type) || !connection.watermarks.get(&data_type).is_some_and(is_recent)
}

/// True if a webhook event arrived after the oldest last fetch of these data types.
fn has_webhook_since_fetch(connection: &Connection, due: &DueDays) -> bool {
    let oldest_fetch = due.keys().filter_map(|data_type| connection.watermarks.get(data_type)).min();
    connection.last_webhook_at.zip(oldest_fetch).is_some_and(|(event, fetched)| event > *fetched)
}

#[cfg(test)]
mod tests {
    use shared::domain::{Backfill, FetchFailure, ScopeSet};

    use super::*;

    const NOW: &str = "2026-03-19T03:00:00Z";
    const LAST_NIGHT: &str = "2026-03-18T03:01:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn policy() -> SyncPolicy {
        SyncPolicy { full_sync_interval_days: 7, now: at(NOW) }
    }

    /// A patient with everything fetched last night and no webhook event yet.
    fn patient() -> Connection {
        Connection {
            last_data_day: Some("2026-03-18".parse().unwrap()),
            watermarks: DataType::ALL.into_iter().map(|data_type| (data_type, at(LAST_NIGHT))).collect(),
            ..Connection::new(
                "p-1".parse().unwrap(),
                "ring-1".parse().unwrap(),
                "g-1".parse().unwrap(),
                ScopeSet::parse(ScopeSet::DEFAULT),
                at(LAST_NIGHT),
            )
        }
    }

    fn week() -> DayRange {
        DayRange::ending("2026-03-20".parse().unwrap(), 8)
    }

    fn always(connection: &Connection) -> Vec<&'static str> {
        let schedule = SyncSchedule::new(connection, week(), policy());
        schedule.always.keys().map(|data_type| data_type.as_str()).collect()
    }

    #[test]
    fn schedule_has_three_data_types_every_night_and_the_others_if_the_ring_has_synced() {
        let schedule = SyncSchedule::new(&patient(), week(), policy());
        assert_eq!(always(&patient()), ["daily_activity", "daily_sleep", "sleep"]);
        assert_eq!(schedule.if_ring_synced.len(), 9);
        assert!(!schedule.if_ring_synced.contains_key(&DataType::Vo2Max));
        // An event arrived after the last fetch, and webhooks are known to miss documents: nothing is kept current, but the
        // ring has synced.
        let mut after_event = patient();
        after_event.last_webhook_at = Some(at("2026-03-18T09:00:00Z"));
        after_event.missed_webhooks = DataType::ALL.into_iter().map(|data_type| (data_type, 1)).collect();
        assert_eq!(always(&after_event).len(), 12);
    }

    #[test]
    fn schedule_omits_what_webhooks_keep_current_and_adds_series_after_an_event() {
        let mut current = patient();
        current.last_webhook_at = Some(at("2026-03-18T09:00:00Z"));
        assert_eq!(always(&current), ["heartrate", "ring_battery_level"]);
        current.last_webhook_at = Some(at("2026-03-18T02:00:00Z"));
        assert_eq!(always(&current), [""; 0], "no event since");
        current.missed_webhooks = BTreeMap::from([(DataType::Sleep, 2)]);
        assert_eq!(always(&current), ["sleep"], "its webhooks miss documents");
        current.last_webhook_at = Some(at("2026-03-16T03:00:00Z"));
        assert_eq!(always(&current).len(), 3, "no event for days: perhaps all webhooks are lost");
    }

    #[test]
    fn schedule_has_every_data_type_every_few_days_and_failing_ones_at_once() {
        let mut connection = patient();
        connection.last_webhook_at = Some(at("2026-03-18T02:00:00Z"));
        connection.watermarks.insert(DataType::Vo2Max, at("2026-03-12T03:10:00Z"));
        assert_eq!(always(&connection), ["vo2_max"], "a week ago, except for some minutes");
        connection.watermarks.insert(DataType::Vo2Max, at("2026-03-13T03:10:00Z"));
        assert_eq!(always(&connection), [""; 0]);
        connection.failing = BTreeMap::from([(DataType::Tag, FetchFailure::Unavailable)]);
        assert_eq!(always(&connection), ["tag"]);
        connection.failing.clear();
        connection.watermarks.remove(&DataType::Session);
        assert_eq!(always(&connection), ["session"], "never fetched");
        connection.scopes_granted = ScopeSet::parse("daily");
        assert_eq!(always(&connection), [""; 0], "not granted");
    }

    #[test]
    fn schedule_range_grows_by_every_missed_day_up_to_a_maximum() {
        let first = |connection: &Connection| SyncSchedule::new(connection, week(), policy()).range.first().to_string();
        assert_eq!(first(&patient()), "2026-03-13");
        let mut away = patient();
        away.watermarks.insert(DataType::Sleep, at("2026-03-01T03:00:00Z"));
        assert_eq!(first(&away), "2026-02-24", "seventeen days were missed");
        away.watermarks.insert(DataType::Sleep, at("2025-03-01T03:00:00Z"));
        assert_eq!(SyncSchedule::new(&away, week(), policy()).range.days(), 92);
        // A data type that is not due does not extend the range: not its turn yet, or kept current by webhooks.
        let mut others = patient();
        others.watermarks.insert(DataType::Vo2Max, at("2026-03-14T03:00:00Z"));
        assert_eq!(first(&others), "2026-03-13");
        others.watermarks.insert(DataType::Vo2Max, at("2026-03-12T03:00:00Z"));
        assert_eq!(first(&others), "2026-03-07");
        let mut current = patient();
        current.last_webhook_at = Some(at("2026-03-18T09:00:00Z"));
        current.watermarks.insert(DataType::Sleep, at("2026-03-14T03:00:00Z"));
        assert_eq!(first(&current), "2026-03-13");
        current.watermarks.insert(DataType::Sleep, at("2026-03-12T03:00:00Z"));
        assert_eq!(
            first(&current),
            "2026-03-07",
            "an edit whose event was lost may be a week older than the last fetch"
        );
    }

    #[test]
    fn series_days_begin_at_the_last_day_with_data() {
        let series = |connection: &Connection| {
            let schedule = SyncSchedule::new(connection, week(), policy());
            schedule.if_ring_synced[&DataType::HeartRate].first().to_string()
        };
        assert_eq!(series(&patient()), "2026-03-18");
        let mut away = patient();
        away.last_data_day = Some("2026-03-15".parse().unwrap());
        assert_eq!(series(&away), "2026-03-15", "the ring had not synced at the last fetch");
    }

    #[test]
    fn series_days_lie_within_the_range_and_not_in_the_future() {
        let series = |connection: &Connection, now: &str| {
            let schedule = SyncSchedule::new(connection, week(), SyncPolicy { now: at(now), ..policy() });
            let days = schedule.if_ring_synced[&DataType::HeartRate];
            (days.first().to_string(), days.last().to_string())
        };
        let of = |first: &str, last: &str| (first.to_owned(), last.to_owned());
        assert_eq!(series(&patient(), NOW), of("2026-03-18", "2026-03-19"));
        assert_eq!(series(&patient(), "2026-03-19T10:00:00Z").1, "2026-03-20", "it is tomorrow on Kiritimati");
        let mut away = patient();
        away.last_data_day = Some("2026-01-15".parse().unwrap());
        assert_eq!(series(&away, NOW), of("2026-03-13", "2026-03-19"));
    }

    #[test]
    fn schedule_holds_an_incomplete_history_completely() {
        let mut waiting = patient();
        let history = DayRange::ending("2026-03-18".parse().unwrap(), 31);
        waiting.backfill = Some(Backfill {
            state: BackfillState::Failed,
            sync_id: "backfill-g-1".parse().unwrap(),
            range: history,
            per_type: BTreeMap::new(),
            reconnected: false,
            days_repaired: None,
        });
        let schedule = SyncSchedule::new(&waiting, week(), policy());
        assert!(schedule.range.covers(&history) && schedule.range.covers(&week()));
        assert_eq!(schedule.always.len(), DataType::ALL.len());
    }
}
