//! The three tables: their keys, their indexes and the time to live of their items.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure as check};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, CreateGlobalSecondaryIndexAction, GlobalSecondaryIndex,
    GlobalSecondaryIndexUpdate, IndexStatus, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, TableDescription, TableStatus, TimeToLiveSpecification, TimeToLiveStatus,
};

use super::Names;

/// The attribute after whose time DynamoDB removes an item.
const EXPIRES_AT: &str = "expiresAt";

/// How often a table that is being made is looked at, and how many times.
const LOOK_EVERY: Duration = Duration::from_millis(200);
const LOOKS: u32 = 1_500;

/// A table as it should be. All keys are texts.
pub(super) struct Table<'a> {
    /// What it is called.
    pub name: &'a str,
    keys: (&'static str, &'static str),
    indexes: &'static [Index],
}

struct Index {
    name: &'static str,
    hash: &'static str,
    range: Option<&'static str>,
    projection: ProjectionType,
}

/// The tables with their keys and indexes.
pub(super) fn all(names: &Names) -> [Table<'_>; 3] {
    const CONNECTIONS: &[Index] = &[
        Index { name: "byOuraUserId", hash: "ouraUserId", range: None, projection: ProjectionType::All },
        Index { name: "byActive", hash: "activeShard", range: Some("pk"), projection: ProjectionType::KeysOnly },
        Index { name: "byCatchUp", hash: "catchUpShard", range: Some("pk"), projection: ProjectionType::KeysOnly },
    ];
    const WEARABLE_DATA: &[Index] = &[Index {
        name: "byDocumentId",
        hash: "documentId",
        range: Some("patientId"),
        projection: ProjectionType::KeysOnly,
    }];
    [
        Table { name: &names.connections_table, keys: ("pk", "sk"), indexes: CONNECTIONS },
        Table { name: &names.wearable_data_table, keys: ("patientId", "sk"), indexes: WEARABLE_DATA },
        Table { name: &names.daily_stats_table, keys: ("patientId", "day"), indexes: &[] },
    ]
}

impl Index {
    fn key_schema(&self) -> anyhow::Result<Vec<KeySchemaElement>> {
        let range = self.range.map(|range| key(range, KeyType::Range)).transpose()?;
        Ok([Some(key(self.hash, KeyType::Hash)?), range].into_iter().flatten().collect())
    }

    fn projection(&self) -> Projection {
        Projection::builder().projection_type(self.projection.clone()).build()
    }
}

impl Table<'_> {
    /// Makes it, or what it lacks.
    pub async fn ensure(&self, client: &aws_sdk_dynamodb::Client) -> anyhow::Result<()> {
        let table = match self.describe(client).await? {
            Some(table) => table,
            None => {
                self.create(client).await?;
                self.settled(client).await?
            }
        };
        let keys = self.key_schema()?;
        check!(table.key_schema() == keys, "it exists with other keys than {:?}", self.keys);
        for index in self.indexes {
            let exists = |table: &TableDescription| {
                table.global_secondary_indexes().iter().any(|existing| existing.index_name() == Some(index.name))
            };
            // One index at a time is all that DynamoDB makes.
            if !exists(&table) {
                self.add(client, index).await.with_context(|| format!("add the index {}", index.name))?;
                self.settled(client).await?;
            }
        }
        self.expire(client).await
    }

    async fn describe(&self, client: &aws_sdk_dynamodb::Client) -> anyhow::Result<Option<TableDescription>> {
        match client.describe_table().table_name(self.name).send().await {
            Ok(described) => Ok(described.table),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) => {
                Ok(None)
            }
            Err(error) => Err(error).context("describe it"),
        }
    }

    async fn create(&self, client: &aws_sdk_dynamodb::Client) -> anyhow::Result<()> {
        let mut create = client
            .create_table()
            .table_name(self.name)
            .billing_mode(BillingMode::PayPerRequest)
            .set_key_schema(Some(self.key_schema()?))
            .set_attribute_definitions(Some(self.attributes(self.indexes)?));
        for index in self.indexes {
            let index = GlobalSecondaryIndex::builder()
                .index_name(index.name)
                .set_key_schema(Some(index.key_schema()?))
                .projection(index.projection());
            create = create.global_secondary_indexes(index.build().context("describe its index")?);
        }
        match create.send().await {
            Ok(_) => Ok(()),
            // Somebody else makes it at the same time.
            Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_in_use_exception()) => Ok(()),
            Err(error) => Err(error).context("create it"),
        }
    }

    async fn add(&self, client: &aws_sdk_dynamodb::Client, index: &Index) -> anyhow::Result<()> {
        let create = CreateGlobalSecondaryIndexAction::builder()
            .index_name(index.name)
            .set_key_schema(Some(index.key_schema()?))
            .projection(index.projection());
        let update = GlobalSecondaryIndexUpdate::builder().create(create.build().context("describe it")?).build();
        let attributes = self.attributes(std::slice::from_ref(index))?;
        let table = client.update_table().table_name(self.name).set_attribute_definitions(Some(attributes));
        table.global_secondary_index_updates(update).send().await.context("update the table")?;
        Ok(())
    }

    /// The table once it and its indexes can be used.
    async fn settled(&self, client: &aws_sdk_dynamodb::Client) -> anyhow::Result<TableDescription> {
        for _ in 0..LOOKS {
            if let Some(table) = self.describe(client).await? {
                let active = |status: Option<&IndexStatus>| status.is_none_or(|status| *status == IndexStatus::Active);
                let indexes = table.global_secondary_indexes().iter().all(|index| active(index.index_status()));
                if indexes && table.table_status() == Some(&TableStatus::Active) {
                    return Ok(table);
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        bail!("it is still being made after {} s", (LOOK_EVERY * LOOKS).as_secs())
    }

    async fn expire(&self, client: &aws_sdk_dynamodb::Client) -> anyhow::Result<()> {
        let current =
            client.describe_time_to_live().table_name(self.name).send().await.context("read its time to live")?;
        let status = current.time_to_live_description().and_then(|current| current.time_to_live_status());
        if matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)) {
            return Ok(());
        }
        let wanted = TimeToLiveSpecification::builder().enabled(true).attribute_name(EXPIRES_AT).build();
        let update = client.update_time_to_live().table_name(self.name);
        let wanted = wanted.context("describe its time to live")?;
        update.time_to_live_specification(wanted).send().await.context("set its time to live")?;
        Ok(())
    }

    fn key_schema(&self) -> anyhow::Result<Vec<KeySchemaElement>> {
        Ok(vec![key(self.keys.0, KeyType::Hash)?, key(self.keys.1, KeyType::Range)?])
    }

    /// Every key attribute once: all are texts.
    fn attributes(&self, indexes: &[Index]) -> anyhow::Result<Vec<AttributeDefinition>> {
        let mut names = BTreeSet::from([self.keys.0, self.keys.1]);
        names.extend(indexes.iter().flat_map(|index| [Some(index.hash), index.range]).flatten());
        let define = |name: &str| {
            AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build()
        };
        names.into_iter().map(|name| define(name).context("describe its keys")).collect()
    }
}

fn key(name: &str, kind: KeyType) -> anyhow::Result<KeySchemaElement> {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build().context("describe its keys")
}
