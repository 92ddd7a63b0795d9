//! What a pull of one patient asks for: not everything every night, but what can be new, and nothing that webhooks have
//! brought already.
//!
//! | kinds | asked for |
//! |---|---|
//! | sleep, its scores, activity: what most of a day's stats are made of | every night |
//! | heart rate, battery: no webhook announces them | when the ring has synced since |
//! | readiness, SpO2, stress, workouts, sessions, tags | when the ring has synced since |
//! | what Oura gives once in a while: resilience, ages, bedtime advice, rest mode, rings | every few days |
//!
//! Whatever has a webhook that works is skipped, but for a look every few days. What was never fetched whole, or failed
//! last time, is always asked for. That the ring has synced shows by a notice, or by something new in what every night
//! asks for.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use shared::domain::{BackfillState, Connection, DataType, Day, DayRange, RangeQuery};

/// Asked for every night: with the readiness inside a sleep, most of a day's stats.
const EVERY_NIGHT: [DataType; 3] = [DataType::Sleep, DataType::DailySleep, DataType::DailyActivity];

/// Oura gives these once in a while, or computes them over weeks.
const ONCE_IN_A_WHILE: [DataType; 6] = [
    DataType::DailyResilience,
    DataType::DailyCardiovascularAge,
    DataType::Vo2Max,
    DataType::SleepTime,
    DataType::RestModePeriod,
    DataType::RingConfiguration,
];

/// How far back a pull reaches at most, however long nothing was fetched. Oura advises one to three months at once.
const FURTHEST: i32 = 92;

/// What a pull asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Due {
    /// At once.
    pub first: BTreeMap<DataType, DayRange>,
    /// If it shows that the ring has synced.
    pub then: BTreeMap<DataType, DayRange>,
}

/// How often things are looked at that webhooks bring.
#[derive(Debug, Clone, Copy)]
pub struct Rhythm {
    /// Every how many days everything is asked for.
    pub full_sync_interval_days: u32,
    /// Now.
    pub now: Timestamp,
}

/// The days of a pull: those that were asked for, and one more for every day on which nothing of a kind that is due was
/// looked at. So each day is looked at for as long after it as the look-back says, also when notices were lost.
#[must_use]
pub fn range(connection: &Connection, asked: DayRange, rhythm: Rhythm) -> DayRange {
    let mut from = asked.first();
    let due = DataType::ALL.into_iter().filter(|kind| is_due(connection, *kind, rhythm));
    if let Some(oldest) = due.filter_map(|kind| connection.watermarks.get(&kind)).min() {
        let skipped = Day::of_utc(rhythm.now).days_since(Day::of_utc(*oldest)) - 1;
        from = from.plus(-skipped.max(0));
    }
    let longest = DayRange::ending(asked.last(), FURTHEST);
    let reach = DayRange::new(from.max(longest.first()), asked.last()).unwrap_or(asked);
    match &connection.backfill {
        // A history that has not arrived arrives with this.
        Some(backfill) if backfill.state != BackfillState::Done => reach.joined_with(&backfill.range),
        _ => reach,
    }
}

impl Due {
    /// What is due of the days of `range`.
    #[must_use]
    pub fn of(connection: &Connection, range: DayRange, rhythm: Rhythm) -> Self {
        let mut due = Self::default();
        if connection.backfill.as_ref().is_some_and(|backfill| backfill.state != BackfillState::Done) {
            due.first = DataType::ALL.into_iter().map(|kind| (kind, range)).collect();
            return due;
        }
        for kind in DataType::ALL.into_iter().filter(|kind| is_due(connection, *kind, rhythm)) {
            let days = days(connection, kind, range, rhythm.now);
            if EVERY_NIGHT.contains(&kind) || is_overdue(connection, kind, rhythm) {
                due.first.insert(kind, days);
            } else {
                due.then.insert(kind, days);
            }
        }
        if has_synced(connection, &due.then) {
            due.first.append(&mut due.then);
        }
        due
    }

    /// The kinds that every night asks for: something new in one of them shows that the ring has synced.
    #[must_use]
    pub fn shows_a_sync(kind: DataType) -> bool {
        EVERY_NIGHT.contains(&kind)
    }

    /// All kinds.
    #[must_use]
    pub fn kinds(&self) -> BTreeSet<DataType> {
        self.first.keys().chain(self.then.keys()).copied().collect()
    }
}

