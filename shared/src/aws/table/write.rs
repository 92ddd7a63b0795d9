//! Conditional writes of one item, alone or as part of a transaction.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::error::ConditionalCheckFailedException;
use aws_sdk_dynamodb::types::{self, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::client::Table;
use super::condition::Condition;
use super::expression::Expression;
use super::item::{Item, Value, attributes, fields, item_size, read, value};
use super::key::Key;
use crate::aws::error::{HttpStatus, StoreError};

/// The end of a conditional write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(in crate::aws) enum Outcome<T = (), C = ()> {
    /// The write took effect.
    Written(T),
    /// The condition did not hold and nothing was changed. Holds the current item, if it was requested.
    ConditionFailed(C),
}

impl Outcome {
    /// True if the write took effect.
    #[must_use]
    pub(in crate::aws) fn is_written(self) -> bool {
        self == Self::Written(())
    }

    /// Either end is a success: the write is needed only where its condition holds.
    pub(in crate::aws) fn ignore(self) {}
}

/// The item that a write returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::aws) enum Returned {
    Before,
    After,
}

/// A write of one item that has not been sent.
#[derive(Debug)]
pub(in crate::aws) struct Write<K> {
    table: Table,
    kind: K,
    expression: Expression,
    condition: Option<String>,
}

pub(in crate::aws) type Put = Write<PutItem>;
pub(in crate::aws) type Update = Write<UpdateItem>;
pub(in crate::aws) type Delete = Write<DeleteItem>;
pub(in crate::aws) type Check = Write<CheckItem>;

/// A put of a whole item.
#[derive(Debug)]
pub(in crate::aws) struct PutItem(Item);

/// A change of some attributes.
#[derive(Debug)]
pub(in crate::aws) struct UpdateItem {
    key: Item,
    set: Vec<String>,
    remove: Vec<String>,
    add: Vec<String>,
}

/// A deletion.
#[derive(Debug)]
pub(in crate::aws) struct DeleteItem(Item);

/// A condition on an item that the transaction does not change.
#[derive(Debug)]
pub(in crate::aws) struct CheckItem(Item);

impl Table {
    /// A write of a whole item. Attributes that are `None` are left out.
    pub(in crate::aws) fn put(&self, key: &Key<'_>, item: impl Serialize) -> Put {
        Put::of(self, key.attributes(), item)
    }

    /// A change of some attributes. Makes the item if there is none and the condition allows it.
    pub(in crate::aws) fn update(&self, key: &Key<'_>) -> Update {
        Update::of(self, key.attributes())
    }

    /// A deletion. Deleting a missing item succeeds if the condition allows it.
    pub(in crate::aws) fn delete(&self, key: &Key<'_>) -> Delete {
        Delete::of(self, key.attributes())
    }

    /// A condition on an item that a transaction does not change.
    pub(in crate::aws) fn check(&self, key: &Key<'_>) -> Check {
        Check::of(self, key.attributes())
    }
}

impl<K> Write<K> {
    fn new(table: &Table, kind: K) -> Self {
        Self { table: table.clone(), kind, expression: Expression::default(), condition: None }
    }

    /// Writes only if the item meets the condition at that moment.
    pub(in crate::aws) fn when(mut self, condition: Condition) -> Self {
        self.condition = Some(condition.render(&mut self.expression));
        self
    }
}

impl Put {
    fn of(table: &Table, key: Item, item: impl Serialize) -> Self {
        match attributes(item) {
            Ok(mut item) => {
                item.extend(key);
                Self::new(table, PutItem(item))
            }
            Err(error) => {
                let mut put = Self::new(table, PutItem(key));
                put.expression.value(Err(error));
                put
            }
        }
    }
}

impl Put {
    /// Size of the item as DynamoDB counts it, in bytes.
    pub(in crate::aws) fn bytes(&self) -> usize {
        item_size(&self.kind.0)
    }
}

impl Delete {
    fn of(table: &Table, key: Item) -> Self {
        Self::new(table, DeleteItem(key))
    }
}

impl Check {
    fn of(table: &Table, key: Item) -> Self {
        Self::new(table, CheckItem(key))
    }
}

impl Update {
    fn of(table: &Table, key: Item) -> Self {
        Self::new(table, UpdateItem { key, set: Vec::new(), remove: Vec::new(), add: Vec::new() })
    }

    /// Sets an attribute, or a member of a map: `failing.sleep`.
    pub(in crate::aws) fn set(self, path: &str, to: impl Serialize) -> Self {
        self.set_value(path, value(to))
    }

    fn set_value(mut self, path: &str, to: Value) -> Self {
        let (path, value) = (self.expression.name(path), self.expression.value(to));
        self.kind.set.push(format!("{path} = {value}"));
        self
    }

    /// Sets an attribute, or removes it.
    pub(in crate::aws) fn set_or_remove(self, path: &str, to: Option<impl Serialize>) -> Self {
        match to {
            Some(to) => self.set(path, to),
            None => self.remove([path]),
        }
    }

