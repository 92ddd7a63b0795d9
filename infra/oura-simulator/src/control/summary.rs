//! What happened so far, in numbers: cheap enough to be asked for at any time.

use serde::Serialize;

use crate::state::lock;

use super::Control;

/// What happened since the start, or since [`Control::clear_requests`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Requests for data that came, whatever became of them.
    pub data_requests: u64,
    /// The most of them that came in any 300 seconds.
    pub busiest_window: u64,
    /// How many were refused because the application had asked too often.
    pub limited_by_application: u64,
    /// How many were refused because the access token had been used too often.
    pub limited_by_token: u64,
    /// Codes that were traded for a grant.
    pub exchanges: u64,
    /// Refresh tokens that were traded for a new pair.
    pub refreshes: u64,
    /// How often a refresh token came that had been traded before: a double spend, or a retry after a lost answer.
    pub reused: u64,
}

impl Control {
    /// What happened so far, in numbers.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let (data_requests, busiest_window) = lock(&self.0.busiest).so_far();
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
