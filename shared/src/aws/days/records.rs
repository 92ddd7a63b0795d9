//! The table `WearableData`, for those who only read it.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;

use super::super::item::{Fields, Item, s};
use super::super::{SdkConfig, StoreError};
use super::codec::record;
use crate::domain::{DataType, Day, DayRange, MetricType, PatientId, RecordKey, StoredRecord};

const ACTION: &str = "read the patient's records";

/// The table `WearableData`, for those who only read it. Tombstones are not shown.
#[derive(Debug, Clone)]
pub struct WearableDataTable {
    client: Client,
    table: String,
}

/// What one read found.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordsPage {
    /// The records, in their order. None does not mean that none follows.
    pub records: Vec<StoredRecord>,
    /// The place after which to go on; `None` at the end of the range.
    pub next: Option<RecordKey>,
}

impl WearableDataTable {
    /// The table of this name.
    #[must_use]
    pub fn new(sdk: &SdkConfig, table: impl Into<String>) -> Self {
        Self { client: Client::new(sdk), table: table.into() }
    }

    /// One read of the patient's records of these days, oldest first: what lies behind `after`, as far as DynamoDB reads at
    /// once (1 MB), and of that the wanted type.
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
        // No id holds a space, and none of its characters is less: this text is the first behind the place. `$` is the
        // character after `#`: the range holds every key of its last day.
        let from = after.map_or_else(|| format!("{}#", range.first()), |after| format!("{after} "));
        let mut query = self
            .query(patient, "sk BETWEEN :from AND :to")
            .expression_attribute_values(":from", s(from))
            .expression_attribute_values(":to", s(format!("{}$", range.last())));
        query = match wanted {
            Some(wanted) => query
                .filter_expression("attribute_not_exists(deleted) AND metricType = :wanted")
                .expression_attribute_values(":wanted", s(wanted.as_str())),
            None => query.filter_expression("attribute_not_exists(deleted)"),
        };
        let page = query.send().await.map_err(|error| StoreError::of(ACTION, &error))?;
        let next = page.last_evaluated_key().map(|key| Fields::new(ACTION, key).get("sk")).transpose()?;
        Ok(RecordsPage { records: records(page.items())?, next })
    }

    /// The patient's records of one collection on one day.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn of_day(
        &self,
        patient: &PatientId,
        day: Day,
        data_type: DataType,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        let mut found = Vec::new();
        let mut start = None;
        loop {
            let page = self
                .query(patient, "begins_with(sk, :collection)")
                .expression_attribute_values(":collection", s(format!("{day}#{data_type}#")))
                .filter_expression("attribute_not_exists(deleted)")
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| StoreError::of(ACTION, &error))?;
            found.extend(records(page.items())?);
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(found);
            }
        }
    }

    fn query(&self, patient: &PatientId, keys: &str) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .key_condition_expression(format!("patientId = :patient AND {keys}"))
            .expression_attribute_values(":patient", s(patient.as_str()))
    }
}

fn records(items: &[Item]) -> Result<Vec<StoredRecord>, StoreError> {
    items.iter().map(|item| record(ACTION, item)).collect()
}
