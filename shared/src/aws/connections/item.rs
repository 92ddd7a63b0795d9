//! The item of a connection.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::shard::{active_shard, catch_up_shard};
use crate::aws::error::StoreError;
use crate::domain::{
    Backfill, BackfillState, Connection, ConnectionStatus, DataType, DataTypeProgress, Day, DayRange, FetchFailure,
    GrantId, Lease, OuraUserId, PatientId, ReasonCode, RefreshIntent, RefreshRefusals, Revocation, SOURCE, ScopeSet,
    Suspect, SyncId,
};

/// Attributes of the refresh lease.
pub(super) const LEASE: [&str; 2] = ["leaseOwner", "leaseUntil"];

/// Attributes of the refresh intent.
pub(super) const INTENT: [&str; 3] = ["intentGeneration", "intentAttempt", "intentStartedAt"];

/// Attributes of a suspect refresh token.
pub(super) const SUSPECT: [&str; 3] = ["suspectSince", "suspectProbeAt", "suspectReason"];

/// Attributes of the refusals of a refresh token.
pub(super) const REFUSALS: [&str; 3] = ["refusedCount", "refusedSince", "refusedAt"];

/// A connection as stored.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::aws) struct ConnectionItem {
    patient_id: PatientId,
    source: String,
    status: ConnectionStatus,
    reason_code: Option<ReasonCode>,
    since: Timestamp,
    oura_user_id: OuraUserId,
    grant_id: GrantId,
    generation: u64,
    tokens_issued_at: Option<Timestamp>,
    #[serde(default)]
    scopes_granted: String,
    #[serde(default)]
    scopes_requested: String,
    lease_owner: Option<String>,
    /// In milliseconds, so that conditions can compare it.
    lease_until: Option<i64>,
    intent_attempt: Option<String>,
    intent_generation: Option<u64>,
    intent_started_at: Option<Timestamp>,
    suspect_since: Option<Timestamp>,
    suspect_probe_at: Option<Timestamp>,
    suspect_reason: Option<ReasonCode>,
    refused_count: Option<u32>,
    refused_since: Option<Timestamp>,
    refused_at: Option<Timestamp>,
    revocation: Option<Revocation>,
    last_sync_at: Option<Timestamp>,
    last_data_day: Option<Day>,
    silent_since: Option<Timestamp>,
    last_webhook_at: Option<Timestamp>,
    last_ring_webhook_at: Option<Timestamp>,
    #[serde(default)]
    last_webhooks: BTreeMap<DataType, Timestamp>,
    #[serde(default)]
    missed_webhooks: BTreeMap<DataType, u64>,
    #[serde(default)]
    failing: BTreeMap<DataType, FetchFailure>,
    #[serde(default)]
    watermarks: BTreeMap<DataType, Timestamp>,
    #[serde(default)]
    looked_back: BTreeMap<DataType, Timestamp>,
    #[serde(default)]
    arrived_through: BTreeMap<DataType, Day>,
    backfill_state: Option<BackfillState>,
    backfill_sync_id: Option<SyncId>,
    backfill_from: Option<Day>,
    backfill_to: Option<Day>,
    backfill_per_type: Option<BTreeMap<DataType, DataTypeProgress>>,
    backfill_reconnected: Option<bool>,
    backfill_repaired: Option<u64>,
    backfill_started_at: Option<Timestamp>,
    backfill_reported: Option<bool>,
    /// Partition key of the index of active connections.
    active_shard: Option<String>,
    /// Partition key of the index of connections that need a catch-up.
    catch_up_shard: Option<String>,
}