/// Documents of any number of days cost one request; a series costs one for every few days, so only what can be new is
/// asked for: from the last fetch on, or from the last day that had data, if the ring was away.
fn days(connection: &Connection, kind: DataType, range: DayRange, now: Timestamp) -> DayRange {
    if kind.range_query() != RangeQuery::Instants {
        return range;
    }
    let Some(fetched) = connection.watermarks.get(&kind).map(|fetched| Day::of_utc(*fetched)) else { return range };
    let from = connection.last_data_day.map_or(fetched, |day| day.min(fetched)).max(range.first());
    // Nowhere is it later than 14 hours ahead of UTC.
    let to = Day::of_utc(now.saturating_add(SignedDuration::from_hours(14)).unwrap_or(now)).min(range.last());
    DayRange::new(from, to).unwrap_or(range)
}

/// Whether the kind is asked for at all, be it only if the ring has synced.
fn is_due(connection: &Connection, kind: DataType, rhythm: Rhythm) -> bool {
    let is_usual = !ONCE_IN_A_WHILE.contains(&kind) && !connection.is_kept_current(kind, rhythm.now);
    connection.scopes_granted.contains(kind.scope()) && (is_usual || is_overdue(connection, kind, rhythm))
}

/// Never fetched whole, failing, not looked at for some days, or known to change without a notice.
fn is_overdue(connection: &Connection, kind: DataType, rhythm: Rhythm) -> bool {
    let full_pull = SignedDuration::from_hours(24 * i64::from(rhythm.full_sync_interval_days));
    // A night is not late because the one before it ended late.
    let looked_at =
        |fetched: &Timestamp| rhythm.now.duration_since(*fetched) < full_pull - SignedDuration::from_hours(6);
    connection.failing.contains_key(&kind) || !connection.watermarks.get(&kind).is_some_and(looked_at)
}

/// Whether Oura has announced something since these were last fetched.
fn has_synced(connection: &Connection, kinds: &BTreeMap<DataType, DayRange>) -> bool {
    let fetched = kinds.keys().filter_map(|kind| connection.watermarks.get(kind)).min();
    connection.last_webhook_at.zip(fetched).is_some_and(|(notice, fetched)| notice > *fetched)
}

#[cfg(test)]
mod tests {
    use shared::domain::{Backfill, ConnectionStatus, ScopeSet};

    use super::*;

