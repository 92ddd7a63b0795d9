//! Daily counts of the documents that webhook events named and of those that they missed, over all patients.
//!
//! They are statistics: a crash may lose a count, so no decision depends on a small number.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::SdkConfig;
use jiff::Timestamp;
use serde_json::Value;

use super::error::StoreError;
use super::table::{Key, Table, expires_at};
use crate::domain::{DataType, Day};

const TTL: Duration = Duration::from_secs(60 * 24 * 3600);

/// The counts in the table `Connections`, one item a day.
#[derive(Debug, Clone)]
pub struct WebhookDays {
    table: Table,
}

/// Counts of one day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WebhookDay {
    /// By data type, documents named by webhook events.
    pub from_webhooks: BTreeMap<DataType, u64>,
    /// By data type, documents that a sync found and no webhook event had named.
    pub missed_webhooks: BTreeMap<DataType, u64>,
}

impl WebhookDay {
    /// True if there is nothing to count.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.from_webhooks.is_empty() && self.missed_webhooks.is_empty()
    }
}

/// The attributes of a data type's two counters.
fn counters(data_type: DataType) -> [String; 2] {
    [format!("from_webhooks_{data_type}"), format!("missed_{data_type}")]
}

impl WebhookDays {
    /// The counts in the table of this name.
    #[must_use]
    pub fn new(sdk: &SdkConfig, table: impl Into<String>) -> Self {
        Self { table: Table::new(sdk, table) }
    }

    /// Adds to the counts of a day.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add(&self, day: Day, counted: &WebhookDay, now: Timestamp) -> Result<(), StoreError> {
        let mut update = self.table.update(&Key::WebhookDay(day)).set("expiresAt", expires_at(now, TTL));
        for (data_type, count) in &counted.from_webhooks {
            let [from_webhooks, _] = counters(*data_type);
            update = update.add(&from_webhooks, count);
        }
        for (data_type, count) in &counted.missed_webhooks {
            let [_, missed] = counters(*data_type);
            update = update.add(&missed, count);
        }
        update.send("count the documents of webhooks").await?.ignore();
        Ok(())
    }

    /// The counts of a day.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self, day: Day) -> Result<WebhookDay, StoreError> {
        const ACTION: &str = "read the counts of webhooks";
        let item: BTreeMap<String, Value> = self.table.get(ACTION, &Key::WebhookDay(day)).await?.unwrap_or_default();
        let count = |attribute: &str| match item.get(attribute) {
            Some(count) => count.as_u64().map(Some).ok_or_else(|| StoreError::corrupt(ACTION, attribute)),
            None => Ok(None),
        };
        let mut counted = WebhookDay::default();
        for data_type in DataType::ALL {
            let [from_webhooks, missed] = counters(data_type);
            counted.from_webhooks.extend(count(&from_webhooks)?.map(|count| (data_type, count)));
            counted.missed_webhooks.extend(count(&missed)?.map(|count| (data_type, count)));
        }
        Ok(counted)
    }
}
