//! Reads Oura's status from the item of the shared rate limit.

use aws_config::SdkConfig;

use super::item::RateLimitItem;
use crate::aws::error::StoreError;
use crate::aws::table::{Key, Table};
use crate::domain::DataType;

/// Reads Oura's status, as the workers have found it.
#[derive(Debug, Clone)]
pub struct OuraStatus {
    table: Table,
}

impl OuraStatus {
    /// The status in the table of this name.
    #[must_use]
    pub fn new(sdk: &SdkConfig, table: impl Into<String>) -> Self {
        Self { table: Table::new(sdk, table) }
    }

    /// Data types whose collection fails for several patients.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn failing_collections(&self) -> Result<Vec<DataType>, StoreError> {
        const ACTION: &str = "read Oura's status";
        let item: Option<RateLimitItem> = self.table.get(ACTION, &Key::RateLimit).await?;
        let state = item.map(|item| item.state(ACTION)).transpose()?.unwrap_or_default();
        Ok(state.breakers.into_keys().collect())
    }
}
