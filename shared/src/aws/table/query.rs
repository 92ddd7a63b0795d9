//! Queries of one partition, page by page.

use aws_sdk_dynamodb::types::Select;
use serde::de::DeserializeOwned;

use super::client::Table;
use super::condition::Condition;
use super::expression::Expression;
use super::item::{Item, read};
use crate::aws::error::StoreError;

/// A query. Without a limit a page is what DynamoDB reads at once: 1 MB.
#[derive(Debug, Clone)]
pub(in crate::aws) struct Query {
    table: Table,
    keys: Condition,
    filter: Option<Condition>,
    index: Option<&'static str>,
    only: Vec<&'static str>,
    limit: Option<i32>,
    is_consistent: bool,
    start: Option<Item>,
}

/// One page of a query.
#[derive(Debug)]
pub(in crate::aws) struct Page {
    /// The items, in the order of their sort keys.
    pub(in crate::aws) items: Vec<Item>,
    /// The key of the last item that was read; `None` at the end.
    pub(in crate::aws) last: Option<Item>,
}

impl Table {
    /// A query of the items with these keys.
    pub(in crate::aws) fn query(&self, keys: Condition) -> Query {
        Query::new(self, keys)
    }
}

impl Query {
    fn new(table: &Table, keys: Condition) -> Self {
        let table = table.clone();
        Self {
            table,
            keys,
            filter: None,
            index: None,
            only: Vec::new(),
            limit: None,
            is_consistent: false,
            start: None,
        }
    }

    /// Leaves out the items that do not meet the condition. They are read and paid for all the same.
    pub(in crate::aws) fn filter(self, condition: Condition) -> Self {
        Self { filter: Some(condition), ..self }
    }

    /// Queries an index. It follows the table within moments.
    pub(in crate::aws) fn index(self, name: &'static str) -> Self {
        Self { index: Some(name), ..self }
    }

    /// Returns these attributes only.
    pub(in crate::aws) fn only(self, attributes: &[&'static str]) -> Self {
        Self { only: attributes.to_vec(), ..self }
    }

    /// Reads at most this number of items for a page.
    pub(in crate::aws) fn limit(self, limit: i32) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// Reads what was written last; not possible with an index.
    pub(in crate::aws) fn consistent(self) -> Self {
        Self { is_consistent: true, ..self }
    }

    /// Begins after the key of an earlier page.
    pub(in crate::aws) fn after(self, start: Option<Item>) -> Self {
        Self { start, ..self }
    }

    /// The next page.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(in crate::aws) async fn page(&self, action: &'static str) -> Result<Page, StoreError> {
        let answer = self.send(action, self.start.clone(), None).await?;
        Ok(Page { items: answer.items.unwrap_or_default(), last: answer.last_evaluated_key })
    }

    /// The items of all pages, read into structs.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(in crate::aws) async fn all<T: DeserializeOwned>(&self, action: &'static str) -> Result<Vec<T>, StoreError> {
        let (mut found, mut start) = (Vec::new(), self.start.clone());
        loop {
            let answer = self.send(action, start, None).await?;
            for item in answer.items.unwrap_or_default() {
                found.push(read(action, item)?);
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(found);
            }
        }
    }

    /// Number of items on all pages.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(in crate::aws) async fn count(&self, action: &'static str) -> Result<u64, StoreError> {
        let (mut count, mut start) = (0, self.start.clone());
        loop {
            let answer = self.send(action, start, Some(Select::Count)).await?;
            count += u64::try_from(answer.count).unwrap_or_default();
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(count);
            }
        }
    }

    async fn send(
        &self,
        action: &'static str,
        start: Option<Item>,
        select: Option<Select>,
    ) -> Result<aws_sdk_dynamodb::operation::query::QueryOutput, StoreError> {
        let mut expression = Expression::default();
        let keys = self.keys.clone().render(&mut expression);
        let filter = self.filter.clone().map(|filter| filter.render(&mut expression));
        let only = self.only.iter().map(|name| expression.name(name)).collect::<Vec<_>>().join(", ");
        expression.check(action)?;
        let sent = self
            .table
            .client
            .query()
            .table_name(&self.table.name)
            .set_index_name(self.index.map(str::to_owned))
            .key_condition_expression(keys)
            .set_filter_expression(filter)
            .set_projection_expression((!only.is_empty()).then_some(only))
            .set_expression_attribute_names(expression.names())
            .set_expression_attribute_values(expression.values())
            .set_limit(self.limit)
            .set_consistent_read(self.is_consistent.then_some(true))
            .set_select(select)
            .set_exclusive_start_key(start)
            .send();
        // The SDK's futures are large: boxed, those of the callers stay small.
        Box::pin(sent).await.map_err(|error| StoreError::of(action, &error))
    }
}
