//! The schedule of a sync: which data types are due for one patient, and for which days.
//!
//! | data types | due in a nightly or catch-up sync |
//! |---|---|
//! | sleep, its scores, activity: the source of most of a day's stats | every time |
//! | heart rate, ring battery: no webhook exists for them | if the ring has synced |
//! | readiness, SpO2, stress, workouts, sessions, tags | if the ring has synced |
//! | resilience, ages, bedtime advice, rest mode, rings: Oura gives them rarely | every few days |
//!
//! The others are not due while webhooks keep them current, except every few days. A data type that owes its history, failed
//! last time, or lacks documents of its webhook events is always due. Events get lost, and those of one data type say nothing
//! about another, so that the first ones are always due. A ring has synced if a webhook event arrived since the last fetch, or if
//! one of the data types of every night holds something new.

use std::collections::BTreeMap;

use shared::domain::{Connection, DataType, Day, DayRange, Frequency};

use crate::look_back::{LookBack, SyncPolicy, is_look_back_due};

/// Days to fetch, by data type.
pub(crate) type DueDays = BTreeMap<DataType, DayRange>;

/// Data types that are due for a patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyncSchedule {
    /// Days whose stored documents are read in any case. Some data types are requested for earlier days too.
    pub(crate) range: DayRange,
    /// Fetched in any case.
    pub(crate) always: DueDays,
    /// Fetched in addition if the ring has synced.
    pub(crate) if_ring_synced: DueDays,
    /// Those of them whose whole look-back is due.
    pub(crate) look_backs: DueDays,
}

impl SyncSchedule {
    /// Computes what is due in a nightly or catch-up sync that was requested for these days.
    pub(crate) fn of_due_types(connection: &Connection, requested: DayRange, policy: SyncPolicy) -> Self {
        let due = DataType::ALL.into_iter().filter(|data_type| is_due(connection, *data_type, policy));
        let look_backs: Vec<_> = due.map(|of| (of, LookBack::new(connection, of, requested, policy))).collect();
        let (range, due_look_backs) =
            (compared_days(requested, &look_backs), due_look_backs(connection, &look_backs, policy));
        let (always, if_ring_synced): (Vec<_>, Vec<_>) = look_backs
            .into_iter()
            .map(|(data_type, look_back)| (data_type, look_back.days))
            .partition(|(data_type, _)| {
                is_of_every_night(*data_type)
                    || is_overdue(connection, *data_type, policy)
                    || has_ring_synced_since_fetch(connection, *data_type)
            });
        Self {
            range,
            always: always.into_iter().collect(),
            if_ring_synced: if_ring_synced.into_iter().collect(),
            look_backs: due_look_backs,
        }
    }

    /// Schedules all data types of a backfill or manual sync. A sync of older days fetches these days only.
    pub(crate) fn of_all_types(connection: &Connection, requested: DayRange, policy: SyncPolicy) -> Self {
        let holds_newest = requested.last() >= Day::of_utc(policy.now);
        let look_back = |data_type| match LookBack::new(connection, data_type, requested, policy) {
            look_back if holds_newest => look_back.joined_with(requested),
            _ => LookBack { days: requested, compared_from: requested.first() },
        };
        let look_backs: Vec<_> = DataType::ALL.into_iter().map(|of| (of, look_back(of))).collect();
        let (range, due_look_backs) =
            (compared_days(requested, &look_backs), due_look_backs(connection, &look_backs, policy));
        let always = look_backs.into_iter().map(|(data_type, look_back)| (data_type, look_back.days)).collect();
        Self { range, always, if_ring_synced: DueDays::new(), look_backs: due_look_backs }
    }
}

/// True for the data types of every night: something new in one of them shows that the ring has synced.
pub(crate) fn is_of_every_night(data_type: DataType) -> bool {
    data_type.facts().frequency == Frequency::Always
}

/// Days whose stored documents are compared with those of any data type.
fn compared_days(requested: DayRange, look_backs: &[(DataType, LookBack)]) -> DayRange {
    let first = look_backs.iter().map(|(_, look_back)| look_back.compared_from).min();
    DayRange::new(requested.first().min(first.unwrap_or(requested.first())), requested.last()).unwrap_or(requested)
}

