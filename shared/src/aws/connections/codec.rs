//! A connection to and from its item.

use std::collections::BTreeMap;
use std::str::FromStr;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::Serialize;

use super::super::StoreError;
use super::super::item::{Fields, Item, json, n, s};
use super::active::{care_shard, shard_of};
use super::{CONNECTION, patient_key};
use crate::domain::{
    Backfill, Connection, ConnectionStatus, DayRange, Lease, RefreshIntent, SOURCE, ScopeSet, Suspect,
};

/// A value of one of our string enums as text.
pub(super) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    }
}

pub(super) fn item(connection: &Connection) -> Item {
    let patient = &connection.patient_id;
    let mut item = Item::from([
        ("pk".to_owned(), s(patient_key(patient))),
        ("sk".to_owned(), s(CONNECTION)),
        ("patientId".to_owned(), s(patient.as_str())),
        ("source".to_owned(), s(SOURCE)),
        ("status".to_owned(), s(word(&connection.status))),
        ("since".to_owned(), s(connection.since.to_string())),
        ("ouraUserId".to_owned(), s(connection.oura_user_id.as_str())),
        ("grantId".to_owned(), s(connection.grant_id.as_str())),
        ("generation".to_owned(), n(connection.generation)),
        ("scopesGranted".to_owned(), s(connection.scopes_granted.to_string())),
        ("scopesRequested".to_owned(), s(connection.scopes_requested.to_string())),
        ("failing".to_owned(), json(&connection.failing)),
        ("watermarks".to_owned(), json(&connection.watermarks)),
        ("missed_webhooks".to_owned(), json(&connection.missed_webhooks)),
    ]);
    let mut put = |name: &str, value: Option<AttributeValue>| {
        if let Some(value) = value {
            item.insert(name.to_owned(), value);
        }
    };
    let active = connection.status != ConnectionStatus::Disconnected;
    put("catchUpShard", connection.needs_catch_up().then(|| s(care_shard(patient))));
    put("activeShard", active.then(|| s(shard_of(patient))));
    put("reasonCode", connection.reason.map(|reason| s(word(&reason))));
    put("lastSyncAt", connection.last_sync_at.map(|at| s(at.to_string())));
    put("lastDataDay", connection.last_data_day.map(|day| s(day.to_string())));
    put("silentSince", connection.silent_since.map(|at| s(at.to_string())));
    put("lastWebhookAt", connection.last_webhook_at.map(|at| s(at.to_string())));
    put("leaseOwner", connection.lease.as_ref().map(|lease| s(&lease.owner)));
    put("leaseUntil", connection.lease.as_ref().map(|lease| n(lease.until.as_millisecond())));
    put("intentGeneration", connection.intent.as_ref().map(|intent| n(intent.generation)));
    put("intentAttempt", connection.intent.as_ref().map(|intent| s(&intent.attempt)));
    put("intentStartedAt", connection.intent.as_ref().map(|intent| s(intent.started_at.to_string())));
    put("suspectSince", connection.suspect.map(|suspect| s(suspect.since.to_string())));
    put("suspectReason", connection.suspect.map(|suspect| s(word(&suspect.reason))));
    if let Some(backfill) = &connection.backfill {
        put("backfillState", Some(s(word(&backfill.state))));
        put("backfillSyncId", Some(s(backfill.sync_id.as_str())));
        put("backfillFrom", Some(s(backfill.range.first().to_string())));
        put("backfillTo", Some(s(backfill.range.last().to_string())));
        put("backfillPerType", Some(json(&backfill.per_type)));
        put("backfillReconnected", backfill.reconnected.then_some(AttributeValue::Bool(true)));
        put("backfillRepaired", backfill.days_repaired.map(n));
    }
    item
}

/// An attribute that holds one of our string enums.
pub(super) struct Word<T>(pub(super) T);

impl<T: serde::de::DeserializeOwned> FromStr for Word<T> {
    type Err = serde_json::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_value(serde_json::Value::String(text.to_owned())).map(Self)
    }
}

pub(super) fn connection(action: &'static str, item: &Item) -> Result<Connection, StoreError> {
    let fields = Fields::new(action, item);
    let scopes = |field| fields.opt::<String>(field).map(|text| ScopeSet::parse(&text.unwrap_or_default()));
    Ok(Connection {
        patient_id: fields.get("patientId")?,
        status: fields.get::<Word<_>>("status")?.0,
        reason: fields.opt::<Word<_>>("reasonCode")?.map(|word| word.0),
        since: fields.get("since")?,
        oura_user_id: fields.get("ouraUserId")?,
        grant_id: fields.get("grantId")?,
        generation: fields.get("generation")?,
        scopes_granted: scopes("scopesGranted")?,
        scopes_requested: scopes("scopesRequested")?,
        lease: lease(fields)?,
        intent: intent(fields)?,
        suspect: match fields.opt("suspectSince")? {
            None => None,
            Some(since) => Some(Suspect { since, reason: fields.get::<Word<_>>("suspectReason")?.0 }),
        },
        last_sync_at: fields.opt("lastSyncAt")?,
        last_data_day: fields.opt("lastDataDay")?,
        backfill: backfill(action, fields)?,
        silent_since: fields.opt("silentSince")?,
        last_webhook_at: fields.opt("lastWebhookAt")?,
        missed_webhooks: fields.opt_json("missed_webhooks")?.unwrap_or_default(),
        failing: fields.opt_json("failing")?.unwrap_or_default(),
        watermarks: fields.opt_json::<BTreeMap<_, Timestamp>>("watermarks")?.unwrap_or_default(),
    })
}

