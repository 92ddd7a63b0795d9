//! The seam between the data client and the rate limit: asked before every request, and informed of its response.

use std::fmt;

use futures::future::BoxFuture;

use super::error::OuraError;
use super::throttled::Throttled;
use crate::domain::DataType;

/// Rate limiter of requests for data.
pub trait RateLimiter: Send + Sync + fmt::Debug {
    /// Waits until a request to the collection of this data type may be sent; `None` for a request to no collection.
    ///
    /// # Errors
    /// [`Throttled`] when that would take too long.
    fn acquire(&self, data_type: Option<DataType>) -> BoxFuture<'_, Result<(), Throttled>>;

    /// Records the end of a request that was let through: with a response, or with this error.
    fn on_response<'a>(&'a self, data_type: Option<DataType>, error: Option<&'a OuraError>) -> BoxFuture<'a, ()>;
}