/// Data types whose whole look-back is due, with its days. A history that is owed is no such look-back: it is looked at once more.
fn due_look_backs(connection: &Connection, look_backs: &[(DataType, LookBack)], policy: SyncPolicy) -> DueDays {
    let is_look_back = |of: DataType| connection.owes_history(of).is_none() && is_look_back_due(connection, of, policy);
    look_backs.iter().filter(|(of, _)| is_look_back(*of)).map(|(of, look_back)| (*of, look_back.days)).collect()
}

/// True if the data type is granted and due, at least on nights on which the ring has synced.
fn is_due(connection: &Connection, data_type: DataType, policy: SyncPolicy) -> bool {
    let is_usual = match data_type.facts().frequency {
        Frequency::Always => true,
        Frequency::IfRingSynced => !connection.is_kept_current(data_type, policy.now),
        Frequency::EveryFewDays => false,
    };
    connection.is_granted(data_type) && (is_usual || is_overdue(connection, data_type, policy))
}

/// True if the data type is failing, owes its history, lacks documents of webhook events, or was not fetched or looked back at
/// for some days.
fn is_overdue(connection: &Connection, data_type: DataType, policy: SyncPolicy) -> bool {
    let fetched = connection.watermarks.get(&data_type);
    connection.failing.contains_key(&data_type)
        || connection.owes_history(data_type).is_some()
        || connection.awaits_documents(data_type, policy.now)
        || !fetched.is_some_and(|at| policy.is_recent(*at))
        || is_look_back_due(connection, data_type, policy)
}

