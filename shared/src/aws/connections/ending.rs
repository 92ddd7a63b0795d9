//! The end of a connection: what every end writes, and the end that the patient asks for.

use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use jiff::Timestamp;

use super::super::StoreError;
use super::super::item::{n, s};
use super::super::outbox::put_event;
use super::super::transact::{Cancelled, run};
use super::codec::word;
use super::{CONNECTION, Connections, built, patient_key};
use crate::domain::{BackfillState, Connection, PatientEvent, ReasonCode};

impl Connections {
    /// The writes that every end has: of the connection, as long as it lives on this grant (and, where the end was decided
    /// on one, on this generation), and of the ring's claim.
    pub(super) fn end(
        &self,
        action: &'static str,
        connection: &Connection,
        reason: ReasonCode,
        generation: Option<u64>,
        now: Timestamp,
    ) -> Result<[TransactWriteItem; 2], StoreError> {
        // A history that is still to come will not come any more.
        let unfinished = connection.backfill.as_ref().is_some_and(|backfill| backfill.state != BackfillState::Done);
        let backfill = if unfinished { ", backfillState = :failed" } else { "" };
        let of_generation = if generation.is_some() { " AND generation = :generation" } else { "" };
        let mut end = Update::builder()
            .table_name(&self.table)
            .key("pk", s(patient_key(&connection.patient_id)))
            .key("sk", s(CONNECTION))
            .update_expression(format!(
                "SET #status = :disconnected, reasonCode = :reason, since = :now{backfill} \
                 REMOVE activeShard, catchUpShard, leaseOwner, leaseUntil, intentGeneration, intentAttempt, intentStartedAt, \
                 suspectSince, suspectReason"
            ))
            .condition_expression(format!("grantId = :grant AND #status <> :disconnected{of_generation}"))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":disconnected", s("disconnected"))
            .expression_attribute_values(":reason", s(word(&reason)))
            .expression_attribute_values(":now", s(now.to_string()))
            .expression_attribute_values(":grant", s(connection.grant_id.as_str()));
        if let Some(generation) = generation {
            end = end.expression_attribute_values(":generation", n(generation));
        }
        if unfinished {
            end = end.expression_attribute_values(":failed", s(word(&BackfillState::Failed)));
        }
        Ok([
            TransactWriteItem::builder().update(built(action, end.build())?).build(),
            // The ring is free again, for whoever wears it now.
            TransactWriteItem::builder().delete(self.release_claim(connection)?).build(),
        ])
    }

    /// Ends the connection because the patient asked for it, with the event that tells of it. No guard applies: it is no
    /// conclusion from an answer of Oura's. `false` when it had ended or lives on another grant by now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn disconnect_on_request(
        &self,
        connection: &Connection,
        event: &PatientEvent,
    ) -> Result<bool, StoreError> {
        const ACTION: &str = "disconnect the patient on request";
        let mut items = Vec::from(self.end(ACTION, connection, ReasonCode::UserRequest, None, event.occurred_at)?);
        items.push(put_event(&self.table, event)?);
        match run(&self.client, ACTION, items).await {
            Ok(()) => Ok(true),
            Err(Cancelled::Conditions(_)) => Ok(false),
            Err(Cancelled::Store(error)) => Err(error),
        }
    }
}
