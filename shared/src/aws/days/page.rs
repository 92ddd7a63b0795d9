//! A patient's days together with what explains the days that have none, in one call.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::KeysAndAttributes;
use backon::{BackoffBuilder, ExponentialBuilder};

use super::super::connections::{built, connection_key, read_connection};
use super::super::item::{Item, s};
use super::super::rate_limit;
use super::super::{SdkConfig, StoreError};
use super::codec::stats;
use crate::domain::{Connection, DailyStats, Day, DayRange, PatientId};

/// How often what DynamoDB left out is asked for again.
const TRIES: usize = 4;

/// What is stored of a patient's days.
#[derive(Debug, Clone, Default)]
pub struct PatientDays {
    /// The connection, if there is one.
    pub connection: Option<Connection>,
    /// The stats of each day that has any.
    pub days: BTreeMap<Day, DailyStats>,
    /// Oura answered nobody when it was last asked for anybody's data.
    pub is_outage: bool,
}

/// Reads a patient's days and connection at once.
#[derive(Debug, Clone)]
pub struct PatientDaysReader {
    client: Client,
    connections: String,
    daily_stats: String,
}

impl PatientDaysReader {
    /// The most days of one read: `BatchGetItem` takes 100 keys, of which one is the connection's and one the budget's.
    pub const MOST_DAYS: i32 = 98;

    /// The tables of these names.
    #[must_use]
    pub fn new(sdk: &SdkConfig, connections: &str, daily_stats: &str) -> Self {
        Self { client: Client::new(sdk), connections: connections.to_owned(), daily_stats: daily_stats.to_owned() }
    }

    /// The days of the range, of which only the last [`Self::MOST_DAYS`] are read, the connection, and how Oura is. Eventually
    /// consistent: what was written within the last second may be missing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read(&self, patient: &PatientId, range: DayRange) -> Result<PatientDays, StoreError> {
        const ACTION: &str = "read the patient's days";
        let range = DayRange::ending(range.last(), range.days().min(Self::MOST_DAYS));
        let day_key = |day: Day| {
            Item::from([("patientId".to_owned(), s(patient.as_str())), ("day".to_owned(), s(day.to_string()))])
        };
        let keys = |keys: Vec<Item>| built(ACTION, KeysAndAttributes::builder().set_keys(Some(keys)).build());
        let mut wanted = HashMap::from([
            (self.daily_stats.clone(), keys(range.iter().map(day_key).collect())?),
            (self.connections.clone(), keys(vec![connection_key(patient), rate_limit::key()])?),
        ]);
        let mut found = PatientDays::default();
        let mut pauses = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(Duration::from_millis(500))
            .with_max_times(TRIES)
            .with_jitter()
            .build();
        loop {
            let answer = self
                .client
                .batch_get_item()
                .set_request_items(Some(wanted))
                .send()
                .await
                .map_err(|error| StoreError::of(ACTION, &error))?;
            let mut tables = answer.responses.unwrap_or_default();
            for item in tables.remove(&self.daily_stats).unwrap_or_default() {
                let stats = stats(ACTION, &item)?;
                found.days.insert(stats.day, stats);
            }
            for item in tables.remove(&self.connections).unwrap_or_default() {
                if rate_limit::is_item(&item) {
                    found.is_outage = rate_limit::is_outage(ACTION, &item)?;
                } else {
                    found.connection = Some(read_connection(ACTION, &item)?);
                }
            }
            // DynamoDB leaves out what is more than 16 MB, or what it has no capacity for.
            wanted = answer.unprocessed_keys.unwrap_or_default();
            if wanted.is_empty() {
                return Ok(found);
            }
            let Some(pause) = pauses.next() else {
                return Err(StoreError::Unavailable { action: ACTION, code: "UnprocessedKeys".to_owned() });
            };
            tokio::time::sleep(pause).await;
        }
    }
}
