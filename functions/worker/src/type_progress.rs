//! Progress of each data type that a sync records on the connection.

use std::collections::BTreeMap;

use jiff::Timestamp;
use shared::domain::{Connection, DataType, DataTypeProgress, Day, DayRange, FetchState, SyncMessage, Trigger};

use crate::look_back::{SyncPolicy, first_of_longest, latest_with};
use crate::progress::Progress;
use crate::schedule::DueDays;
use crate::sync_plan::NEWEST_DAYS;

/// Returns the data types whose newest days were fetched completely. A sync of older days or of single documents did not.
pub(crate) fn watermarks(
    message: &SyncMessage,
    connection: &Connection,
    progress: &Progress,
) -> BTreeMap<DataType, Timestamp> {
    let holds_newest = |fetched: &Timestamp| {
        let today = Day::of_utc(*fetched);
        message.trigger != Trigger::Webhook
            && message.range.last() >= today
            && message.range.first() <= today.plus(1 - NEWEST_DAYS)
    };
    progress
        .iter()
        .filter(|(_, of)| of.state.is_complete())
        .filter_map(|(data_type, of)| Some((*data_type, of.fetched_at.filter(holds_newest)?)))
        .filter(|(data_type, fetched)| connection.watermarks.get(data_type).is_none_or(|known| known < fetched))
        .collect()
}

/// Returns the data types whose whole look-back was due, and was fetched completely. Those of which more days have arrived at once
/// (`arrived`) than the next look-back would hold get an earlier time, so that it holds them.
pub(crate) fn looked_back(
    connection: &Connection,
    progress: &Progress,
    due: &DueDays,
    arrived: &BTreeMap<DataType, Day>,
    policy: SyncPolicy,
) -> BTreeMap<DataType, Timestamp> {
    let is_whole = |days: &DayRange, of: &DataTypeProgress| {
        of.state.is_complete() && of.from.is_some_and(|first| first <= days.first())
    };
    let done = due.iter().filter_map(|(data_type, days)| {
        let of = progress.get(data_type).filter(|of| is_whole(days, of))?;
        Some((*data_type, of.fetched_at?))
    });
    let mut looked_back: BTreeMap<_, _> = done.collect();
    for (data_type, newest) in arrived {
        let last = looked_back.get(data_type).or_else(|| connection.looked_back.get(data_type));
        let before = connection.arrived_through.get(data_type).filter(|before| *before < newest);
        if let (Some(last), Some(before)) = (last, before) {
            let latest = latest_with(*before, policy);
            if latest < *last {
                looked_back.insert(*data_type, latest);
            }
        }
    }
    looked_back
}

/// Returns the data types of which newer days have arrived. Days that were fetched without those before them do not count, unless
/// these are further back than any look-back.
///
/// A webhook sync moves a data type back to the oldest day of documents that it ended without, so that the next list holds them.
pub(crate) fn arrived_through(
    message: &SyncMessage,
    connection: &Connection,
    progress: &Progress,
) -> BTreeMap<DataType, Day> {
    let history = connection.backfill.as_ref().map(|backfill| backfill.range.first());
    if message.trigger == Trigger::Webhook {
        let known = |data_type: &DataType| connection.arrived_through.get(data_type).copied().or(history);
        let is_behind = |data_type: &DataType, day: &Day| known(data_type).is_none_or(|known| *day < known);
        let is_fetched = |of: &DataTypeProgress| match of.state {
            FetchState::Done => of.error.is_none(),
            FetchState::NotGranted => true,
            _ => false,
        };
        let unfetched = progress.iter().filter(|(_, of)| !is_fetched(of));
        let unfetched = unfetched.filter_map(|(data_type, of)| Some((*data_type, of.from?)));
        return unfetched.filter(|(data_type, day)| is_behind(data_type, day)).collect();
    }
    let longest = first_of_longest(connection, message.range.last());
    let newer = |(data_type, of): (&DataType, &DataTypeProgress)| {
        let known = connection.arrived_through.get(data_type).copied();
        let is_contiguous = known.or(history).is_none_or(|day| of.from.is_some_and(|first| first <= day.max(longest)));
        let day = of
            .newest_day
            .filter(|day| of.state.is_complete() && is_contiguous && known.is_none_or(|known| known < *day))?;
        Some((*data_type, day))
    };
    progress.iter().filter_map(newer).collect()
}

