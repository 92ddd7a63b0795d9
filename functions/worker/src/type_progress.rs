//! Progress of each data type that a sync records on the connection.

use std::collections::BTreeMap;

use jiff::Timestamp;
use shared::domain::{Connection, DataType, DataTypeProgress, Day, DayRange, SyncMessage, Trigger};

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

/// Returns the data types whose whole look-back was due, and was fetched completely.
pub(crate) fn looked_back(progress: &Progress, due: &DueDays) -> BTreeMap<DataType, Timestamp> {
    let is_whole = |days: &DayRange, of: &DataTypeProgress| {
        of.state.is_complete() && of.from.is_some_and(|first| first <= days.first())
    };
    let done = due.iter().filter_map(|(data_type, days)| {
        let of = progress.get(data_type).filter(|of| is_whole(days, of))?;
        Some((*data_type, of.fetched_at?))
    });
    done.collect()
}

/// Returns the data types of which newer days have arrived. Days that were fetched without those before them do not count.
pub(crate) fn arrived_through(
    message: &SyncMessage,
    connection: &Connection,
    progress: &Progress,
) -> BTreeMap<DataType, Day> {
    let history = connection.backfill.as_ref().map(|backfill| backfill.range.first());
    let newer = |(data_type, of): (&DataType, &DataTypeProgress)| {
        let known = connection.arrived_through.get(data_type).copied();
        let is_contiguous = known.or(history).is_none_or(|day| of.from.is_some_and(|first| first <= day));
        let day = of
            .newest_day
            .filter(|day| of.state.is_complete() && is_contiguous && known.is_none_or(|known| known < *day))?;
        Some((*data_type, day))
    };
    if message.trigger == Trigger::Webhook { BTreeMap::new() } else { progress.iter().filter_map(newer).collect() }
}
