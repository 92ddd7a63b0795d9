//! Creates a table as the template declares it: keys, indexes, time to live.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure as check};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, CreateGlobalSecondaryIndexAction, GlobalSecondaryIndex,
    GlobalSecondaryIndexUpdate, IndexStatus, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, TableDescription, TableStatus, TimeToLiveSpecification, TimeToLiveStatus,
};

use crate::template::TableDefinition;
use crate::template::definitions::{IndexDefinition, KeyElement};

/// Interval between two looks at a table that is being created, and their maximum number.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
const MAX_POLLS: u32 = 1_500;

/// A table as the template declares it.
pub(super) struct Table<'a> {
    /// Its name here.
    pub name: &'a str,
    pub definition: &'a TableDefinition,
}

impl Table<'_> {
    /// Creates the table, or the indexes and the time to live that it lacks.
    pub async fn ensure(&self, client: &Client) -> anyhow::Result<()> {
        let table = match self.describe(client).await? {
            Some(table) => table,
            None => {
                self.create(client).await?;
                self.until_active(client).await?
            }
        };
        let keys = key_schema(&self.definition.key_schema)?;
        check!(table.key_schema() == keys, "it exists with other keys than {:?}", self.definition.key_schema);
        for index in &self.definition.global_secondary_indexes {
            let mut existing = table.global_secondary_indexes().iter();
            // DynamoDB creates one index at a time.
            if !existing.any(|existing| existing.index_name() == Some(&index.index_name)) {
                self.add(client, index).await.with_context(|| format!("add the index {}", index.index_name))?;
                self.until_active(client).await?;
            }
        }
        self.set_time_to_live(client).await
    }

    async fn describe(&self, client: &Client) -> anyhow::Result<Option<TableDescription>> {
        match client.describe_table().table_name(self.name).send().await {
            Ok(described) => Ok(described.table),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) => {
                Ok(None)
            }
            Err(error) => Err(error).context("describe it"),
        }
    }

    async fn create(&self, client: &Client) -> anyhow::Result<()> {
        let indexes = &self.definition.global_secondary_indexes;
        let keys = [&self.definition.key_schema].into_iter().chain(indexes.iter().map(|index| &index.key_schema));
        let mut create = client
            .create_table()
            .table_name(self.name)
            .billing_mode(BillingMode::PayPerRequest)
            .set_key_schema(Some(key_schema(&self.definition.key_schema)?))
            .set_attribute_definitions(Some(self.attributes(keys)?));
        for index in indexes {
            let index = GlobalSecondaryIndex::builder()
                .index_name(&index.index_name)
                .set_key_schema(Some(key_schema(&index.key_schema)?))
                .projection(projection(index));
            create = create.global_secondary_indexes(index.build().context("describe its index")?);
        }
        match create.send().await {
            Ok(_) => Ok(()),
            // Another process creates it at the same time.
            Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_in_use_exception()) => Ok(()),
            Err(error) => Err(error).context("create it"),
        }
    }

    async fn add(&self, client: &Client, index: &IndexDefinition) -> anyhow::Result<()> {
        let create = CreateGlobalSecondaryIndexAction::builder()
            .index_name(&index.index_name)
            .set_key_schema(Some(key_schema(&index.key_schema)?))
            .projection(projection(index));
        let update = GlobalSecondaryIndexUpdate::builder().create(create.build().context("describe it")?).build();
        let attributes = self.attributes([&self.definition.key_schema, &index.key_schema])?;
        let table = client.update_table().table_name(self.name).set_attribute_definitions(Some(attributes));
        table.global_secondary_index_updates(update).send().await.context("update the table")?;
        Ok(())
    }

    /// Waits until the table and its indexes can be used.
    async fn until_active(&self, client: &Client) -> anyhow::Result<TableDescription> {
        for _ in 0..MAX_POLLS {
            if let Some(table) = self.describe(client).await? {
                let active = |status: Option<&IndexStatus>| status.is_none_or(|status| *status == IndexStatus::Active);
                let indexes = table.global_secondary_indexes().iter().all(|index| active(index.index_status()));
                if indexes && table.table_status() == Some(&TableStatus::Active) {
                    return Ok(table);
                }
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        bail!("it is still being created after {} s", (POLL_INTERVAL * MAX_POLLS).as_secs())
    }

    async fn set_time_to_live(&self, client: &Client) -> anyhow::Result<()> {
        let Some(wanted) = self.definition.time_to_live_specification.as_ref().filter(|wanted| wanted.enabled) else {
            return Ok(());
        };
        let current =
            client.describe_time_to_live().table_name(self.name).send().await.context("read its time to live")?;
        let status = current.time_to_live_description().and_then(|current| current.time_to_live_status());
        if matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)) {
            return Ok(());
        }
        let wanted = TimeToLiveSpecification::builder().enabled(true).attribute_name(&wanted.attribute_name).build();
        let update = client.update_time_to_live().table_name(self.name);
        let wanted = wanted.context("describe its time to live")?;
        update.time_to_live_specification(wanted).send().await.context("set its time to live")?;
        Ok(())
    }

    /// Definitions of the attributes in these keys: DynamoDB refuses further ones.
    fn attributes<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k Vec<KeyElement>>,
    ) -> anyhow::Result<Vec<AttributeDefinition>> {
        let names: BTreeSet<&str> = keys.into_iter().flatten().map(|key| key.attribute_name.as_str()).collect();
        let used = self.definition.attribute_definitions.iter().filter(|one| names.contains(&*one.attribute_name));
        used.map(|attribute| {
            AttributeDefinition::builder()
                .attribute_name(&attribute.attribute_name)
                .attribute_type(ScalarAttributeType::from(attribute.attribute_type.as_str()))
                .build()
                .context("describe its keys")
        })
        .collect()
    }
}

fn key_schema(keys: &[KeyElement]) -> anyhow::Result<Vec<KeySchemaElement>> {
    let element = |key: &KeyElement| {
        let kind = KeyType::from(key.key_type.as_str());
        KeySchemaElement::builder().attribute_name(&key.attribute_name).key_type(kind).build()
    };
    keys.iter().map(|key| element(key).context("describe its keys")).collect()
}

fn projection(index: &IndexDefinition) -> Projection {
    let kind = ProjectionType::from(index.projection.projection_type.as_str());
    let attributes = index.projection.non_key_attributes.clone();
    Projection::builder().projection_type(kind).set_non_key_attributes(attributes).build()
}
