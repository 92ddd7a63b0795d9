//! A document as Oura would serve it.

use std::sync::Arc;

use crate::collection::Collection;
use crate::range_key::RangeKey;

/// A document, and what decides which answers contain it.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) collection: Collection,
    pub(crate) id: String,
    pub(crate) range_key: RangeKey,
    /// Moment at which it reaches Oura, in seconds since the epoch.
    pub(crate) available_from: i64,
    pub(crate) json: Arc<str>,
}
