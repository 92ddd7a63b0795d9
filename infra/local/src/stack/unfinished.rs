//! Work that an earlier run of the stack left unfinished. Its queues were in memory, and its tables are in files: what the tables
//! show as unfinished is queued once more.

use anyhow::Context as _;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use shared::aws::{Connections, Inbox, Queue, Runs, SdkConfig};
use shared::domain::{
    BackfillState, Command, CommandKind, Connection, ConnectionStatus, Day, DayRange, PatientId, SyncId, SyncMessage,
    Trigger,
};

/// Patients read from the index at once.
const PAGE_SIZE: i32 = 100;

/// Days of a queued webhook sync: those on which its documents probably are.
const DAYS: i32 = 8;

/// Queues the unfinished histories and purges, and the webhook events that no sync has processed, and returns the number of
/// messages.
pub(super) async fn queue(sdk: &SdkConfig, table: &str, live_queue_url: &str, now: Timestamp) -> anyhow::Result<usize> {
    let connections = Connections::new(sdk, table);
    let (inbox, runs) = (Inbox::new(sdk, table), Runs::new(sdk, table));
    let live = Queue::new(sdk, live_queue_url);
    let purged = purged_patients(sdk, table).await?;
    let mut queued = purged.len();
    for patient_id in purged {
        live.send(Command { patient_id, kind: CommandKind::Purge, requested_at: now }).await?;
    }
    for shard in 0..Connections::ACTIVE_SHARDS {
        let mut after = None;
        loop {
            let page = connections.active_page(shard, after.as_ref(), PAGE_SIZE).await?;
            for patient in &page.patients {
                let mut messages: Vec<_> = connections
                    .get(patient)
                    .await?
                    .and_then(|connection| history(&connection, now))
                    .into_iter()
                    .collect();
                let webhooks = |sync_id| of_webhooks(patient, sync_id, now);
                messages.extend(inbox.get(patient).await?.map(|inbox| webhooks(inbox.sync_id)));
                messages.extend(runs.unfinished_webhook_syncs(patient).await?.into_iter().map(webhooks));
                queued += messages.len();
                for message in messages {
                    live.send(message).await?;
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(queued)
}

/// Patients whose purge has not ended. They are in no index: no connection is active.
async fn purged_patients(sdk: &SdkConfig, table: &str) -> anyhow::Result<Vec<PatientId>> {
    let mut pages = aws_sdk_dynamodb::Client::new(sdk)
        .scan()
        .table_name(table)
        .filter_expression("begins_with(sk, :purge)")
        .expression_attribute_values(":purge", AttributeValue::S("PURGE#".to_owned()))
        .into_paginator()
        .items()
        .send();
    let mut patients = Vec::new();
    while let Some(item) = pages.next().await {
        let key = item.context("read the purges")?.remove("pk");
        let patient = key.as_ref().and_then(|key| key.as_s().ok()?.strip_prefix("PATIENT#"));
        patients.push(patient.context("read the purges: a key has another form")?.parse()?);
    }
    Ok(patients)
}

/// The message of a backfill that has not ended.
fn history(connection: &Connection, now: Timestamp) -> Option<SyncMessage> {
    let backfill = connection.backfill.as_ref().filter(|backfill| backfill.state != BackfillState::Done)?;
    (connection.status != ConnectionStatus::Disconnected).then(|| SyncMessage {
        patient_id: connection.patient_id.clone(),
        sync_id: backfill.sync_id.clone(),
        trigger: Trigger::Backfill,
        range: backfill.range,
        requested_at: now,
    })
}

fn of_webhooks(patient: &PatientId, sync_id: SyncId, now: Timestamp) -> SyncMessage {
    let range = DayRange::ending(Day::of_utc(now).plus(1), DAYS);
    SyncMessage { patient_id: patient.clone(), sync_id, trigger: Trigger::Webhook, range, requested_at: now }
}
