//! The connection of a new consent, written in one transaction with its event.

use std::collections::BTreeMap;

use jiff::Timestamp;
use shared::aws::{ConnectOutcome, StoreError};
use shared::domain::{
    Backfill, BackfillState, CONSENT_CONNECTED, Command, CommandKind, Connection, EventKind, GrantId, PatientEvent,
    PatientId, ReasonCode, ScopeSet, SyncId, SyncMessage, Trigger,
};
use shared::oura::PersonalInfo;

use crate::config::AccountChange;
use crate::history::{self, History};
use crate::{Deps, Flow, Refusal, consent};

/// Attempts to write a connection that is changed concurrently.
const MAX_CONFLICT_RETRIES: usize = 5;

/// A consent that did not become the patient's connection.
pub(crate) struct NotKept {
    pub(crate) refusal: Refusal,
    /// True if certainly nothing was written.
    pub(crate) certain: bool,
}

impl NotKept {
    pub(crate) fn certainly(refusal: Refusal) -> Self {
        Self { refusal, certain: true }
    }
}

/// Writes the connection. Returns the backfill's message and the previous connection.
///
/// When the table does not answer, the outcome is unknown until the connection is read again: if it is on this grant, an
/// earlier try has written it.
pub(crate) async fn record(
    deps: &Deps,
    flow: &Flow,
    account: &PersonalInfo,
    scopes: ScopeSet,
) -> Result<(SyncMessage, Option<Connection>), NotKept> {
    let (patient, grant_id) = (&flow.state.patient_id, &flow.attempt);
    let sync_id = SyncId::parse(format!("backfill-{grant_id}"))
        .map_err(|_never| NotKept::certainly(Refusal::ServiceUnavailable))?;
    let mut tried: Option<(SyncMessage, Option<Connection>)> = None;
    let mut certain = true;
    for _ in 0..MAX_CONFLICT_RETRIES {
        let now = deps.clock.now();
        let previous = deps.connections.get(patient).await;
        let previous = previous.map_err(|error| NotKept { refusal: Refusal::store(&error), certain })?;
        if previous.as_ref().is_some_and(|previous| previous.grant_id == *grant_id)
            && let Some(written) = tried
        {
            return Ok(written);
        }
        let changed = previous.as_ref().is_some_and(|previous| previous.oura_user_id != account.id);
        if changed && deps.config.account_change == AccountChange::Refuse {
            tracing::warn!(event = "callback.account_change_refused", "consent of another ring account was refused");
            refuse(deps, flow, ReasonCode::AccountChangeRefused, None, now).await;
            return Err(NotKept { refusal: Refusal::AccountChangeRefused, certain });
        }
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
        let event = new.event(previous.is_some(), changed);
        let consent = consent(deps, flow, CONSENT_CONNECTED, scopes.clone());
        match deps.connections.connect(&connection, previous.as_ref(), &event, &consent, Some(&flow.state)).await {
            Ok(ConnectOutcome::Recorded) => return Ok((message, previous)),
            Ok(ConnectOutcome::AccountConflict) => {
                tracing::warn!(event = "callback.account_conflict", "ring account of another patient was refused");
                let conflict = EventKind::AccountConflict { grant_id: grant_id.clone() };
                let event = PatientEvent::new(patient.clone(), now, conflict);
                refuse(deps, flow, ReasonCode::AccountConflict, Some(&event), now).await;
                return Err(NotKept { refusal: Refusal::AccountConflict, certain });
            }
            Ok(ConnectOutcome::StateGone) => {
                tracing::info!(event = "callback.state_deleted", "patient disconnected or was purged during a consent");
                return Err(NotKept { refusal: Refusal::StateInvalid, certain });
            }
            Ok(ConnectOutcome::PurgeRunning) => {
                requeue_purge(deps, patient, now).await;
                return Err(NotKept { refusal: Refusal::PurgeRunning, certain });
            }
            Ok(ConnectOutcome::Raced) => tried = Some((message, previous)),
            Err(error) => {
                let refusal = Refusal::store(&error);
                if matches!(error, StoreError::Refused { .. }) {
                    return Err(NotKept { refusal, certain });
                }
                certain = false;
                tried = Some((message, previous));
            }
        }
    }
    tracing::error!(event = "callback.conflicts", "connection could not be written in any attempt");
    Err(NotKept { refusal: Refusal::ServiceUnavailable, certain })
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

    fn event(&self, reconnected: bool, account_changed: bool) -> PatientEvent {
        let kind = EventKind::Connected {
            grant_id: self.grant_id.clone(),
            scopes_granted: self.scopes.clone(),
            scopes_missing: self.requested.missing_from(self.scopes),
            reconnected,
            account_changed,
        };
        PatientEvent::new(self.patient.clone(), self.now, kind)
    }
}

/// Stores the refusal of a ring account, so that `GET /connections` shows it, and publishes its event.
async fn refuse(deps: &Deps, flow: &Flow, reason: ReasonCode, event: Option<&PatientEvent>, now: Timestamp) {
    let patient = &flow.state.patient_id;
    if let Err(error) = deps.connections.refuse(patient, reason, event, &flow.state, &flow.attempt, now).await {
        tracing::warn!(event = "callback.refusal_not_stored", %error, "refusal of a ring account could not be stored");
        return;
    }
    if event.is_some()
        && let Err(error) = deps.outbox.drain(patient).await
    {
        tracing::warn!(event = "callback.event_delayed", %error, "event of a refused ring account remained in the outbox");
    }
}

/// Queues the running purge once more: its request may have ended before its message was queued.
async fn requeue_purge(deps: &Deps, patient: &PatientId, now: Timestamp) {
    let purge = Command { patient_id: patient.clone(), kind: CommandKind::Purge, requested_at: now };
    if let Err(error) = deps.queue.send(purge).await {
        tracing::warn!(event = "callback.purge_not_queued", %error, "running purge could not be queued again");
    }
}