    /// Sets an attribute if there is a value for it.
    pub(in crate::aws) fn set_some(self, path: &str, to: Option<impl Serialize>) -> Self {
        match to {
            Some(to) => self.set(path, to),
            None => self,
        }
    }

    /// Sets an attribute unless the item has it.
    pub(in crate::aws) fn set_once(mut self, path: &str, to: impl Serialize) -> Self {
        let (path, value) = (self.expression.name(path), self.expression.value(value(to)));
        self.kind.set.push(format!("{path} = if_not_exists({path}, {value})"));
        self
    }

    /// Sets every attribute of a struct, and removes those that are `None`.
    pub(in crate::aws) fn set_all(mut self, of: impl Serialize) -> Self {
        match fields(of) {
            Ok(fields) => fields.into_iter().fold(self, |update, (name, value)| match value {
                Some(value) => update.set_value(&name, Ok(value)),
                None => update.remove([name.as_str()]),
            }),
            Err(error) => {
                self.expression.value(Err(error));
                self
            }
        }
    }

    /// Adds to a number that the item has.
    pub(in crate::aws) fn increase(mut self, path: &str, by: i64) -> Self {
        let (path, value) = (self.expression.name(path), self.expression.value(value(by)));
        self.kind.set.push(format!("{path} = {path} + {value}"));
        self
    }

    /// Removes attributes.
    pub(in crate::aws) fn remove<'p>(mut self, paths: impl IntoIterator<Item = &'p str>) -> Self {
        for path in paths {
            self.kind.remove.push(self.expression.name(path));
        }
        self
    }

    /// Adds to a number or a set, which begins with 0 or empty.
    pub(in crate::aws) fn add(mut self, path: &str, what: impl Serialize) -> Self {
        let (path, value) = (self.expression.name(path), self.expression.value(value(what)));
        self.kind.add.push(format!("{path} {value}"));
        self
    }
}

impl UpdateItem {
    fn expression(&self) -> String {
        let clauses = [("SET", &self.set), ("REMOVE", &self.remove), ("ADD", &self.add)];
        let clauses = clauses.iter().filter(|(_, parts)| !parts.is_empty());
        clauses.map(|(word, parts)| format!("{word} {}", parts.join(", "))).collect::<Vec<_>>().join(" ")
    }
}

// The SDK's futures are large: boxed, those of the callers stay small.
impl<K: Send> Write<K>
where
    Self: Request,
{
    /// Sends the write.
    ///
    /// # Errors
    /// [`StoreError`]; when the table is unavailable, the write may have taken effect.
    pub(in crate::aws) async fn send(self, action: &'static str) -> Result<Outcome, StoreError> {
        self.expression.check(action)?;
        Ok(match Box::pin(self.execute(action, None, None)).await? {
            Outcome::Written(_) => Outcome::Written(()),
            Outcome::ConditionFailed(_) => Outcome::ConditionFailed(()),
        })
    }

    /// As [`send`](Self::send); a failed condition returns the item as it is.
    pub(in crate::aws) async fn send_or_current<C: DeserializeOwned>(
        self,
        action: &'static str,
    ) -> Result<Outcome<(), Option<C>>, StoreError> {
        self.expression.check(action)?;
        Ok(match Box::pin(self.execute(action, None, current())).await? {
            Outcome::Written(_) => Outcome::Written(()),
            Outcome::ConditionFailed(item) => {
                Outcome::ConditionFailed(item.map(|item| read(action, item)).transpose()?)
            }
        })
    }

    /// As [`send`](Self::send); returns the item before or after the write, and as it is if the condition fails.
    pub(in crate::aws) async fn send_returning<T: DeserializeOwned>(
        self,
        action: &'static str,
        returned: Returned,
    ) -> Result<Outcome<T, Option<T>>, StoreError> {
        self.expression.check(action)?;
        let returned = match returned {
            Returned::Before => ReturnValue::AllOld,
            Returned::After => ReturnValue::AllNew,
        };
        Ok(match Box::pin(self.execute(action, Some(returned), current())).await? {
            Outcome::Written(Some(item)) => Outcome::Written(read(action, item)?),
            Outcome::Written(None) => return Err(StoreError::corrupt(action, "item")),
            Outcome::ConditionFailed(item) => {
                Outcome::ConditionFailed(item.map(|item| read(action, item)).transpose()?)
            }
        })
    }
}

type OnFailure = Option<ReturnValuesOnConditionCheckFailure>;
type Executed = Result<Outcome<Option<Item>, Option<Item>>, StoreError>;

fn current() -> OnFailure {
    Some(ReturnValuesOnConditionCheckFailure::AllOld)
}

