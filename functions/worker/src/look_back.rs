//! The days that a sync fetches of one data type.
//!
//! Each data type decides its own days, from its own progress: an empty or refused answer, or progress of another data type,
//! never shortens them.
//!
//! | data type | first day |
//! |---|---|
//! | owes its history | first day of the history, however long ago |
//! | every few days, the first time after the backfill | first day of the history, since a list may have been incomplete |
//! | time series, every few days | whole look-back, and a day more for each day since the last time |
//! | time series, otherwise | newest day that has arrived |
//! | any other | whole look-back, and further to the newest day that has arrived |
//! | any other, every few days | the same, and a day more for each day since the last time |
//!
//! Only a look-back fetches the older samples of a time series again. So one whose answer lacks stored samples does not count, and is
//! repeated once a day, for some days.
//!
//! Each day is in a look-back after the sync that brought it: if more days arrive at once than the next one holds, the last one
//! counts as an earlier one ([`latest_with`]).

use jiff::{SignedDuration, Timestamp};
use shared::domain::{Connection, DataType, Day, DayRange, Frequency, RangeQuery};

/// Time for which a look-back is repeated if its answer lacks stored samples. After that Oura has dropped them.
const SHORT_ANSWER_DOUBTED: SignedDuration = SignedDuration::from_hours(2 * 24);

/// Longest look-back, however long nothing was fetched or has arrived, unless the history is longer. Oura advises one to three
/// months per request.
pub(crate) const MAX_DAYS: i32 = 92;

/// Rules that decide what is due.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SyncPolicy {
    /// Days after which every data type is due, webhooks or not.
    pub(crate) full_sync_interval_days: u32,
    /// Days of a look-back.
    pub(crate) lookback_days: i32,
    pub(crate) now: Timestamp,
}

/// Days to fetch of one data type.
#[derive(Debug)]
pub(crate) struct LookBack {
    pub(crate) days: DayRange,
    /// First day whose stored documents are read in any case. An earlier day is read if documents of it arrive.
    pub(crate) compared_from: Day,
}

impl LookBack {
    pub(crate) fn new(connection: &Connection, data_type: DataType, requested: DayRange, policy: SyncPolicy) -> Self {
        let last = last_day(data_type, requested, policy.now);
        let from = |first: Day, compared_from: Day| {
            let days = DayRange::new(first.min(last), last).unwrap_or(requested);
            Self { days, compared_from: compared_from.max(days.first()) }
        };
        let history = connection.backfill.as_ref().map(|backfill| backfill.range.first());
        // 1. What has not arrived is looked for from the newest day that has.
        let longest = first_of_longest(connection, requested.last());
        let arrived = connection.arrived_through.get(&data_type).copied().or(history);
        let arrived = arrived.unwrap_or(requested.first()).max(longest);
        // 2. A history that is owed, or looked at once more, is fetched from its first day on.
        let looked_back = connection.looked_back.get(&data_type);
        let is_second_look = looked_back.is_none() && is_look_back_due(connection, data_type, policy);
        let whole_history = connection.owes_history(data_type).or(history.filter(|_| is_second_look));
        if let Some(first) = whole_history {
            let first = first.min(requested.first());
            return from(first.min(arrived), first);
        }
        // 3. Otherwise it begins at the requested day, and one day earlier for every day on which it was not fetched: each day is
        //    fetched for as long after it as the look-back says, even if webhook events were lost.
        let is_series = data_type.range_query() == RangeQuery::Instants;
        let is_due = is_look_back_due(connection, data_type, policy);
        let fetched = if is_series || is_due { looked_back } else { connection.watermarks.get(&data_type) };
        let missed_days = fetched.map_or(0, |at| (Day::of_utc(policy.now).days_since(Day::of_utc(*at)) - 1).max(0));
        let usual = requested.first().plus(-missed_days).max(longest);
        // 4. A list of any number of days costs one request. A time series costs a request for every few days, so that its usual
        //    days are fetched every few days only.
        if is_series && !is_due {
            // The offsets of its days' stored documents place the samples.
            from(arrived, arrived)
        } else if is_series || data_type.facts().frequency == Frequency::Always {
            from(usual.min(arrived), usual.min(arrived))
        } else {
            from(usual.min(arrived), usual)
        }
    }

    pub(crate) fn joined_with(self, requested: DayRange) -> Self {
        Self { days: self.days.joined_with(&requested), compared_from: self.compared_from.min(requested.first()) }
    }
}

/// First day of the longest look-back that ends with `last`: as many days as the history has, if these are more.
pub(crate) fn first_of_longest(connection: &Connection, last: Day) -> Day {
    let history = connection.backfill.as_ref().map_or(0, |backfill| backfill.range.days());
    DayRange::ending(last, MAX_DAYS.max(history)).first()
}

/// Last day to fetch. A time series has no samples of the future, and no place is more than 14 hours ahead of UTC.
fn last_day(data_type: DataType, requested: DayRange, now: Timestamp) -> Day {
    if data_type.range_query() != RangeQuery::Instants {
        return requested.last();
    }
    requested.last().min(Day::of_utc(now.saturating_add(SignedDuration::from_hours(14)).unwrap_or(now)))
}

/// True if the whole look-back of the data type was not fetched for some days. The first time is some days after the backfill.
pub(crate) fn is_look_back_due(connection: &Connection, data_type: DataType, policy: SyncPolicy) -> bool {
    look_back_age(connection, data_type, policy.now)
        .is_some_and(|age| !policy.is_within_interval(age) && !was_short_today(connection, data_type, age, policy))
}

/// True if the look-back was due and fetched completely today, and did not count. It is repeated on the next day.
fn was_short_today(connection: &Connection, data_type: DataType, age: SignedDuration, policy: SyncPolicy) -> bool {
    let due_for = age - policy.interval();
    connection.watermarks.get(&data_type).is_some_and(|fetched| {
        Day::of_utc(*fetched) == Day::of_utc(policy.now) && policy.now.duration_since(*fetched) <= due_for
    })
}

/// True if a look-back that lacks stored samples does not count, so that it is repeated.
pub(crate) fn is_short_answer_doubted(connection: &Connection, data_type: DataType, policy: SyncPolicy) -> bool {
    look_back_age(connection, data_type, policy.now)
        .is_some_and(|age| policy.is_within_interval(age - SHORT_ANSWER_DOUBTED))
}

/// Latest time of the last look-back with which the next one begins at this day.
pub(crate) fn latest_with(first: Day, policy: SyncPolicy) -> Timestamp {
    first.plus(policy.lookback_days - 2).start_utc()
}

/// Time since the last whole look-back; before the first one, since the backfill.
fn look_back_age(connection: &Connection, data_type: DataType, now: Timestamp) -> Option<SignedDuration> {
    let looked_back = connection.looked_back.get(&data_type).map(|at| now.duration_since(*at));
    looked_back.or_else(|| connection.backfill.as_ref().map(|backfill| backfill.age(now)))
}

impl SyncPolicy {
    pub(crate) fn is_recent(self, at: Timestamp) -> bool {
        self.is_within_interval(self.now.duration_since(at))
    }

    fn is_within_interval(self, age: SignedDuration) -> bool {
        age < self.interval()
    }

    /// Six hours less than the days: a nightly run is not late because the one before it ended late.
    fn interval(self) -> SignedDuration {
        SignedDuration::from_hours(24 * i64::from(self.full_sync_interval_days) - 6)
    }
}
