//! The connection of a new consent, written in one transaction with its event.

use std::collections::BTreeMap;

use jiff::Timestamp;
use shared::aws::{ConnectOutcome, StoreError};
use shared::domain::{
    Backfill, BackfillState, Command, CommandKind, Connection, EventKind, GrantId, PatientEvent, PatientId, ReasonCode,
    ScopeSet, SyncId, SyncMessage, Trigger,
};
use shared::oura::PersonalInfo;

use crate::history::{self, History};
use crate::{Deps, Refusal};

/// Attempts to write a connection that is changed concurrently.
const MAX_CONFLICT_RETRIES: usize = 5;

/// A connection that could not be written.
pub(crate) struct NotRecorded {
    pub(crate) refusal: Refusal,
    /// True if certainly nothing was written.
    pub(crate) certain: bool,
}

impl NotRecorded {
    fn certainly(refusal: Refusal) -> Self {
        Self { refusal, certain: true }
    }

    fn store(error: &StoreError) -> Self {
        Self { refusal: Refusal::store(error), certain: matches!(error, StoreError::Refused { .. }) }
    }
}

/// Writes the connection. Returns the backfill's message and the grant of the previous connection.
pub(crate) async fn record(
    deps: &Deps,
    patient: &PatientId,
    grant_id: &GrantId,
    account: &PersonalInfo,
    scopes: ScopeSet,
) -> Result<(SyncMessage, Option<GrantId>), NotRecorded> {
    let sync_id = SyncId::parse(format!("backfill-{grant_id}"))
        .map_err(|_never| NotRecorded::certainly(Refusal::ServiceUnavailable))?;
    for _ in 0..MAX_CONFLICT_RETRIES {
        let now = deps.clock.now();
        let previous = deps.connections.get(patient).await;
        let previous = previous.map_err(|error| NotRecorded::certainly(Refusal::store(&error)))?;
        let days = i32::try_from(deps.config.backfill_days).unwrap_or(30);
        let history = history::missing(previous.as_ref(), &account.id, &scopes, days, now);
        let message = SyncMessage {
            patient_id: patient.clone(),
            sync_id: sync_id.clone(),
            trigger: Trigger::Backfill,
            range: history.range,
            requested_at: now,
        };
        let new = New { patient, grant_id, account, scopes: &scopes, requested: &deps.config.scopes, now };
        let connection = new.connection(previous.as_ref(), &history, &sync_id);
        match deps.connections.connect(&connection, previous.as_ref(), &new.event(previous.is_some())).await {
            Ok(ConnectOutcome::Recorded) => return Ok((message, previous.map(|previous| previous.grant_id))),
            Ok(ConnectOutcome::AccountConflict) => {
                refuse_account(deps, patient, now).await;
                return Err(NotRecorded::certainly(Refusal::AccountConflict));
            }
            Ok(ConnectOutcome::PurgeRunning) => {
                requeue_purge(deps, patient, now).await;
                return Err(NotRecorded::certainly(Refusal::PurgeRunning));
            }
            Ok(ConnectOutcome::Raced) => {}
            Err(error) => return Err(NotRecorded::store(&error)),
        }
    }
    tracing::error!(event = "callback.conflicts", "connection changed during every attempt to write it");
    Err(NotRecorded::certainly(Refusal::ServiceUnavailable))
}

/// A new consent.
struct New<'a> {
    patient: &'a PatientId,
    grant_id: &'a GrantId,
    account: &'a PersonalInfo,
    scopes: &'a ScopeSet,
    requested: &'a ScopeSet,
    now: Timestamp,
}

impl New<'_> {
    fn connection(&self, previous: Option<&Connection>, history: &History, sync_id: &SyncId) -> Connection {
        // The progress of another ring's account does not count.
        let same_account = previous.filter(|previous| previous.oura_user_id == self.account.id);
        Connection {
            scopes_requested: self.requested.clone(),
            last_sync_at: previous.and_then(|previous| previous.last_sync_at),
            last_data_day: previous.and_then(|previous| previous.last_data_day),
            backfill: Some(Backfill {
                state: BackfillState::Pending,
                sync_id: sync_id.clone(),
                range: history.range,
                per_type: BTreeMap::new(),
                reconnected: history.is_gap,
                days_repaired: None,
                started_at: Some(self.now),
                is_reported: false,
            }),
            watermarks: same_account.map(|previous| previous.watermarks.clone()).unwrap_or_default(),
            arrived_through: same_account.map(|previous| previous.arrived_through.clone()).unwrap_or_default(),
            ..Connection::new(
                self.patient.clone(),
                self.account.id.clone(),
                self.grant_id.clone(),
                self.scopes.clone(),
                self.now,
            )
        }
    }

    fn event(&self, reconnected: bool) -> PatientEvent {
        let kind = EventKind::Connected {
            grant_id: self.grant_id.clone(),
            scopes_granted: self.scopes.clone(),
            scopes_missing: self.requested.missing_from(self.scopes),
            reconnected,
        };
        PatientEvent::new(self.patient.clone(), self.now, kind)
    }
}

/// Stores the refusal of a ring account that another patient has connected, so that `GET /connections` shows it.
async fn refuse_account(deps: &Deps, patient: &PatientId, now: Timestamp) {
    tracing::warn!(event = "callback.account_conflict", "ring account of another patient was refused");
    if let Err(error) = deps.connections.refuse(patient, ReasonCode::AccountConflict, now).await {
        tracing::warn!(event = "callback.refusal_not_stored", %error, "refusal of a ring account could not be stored");
    }
}

/// Queues the running purge once more: its request may have ended before its message was queued.
async fn requeue_purge(deps: &Deps, patient: &PatientId, now: Timestamp) {
    let purge = Command { patient_id: patient.clone(), kind: CommandKind::Purge, requested_at: now };
    if let Err(error) = deps.queue.send(purge).await {
        tracing::warn!(event = "callback.purge_not_queued", %error, "running purge could not be queued again");
    }
}
