//! Whether a request may be sent at this moment: asked before every request for data, and told what came of it.

use std::fmt;
use std::time::Duration;

use futures::future::BoxFuture;

use super::error::OuraError;

/// Lets requests through, or holds them back. What it goes by (one budget for all workers) is not known here.
pub trait RateLimiter: Send + Sync + fmt::Debug {
    /// Waits until the request may be sent.
    ///
    /// # Errors
    /// [`Throttled`] when that would take too long.
    fn acquire(&self) -> BoxFuture<'_, Result<(), Throttled>>;

    /// A request that was admitted has ended: with an answer, or with this error.
    fn on_response<'a>(&'a self, error: Option<&'a OuraError>) -> BoxFuture<'a, ()>;
}

/// A request that was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttled {
    /// Why.
    pub why: ThrottleReason,
    /// When to come back.
    pub retry_after: Duration,
}

/// What holds requests back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThrottleReason {
    /// The requests of these minutes are given away.
    RateLimit,
    /// Oura said that the app's limit is reached.
    Limit,
    /// Oura does not answer anybody.
    Outage,
    /// Whether it may be sent cannot be found out.
    Unknown,
}

impl ThrottleReason {
    /// A stable word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RateLimit => "rate_limited",
            Self::Limit => "throttled_by_oura",
            Self::Outage => "paused_by_outage",
            Self::Unknown => "rate_limit_unavailable",
        }
    }

    /// What it means, from the word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::RateLimit, Self::Limit, Self::Outage, Self::Unknown].into_iter().find(|why| why.as_str() == word)
    }
}