/// A write that can be sent alone.
pub(in crate::aws) trait Request {
    async fn execute(self, action: &'static str, returned: Option<ReturnValue>, on_failure: OnFailure) -> Executed;
}

impl Request for Put {
    async fn execute(self, action: &'static str, returned: Option<ReturnValue>, on_failure: OnFailure) -> Executed {
        let request = self.table.client.put_item().table_name(&self.table.name).set_item(Some(self.kind.0));
        let sent = request
            .set_condition_expression(self.condition)
            .set_expression_attribute_names(self.expression.names())
            .set_expression_attribute_values(self.expression.values())
            .set_return_values(returned)
            .set_return_values_on_condition_check_failure(on_failure)
            .send()
            .await;
        executed(action, sent.map(|answer| answer.attributes), |error| match error {
            PutItemError::ConditionalCheckFailedException(failed) => Some(failed),
            _ => None,
        })
    }
}

impl Request for Update {
    async fn execute(self, action: &'static str, returned: Option<ReturnValue>, on_failure: OnFailure) -> Executed {
        let update = self.kind.expression();
        let request = self.table.client.update_item().table_name(&self.table.name).set_key(Some(self.kind.key));
        let sent = request
            .update_expression(update)
            .set_condition_expression(self.condition)
            .set_expression_attribute_names(self.expression.names())
            .set_expression_attribute_values(self.expression.values())
            .set_return_values(returned)
            .set_return_values_on_condition_check_failure(on_failure)
            .send()
            .await;
        executed(action, sent.map(|answer| answer.attributes), |error| match error {
            UpdateItemError::ConditionalCheckFailedException(failed) => Some(failed),
            _ => None,
        })
    }
}

impl Request for Delete {
    async fn execute(self, action: &'static str, returned: Option<ReturnValue>, on_failure: OnFailure) -> Executed {
        let request = self.table.client.delete_item().table_name(&self.table.name).set_key(Some(self.kind.0));
        let sent = request
            .set_condition_expression(self.condition)
            .set_expression_attribute_names(self.expression.names())
            .set_expression_attribute_values(self.expression.values())
            .set_return_values(returned)
            .set_return_values_on_condition_check_failure(on_failure)
            .send()
            .await;
        executed(action, sent.map(|answer| answer.attributes), |error| match error {
            DeleteItemError::ConditionalCheckFailedException(failed) => Some(failed),
            _ => None,
        })
    }
}

fn executed<E: ProvideErrorMetadata, R: HttpStatus>(
    action: &'static str,
    sent: Result<Option<Item>, SdkError<E, R>>,
    failed_condition: fn(&E) -> Option<&ConditionalCheckFailedException>,
) -> Executed {
    match sent {
        Ok(item) => Ok(Outcome::Written(item)),
        Err(error) => match error.as_service_error().and_then(failed_condition) {
            Some(failed) => Ok(Outcome::ConditionFailed(failed.item.clone())),
            None => Err(StoreError::of(action, &error)),
        },
    }
}

/// A write that can be a part of a transaction.
pub(in crate::aws) trait Part {
    fn part(self, action: &'static str) -> Result<TransactWriteItem, StoreError>;
}

impl Part for Put {
    fn part(self, action: &'static str) -> Result<TransactWriteItem, StoreError> {
        self.expression.check(action)?;
        let put = types::Put::builder()
            .table_name(self.table.name)
            .set_item(Some(self.kind.0))
            .set_condition_expression(self.condition)
            .set_expression_attribute_names(self.expression.names())
            .set_expression_attribute_values(self.expression.values());
        Ok(TransactWriteItem::builder().put(built(action, put.build())?).build())
    }
}

impl Part for Update {
    fn part(self, action: &'static str) -> Result<TransactWriteItem, StoreError> {
        self.expression.check(action)?;
        let update = types::Update::builder()
            .table_name(self.table.name)
            .update_expression(self.kind.expression())
            .set_key(Some(self.kind.key))
            .set_condition_expression(self.condition)
            .set_expression_attribute_names(self.expression.names())
            .set_expression_attribute_values(self.expression.values());
        Ok(TransactWriteItem::builder().update(built(action, update.build())?).build())
    }
}

impl Part for Delete {
    fn part(self, action: &'static str) -> Result<TransactWriteItem, StoreError> {
        self.expression.check(action)?;
        let delete = types::Delete::builder()
            .table_name(self.table.name)
            .set_key(Some(self.kind.0))
            .set_condition_expression(self.condition)
            .set_expression_attribute_names(self.expression.names())
            .set_expression_attribute_values(self.expression.values());
        Ok(TransactWriteItem::builder().delete(built(action, delete.build())?).build())
    }
}

impl Part for Check {
    fn part(self, action: &'static str) -> Result<TransactWriteItem, StoreError> {
        self.expression.check(action)?;
        let check = types::ConditionCheck::builder()
            .table_name(self.table.name)
            .set_key(Some(self.kind.0))
            .set_condition_expression(self.condition)
            .set_expression_attribute_names(self.expression.names())
            .set_expression_attribute_values(self.expression.values());
        Ok(TransactWriteItem::builder().condition_check(built(action, check.build())?).build())
    }
}

/// A request part that the SDK could not build: one of its required members is missing, a mistake in this program.
fn built<T, E>(action: &'static str, part: Result<T, E>) -> Result<T, StoreError> {
    part.map_err(|_incomplete| StoreError::incomplete(action))
}
