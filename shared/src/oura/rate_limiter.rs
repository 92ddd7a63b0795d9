//! The seam between the data client and the rate limit: asked before every request, and informed of its response.

use std::fmt;

use futures::future::BoxFuture;

use super::error::OuraError;
use super::throttled::Throttled;

/// Rate limiter of requests for data.
pub trait RateLimiter: Send + Sync + fmt::Debug {
    /// Waits until the request may be sent.
    ///
    /// # Errors
    /// [`Throttled`] when that would take too long.
    fn acquire(&self) -> BoxFuture<'_, Result<(), Throttled>>;

    /// Records the end of a request that was let through: with a response, or with this error.
    fn on_response<'a>(&'a self, error: Option<&'a OuraError>) -> BoxFuture<'a, ()>;
}