#[cfg(test)]
mod tests {
    use shared::domain::{FetchFailure, FetchState, ScopeSet};

    use super::*;

    const TODAY: &str = "2026-03-19";

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn patient(arrived: &str) -> Connection {
        let mut connection = Connection::new(
            "p-1".parse().unwrap(),
            "ring-1".parse().unwrap(),
            "g-1".parse().unwrap(),
            ScopeSet::parse(ScopeSet::DEFAULT),
            "2025-01-01T12:00:00Z".parse().unwrap(),
        );
        connection.arrived_through.insert(DataType::HeartRate, day(arrived));
        connection
    }

    fn message(trigger: Trigger, last: &str) -> SyncMessage {
        SyncMessage {
            patient_id: "p-1".parse().unwrap(),
            sync_id: "s-1".parse().unwrap(),
            trigger,
            range: DayRange::ending(day(last), 8),
            requested_at: "2026-03-19T03:00:00Z".parse().unwrap(),
        }
    }

    fn fetched(from: &str, newest: &str) -> DataTypeProgress {
        let (from, newest_day) = (Some(day(from)), Some(day(newest)));
        DataTypeProgress { state: FetchState::Done, from, newest_day, ..DataTypeProgress::PENDING }
    }

    fn heart_rate(of: DataTypeProgress) -> Progress {
        Progress::from([(DataType::HeartRate, of)])
    }

    #[test]
    fn arrived_through_moves_past_days_that_no_look_back_reaches() {
        let moved = |arrived: &str, from: &str| {
            let progress = heart_rate(fetched(from, TODAY));
            !arrived_through(&message(Trigger::Daily, TODAY), &patient(arrived), &progress).is_empty()
        };
        // The longest look-back begins on 2025-12-18.
        assert!(moved("2025-06-01", "2025-12-18"), "the ring is back after months");
        assert!(!moved("2025-06-01", "2025-12-19"), "not yet all of the look-back");
        assert!(moved("2026-03-01", "2026-03-01"));
        assert!(!moved("2026-03-01", "2026-03-02"), "a day is missing");
        let older = message(Trigger::Manual, "2025-10-08");
        let progress = heart_rate(fetched("2025-10-01", "2025-10-08"));
        assert!(arrived_through(&older, &patient("2025-09-01"), &progress).is_empty(), "a sync of older days");
    }

    #[test]
    fn webhook_sync_moves_arrived_through_back_to_what_it_ended_without() {
        let moved = |arrived: &str, of: DataTypeProgress| {
            arrived_through(&message(Trigger::Webhook, TODAY), &patient(arrived), &heart_rate(of)).into_values().next()
        };
        let failed = DataTypeProgress {
            state: FetchState::Failed,
            error: Some(FetchFailure::Unavailable),
            ..fetched("2026-02-25", TODAY)
        };
        let lacking = DataTypeProgress { error: Some(FetchFailure::NotFound), ..fetched("2026-02-25", TODAY) };
        for of in [failed, lacking] {
            assert_eq!(moved("2026-03-18", of.clone()), Some(day("2026-02-25")));
            assert_eq!(moved("2026-02-20", of.clone()), None, "the next list begins earlier");
            assert_eq!(moved("2026-03-18", DataTypeProgress { from: None, ..of }), None);
        }
        assert_eq!(moved("2026-03-18", fetched("2026-02-25", TODAY)), None, "it arrived");
    }
}
