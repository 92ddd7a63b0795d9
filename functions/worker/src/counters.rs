//! Counts of one sync delivery, for the nightly run's record and the metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures::future::BoxFuture;
use shared::domain::DataType;
use shared::oura::{OuraError, RateLimiter, Throttled};

/// Counters of one delivery. Cheap to clone: all clones share the counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct SyncCounters(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    requests: AtomicU64,
    is_skipped: AtomicBool,
}

impl SyncCounters {
    /// Number of requests sent to Oura, by earlier deliveries too once those are added.
    pub(crate) fn requests(&self) -> u64 {
        self.0.requests.load(Ordering::Relaxed)
    }

    pub(crate) fn add_requests(&self, count: u64) {
        self.0.requests.fetch_add(count, Ordering::Relaxed);
    }

    /// Marks the patient as skipped: no data can arrive at present.
    pub(crate) fn skip(&self) {
        self.0.is_skipped.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_skipped(&self) -> bool {
        self.0.is_skipped.load(Ordering::Relaxed)
    }

    /// Returns a rate limiter that also counts the requests here.
    pub(crate) fn counting(&self, limiter: Arc<dyn RateLimiter>) -> Arc<dyn RateLimiter> {
        Arc::new(CountingLimiter { counters: self.clone(), limiter })
    }
}

#[derive(Debug)]
struct CountingLimiter {
    counters: SyncCounters,
    limiter: Arc<dyn RateLimiter>,
}

impl RateLimiter for CountingLimiter {
    fn acquire(&self, data_type: Option<DataType>) -> BoxFuture<'_, Result<(), Throttled>> {
        Box::pin(async move {
            self.limiter.acquire(data_type).await?;
            self.counters.add_requests(1);
            Ok(())
        })
    }

    fn on_response<'a>(&'a self, data_type: Option<DataType>, error: Option<&'a OuraError>) -> BoxFuture<'a, ()> {
        self.limiter.on_response(data_type, error)
    }
}
