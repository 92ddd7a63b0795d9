//! A patient's days together with the connection, which explains missing days, in one call.

use std::collections::BTreeMap;

use aws_config::SdkConfig;

use super::item::StatsItem;
use crate::aws::connections::ConnectionItem;
use crate::aws::error::StoreError;
use crate::aws::rate_limit::RateLimitItem;
use crate::aws::table::{Key, Table, get_all, read};
use crate::domain::{Connection, DailyStats, Day, DayRange, PatientId};

/// A patient's stored days.
#[derive(Debug, Clone, Default)]
pub struct PatientDays {
    /// `None` if the patient was never connected.
    pub connection: Option<Connection>,
    /// Stats of each day that has any.
    pub days: BTreeMap<Day, DailyStats>,
    /// True if Oura did not respond to the last request of any patient.
    pub is_outage: bool,
}

/// Reads a patient's days and connection at once.
#[derive(Debug, Clone)]
pub struct PatientDaysReader {
    connections: Table,
    daily_stats: Table,
}

impl PatientDaysReader {
    /// Days of one read: `BatchGetItem` takes 100 keys, among them those of the connection and of the rate limit.
    pub const MAX_DAYS: i32 = 98;

    /// The tables of these names.
    #[must_use]
    pub fn new(sdk: &SdkConfig, connections: &str, daily_stats: &str) -> Self {
        Self { connections: Table::new(sdk, connections), daily_stats: Table::new(sdk, daily_stats) }
    }

    /// The days of the range (at most the last [`Self::MAX_DAYS`]), the connection, and Oura's status. Eventually consistent:
    /// writes of the last second may be missing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read(&self, patient: &PatientId, range: DayRange) -> Result<PatientDays, StoreError> {
        const ACTION: &str = "read the patient's days";
        let range = DayRange::ending(range.last(), range.days().min(Self::MAX_DAYS));
        let days = range.iter().map(|day| Key::DailyStats(patient, day)).collect();
        let others = vec![Key::Connection(patient), Key::RateLimit];
        let [days, others] = get_all(ACTION, [(&self.daily_stats, days), (&self.connections, others)]).await?;
        let mut found = PatientDays::default();
        for item in days {
            let stats = read::<StatsItem>(ACTION, item)?.stats(ACTION)?;
            found.days.insert(stats.day, stats);
        }
        for item in others {
            if Key::RateLimit.is_of(&item) {
                found.is_outage = read::<RateLimitItem>(ACTION, item)?.is_outage();
            } else {
                found.connection = Some(read::<ConnectionItem>(ACTION, item)?.connection(ACTION)?);
            }
        }
        Ok(found)
    }
}
