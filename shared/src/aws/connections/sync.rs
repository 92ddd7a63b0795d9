//! What syncing writes on a connection: status, progress of the backfill, and what the last sync found.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use jiff::Timestamp;

use super::super::StoreError;
use super::super::item::json;
use super::super::item::{n, s};
use super::codec::word;
use super::{CONNECTION, Connections, active, built, patient_key};
use crate::domain::{
    BackfillState, Connection, ConnectionStatus, DataType, DataTypeProgress, Day, FetchFailure, GrantId, PatientId,
    ReasonCode,
};

/// What a sync leaves on the connection.
#[derive(Debug, Clone, PartialEq)]
pub struct SyncEnd {
    /// When it ended.
    pub at: Timestamp,
    /// When data last arrived.
    pub last_sync_at: Option<Timestamp>,
    /// The newest day that has stats.
    pub last_data_day: Option<Day>,
    /// Kinds that did not arrive, with a stable word for why, and those that arrived again. Of others nothing is said.
    pub failing: BTreeMap<DataType, Option<FetchFailure>>,
    /// Kinds of which the newest days were fetched whole, and when that fetch began.
    pub watermarks: BTreeMap<DataType, Timestamp>,
    /// Since when nothing arrives because Oura does not answer, if that is so.
    pub silent_since: Option<Timestamp>,
    /// When Oura last announced something, if this sync came of it.
    pub last_webhook_at: Option<Timestamp>,
    /// If this sync was a pull: per kind, how many documents it found that no notice had announced.
    pub missed_webhooks: Option<BTreeMap<DataType, u64>>,
    /// What the connection's status becomes.
    pub status: (ConnectionStatus, Option<ReasonCode>),
    /// Whether it should be pulled before the next night.
    pub needs_catch_up: bool,
    /// If the sync was this connection's backfill: its end.
    pub backfill: Option<BackfillEnd>,
}

/// How a backfill ended.
#[derive(Debug, Clone, PartialEq)]
pub struct BackfillEnd {
    /// Done or failed.
    pub state: BackfillState,
    /// By Oura collection.
    pub kinds: BTreeMap<DataType, DataTypeProgress>,
    /// If it was that of a patient who had been connected before: the days whose stats are new or changed by it.
    pub days_repaired: Option<u64>,
}