    const NOW: &str = "2026-03-19T03:00:00Z";
    const LAST_NIGHT: &str = "2026-03-18T03:01:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn rhythm() -> Rhythm {
        Rhythm { full_sync_interval_days: 7, now: at(NOW) }
    }

    /// Everything was fetched last night; nothing is known of webhooks.
    fn patient() -> Connection {
        Connection {
            patient_id: "p-1".parse().unwrap(),
            status: ConnectionStatus::Connected,
            reason: None,
            since: at(LAST_NIGHT),
            oura_user_id: "ring-1".parse().unwrap(),
            grant_id: "g-1".parse().unwrap(),
            generation: 1,
            scopes_granted: ScopeSet::parse(ScopeSet::DEFAULT),
            scopes_requested: ScopeSet::parse(ScopeSet::DEFAULT),
            lease: None,
            intent: None,
            suspect: None,
            last_sync_at: None,
            last_data_day: Some("2026-03-18".parse().unwrap()),
            silent_since: None,
            last_webhook_at: None,
            missed_webhooks: BTreeMap::new(),
            backfill: None,
            failing: BTreeMap::new(),
            watermarks: DataType::ALL.into_iter().map(|kind| (kind, at(LAST_NIGHT))).collect(),
        }
    }

    fn week() -> DayRange {
        DayRange::ending("2026-03-20".parse().unwrap(), 8)
    }

    fn first(connection: &Connection) -> Vec<&'static str> {
        Due::of(connection, week(), rhythm()).first.keys().map(|kind| kind.as_str()).collect()
    }

    #[test]
    fn three_kinds_are_asked_for_every_night_and_the_others_when_the_ring_has_synced() {
        let due = Due::of(&patient(), week(), rhythm());
        assert_eq!(first(&patient()), ["daily_activity", "daily_sleep", "sleep"]);
        assert_eq!(due.then.len(), 9);
        assert!(!due.kinds().contains(&DataType::Vo2Max));
        // A notice came after the last fetch, some weeks ago: webhooks do not keep anything current, but the ring has synced.
        let mut noticed = patient();
        noticed.last_webhook_at = Some(at("2026-03-18T09:00:00Z"));
        noticed.missed_webhooks = DataType::ALL.into_iter().map(|kind| (kind, 1)).collect();
        assert_eq!(first(&noticed).len(), 12);
    }

    #[test]
    fn what_working_webhooks_bring_is_left_out_and_series_are_fetched_after_a_notice() {
        let mut current = patient();
        current.last_webhook_at = Some(at("2026-03-18T09:00:00Z"));
        assert_eq!(first(&current), ["heartrate", "ring_battery_level"]);
        current.last_webhook_at = Some(at("2026-03-18T02:00:00Z"));
        assert_eq!(first(&current), [""; 0], "nothing was announced since");
        current.missed_webhooks = BTreeMap::from([(DataType::Sleep, 2)]);
        assert_eq!(first(&current), ["sleep"], "its webhook is silent");
        current.last_webhook_at = Some(at("2026-03-16T03:00:00Z"));
        assert_eq!(first(&current).len(), 3, "nothing was announced for days: perhaps all webhooks are silent");
    }

    #[test]
    fn everything_is_looked_at_every_few_days_and_what_failed_at_once() {
        let mut connection = patient();
        connection.last_webhook_at = Some(at("2026-03-18T02:00:00Z"));
        connection.watermarks.insert(DataType::Vo2Max, at("2026-03-12T03:10:00Z"));
        assert_eq!(first(&connection), ["vo2_max"], "a week ago, but for some minutes");
        connection.watermarks.insert(DataType::Vo2Max, at("2026-03-13T03:10:00Z"));
        assert_eq!(first(&connection), [""; 0]);
        connection.failing = BTreeMap::from([(DataType::Tag, "unavailable".to_owned())]);
        assert_eq!(first(&connection), ["tag"]);
        connection.failing.clear();
        connection.watermarks.remove(&DataType::Session);
        assert_eq!(first(&connection), ["session"], "never fetched");
        connection.scopes_granted = ScopeSet::parse("daily");
        assert_eq!(first(&connection), [""; 0], "and not allowed");
    }

    #[test]
    fn a_pull_reaches_a_day_further_back_for_every_day_without_one_and_not_for_ever() {
        let first = |connection: &Connection| range(connection, week(), rhythm()).first().to_string();
        assert_eq!(first(&patient()), "2026-03-13");
        let mut away = patient();
        away.watermarks.insert(DataType::Sleep, at("2026-03-01T03:00:00Z"));
        assert_eq!(first(&away), "2026-02-24", "seventeen nights were missed");
        away.watermarks.insert(DataType::Sleep, at("2025-03-01T03:00:00Z"));
        assert_eq!(range(&away, week(), rhythm()).days(), 92);
        // What is not asked for does not make the pull longer: not its turn yet, or kept current by notices.
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
        assert_eq!(first(&current), "2026-03-07", "an edit whose notice was lost may lie a week before the last look");
    }

    #[test]
    fn a_series_is_asked_for_from_the_last_day_that_had_data() {
        let series = |connection: &Connection| {
            let due = Due::of(connection, week(), rhythm());
            due.then[&DataType::HeartRate].first().to_string()
        };
        assert_eq!(series(&patient()), "2026-03-18");
        let mut away = patient();
        away.last_data_day = Some("2026-03-15".parse().unwrap());
        assert_eq!(series(&away), "2026-03-15", "the ring was away when it was last fetched");
    }

    #[test]
    fn a_series_is_asked_for_within_the_pull_and_not_for_days_that_are_nowhere_yet() {
        let series = |connection: &Connection, now: &str| {
            let due = Due::of(connection, week(), Rhythm { now: at(now), ..rhythm() });
            let days = due.then[&DataType::HeartRate];
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
    fn a_history_that_has_not_arrived_is_asked_for_whole() {
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
        let days = range(&waiting, week(), rhythm());
        assert!(days.covers(&history) && days.covers(&week()));
        assert_eq!(Due::of(&waiting, days, rhythm()).first.len(), DataType::ALL.len());
    }
}
