//! Recording of a new grant, and of a refused consent.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::item::ConnectionItem;
use super::oauth_states::StoredState;
use super::store::{ClaimItem, Connections, is_on, may_claim};
use crate::aws::error::StoreError;
use crate::aws::outbox::put_event;
use crate::aws::table::{Committed, Key, Transaction, expires_at, missing};
use crate::domain::{
    Connection, ConnectionStatus, Consent, ConsentEnd, GrantId, PatientEvent, PatientId, Profile, ReasonCode, Replaced,
    Revocation,
};

/// Time for which the patient's app is shown the reason of a refused consent.
const REFUSED_TTL: Duration = Duration::from_secs(24 * 3600);

/// The end of recording a new grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectOutcome {
    /// Recorded; the event is in the outbox.
    Recorded,
    /// Another patient has connected the ring account. Nothing was changed.
    AccountConflict,
    /// The state of this consent is deleted: the patient has disconnected, or everything was purged, meanwhile. Nothing was changed.
    StateGone,
    /// A purge of the patient is in progress. Nothing was changed.
    PurgeRunning,
    /// Another callback changed the patient's connection meanwhile. Nothing was changed: read again.
    Raced,
}

/// The parts of a connect's transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ConnectPart {
    Connection,
    Claim,
    Event,
    NoPurge,
    RefusedConsent,
    OldClaim,
    Consent,
    OldConsent,
    State,
    Profile,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RefusedItem {
    reason_code: ReasonCode,
    since: Timestamp,
    expires_at: i64,
}

impl Connections {
    /// Records a new grant in one transaction: the connection, the claim of the ring account, the consent in the patient's
    /// history, and the event. `state`: the state of the consent, if it came through the callback. `previous` is the connection as read before; if it has changed since, nothing happens.
    ///
    /// # Errors
    /// [`StoreError`]. When the table is unavailable the outcome is unknown: read again before the grant's tokens are deleted.
    pub async fn connect(
        &self,
        connection: &Connection,
        previous: Option<&Connection>,
        event: &PatientEvent,
        consent: &Consent,
        state: Option<&StoredState>,
    ) -> Result<ConnectOutcome, StoreError> {
        let (table, patient) = (&self.table, &connection.patient_id);
        let is_unchanged = match previous {
            None => missing("pk"),
            Some(previous) => is_on(&previous.grant_id),
        };
        let item = ConnectionItem::from(connection);
        let claim = ClaimItem { patient_id: patient.clone(), since: connection.since };
        let claim = table.put(&Key::Claim(&connection.oura_user_id), claim).when(may_claim(patient));
        let mut transaction = Transaction::new(table, "record the connection");
        transaction
            .add(ConnectPart::Connection, table.put(&Key::Connection(patient), item).when(is_unchanged))?
            .add(ConnectPart::Claim, claim)?
            .add(ConnectPart::Event, put_event(table, event))?
            .add(ConnectPart::NoPurge, table.check(&Key::Purge(patient)).when(missing("pk")))?
            .add(ConnectPart::RefusedConsent, table.delete(&Key::RefusedConsent(patient)))?
            .add(ConnectPart::Consent, self.put_consent(patient, consent))?;
        if let Some(state) = state {
            transaction.add(ConnectPart::State, self.check_state(state, &consent.consent_id))?;
        }
        // Of another account, or of a scope that is not granted any more.
        let is_of_same_account = previous.is_some_and(|previous| previous.oura_user_id == connection.oura_user_id);
        if !is_of_same_account || !connection.scopes_granted.contains(Profile::SCOPE) {
            transaction.add(ConnectPart::Profile, table.delete(&Key::Profile(patient)))?;
        }
        // A connection that has ended has no claim.
        let live = previous.filter(|previous| previous.status != ConnectionStatus::Disconnected);
        if let Some(old) = live.filter(|previous| previous.oura_user_id != connection.oura_user_id) {
            transaction.add(ConnectPart::OldClaim, self.release_claim(old))?;
        }
        if let Some(old) = live {
            let end = ConsentEnd::Replaced(Replaced::Replaced);
            // A revocation could end the newer consent of the same account.
            let is_same = old.oura_user_id == connection.oura_user_id;
            let revocation = if is_same { Revocation::Superseded } else { Revocation::Pending };
            transaction.add(ConnectPart::OldConsent, self.end_consent(old, end, connection.since, Some(revocation)))?;
        }
        Ok(match transaction.commit().await? {
            Committed::Done => ConnectOutcome::Recorded,
            Committed::ConditionsFailed(parts) if parts.contains(&ConnectPart::NoPurge) => ConnectOutcome::PurgeRunning,
            Committed::ConditionsFailed(parts) if parts.contains(&ConnectPart::State) => ConnectOutcome::StateGone,
            Committed::ConditionsFailed(parts) if parts.contains(&ConnectPart::Claim) => {
                ConnectOutcome::AccountConflict
            }
            Committed::ConditionsFailed(_) => ConnectOutcome::Raced,
        })
    }

    /// Records the reason of a refused consent for a day, so that the patient's app can show it, and its event. Writes nothing once
    /// the state is deleted.
    ///
    /// # Errors
    /// [`StoreError`]; the browser has received the reason anyway.
    pub async fn refuse(
        &self,
        patient: &PatientId,
        reason: ReasonCode,
        event: Option<&PatientEvent>,
        state: &StoredState,
        attempt: &GrantId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let item = RefusedItem { reason_code: reason, since: now, expires_at: expires_at(now, REFUSED_TTL) };
        let mut transaction = Transaction::new(&self.table, "record a refused consent");
        transaction.add((), self.table.put(&Key::RefusedConsent(patient), item))?;
        transaction.add((), self.check_state(state, attempt))?;
        if let Some(event) = event {
            transaction.add((), put_event(&self.table, event))?;
        }
        // The condition fails after a purge.
        let _is_current = transaction.commit().await?;
        Ok(())
    }
}