impl From<&Connection> for ConnectionItem {
    fn from(connection: &Connection) -> Self {
        let patient = &connection.patient_id;
        let (lease, intent, suspect) = (&connection.lease, &connection.intent, &connection.suspect);
        let backfill = connection.backfill.as_ref();
        Self {
            patient_id: patient.clone(),
            source: SOURCE.to_owned(),
            status: connection.status,
            reason_code: connection.reason,
            since: connection.since,
            oura_user_id: connection.oura_user_id.clone(),
            grant_id: connection.grant_id.clone(),
            generation: connection.generation,
            tokens_issued_at: connection.tokens_issued_at,
            scopes_granted: connection.scopes_granted.to_string(),
            scopes_requested: connection.scopes_requested.to_string(),
            lease_owner: lease.as_ref().map(|lease| lease.owner.clone()),
            lease_until: lease.as_ref().map(|lease| lease.until.as_millisecond()),
            intent_attempt: intent.as_ref().map(|intent| intent.attempt.clone()),
            intent_generation: intent.as_ref().map(|intent| intent.generation),
            intent_started_at: intent.as_ref().map(|intent| intent.started_at),
            suspect_since: suspect.map(|suspect| suspect.since),
            suspect_probe_at: suspect.map(|suspect| suspect.probe_at),
            suspect_reason: suspect.map(|suspect| suspect.reason),
            refused_count: connection.refusals.map(|refusals| refusals.count),
            refused_since: connection.refusals.map(|refusals| refusals.since),
            refused_at: connection.refusals.map(|refusals| refusals.last),
            revocation: connection.revocation,
            last_sync_at: connection.last_sync_at,
            last_data_day: connection.last_data_day,
            silent_since: connection.silent_since,
            last_webhook_at: connection.last_webhook_at,
            last_ring_webhook_at: connection.last_ring_webhook_at,
            last_webhooks: connection.last_webhooks.clone(),
            missed_webhooks: connection.missed_webhooks.clone(),
            failing: connection.failing.clone(),
            watermarks: connection.watermarks.clone(),
            looked_back: connection.looked_back.clone(),
            arrived_through: connection.arrived_through.clone(),
            backfill_state: backfill.map(|backfill| backfill.state),
            backfill_sync_id: backfill.map(|backfill| backfill.sync_id.clone()),
            backfill_from: backfill.map(|backfill| backfill.range.first()),
            backfill_to: backfill.map(|backfill| backfill.range.last()),
            backfill_per_type: backfill.map(|backfill| backfill.per_type.clone()),
            backfill_reconnected: backfill.and_then(|backfill| backfill.reconnected.then_some(true)),
            backfill_repaired: backfill.and_then(|backfill| backfill.days_repaired),
            backfill_started_at: backfill.and_then(|backfill| backfill.started_at),
            backfill_reported: backfill.and_then(|backfill| backfill.is_reported.then_some(true)),
            active_shard: (connection.status != ConnectionStatus::Disconnected).then(|| active_shard(patient)),
            catch_up_shard: connection.needs_catch_up().then(|| catch_up_shard(patient)),
        }
    }
}

