//! The rate limiter of one patient's requests in one lane.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use futures::future::BoxFuture;

use super::shared::SharedRateLimit;
use crate::domain::{DataType, PatientId};
use crate::oura::rate_limit::Lane;
use crate::oura::{OuraError, RateLimiter, Throttled};

#[derive(Debug)]
struct LaneLimiter {
    rate_limit: SharedRateLimit,
    lane: Lane,
    requester: u64,
}

impl SharedRateLimit {
    /// The rate limiter for one patient's data in this lane.
    #[must_use]
    pub fn lane(&self, lane: Lane, patient: &PatientId) -> Arc<dyn RateLimiter> {
        let mut requester = DefaultHasher::new();
        patient.hash(&mut requester);
        Arc::new(LaneLimiter { rate_limit: self.clone(), lane, requester: requester.finish() })
    }
}

impl RateLimiter for LaneLimiter {
    fn acquire(&self, data_type: Option<DataType>) -> BoxFuture<'_, Result<(), Throttled>> {
        Box::pin(self.rate_limit.acquire(self.lane, data_type))
    }

    fn on_response<'a>(&'a self, data_type: Option<DataType>, error: Option<&'a OuraError>) -> BoxFuture<'a, ()> {
        Box::pin(self.rate_limit.on_response(self.requester, data_type, error))
    }
}
