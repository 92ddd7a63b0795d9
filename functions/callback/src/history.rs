//! Days that a connect fetches: the whole history, or, for a ring that was connected before, the gap since.

use jiff::Timestamp;
use shared::domain::{BackfillState, Connection, DataType, Day, DayRange, OuraUserId, ScopeSet};

/// Upper bound of a backfill in days. `POST /sync` fetches older days.
const MAX_DAYS: i32 = 400;

/// Days to fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct History {
    pub(crate) range: DayRange,
    /// True if these are only the days since an earlier connection.
    pub(crate) is_gap: bool,
}

/// Days to fetch after a new consent, given the previous connection. `days`: history of a ring that was never connected
/// here.
pub(crate) fn missing(
    previous: Option<&Connection>,
    user: &OuraUserId,
    scopes: &ScopeSet,
    days: i32,
    now: Timestamp,
) -> History {
    // One day ahead of UTC: it may already be tomorrow where the patient is.
    let tomorrow = Day::of_utc(now).plus(1);
    let whole = DayRange::ending(tomorrow, days + 1);
    // The progress of another ring's account does not count.
    let Some(previous) = previous.filter(|previous| previous.oura_user_id == *user) else {
        return History { range: whole, is_gap: false };
    };
    let Some(since) = last_complete_day(previous, scopes) else { return History { range: whole, is_gap: false } };
    // Yesterday at the latest: its night may have been under way when it was last fetched.
    let first = since.plus(-1).min(tomorrow.plus(-2));
    let gap = DayRange::new(first, tomorrow).unwrap_or(whole);
    let range = match &previous.backfill {
        Some(backfill) if backfill.state != BackfillState::Done => gap.joined_with(&backfill.range),
        _ => gap,
    };
    let longest = DayRange::ending(tomorrow, MAX_DAYS);
    let range = DayRange::new(range.first().max(longest.first()), tomorrow).unwrap_or(longest);
    History { range, is_gap: true }
}

/// Oldest day that may be incomplete; `None` if a data type that is granted now was never fetched at all.
fn last_complete_day(previous: &Connection, scopes: &ScopeSet) -> Option<Day> {
    let mut oldest = previous.last_data_day?;
    for data_type in DataType::ALL.into_iter().filter(|data_type| scopes.contains(data_type.scope())) {
        match previous.watermarks.get(&data_type) {
            Some(fetched) => oldest = oldest.min(Day::of_utc(*fetched)),
            None if !previous.scopes_granted.contains(data_type.scope()) => return None,
            // Granted before and never complete: Oura does not offer it, or its documents were unreadable.
            None => {}
        }
    }
    Some(oldest)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use shared::domain::{Backfill, ConnectionStatus};

    use super::*;

    const NOW: &str = "2026-03-18T12:00:00Z";

    fn connection(fetched: &str, last_data_day: &str) -> Connection {
        let fetched: Timestamp = fetched.parse().unwrap();
        Connection {
            status: ConnectionStatus::Disconnected,
            scopes_requested: ScopeSet::parse(ScopeSet::DEFAULT),
            last_sync_at: Some(fetched),
            last_data_day: Some(last_data_day.parse().unwrap()),
            watermarks: BTreeMap::from([(DataType::Sleep, fetched), (DataType::HeartRate, fetched)]),
            ..Connection::new(
                "p-1".parse().unwrap(),
                "ring-1".parse().unwrap(),
                "g-1".parse().unwrap(),
                ScopeSet::parse("daily heartrate"),
                fetched,
            )
        }
    }

    fn first(previous: Option<&Connection>, user: &str, scopes: &str) -> (String, bool) {
        let found = missing(previous, &user.parse().unwrap(), &ScopeSet::parse(scopes), 30, NOW.parse().unwrap());
        assert_eq!(found.range.last().to_string(), "2026-03-19");
        (found.range.first().to_string(), found.is_gap)
    }

    fn gap(first: &str) -> (String, bool) {
        (first.to_owned(), true)
    }

    #[test]
    fn same_ring_fetches_the_gap_since_its_last_complete_day() {
        let before = connection("2026-03-13T03:00:00Z", "2026-03-13");
        assert_eq!(first(Some(&before), "ring-1", "daily heartrate"), gap("2026-03-12"));
        // The ring had not synced for two days when it was last fetched.
        let late = connection("2026-03-13T03:00:00Z", "2026-03-11");
        assert_eq!(first(Some(&late), "ring-1", "daily heartrate"), gap("2026-03-10"));
        // One data type had been failing for longer.
        let mut failing = before.clone();
        failing.watermarks.insert(DataType::HeartRate, "2026-03-02T03:00:00Z".parse().unwrap());
        assert_eq!(first(Some(&failing), "ring-1", "daily heartrate"), gap("2026-03-01"));
        assert_eq!(first(Some(&failing), "ring-1", "daily"), gap("2026-03-12"), "it is no longer granted");
        // Reconnected within minutes, from a place where it is tomorrow already.
        let fresh = connection("2026-03-18T11:59:00Z", "2026-03-19");
        assert_eq!(first(Some(&fresh), "ring-1", "daily heartrate"), gap("2026-03-17"));
        let years = connection("2023-03-18T11:59:00Z", "2023-03-18");
        assert_eq!(first(Some(&years), "ring-1", "daily heartrate"), gap("2025-02-13"), "400 days");
    }

    #[test]
    fn unfinished_backfill_is_fetched_with_the_gap() {
        let mut before = connection("2026-03-13T03:00:00Z", "2026-03-13");
        before.backfill = Some(Backfill {
            state: BackfillState::Failed,
            sync_id: "s".parse().unwrap(),
            range: DayRange::new("2026-02-01".parse().unwrap(), "2026-03-03".parse().unwrap()).unwrap(),
            per_type: BTreeMap::new(),
            reconnected: false,
            days_repaired: None,
            started_at: None,
            is_reported: false,
        });
        assert_eq!(first(Some(&before), "ring-1", "daily heartrate"), gap("2026-02-01"));
    }

    #[test]
    fn history_is_fetched_whole_if_a_part_of_it_never_was() {
        let whole = ("2026-02-17".to_owned(), false);
        let before = connection("2026-03-13T03:00:00Z", "2026-03-13");
        assert_eq!(first(None, "ring-1", "daily"), whole);
        assert_eq!(first(Some(&before), "ring-2", "daily"), whole, "another ring");
        assert_eq!(first(Some(&before), "ring-1", "daily spo2"), whole, "a scope that was not granted before");
        let nothing = Connection { last_data_day: None, ..before };
        assert_eq!(first(Some(&nothing), "ring-1", "daily"), whole, "nothing had arrived");
    }
}