impl ConnectionItem {
    /// The connection.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if a part is incomplete.
    pub(in crate::aws) fn connection(self, action: &'static str) -> Result<Connection, StoreError> {
        let incomplete = |field: &'static str| move || StoreError::corrupt(action, field);
        let lease = match self.lease_owner {
            Some(owner) => {
                let until = self.lease_until.and_then(|until| Timestamp::from_millisecond(until).ok());
                Some(Lease { owner, until: until.ok_or_else(incomplete("leaseUntil"))? })
            }
            None => None,
        };
        let intent = match self.intent_attempt {
            Some(attempt) => Some(RefreshIntent {
                attempt,
                generation: self.intent_generation.ok_or_else(incomplete("intentGeneration"))?,
                started_at: self.intent_started_at.ok_or_else(incomplete("intentStartedAt"))?,
            }),
            None => None,
        };
        let suspect = match self.suspect_since {
            Some(since) => Some(Suspect {
                since,
                // An older version of this service stored no time.
                probe_at: self.suspect_probe_at.unwrap_or(since + Suspect::PROBE_AFTER),
                reason: self.suspect_reason.ok_or_else(incomplete("suspectReason"))?,
            }),
            None => None,
        };
        let refusals = self.refused_count.zip(self.refused_since).zip(self.refused_at);
        let refusals = refusals.map(|((count, since), last)| RefreshRefusals { count, since, last });
        let backfill = match self.backfill_state {
            Some(state) => {
                let range =
                    self.backfill_from.zip(self.backfill_to).and_then(|(from, to)| DayRange::new(from, to).ok());
                Some(Backfill {
                    state,
                    sync_id: self.backfill_sync_id.ok_or_else(incomplete("backfillSyncId"))?,
                    range: range.ok_or_else(incomplete("backfillTo"))?,
                    per_type: self.backfill_per_type.unwrap_or_default(),
                    reconnected: self.backfill_reconnected.unwrap_or(false),
                    days_repaired: self.backfill_repaired,
                    started_at: self.backfill_started_at,
                    is_reported: self.backfill_reported.unwrap_or(false),
                })
            }
            None => None,
        };
        Ok(Connection {
            patient_id: self.patient_id,
            status: self.status,
            reason: self.reason_code,
            since: self.since,
            oura_user_id: self.oura_user_id,
            grant_id: self.grant_id,
            generation: self.generation,
            tokens_issued_at: self.tokens_issued_at,
            scopes_granted: ScopeSet::parse(&self.scopes_granted),
            scopes_requested: ScopeSet::parse(&self.scopes_requested),
            lease,
            intent,
            suspect,
            refusals,
            revocation: self.revocation,
            last_sync_at: self.last_sync_at,
            last_data_day: self.last_data_day,
            backfill,
            silent_since: self.silent_since,
            last_webhook_at: self.last_webhook_at,
            last_ring_webhook_at: self.last_ring_webhook_at,
            last_webhooks: self.last_webhooks,
            missed_webhooks: self.missed_webhooks,
            failing: self.failing,
            watermarks: self.watermarks,
            looked_back: self.looked_back,
            arrived_through: self.arrived_through,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::table::read;
    use crate::domain::DataType;
    use crate::domain::{BackfillState, DataTypeProgress, FetchState, ReasonCode};

    fn survived(connection: &Connection) -> Connection {
        let item = serde_dynamo::aws_sdk_dynamodb_1::to_item(ConnectionItem::from(connection)).unwrap();
        read::<ConnectionItem>("read", item).unwrap().connection("read").unwrap()
    }

    #[test]
    fn connection_survives_the_table_whole() {
        let at: Timestamp = "2026-02-03T04:05:06.789Z".parse().unwrap();
        let full = Connection {
            patient_id: "p-1".parse().unwrap(),
            status: ConnectionStatus::Error,
            reason: Some(ReasonCode::Membership),
            since: at,
            oura_user_id: "ring-1".parse().unwrap(),
            grant_id: "g-1".parse().unwrap(),
            generation: 4,
            tokens_issued_at: Some(at),
            scopes_granted: ScopeSet::parse("daily spo2"),
            scopes_requested: ScopeSet::parse(ScopeSet::DEFAULT),
            lease: Some(Lease { owner: "a".into(), until: at }),
            intent: Some(RefreshIntent { generation: 4, attempt: "a".into(), started_at: at }),
            suspect: Some(Suspect { since: at, probe_at: at, reason: ReasonCode::RefreshLost }),
            refusals: Some(RefreshRefusals { count: 2, since: at, last: at }),
            revocation: Some(Revocation::Pending),
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
                        from: Some("2026-01-01".parse().unwrap()),
                        newest_day: Some("2026-01-30".parse().unwrap()),
                    },
                )]),
                reconnected: true,
                days_repaired: Some(4),
                started_at: Some(at),
                is_reported: true,
            }),
            silent_since: Some(at),
            last_webhook_at: Some(at),
            last_ring_webhook_at: Some(at),
            last_webhooks: BTreeMap::from([(DataType::Sleep, at)]),
            missed_webhooks: BTreeMap::from([(DataType::DailySleep, 2)]),
            failing: BTreeMap::from([(DataType::HeartRate, FetchFailure::RateLimited)]),
            watermarks: BTreeMap::from([(DataType::Sleep, at)]),
            looked_back: BTreeMap::from([(DataType::HeartRate, at)]),
            arrived_through: BTreeMap::from([(DataType::Sleep, "2026-02-01".parse().unwrap())]),
        };
        assert_eq!(survived(&full), full);
        let bare = Connection {
            status: ConnectionStatus::Disconnected,
            reason: None,
            tokens_issued_at: None,
            lease: None,
            intent: None,
            suspect: None,
            refusals: None,
            revocation: None,
            last_sync_at: None,
            last_data_day: None,
            silent_since: None,
            last_webhook_at: None,
            last_ring_webhook_at: None,
            last_webhooks: BTreeMap::new(),
            missed_webhooks: BTreeMap::new(),
            backfill: None,
            failing: BTreeMap::new(),
            watermarks: BTreeMap::new(),
            looked_back: BTreeMap::new(),
            arrived_through: BTreeMap::new(),
            scopes_granted: ScopeSet::default(),
            ..full
        };
        let stored = ConnectionItem::from(&bare);
        assert_eq!(stored.active_shard, None, "a disconnected patient is not in the planner's index");
        assert_eq!(survived(&bare), bare);
    }
}
