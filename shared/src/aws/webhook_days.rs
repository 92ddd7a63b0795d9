//! How well Oura's webhooks work, day by day: how many documents they announced, and how many a pull found that they
//! should have announced. Statistics: a crash may lose a count, so nothing is decided by small numbers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;

use super::connections::expires;
use super::item::{Fields, n, s};
use super::{SdkConfig, StoreError};
use crate::domain::{DataType, Day};

const PARTITION: &str = "WEBHOOKS";

/// How long the counts of a day are kept.
const LIFE: Duration = Duration::from_secs(60 * 24 * 3600);

/// The counts in the table `Connections`, one item a day, over all patients.
#[derive(Debug, Clone)]
pub struct WebhookDays {
    client: Client,
    table: String,
}

/// What one day's webhooks did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WebhookDay {
    /// Per kind, documents that notices announced.
    pub announced: BTreeMap<DataType, u64>,
    /// Per kind, documents that a pull found and no notice had announced.
    pub missed_webhooks: BTreeMap<DataType, u64>,
}

impl WebhookDay {
    /// Whether there is nothing to count.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.announced.is_empty() && self.missed_webhooks.is_empty()
    }
}

/// The names of a kind's two counters.
fn counters(kind: DataType) -> [String; 2] {
    [format!("announced_{kind}"), format!("unannounced_{kind}")]
}

impl WebhookDays {
    /// The counts in the table of this name.
    #[must_use]
    pub fn new(sdk: &SdkConfig, table: impl Into<String>) -> Self {
        Self { client: Client::new(sdk), table: table.into() }
    }

    /// Adds to the counts of a day.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add(&self, day: Day, counted: &WebhookDay, now: Timestamp) -> Result<(), StoreError> {
        let mut update = "SET expiresAt = :expires".to_owned();
        let mut request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", s(PARTITION))
            .key("sk", s(format!("DAY#{day}")))
            .expression_attribute_values(":expires", n(expires(now, LIFE)));
        let announced = counted.announced.iter().map(|(kind, count)| (counters(*kind), 0, count));
        let missed_webhooks = counted.missed_webhooks.iter().map(|(kind, count)| (counters(*kind), 1, count));
        for (place, (names, which, count)) in announced.chain(missed_webhooks).enumerate() {
            let clause = if place == 0 { " ADD" } else { "," };
            // Writing to a text cannot fail.
            write!(update, "{clause} #c{place} :c{place}").ok();
            request = request
                .expression_attribute_names(format!("#c{place}"), &names[which])
                .expression_attribute_values(format!(":c{place}"), n(count));
        }
        let sent = request.update_expression(update).send().await;
        sent.map(|_| ()).map_err(|error| StoreError::of("count announced documents", &error))
    }

    /// The counts of a day.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self, day: Day) -> Result<WebhookDay, StoreError> {
        const ACTION: &str = "read the counts of announced documents";
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", s(PARTITION))
            .key("sk", s(format!("DAY#{day}")))
            .send()
            .await
            .map_err(|error| StoreError::of(ACTION, &error))?;
        let mut counted = WebhookDay::default();
        let Some(item) = &answer.item else { return Ok(counted) };
        let fields = Fields::new(ACTION, item);
        for kind in DataType::ALL {
            let [announced, missed_webhooks] = counters(kind);
            counted.announced.extend(fields.opt_number(&announced)?.map(|count| (kind, count)));
            counted.missed_webhooks.extend(fields.opt_number(&missed_webhooks)?.map(|count| (kind, count)));
        }
        Ok(counted)
    }
}
