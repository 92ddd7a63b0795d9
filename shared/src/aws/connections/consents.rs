//! The history of a patient's consents: one item each, which a purge deletes.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::oauth_states::StoredState;
use super::store::{Connections, is_on};
use crate::aws::error::StoreError;
use crate::aws::outbox::put_event;
use crate::aws::table::{Key, Partition, Put, Transaction, Update, begins_with, exists, prefix, read};
use crate::domain::{Connection, Consent, ConsentEnd, GrantId, PatientEvent, PatientId, Revocation};

impl Connections {
    /// The patient's consents, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn consents(&self, patient: &PatientId) -> Result<Vec<Consent>, StoreError> {
        const ACTION: &str = "read the patient's consents";
        let keys = Partition::Patient(patient).whole().and(begins_with("sk", prefix::CONSENT));
        let (mut query, mut consents) = (self.table.query(keys).consistent(), Vec::new());
        loop {
            let page = query.page(ACTION).await?;
            for item in page.items {
                // The end of a connection that is older than the history leaves an item without a beginning.
                if matches!(item.get("requestedAt"), Some(AttributeValue::S(_))) {
                    consents.push(read::<Consent>(ACTION, item)?);
                }
            }
            if page.last.is_none() {
                break;
            }
            query = query.after(page.last);
        }
        consents.sort_by_key(|consent| consent.requested_at);
        Ok(consents)
    }

    /// Records a consent that did not end in a connection. Writes nothing once its state is deleted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record_consent(&self, state: &StoredState, consent: &Consent) -> Result<(), StoreError> {
        let mut transaction = Transaction::new(&self.table, "record a consent");
        transaction.add((), self.put_consent(&state.patient_id, consent))?;
        transaction.add((), self.check_state(state, &consent.consent_id))?;
        let _is_current = transaction.commit().await?.is_done();
        Ok(())
    }

    /// Records the progress of a consent's revocation: in the history and, with this event, on the connection that it ended.
    /// Writes nothing after a purge.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record_revocation(
        &self,
        patient: &PatientId,
        grant: &GrantId,
        revocation: Revocation,
        event: &PatientEvent,
    ) -> Result<(), StoreError> {
        const ACTION: &str = "record a revocation";
        let consent = self.table.update(&Key::Consent(patient, grant)).set("revocation", revocation);
        consent.when(exists("pk")).send(ACTION).await?.ignore();
        let connection = self.table.update(&Key::Connection(patient)).set("revocation", revocation).when(is_on(grant));
        let mut transaction = Transaction::new(&self.table, ACTION);
        transaction.add((), connection)?;
        transaction.add((), put_event(&self.table, event))?;
        // The condition fails if the connection has a newer consent, or is purged.
        let _is_current = transaction.commit().await?.is_done();
        Ok(())
    }

    pub(super) fn put_consent(&self, patient: &PatientId, consent: &Consent) -> Put {
        self.table.put(&Key::Consent(patient, &consent.consent_id), consent)
    }

    /// The write that ends the connection's consent in the history.
    pub(super) fn end_consent(
        &self,
        connection: &Connection,
        end: ConsentEnd,
        at: Timestamp,
        revocation: Option<Revocation>,
    ) -> Update {
        self.table
            .update(&Key::Consent(&connection.patient_id, &connection.grant_id))
            .set("endedAt", at)
            .set("endReason", end)
            .set_some("revocation", revocation)
    }
}
