//! The history after a connect: its progress at the end of a sync, and the event about it.

use jiff::Timestamp;
use shared::aws::{BackfillEnd, StoreError, SyncEnd, SyncRun};
use shared::domain::{BackfillState, Connection, DataType, EventKind, FetchFailure, PatientEvent, SyncMessage};

use crate::deps::Deps;
use crate::progress::{Progress, any_arrived, brings_history, history_progress};

/// Returns the progress of the history after this sync, if it brought a part of it or has to be reported as incomplete.
pub(crate) fn end(
    message: &SyncMessage,
    connection: &Connection,
    run: &SyncRun,
    progress: &Progress,
    now: Timestamp,
) -> Option<BackfillEnd> {
    let backfill = connection.backfill.as_ref()?;
    let is_reported = backfill.is_overdue(now);
    if !brings_history(connection, message) {
        return is_reported.then(|| BackfillEnd {
            state: backfill.state,
            progress: Progress::new(),
            days_repaired: None,
            is_reported,
        });
    }
    // The history has arrived once each granted data type has, and at least one.
    let history = history_progress(backfill, progress);
    let has_arrived = |data_type: &DataType| history.get(data_type).is_some_and(|of| of.state.is_complete());
    let is_done = DataType::ALL.iter().filter(|data_type| connection.is_granted(**data_type)).all(has_arrived);
    let state = match backfill.state {
        // It had arrived before a further scope was granted.
        BackfillState::Done => BackfillState::Done,
        _ if is_done && any_arrived(&history) => BackfillState::Done,
        _ => BackfillState::Failed,
    };
    let days_repaired = backfill.reconnected.then(|| run.days.len() as u64 + backfill.days_repaired.unwrap_or(0));
    let is_reported = is_reported && state != BackfillState::Done;
    Some(BackfillEnd { state, progress: history, days_repaired, is_reported })
}

/// Returns the event about a history that has arrived, or that is incomplete a day after the connect.
/// `after`: the connection after the sync.
pub(crate) async fn event(
    deps: &Deps,
    connection: &Connection,
    after: &Connection,
    end: &SyncEnd,
) -> Result<Option<PatientEvent>, StoreError> {
    let (Some(backfill), Some(ended)) = (&connection.backfill, &end.backfill) else { return Ok(None) };
    let complete = ended.state == BackfillState::Done;
    if backfill.state == BackfillState::Done || (!complete && !ended.is_reported) {
        return Ok(None);
    }
    let patient = &connection.patient_id;
    let days = deps.days.stats(patient, backfill.range).await?;
    let missing = DataType::ALL.into_iter().filter(|data_type| after.owes_history(*data_type).is_some());
    let failing = missing
        .map(|data_type| (data_type, after.failing.get(&data_type).copied().unwrap_or(FetchFailure::Unknown)))
        .collect();
    let event = EventKind::BackfillCompleted {
        // The backfill's id, whichever sync brought the history: it is completed once.
        sync_id: backfill.sync_id.clone(),
        range: backfill.range,
        days_with_data: days.iter().filter(|stats| !stats.metrics.is_empty()).count() as u64,
        complete,
        failing,
        reconnected: backfill.reconnected,
        days_repaired: ended.days_repaired.or(backfill.days_repaired).unwrap_or(0),
    };
    Ok(Some(PatientEvent::new(patient.clone(), end.at, event)))
}
