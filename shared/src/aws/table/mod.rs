//! The layer under every DynamoDB call: keys, items, conditions, conditional writes, queries and transactions.
//!
//! Items are structs that serde reads and writes. A write names its condition with [`Condition`] and ends in an [`Outcome`];
//! a transaction names its parts, and a cancelled one returns the names of the parts whose conditions did not hold.

mod batch;
mod client;
mod condition;
mod expression;
mod item;
mod key;
mod query;
mod transaction;
mod write;

pub(super) use batch::get_all;
pub(super) use client::Table;
pub(super) use condition::{Condition, at_most, begins_with, between, differs, equals, exists, greater, less, missing};
pub(super) use item::{Item, Text, TextSet, expires_at, read};
pub(super) use key::{Key, Partition, prefix};
pub(super) use query::{Page, Query};
pub(super) use transaction::{Committed, Transaction};
pub(super) use write::{Check, Delete, Outcome, Put, Returned, Update};