/// True if a webhook event of the ring arrived after the last fetch of the data type.
fn has_ring_synced_since_fetch(connection: &Connection, data_type: DataType) -> bool {
    let fetched = connection.watermarks.get(&data_type);
    connection.last_ring_webhook_at.zip(fetched).is_some_and(|(event, fetched)| event > *fetched)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use shared::domain::{Backfill, BackfillState, DataTypeProgress, FetchFailure, FetchState, ScopeSet};

    use super::*;

    const NOW: &str = "2026-03-19T03:00:00Z";
    const LAST_NIGHT: &str = "2026-03-18T03:01:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn policy() -> SyncPolicy {
        SyncPolicy { full_sync_interval_days: 7, lookback_days: 7, now: at(NOW) }
    }

    /// A patient with everything fetched last night and no webhook event yet.
    fn patient() -> Connection {
        Connection {
            last_data_day: Some("2026-03-18".parse().unwrap()),
            watermarks: DataType::ALL.into_iter().map(|data_type| (data_type, at(LAST_NIGHT))).collect(),
            looked_back: DataType::ALL.into_iter().map(|data_type| (data_type, at(LAST_NIGHT))).collect(),
            arrived_through: DataType::ALL.into_iter().map(|data_type| (data_type, day("2026-03-18"))).collect(),
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

    fn webhook_at(connection: &mut Connection, text: &str) {
        connection.last_webhook_at = Some(at(text));
        connection.last_ring_webhook_at = Some(at(text));
        let with_webhooks = DataType::ALL.into_iter().filter(|data_type| data_type.has_webhook());
        connection.last_webhooks = with_webhooks.map(|data_type| (data_type, at(text))).collect();
    }

    fn always(connection: &Connection) -> Vec<&'static str> {
        let schedule = SyncSchedule::of_due_types(connection, week(), policy());
        schedule.always.keys().map(|data_type| data_type.as_str()).collect()
    }

    #[test]
    fn schedule_has_three_data_types_every_night_and_the_others_if_the_ring_has_synced() {
        let schedule = SyncSchedule::of_due_types(&patient(), week(), policy());
        assert_eq!(always(&patient()), ["daily_activity", "daily_sleep", "sleep"]);
        assert_eq!(schedule.if_ring_synced.len(), 9);
        assert!(!schedule.if_ring_synced.contains_key(&DataType::Vo2Max));
        // An event arrived after the last fetch, and webhooks are known to miss documents: nothing is kept current, but the
        // ring has synced.
        let mut after_event = patient();
        webhook_at(&mut after_event, "2026-03-18T09:00:00Z");
        after_event.last_webhooks.clear();
        after_event.missed_webhooks = DataType::ALL.into_iter().map(|data_type| (data_type, 1)).collect();
        assert_eq!(always(&after_event).len(), 12);
    }

    #[test]
    fn schedule_omits_what_webhooks_keep_current_and_adds_series_after_an_event() {
        let mut current = patient();
        webhook_at(&mut current, "2026-03-18T09:00:00Z");
        assert_eq!(always(&current), with_first(&["heartrate", "ring_battery_level"]));
        // One of the others had no event of its own since the night before: its events may be lost.
        current.last_webhooks.insert(DataType::DailyReadiness, at("2026-03-18T02:59:00Z"));
        assert_eq!(always(&current), with_first(&["daily_readiness", "heartrate", "ring_battery_level"]));
        webhook_at(&mut current, "2026-03-18T02:00:00Z");
        assert_eq!(always(&current), with_first(&[]), "no event since the last fetch: the ring has not synced");
        // The event kept it current the night before, so that its last fetch is older than those of the others.
        webhook_at(&mut current, "2026-03-18T02:00:00Z");
        current.last_webhooks.insert(DataType::DailyReadiness, at("2026-03-17T20:00:00Z"));
        current.watermarks.insert(DataType::DailyReadiness, at("2026-03-17T03:01:00Z"));
        assert_eq!(always(&current), with_first(&["daily_readiness"]), "each data type by its own last fetch");
    }

    #[test]
    fn data_type_whose_documents_did_not_appear_is_due() {
        for data_type in [DataType::DailyReadiness, DataType::DailyResilience, DataType::Tag] {
            let mut connection = patient();
            webhook_at(&mut connection, "2026-03-17T20:00:00Z");
            connection.missed_webhooks = BTreeMap::from([(data_type, 1)]);
            assert_eq!(always(&connection), with_first(&[data_type.as_str()]));
        }
    }

    /// The data types of every night, and these.
    fn with_first<'t>(others: &[&'t str]) -> Vec<&'t str> {
        let mut all = [["daily_activity", "daily_sleep", "sleep"].as_slice(), others].concat();
        all.sort_unstable();
        all
    }

    #[test]
    fn schedule_has_every_data_type_every_few_days_and_failing_ones_at_once() {
        let mut connection = patient();
        webhook_at(&mut connection, "2026-03-18T02:00:00Z");
        connection.watermarks.insert(DataType::Vo2Max, at("2026-03-12T03:10:00Z"));
        assert_eq!(always(&connection), with_first(&["vo2_max"]), "a week ago, except for some minutes");
        connection.watermarks.insert(DataType::Vo2Max, at("2026-03-13T03:10:00Z"));
        assert_eq!(always(&connection), with_first(&[]));
        connection.failing = BTreeMap::from([(DataType::Tag, FetchFailure::Unavailable)]);
        assert_eq!(always(&connection), with_first(&["tag"]));
        connection.failing.clear();
        connection.watermarks.remove(&DataType::Session);
        assert_eq!(always(&connection), with_first(&["session"]), "never fetched");
        connection.scopes_granted = ScopeSet::parse("daily");
        assert_eq!(always(&connection), with_first(&[]), "not granted");
    }

    #[test]
    fn schedule_range_grows_by_every_missed_day_up_to_a_maximum() {
        let first = |connection: &Connection| {
            SyncSchedule::of_due_types(connection, week(), policy()).range.first().to_string()
        };
        assert_eq!(first(&patient()), "2026-03-13");
        let mut away = patient();
        away.watermarks.insert(DataType::Sleep, at("2026-03-01T03:00:00Z"));
        assert_eq!(first(&away), "2026-02-24", "seventeen days were missed");
        away.watermarks.insert(DataType::Sleep, at("2025-03-01T03:00:00Z"));
        assert_eq!(SyncSchedule::of_due_types(&away, week(), policy()).range.days(), 92);
        // A data type that is not due does not extend the range: not its turn yet, or kept current by webhooks.
        let mut others = patient();
        others.watermarks.insert(DataType::Vo2Max, at("2026-03-14T03:00:00Z"));
        assert_eq!(first(&others), "2026-03-13");
        others.watermarks.insert(DataType::Vo2Max, at("2026-03-12T03:00:00Z"));
        assert_eq!(first(&others), "2026-03-07");
        let mut current = patient();
        webhook_at(&mut current, "2026-03-18T09:00:00Z");
        current.watermarks.insert(DataType::DailyStress, at("2026-03-14T03:00:00Z"));
        assert_eq!(first(&current), "2026-03-13");
        current.watermarks.insert(DataType::DailyStress, at("2026-03-12T03:00:00Z"));
        assert_eq!(
            first(&current),
            "2026-03-07",
            "an edit whose event was lost may be a week older than the last fetch"
        );
    }

    /// First and last day of a data type that is due.
    fn days(connection: &Connection, data_type: DataType, policy: SyncPolicy) -> (String, String) {
        let mut schedule = SyncSchedule::of_due_types(connection, week(), policy);
        schedule.always.append(&mut schedule.if_ring_synced);
        let days = schedule.always[&data_type];
        (days.first().to_string(), days.last().to_string())
    }

    fn first(connection: &Connection, data_type: DataType) -> String {
        days(connection, data_type, policy()).0
    }

    fn with_history(state: BackfillState, arrived: &[DataType]) -> Connection {
        let done = DataTypeProgress { state: FetchState::Done, ..DataTypeProgress::PENDING };
        let mut connection = patient();
        connection.backfill = Some(Backfill {
            state,
            sync_id: "backfill-g-1".parse().unwrap(),
            range: DayRange::ending(day("2026-03-18"), 31),
            per_type: arrived.iter().map(|data_type| (*data_type, done.clone())).collect(),
            reconnected: false,
            days_repaired: None,
            started_at: Some(at("2026-03-17T12:00:00Z")),
            is_reported: false,
        });
        connection
    }

    #[test]
    fn series_days_begin_at_the_newest_day_that_has_arrived() {
        assert_eq!(first(&patient(), DataType::HeartRate), "2026-03-18");
        let mut late = patient();
        late.arrived_through.insert(DataType::HeartRate, day("2026-03-15"));
        assert_eq!(first(&late, DataType::HeartRate), "2026-03-15", "the answers since were empty");
        assert_eq!(first(&late, DataType::RingBatteryLevel), "2026-03-18", "each data type by itself");
        late.last_data_day = Some(day("2026-03-19"));
        assert_eq!(first(&late, DataType::HeartRate), "2026-03-15", "newer days of other data types change nothing");
        late.arrived_through.insert(DataType::HeartRate, day("2025-01-15"));
        assert_eq!(first(&late, DataType::HeartRate), "2025-12-19", "92 days at most");
    }

    #[test]
    fn series_days_are_the_whole_look_back_every_few_days() {
        let mut connection = patient();
        connection.looked_back.insert(DataType::HeartRate, at("2026-03-13T03:10:00Z"));
        assert_eq!(first(&connection, DataType::HeartRate), "2026-03-18");
        connection.looked_back.insert(DataType::HeartRate, at("2026-03-12T03:10:00Z"));
        assert_eq!(first(&connection, DataType::HeartRate), "2026-03-07", "a week ago, and six days more");
        assert_eq!(
            always(&connection),
            ["daily_activity", "daily_sleep", "heartrate", "sleep"],
            "whether the ring synced or not"
        );
        let schedule = SyncSchedule::of_due_types(&connection, week(), policy());
        assert_eq!(schedule.look_backs.keys().collect::<Vec<_>>(), [&DataType::HeartRate]);
    }

    #[test]
    fn series_days_are_not_in_the_future() {
        let of = |first: &str, last: &str| (first.to_owned(), last.to_owned());
        let series = |now: &str| days(&patient(), DataType::HeartRate, SyncPolicy { now: at(now), ..policy() });
        assert_eq!(series(NOW), of("2026-03-18", "2026-03-19"));
        assert_eq!(series("2026-03-19T10:00:00Z").1, "2026-03-20", "it is tomorrow on Kiritimati");
    }

    #[test]
    fn documents_are_looked_for_from_the_newest_day_that_has_arrived() {
        let mut connection = patient();
        connection.arrived_through.insert(DataType::DailyStress, day("2026-03-05"));
        assert_eq!(first(&connection, DataType::DailyStress), "2026-03-05");
        assert_eq!(first(&connection, DataType::DailyReadiness), "2026-03-13");
        let range = SyncSchedule::of_due_types(&connection, week(), policy()).range;
        assert_eq!(range.first(), day("2026-03-13"), "their days are read if they arrive");
        connection.arrived_through.insert(DataType::Sleep, day("2026-03-03"));
        let range = SyncSchedule::of_due_types(&connection, week(), policy()).range;
        assert_eq!(range.first(), day("2026-03-03"), "those of every night are compared at once");
    }

    #[test]
    fn data_type_owes_its_history_until_it_has_arrived() {
        let others: Vec<_> = DataType::ALL.into_iter().filter(|of| *of != DataType::DailyStress).collect();
        for state in [BackfillState::Failed, BackfillState::Done] {
            let mut connection = with_history(state, &others);
            webhook_at(&mut connection, "2026-03-18T09:00:00Z");
            let schedule = SyncSchedule::of_due_types(&connection, week(), policy());
            assert_eq!(schedule.always[&DataType::DailyStress].first(), day("2026-02-16"));
            assert_eq!(schedule.always[&DataType::HeartRate].first(), day("2026-03-18"));
            assert_eq!(schedule.range.first(), day("2026-02-16"));
            assert!(!schedule.always.contains_key(&DataType::DailyReadiness), "webhooks keep it current");
        }
        let none = with_history(BackfillState::Pending, &[]);
        assert_eq!(SyncSchedule::of_due_types(&none, week(), policy()).always.len(), DataType::ALL.len());
    }

    #[test]
    fn owed_history_is_fetched_back_to_its_first_day_however_long_ago() {
        let others: Vec<_> = DataType::ALL.into_iter().filter(|of| *of != DataType::HeartRate).collect();
        let mut connection = with_history(BackfillState::Done, &others);
        connection.looked_back.clear();
        let backfill = connection.backfill.as_mut().unwrap();
        backfill.range = DayRange::ending(day("2025-08-01"), 31);
        backfill.started_at = Some(at("2025-07-31T12:00:00Z"));
        let owed = SyncSchedule::of_due_types(&connection, week(), policy());
        assert_eq!(owed.always[&DataType::HeartRate].first(), day("2025-07-02"));
        assert!(owed.range.contains(day("2025-07-02")), "so that the sync brings the history");
        assert!(!owed.look_backs.contains_key(&DataType::HeartRate));
    }

    #[test]
    fn long_history_is_looked_at_once_more_as_a_whole() {
        let mut connection = with_history(BackfillState::Done, &DataType::ALL);
        let backfill = connection.backfill.as_mut().unwrap();
        backfill.range = DayRange::ending(day("2026-03-12"), 180);
        backfill.started_at = Some(at("2026-03-11T12:00:00Z"));
        // The history's answer was empty.
        connection.arrived_through.remove(&DataType::HeartRate);
        assert_eq!(first(&connection, DataType::HeartRate), "2025-09-22", "180 days at most");
        connection.looked_back.clear();
        assert_eq!(first(&connection, DataType::HeartRate), "2025-09-14");
    }

    #[test]
    fn history_is_fetched_once_more_some_days_after_the_backfill() {
        let mut connection = with_history(BackfillState::Done, &DataType::ALL);
        connection.looked_back.clear();
        assert_eq!(first(&connection, DataType::Sleep), "2026-03-13");
        let mut later = connection.clone();
        later.backfill.as_mut().unwrap().started_at = Some(at("2026-03-11T12:00:00Z"));
        let schedule = SyncSchedule::of_due_types(&later, week(), policy());
        assert_eq!(schedule.always.len(), DataType::ALL.len());
        assert!(schedule.always.values().all(|days| days.first() == day("2026-02-16")));
        assert_eq!(schedule.look_backs.len(), DataType::ALL.len());
        later.looked_back = connection.watermarks.clone();
        assert_eq!(first(&later, DataType::Sleep), "2026-03-13", "once");
    }

    #[test]
    fn sync_of_all_types_reaches_further_only_if_it_holds_the_newest_days() {
        let mut connection = with_history(BackfillState::Failed, &DataType::ALL);
        connection.backfill.as_mut().unwrap().per_type.remove(&DataType::Sleep);
        connection.arrived_through.insert(DataType::HeartRate, day("2026-03-04"));
        let days = SyncSchedule::of_all_types(&connection, week(), policy()).always;
        assert_eq!(days.len(), DataType::ALL.len());
        assert_eq!(days[&DataType::Sleep].first(), day("2026-02-16"));
        assert_eq!(days[&DataType::HeartRate].first(), day("2026-03-04"));
        assert_eq!(days[&DataType::RingBatteryLevel].first(), day("2026-03-13"), "all the requested days");
        let older = DayRange::ending(day("2025-11-01"), 3);
        let days = SyncSchedule::of_all_types(&connection, older, policy()).always;
        assert!(days.values().all(|days| *days == older));
    }
}
