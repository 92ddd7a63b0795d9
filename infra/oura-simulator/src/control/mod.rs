//! Control of a running simulator in process. `/control/` offers the same over HTTP.

pub(crate) mod changes;
pub(crate) mod conditions;
pub(crate) mod consent;
pub(crate) mod documents;
pub(crate) mod error;
pub(crate) mod handle;
pub(crate) mod people;
pub(crate) mod summary;
pub(crate) mod webhooks;
