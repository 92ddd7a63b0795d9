//! State of a world: tables, events, days; and connections without Oura and tokens.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use flate2::read::GzDecoder;
use jiff::Timestamp;
use local::aws::PublishedEvent;
use serde_json::{Map, Value, json};
use shared::aws::ConnectOutcome;
use shared::domain::{
    CONSENT_CONNECTED, Connection, Consent, DataType, EventKind, FetchFailure, GrantId, PatientEvent, PatientId,
    ScopeSet,
};

use super::World;

/// The consent of a connection that was not made by the callback.
pub fn consent_of(connection: &Connection, now: Timestamp) -> Consent {
    Consent {
        consent_id: connection.grant_id.clone(),
        requested_at: now,
        completed_at: now,
        scopes_requested: connection.scopes_requested.clone(),
        scopes_granted: connection.scopes_granted.clone(),
        consent_version: None,
        app_version: "0.0.0".to_owned(),
        outcome: CONSENT_CONNECTED.to_owned(),
        ended_at: None,
        end_reason: None,
        revocation: None,
    }
}

impl World {
    /// A connection that is only written down: no Oura, no tokens.
    pub async fn write_down(&self, patient: &str) -> Connection {
        self.write_down_with(patient, BTreeMap::new()).await
    }

    /// The same, of which these kinds are failing.
    pub async fn write_down_with(&self, patient: &str, failing: BTreeMap<DataType, FetchFailure>) -> Connection {
        let (patient_id, now): (PatientId, _) = (patient.parse().unwrap(), self.clock.now());
        let grant_id: GrantId = format!("grant-of-{patient}").parse().unwrap();
        let scopes = ScopeSet::parse(ScopeSet::DEFAULT);
        let connection = Connection {
            failing,
            ..Connection::new(
                patient_id.clone(),
                format!("ring-of-{patient}").parse().unwrap(),
                grant_id.clone(),
                scopes.clone(),
                now,
            )
        };
        let kind = EventKind::Connected {
            grant_id,
            scopes_granted: scopes,
            scopes_missing: ScopeSet::default(),
            reconnected: false,
            account_changed: false,
        };
        let event = PatientEvent::new(patient_id, now, kind);
        let consent = consent_of(&connection, now);
        assert_eq!(
            self.connections.connect(&connection, None, &event, &consent, None).await,
            Ok(ConnectOutcome::Recorded)
        );
        connection
    }

    pub fn events(&self) -> Vec<PublishedEvent> {
        self.aws.events().history()
    }

    /// Event ids by detail-type.
    pub fn event_ids(&self) -> BTreeMap<String, Vec<String>> {
        let mut ids: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for event in self.events() {
            ids.entry(event.detail_type.clone())
                .or_default()
                .push(event.detail["eventId"].as_str().unwrap().to_owned());
        }
        for ids in ids.values_mut() {
            ids.sort_unstable();
            ids.dedup();
        }
        ids
    }

    pub fn count(&self, detail_type: &str) -> usize {
        self.event_ids().get(detail_type).map_or(0, Vec::len)
    }

    /// Every item of a table, as JSON, in a fixed order.
    pub async fn items(&self, table: &str) -> Vec<Value> {
        let client = aws_sdk_dynamodb::Client::new(&self.sdk);
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let page = client
                .scan()
                .table_name(table)
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .unwrap();
            items.extend(
                page.items()
                    .iter()
                    .map(|item| Value::Object(item.iter().map(|(name, value)| (name.clone(), plain(value))).collect())),
            );
            start = page.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        items.sort_by_key(ToString::to_string);
        items
    }

    /// Every item of every table, except for the rate limit, which depends on the time that things took.
    pub async fn tables(&self) -> [Vec<Value>; 3] {
        let mut connections = self.items(&self.names.connections_table).await;
        connections.retain(|item| item["pk"] != "RATE_LIMIT");
        [
            connections,
            self.items(&self.names.wearable_data_table).await,
            self.items(&self.names.daily_stats_table).await,
        ]
    }

    /// Items of `WearableData`, their series unpacked.
    pub async fn records(&self) -> Vec<Value> {
        let mut items = self.items(&self.names.wearable_data_table).await;
        for item in &mut items {
            let Some(packed) = item.as_object_mut().unwrap().remove("series") else { continue };
            let packed = BASE64_STANDARD.decode(packed.as_str().unwrap()).unwrap();
            let mut series: Map<String, Value> = serde_json::from_reader(GzDecoder::new(packed.as_slice())).unwrap();
            item["metrics"].as_object_mut().unwrap().append(&mut series);
        }
        items
    }

    /// The patient's days by `GET /daily`.
    pub async fn daily(&self, from: &str, to: &str) -> Vec<Value> {
        let answer = self.get("/daily", &format!("from={from}&to={to}")).await;
        answer.data()["days"].as_array().unwrap().clone()
    }
}

fn plain(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!(text),
        AttributeValue::N(number) => serde_json::from_str(number).unwrap(),
        AttributeValue::Bool(flag) => json!(flag),
        AttributeValue::B(bytes) => json!(BASE64_STANDARD.encode(bytes)),
        AttributeValue::Null(_) => Value::Null,
        AttributeValue::L(items) => items.iter().map(plain).collect(),
        AttributeValue::M(fields) => Value::Object(fields.iter().map(|(k, v)| (k.clone(), plain(v))).collect()),
        AttributeValue::Ss(texts) => {
            let mut texts = texts.clone();
            texts.sort_unstable();
            json!(texts)
        }
        other => panic!("an attribute that this project never writes: {other:?}"),
    }
}
