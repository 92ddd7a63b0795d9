//! A document as Oura would serve it.

use std::sync::Arc;

use jiff::civil::DateTime;

use crate::collection::Collection;

/// A document, and what decides which answers contain it.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) collection: Collection,
    pub(crate) id: String,
    /// Civil time that the bounds of a range are compared with.
    pub(crate) range_key: DateTime,
    /// Moment at which it reaches Oura, in seconds since the epoch.
    pub(crate) available_from: i64,
    pub(crate) json: Arc<str>,
}
