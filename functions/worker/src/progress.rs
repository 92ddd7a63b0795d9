//! Questions about the progress of a sync that several phases ask.

use std::collections::BTreeMap;

use shared::domain::{
    Backfill, BackfillState, Connection, DataType, DataTypeProgress, FetchFailure, FetchState, SyncMessage, Trigger,
};

use crate::delivery::Delivery;

/// Deliveries of a sync in which a refused data type is requested. After them the sync ends without it, and every later sync
/// requests it.
const MAX_REFUSED_DELIVERIES: u32 = 3;

/// Progress of a sync by data type.
pub(crate) type Progress = BTreeMap<DataType, DataTypeProgress>;

/// True if at least one data type arrived.
pub(crate) fn any_arrived(progress: &Progress) -> bool {
    progress.values().any(|of| of.state.is_complete())
}

/// True if this sync brings a part of the patient's history: it is the backfill itself, or a later sync that reaches back to
/// the first day for each data type that owes its history.
pub(crate) fn brings_history(connection: &Connection, message: &SyncMessage) -> bool {
    let Some(backfill) = &connection.backfill else { return false };
    let mut owed = DataType::ALL.into_iter().filter_map(|data_type| connection.owes_history(data_type)).peekable();
    let is_done = backfill.state == BackfillState::Done && owed.peek().is_none();
    match message.trigger {
        _ if is_done => false,
        Trigger::Webhook => false,
        Trigger::Backfill => backfill.state != BackfillState::Done && backfill.sync_id == message.sync_id,
        Trigger::Daily | Trigger::Manual => owed.all(|day| message.range.contains(day)),
    }
}

/// Returns the progress of the history by data type: what has arrived before, and the progress of this sync.
pub(crate) fn history_progress(backfill: &Backfill, progress: &Progress) -> Progress {
    // A later sync requests fewer days of what has arrived.
    let is_whole =
        |of: &DataTypeProgress| !of.state.is_complete() || of.from.is_some_and(|first| first <= backfill.range.first());
    let news = progress.iter().filter(|(data_type, of)| !backfill.has_arrived(**data_type) && is_whole(of));
    let news = news.map(|(data_type, of)| (*data_type, of.clone()));
    DataType::ALL
        .into_iter()
        .map(|data_type| (data_type, DataTypeProgress::PENDING))
        .chain(backfill.per_type.clone())
        .chain(news)
        .collect()
}

/// Marks refused data types as failed, so that they are requested again in this sync: a refusal may pass. One that was refused
/// in the last sync too is requested once, and so is every data type of a patient to whom Oura gives nothing at all.
pub(crate) fn retry_refused(progress: &mut Progress, connection: &Connection, delivery: Delivery) {
    if delivery.count >= MAX_REFUSED_DELIVERIES {
        return;
    }
    let may_pass = |failure: FetchFailure| failure.reason_code().is_none();
    for (data_type, of) in progress.iter_mut() {
        let was_refused = of.error.is_some() && connection.failing.get(data_type).copied() == of.error;
        if of.state == FetchState::NotAvailable && of.error.is_some_and(may_pass) && !was_refused {
            of.state = FetchState::Failed;
        }
    }
}
