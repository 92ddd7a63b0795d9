//! The table `DailyStats`, read only.

use aws_config::SdkConfig;
use serde::Deserialize;

use super::item::StatsItem;
use crate::aws::error::StoreError;
use crate::aws::table::{Partition, Query, Table, between, exists, read};
use crate::domain::{DailyStats, Day, DayRange, PatientId};

const ACTION: &str = "read the patient's daily stats";

/// The table `DailyStats`, read only.
#[derive(Debug, Clone)]
pub struct DailyStatsTable {
    table: Table,
}

#[derive(Deserialize)]
struct StatsKey {
    day: Day,
}

impl DailyStatsTable {
    /// The table of this name.
    #[must_use]
    pub fn new(sdk: &SdkConfig, table: impl Into<String>) -> Self {
        Self { table: Table::new(sdk, table) }
    }

    /// At most `limit` days of the range, oldest first, and the first day of the next page.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn page(
        &self,
        patient: &PatientId,
        range: DayRange,
        limit: i32,
    ) -> Result<(Vec<DailyStats>, Option<Day>), StoreError> {
        let page = stats_query(&self.table, patient, range).limit(limit).page(ACTION).await?;
        let stats = page.items.into_iter().map(|item| read::<StatsItem>(ACTION, item)?.stats(ACTION));
        let stats = stats.collect::<Result<_, _>>()?;
        let last: Option<StatsKey> = page.last.map(|key| read(ACTION, key)).transpose()?;
        let next = last.map(|key| key.day.plus(1)).filter(|day| *day <= range.last());
        Ok((stats, next))
    }
}

impl DailyStatsTable {
    /// The days of the range on which a period of rest mode begins, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn with_rest_mode(&self, patient: &PatientId, range: DayRange) -> Result<Vec<DailyStats>, StoreError> {
        let days = stats_query(&self.table, patient, range).filter(exists("metrics.restMode"));
        let days: Vec<StatsItem> = days.all(ACTION).await?;
        days.into_iter().map(|item| item.stats(ACTION)).collect()
    }
}

/// The stats of each day of the range that has any, oldest first, as last written.
pub(super) async fn all_stats(
    daily_stats: &Table,
    patient: &PatientId,
    range: DayRange,
) -> Result<Vec<DailyStats>, StoreError> {
    let stats: Vec<StatsItem> = stats_query(daily_stats, patient, range).consistent().all(ACTION).await?;
    stats.into_iter().map(|item| item.stats(ACTION)).collect()
}

fn stats_query(daily_stats: &Table, patient: &PatientId, range: DayRange) -> Query {
    daily_stats.query(Partition::Days(patient).whole().and(between("day", range.first(), range.last())))
}