impl Connections {
    /// The connection's backfill is under way (again). Not when it is done meanwhile.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin_backfill(
        &self,
        connection: &Connection,
        kinds: &BTreeMap<DataType, DataTypeProgress>,
    ) -> Result<bool, StoreError> {
        let values = vec![(":state", s(word(&BackfillState::Running))), (":kinds", json(kinds))];
        let update = "SET backfillState = :state, backfillPerType = :kinds";
        self.update_backfill("begin the backfill", connection, update, values, &[]).await
    }

    /// The backfill is given up for now.
    ///
    /// # Errors
    /// [`StoreError`]; it then still looks as if it were running.
    pub async fn fail_backfill(&self, connection: &Connection) -> Result<bool, StoreError> {
        let values = vec![(":state", s(word(&BackfillState::Failed)))];
        self.update_backfill("give the backfill up", connection, "SET backfillState = :state", values, &[]).await
    }

    /// One kind of the backfill has come further.
    ///
    /// # Errors
    /// [`StoreError`]; only the page's progress display suffers.
    pub async fn backfill_progress(
        &self,
        connection: &Connection,
        kind: DataType,
        progress: &DataTypeProgress,
    ) -> Result<bool, StoreError> {
        let values = vec![(":progress", json(progress))];
        let names = [("#kind", kind.as_str())];
        let update = "SET backfillPerType.#kind = :progress";
        self.update_backfill("record the backfill's progress", connection, update, values, &names).await
    }

    async fn update_backfill(
        &self,
        action: &'static str,
        connection: &Connection,
        update: &str,
        mut values: Vec<(&str, AttributeValue)>,
        names: &[(&str, &str)],
    ) -> Result<bool, StoreError> {
        values.push((":done", s(word(&BackfillState::Done))));
        let (patient, grant) = (&connection.patient_id, &connection.grant_id);
        self.update_of_grant(action, patient, grant, update, "backfillState <> :done", values, names).await
    }

    /// The update at the end of a sync, to stand in one transaction with the events that it causes.
    pub(in crate::aws) fn sync_end(
        &self,
        connection: &Connection,
        end: &SyncEnd,
    ) -> Result<TransactWriteItem, StoreError> {
        const ACTION: &str = "record the end of the sync";
        // Kind by kind: another sync of the patient may end at the same time. The grant stays what it is; the clause only
        // has to begin with something.
        let mut set = "SET grantId = :grant".to_owned();
        let (mut remove, mut names) = (Vec::new(), vec![("#status".to_owned(), "status".to_owned())]);
        let mut values = vec![
            (":grant".to_owned(), s(connection.grant_id.as_str())),
            (":disconnected".to_owned(), s("disconnected")),
        ];
        let mentioned: BTreeSet<DataType> = end.failing.keys().chain(end.watermarks.keys()).copied().collect();
        names.extend(mentioned.into_iter().map(|kind| (format!("#{kind}"), kind.to_string())));
        for (kind, error) in &end.failing {
            match error {
                Some(error) => {
                    set.push_str(&format!(", failing.#{kind} = :failing_{kind}"));
                    values.push((format!(":failing_{kind}"), s(error.as_str())));
                }
                None => remove.push(format!("failing.#{kind}")),
            }
        }
        for (kind, fetched) in &end.watermarks {
            set.push_str(&format!(", watermarks.#{kind} = :fetched_{kind}"));
            values.push((format!(":fetched_{kind}"), s(fetched.to_string())));
        }
        let mut put = |clause: &str, name: &str, value: AttributeValue| {
            set.push_str(clause);
            values.push((name.to_owned(), value));
        };
        if let Some(at) = end.last_sync_at {
            put(", lastSyncAt = :at", ":at", s(at.to_string()));
        }
        if let Some(day) = end.last_data_day {
            put(", lastDataDay = :day", ":day", s(day.to_string()));
        }
        match end.silent_since {
            Some(at) => put(", silentSince = :silent", ":silent", s(at.to_string())),
            None => remove.push("silentSince".to_owned()),
        }
        if let Some(at) = end.last_webhook_at {
            put(", lastWebhookAt = :noticeAt", ":noticeAt", s(at.to_string()));
        }
        if let Some(missed_webhooks) = &end.missed_webhooks {
            put(", missed_webhooks = :missed_webhooks", ":missed_webhooks", json(missed_webhooks));
        }
        if end.needs_catch_up {
            put(", catchUpShard = :care", ":care", s(active::care_shard(&connection.patient_id)));
        } else {
            remove.push("catchUpShard".to_owned());
        }
        if let Some(BackfillEnd { state, kinds, days_repaired }) = &end.backfill {
            put(", backfillState = :state", ":state", s(word(state)));
            put(", backfillPerType = :kinds", ":kinds", json(kinds));
            if let Some(days) = days_repaired {
                put(", backfillRepaired = :repaired", ":repaired", n(days));
            }
        }
        if end.status != (connection.status, connection.reason) {
            put(", #status = :status", ":status", s(word(&end.status.0)));
            put(", since = :since", ":since", s(end.at.to_string()));
            match end.status.1 {
                Some(reason) => put(", reasonCode = :reason", ":reason", s(word(&reason))),
                None => remove.push("reasonCode".to_owned()),
            }
        }
        if !remove.is_empty() {
            set.push_str(&format!(" REMOVE {}", remove.join(", ")));
        }
        let mut update = Update::builder()
            .table_name(&self.table)
            .key("pk", s(patient_key(&connection.patient_id)))
            .key("sk", s(CONNECTION))
            .update_expression(set)
            .condition_expression("grantId = :grant AND #status <> :disconnected")
            .set_expression_attribute_names(Some(names.into_iter().collect()));
        for (name, value) in values {
            update = update.expression_attribute_values(name, value);
        }
        Ok(TransactWriteItem::builder().update(built(ACTION, update.build())?).build())
    }

    /// An update that holds only while the connection is on this grant. `false` when the condition did not hold.
    #[expect(clippy::too_many_arguments, reason = "one expression of DynamoDB has this many parts")]
    pub(super) async fn update_of_grant(
        &self,
        action: &'static str,
        patient: &PatientId,
        grant: &GrantId,
        update: &str,
        condition: &str,
        values: Vec<(&str, AttributeValue)>,
        names: &[(&str, &str)],
    ) -> Result<bool, StoreError> {
        let mut request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", s(patient_key(patient)))
            .key("sk", s(CONNECTION))
            .update_expression(update)
            .condition_expression(format!("grantId = :grant AND {condition}"))
            .expression_attribute_values(":grant", s(grant.as_str()));
        for (placeholder, name) in names {
            request = request.expression_attribute_names(*placeholder, *name);
        }
        for (name, value) in values {
            request = request.expression_attribute_values(name, value);
        }
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(StoreError::of(action, &error)),
            },
        }
    }
}
