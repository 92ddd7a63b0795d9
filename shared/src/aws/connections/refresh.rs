//! The conditional updates of the refresh protocol. Every one names the grant and the generation that it was decided
//! on, so that late work for an old consent or an old token pair changes nothing.

use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use jiff::Timestamp;

use super::super::StoreError;
use super::super::item::{n, s};
use super::super::outbox::put_event;
use super::super::transact::{Cancelled, Reason, run};
use super::codec::{self, word};
use super::{CONNECTION, Connections, all_old, built, expires, patient_key};
use crate::domain::{
    Connection, ConnectionStatus, Day, GrantId, Lease, PatientEvent, PatientId, ReasonCode, RefreshIntent, Suspect,
};

/// How asking for the lease ended.
#[derive(Debug)]
pub enum LeaseOutcome {
    /// Taken. Holds the connection as it was before: its `intent`, if any, is of an attempt that never reported back.
    Taken(Box<Connection>),
    /// Not taken. Holds the connection as it is: another lease is live, or grant or generation have moved on.
    Refused(Box<Connection>),
    /// There is no such connection any more.
    Gone,
}

/// What became of making a token generation known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Advanced {
    /// It is known now.
    Now,
    /// It was known already, or a newer one is.
    Known,
    /// The grant is over: the connection has ended, lives on another grant, or is gone.
    Over {
        /// Why it has ended, if it is this one that has.
        reason: Option<ReasonCode>,
    },
}

/// How ending a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disconnected {
    /// Recorded; the events wait in the outbox.
    Recorded,
    /// Grant or generation have moved on: nothing was changed.
    MovedOn,
    /// Too many patients were disconnected today: something larger is wrong, and a person has to look.
    GuardHolds,
}