fn lease(fields: Fields<'_>) -> Result<Option<Lease>, StoreError> {
    let Some(owner) = fields.opt("leaseOwner")? else { return Ok(None) };
    let until = Timestamp::from_millisecond(fields.get("leaseUntil")?)
        .map_err(|_out_of_range| StoreError::corrupt("read the connection", "leaseUntil"))?;
    Ok(Some(Lease { owner, until }))
}

fn intent(fields: Fields<'_>) -> Result<Option<RefreshIntent>, StoreError> {
    let Some(attempt) = fields.opt("intentAttempt")? else { return Ok(None) };
    Ok(Some(RefreshIntent {
        attempt,
        generation: fields.get("intentGeneration")?,
        started_at: fields.get("intentStartedAt")?,
    }))
}

fn backfill(action: &'static str, fields: Fields<'_>) -> Result<Option<Backfill>, StoreError> {
    let Some(Word(state)) = fields.opt("backfillState")? else { return Ok(None) };
    let range = DayRange::new(fields.get("backfillFrom")?, fields.get("backfillTo")?)
        .map_err(|_reversed| StoreError::corrupt(action, "backfillTo"))?;
    Ok(Some(Backfill {
        state,
        sync_id: fields.get("backfillSyncId")?,
        range,
        per_type: fields.opt_json("backfillPerType")?.unwrap_or_default(),
        reconnected: fields.flag("backfillReconnected"),
        days_repaired: fields.opt("backfillRepaired")?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::DataType;
    use crate::domain::{BackfillState, DataTypeProgress, FetchFailure, FetchState, ReasonCode};

    #[test]
    fn a_connection_survives_the_table_whole() {
        let at: Timestamp = "2026-02-03T04:05:06.789Z".parse().unwrap();
        let full = Connection {
            patient_id: "p-1".parse().unwrap(),
            status: ConnectionStatus::Error,
            reason: Some(ReasonCode::Membership),
            since: at,
            oura_user_id: "ring-1".parse().unwrap(),
            grant_id: "g-1".parse().unwrap(),
            generation: 4,
            scopes_granted: ScopeSet::parse("daily spo2"),
            scopes_requested: ScopeSet::parse(ScopeSet::DEFAULT),
            lease: Some(Lease { owner: "a".into(), until: at }),
            intent: Some(RefreshIntent { generation: 4, attempt: "a".into(), started_at: at }),
            suspect: Some(Suspect { since: at, reason: ReasonCode::RefreshLost }),
            last_sync_at: Some(at),
            last_data_day: Some("2026-02-02".parse().unwrap()),
            backfill: Some(Backfill {
                state: BackfillState::Running,
                sync_id: "s".parse().unwrap(),
                range: DayRange::new("2026-01-01".parse().unwrap(), "2026-01-30".parse().unwrap()).unwrap(),
                per_type: BTreeMap::from([(
                    DataType::Sleep,
                    DataTypeProgress {
                        state: FetchState::Failed,
                        documents: 3,
                        error: Some(FetchFailure::Unavailable),
                        fetched_at: Some(at),
                    },
                )]),
                reconnected: true,
                days_repaired: Some(4),
            }),
            silent_since: Some(at),
            last_webhook_at: Some(at),
            missed_webhooks: BTreeMap::from([(DataType::DailySleep, 2)]),
            failing: BTreeMap::from([(DataType::HeartRate, FetchFailure::RateLimited)]),
            watermarks: BTreeMap::from([(DataType::Sleep, at)]),
        };
        assert_eq!(connection("read", &item(&full)).unwrap(), full);
        let bare = Connection {
            status: ConnectionStatus::Disconnected,
            reason: None,
            lease: None,
            intent: None,
            suspect: None,
            last_sync_at: None,
            last_data_day: None,
            silent_since: None,
            last_webhook_at: None,
            missed_webhooks: BTreeMap::new(),
            backfill: None,
            failing: BTreeMap::new(),
            watermarks: BTreeMap::new(),
            scopes_granted: ScopeSet::default(),
            ..full
        };
        let stored = item(&bare);
        assert!(!stored.contains_key("activeShard"), "a disconnected patient is not in the planner's index");
        assert_eq!(connection("read", &stored).unwrap(), bare);
    }
}
