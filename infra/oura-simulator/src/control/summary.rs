//! Counts of requests and tokens, cheap to read at any time.

use serde::Serialize;

use crate::lock::lock;

use super::handle::Control;

/// Counts since the start, or since [`Control::clear_requests`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Requests for data, answered or not.
    pub data_requests: u64,
    /// The largest number of them in any 300 seconds.
    pub busiest_window: u64,
    /// Requests refused by the rate limit of the application.
    pub limited_by_application: u64,
    /// Requests refused by the rate limit of their access token.
    pub limited_by_token: u64,
    /// Codes exchanged for a grant.
    pub exchanges: u64,
    /// Refresh tokens exchanged for a new pair.
    pub refreshes: u64,
    /// Refresh tokens presented again: a double spend, or a retry after a lost answer.
    pub reused: u64,
}

impl Control {
    /// Counts of requests and tokens.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let (data_requests, busiest_window) = lock(&self.0.request_rate).so_far();
        let (limited_by_application, limited_by_token) = lock(&self.0.limits).refused;
        let counts = lock(&self.0.tokens).counts;
        Summary {
            data_requests,
            busiest_window,
            limited_by_application,
            limited_by_token,
            exchanges: counts.exchanges,
            refreshes: counts.refreshes,
            reused: counts.reused,
        }
    }
}