impl Connections {
    /// Takes the refresh lease and records the intent, in one update: only for this grant and generation, and only if no
    /// other lease is live.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take_lease(
        &self,
        connection: &Connection,
        lease: &Lease,
        intent: &RefreshIntent,
        now: Timestamp,
    ) -> Result<LeaseOutcome, StoreError> {
        const ACTION: &str = "take the refresh lease";
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", s(patient_key(&connection.patient_id)))
            .key("sk", s(CONNECTION))
            .update_expression(
                "SET leaseOwner = :owner, leaseUntil = :until, intentGeneration = :generation, \
                 intentAttempt = :attempt, intentStartedAt = :started",
            )
            .condition_expression(
                "grantId = :grant AND generation = :generation AND #status <> :disconnected \
                 AND (attribute_not_exists(leaseUntil) OR leaseUntil < :now)",
            )
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":owner", s(&lease.owner))
            .expression_attribute_values(":until", n(lease.until.as_millisecond()))
            .expression_attribute_values(":generation", n(connection.generation))
            .expression_attribute_values(":attempt", s(&intent.attempt))
            .expression_attribute_values(":started", s(intent.started_at.to_string()))
            .expression_attribute_values(":grant", s(connection.grant_id.as_str()))
            .expression_attribute_values(":disconnected", s("disconnected"))
            .expression_attribute_values(":now", n(now.as_millisecond()))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllOld)
            .return_values_on_condition_check_failure(all_old())
            .send()
            .await;
        match answer {
            Ok(answer) => match &answer.attributes {
                Some(item) => codec::connection(ACTION, item).map(|c| LeaseOutcome::Taken(Box::new(c))),
                None => Ok(LeaseOutcome::Gone),
            },
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => match failed.item() {
                    Some(item) => codec::connection(ACTION, item).map(|c| LeaseOutcome::Refused(Box::new(c))),
                    None => Ok(LeaseOutcome::Gone),
                },
                _ => Err(StoreError::of(ACTION, &error)),
            },
        }
    }

    /// The stored token pair is of `generation`: makes that known and ends lease, intent and suspicion. Conditional on
    /// grant, status and an older generation, not on the lease.
    ///
    /// # Errors
    /// [`StoreError`]; whoever reads the secret next will try again.
    pub async fn advance_generation(
        &self,
        patient: &PatientId,
        grant: &GrantId,
        generation: u64,
    ) -> Result<Advanced, StoreError> {
        const ACTION: &str = "advance the token generation";
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", s(patient_key(patient)))
            .key("sk", s(CONNECTION))
            .update_expression(
                "SET generation = :new REMOVE leaseOwner, leaseUntil, intentGeneration, intentAttempt, \
                 intentStartedAt, suspectSince, suspectReason",
            )
            .condition_expression("grantId = :grant AND #status <> :disconnected AND generation < :new")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":grant", s(grant.as_str()))
            .expression_attribute_values(":disconnected", s("disconnected"))
            .expression_attribute_values(":new", n(generation))
            .return_values_on_condition_check_failure(all_old())
            .send()
            .await;
        let Err(error) = answer else { return Ok(Advanced::Now) };
        let Some(UpdateItemError::ConditionalCheckFailedException(failed)) = error.as_service_error() else {
            return Err(StoreError::of(ACTION, &error));
        };
        let current = failed.item().map(|item| codec::connection(ACTION, item)).transpose()?;
        Ok(match current.filter(|current| current.grant_id == *grant) {
            Some(current) if current.status != ConnectionStatus::Disconnected => Advanced::Known,
            Some(ended) => Advanced::Over { reason: ended.reason },
            None => Advanced::Over { reason: None },
        })
    }

    /// A refresh ended without spending the refresh token: ends the attempt's lease, and its intent unless that of an
    /// earlier attempt has to be kept in mind.
    ///
    /// # Errors
    /// [`StoreError`]; the lease ends by itself.
    pub async fn release_lease(
        &self,
        patient: &PatientId,
        grant: &GrantId,
        owner: &str,
        keep_intent: bool,
    ) -> Result<bool, StoreError> {
        let update = if keep_intent {
            "REMOVE leaseOwner, leaseUntil"
        } else {
            "REMOVE leaseOwner, leaseUntil, intentGeneration, intentAttempt, intentStartedAt"
        };
        let values = vec![(":owner", s(owner))];
        self.update_of_grant("release the refresh lease", patient, grant, update, "leaseOwner = :owner", values, &[])
            .await
    }

    /// The attempt is over, but what it sent may still be at work: lets its lease end then.
    ///
    /// # Errors
    /// [`StoreError`]; the lease ends as was planned.
    pub async fn hold_lease(
        &self,
        patient: &PatientId,
        grant: &GrantId,
        owner: &str,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let values = vec![(":owner", s(owner)), (":until", n(until.as_millisecond()))];
        let update = "SET leaseUntil = :until";
        self.update_of_grant("hold the refresh lease", patient, grant, update, "leaseOwner = :owner", values, &[]).await
    }

    /// Oura called the refresh token invalid for the first time: remembers it and ends the attempt's lease and intent.
    ///
    /// # Errors
    /// [`StoreError`]; the next attempt will find out again.
    pub async fn suspect(&self, connection: &Connection, owner: &str, suspect: Suspect) -> Result<bool, StoreError> {
        self.update_of_grant(
            "suspect the refresh token",
            &connection.patient_id,
            &connection.grant_id,
            "SET suspectSince = :since, suspectReason = :reason \
             REMOVE leaseOwner, leaseUntil, intentGeneration, intentAttempt, intentStartedAt",
            "leaseOwner = :owner AND generation = :generation AND attribute_not_exists(suspectSince)",
            vec![
                (":since", s(suspect.since.to_string())),
                (":reason", s(word(&suspect.reason))),
                (":owner", s(owner)),
                (":generation", n(connection.generation)),
            ],
            &[],
        )
        .await
    }

    /// Ends the connection, with the events that tell of it, unless more than `guard` patients were ended today.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn disconnect(
        &self,
        connection: &Connection,
        reason: ReasonCode,
        events: &[PatientEvent],
        guard: u32,
        now: Timestamp,
    ) -> Result<Disconnected, StoreError> {
        const ACTION: &str = "disconnect the patient";
        let count = Update::builder()
            .table_name(&self.table)
            .key("pk", s("GUARD"))
            .key("sk", s(format!("DISCONNECT#{}", Day::of_utc(now))))
            .update_expression("ADD disconnects :one SET expiresAt = :expires")
            .condition_expression("attribute_not_exists(disconnects) OR disconnects < :guard")
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":guard", n(guard))
            .expression_attribute_values(":expires", n(expires(now, Duration::from_secs(30 * 24 * 3600))));
        let mut items = vec![TransactWriteItem::builder().update(built(ACTION, count.build())?).build()];
        items.extend(self.end(ACTION, connection, reason, Some(connection.generation), now)?);
        for event in events {
            items.push(put_event(&self.table, event)?);
        }
        match run(&self.client, ACTION, items).await {
            Ok(()) => Ok(Disconnected::Recorded),
            Err(Cancelled::Store(error)) => Err(error),
            Err(Cancelled::Conditions(reasons)) => Ok(match reasons.first() {
                Some(Reason::ConditionFailed) => Disconnected::GuardHolds,
                _ => Disconnected::MovedOn,
            }),
        }
    }
}
