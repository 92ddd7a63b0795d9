//! The table `WearableData`, read only.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::AttributeValue;

use super::item::RecordItem;
use crate::aws::error::StoreError;
use crate::aws::table::{Partition, Query, Table, begins_with, between, equals, missing, read};
use crate::domain::{DataType, Day, DayRange, MetricType, PatientId, RecordKey, StoredRecord};

/// Records in one page, before those of other types are left out. Their series are small only as long as they are packed.
const PAGE_RECORDS: i32 = 250;

const ACTION: &str = "read the patient's records";

/// The table `WearableData`, read only. Tombstones are left out.
#[derive(Debug, Clone)]
pub struct WearableDataTable {
    table: Table,
}

/// One page of records.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordsPage {
    /// The records in the order of their keys. An empty page need not be the last.
    pub records: Vec<StoredRecord>,
    /// Key of the last record that was read; `None` at the end of the range.
    pub next: Option<RecordKey>,
}

impl WearableDataTable {
    /// The table of this name.
    #[must_use]
    pub fn new(sdk: &SdkConfig, table: impl Into<String>) -> Self {
        Self { table: Table::new(sdk, table) }
    }

    /// One page of the patient's records of these days, oldest first: those after the key `after`, up to 250 and DynamoDB's
    /// 1 MB, and among them those of the wanted type.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn page(
        &self,
        patient: &PatientId,
        range: DayRange,
        after: Option<&RecordKey>,
        wanted: Option<MetricType>,
    ) -> Result<RecordsPage, StoreError> {
        // No id contains a space or a smaller character, so this is the first text after the key. `$` is the character after
        // `#`, so the range contains every key of its last day.
        let from = after.map_or_else(|| format!("{}#", range.first()), |after| format!("{after} "));
        let keys = Partition::Days(patient).whole().and(between("sk", from, format!("{}$", range.last())));
        let filter = match wanted {
            Some(wanted) => missing("deleted").and(equals("metricType", wanted)),
            None => missing("deleted"),
        };
        let page = self.table.query(keys).filter(filter).limit(PAGE_RECORDS).page(ACTION).await?;
        let records = page.items.into_iter().map(|item| read::<RecordItem>(ACTION, item)?.record(ACTION));
        let records = records.collect::<Result<_, _>>()?;
        let next = match page.last.as_ref().map(|key| key.get("sk")) {
            None => None,
            Some(Some(AttributeValue::S(key))) => {
                Some(key.parse().map_err(|_other_form| StoreError::corrupt(ACTION, "sk"))?)
            }
            Some(_) => return Err(StoreError::corrupt(ACTION, "sk")),
        };
        Ok(RecordsPage { records, next })
    }

    /// The patient's records of one day, of one data type or of all.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn of_day(
        &self,
        patient: &PatientId,
        day: Day,
        data_type: Option<DataType>,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        let prefix = data_type.map_or_else(|| format!("{day}#"), |data_type| format!("{day}#{data_type}#"));
        let keys = Partition::Days(patient).whole().and(begins_with("sk", prefix));
        let query: Query = self.table.query(keys).filter(missing("deleted"));
        let records: Vec<RecordItem> = query.all(ACTION).await?;
        records.into_iter().map(|item| item.record(ACTION)).collect()
    }
}
