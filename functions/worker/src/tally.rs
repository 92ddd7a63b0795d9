//! What one delivery of a sync cost and came to, for the record of the night and the metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures::future::BoxFuture;
use shared::oura::{OuraError, RateLimiter, Throttled};

/// Counts while the sync runs. Cheap to clone: all clones count together.
#[derive(Debug, Clone, Default)]
pub struct SyncCounters(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    requests: AtomicU64,
    skipped: AtomicBool,
}

impl SyncCounters {
    /// Requests that were sent.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.0.requests.load(Ordering::Relaxed)
    }

    /// Adds those of earlier deliveries.
    pub fn add_requests(&self, count: u64) {
        self.0.requests.fetch_add(count, Ordering::Relaxed);
    }

    /// There is nothing to be had of this patient at the moment.
    pub fn skip(&self) {
        self.0.skipped.store(true, Ordering::Relaxed);
    }

    /// Whether there is nothing to be had of this patient.
    #[must_use]
    pub fn is_skipped(&self) -> bool {
        self.0.skipped.load(Ordering::Relaxed)
    }

    /// The same limiter, counted here.
    #[must_use]
    pub fn counting(&self, limiter: Arc<dyn RateLimiter>) -> Arc<dyn RateLimiter> {
        Arc::new(Counted { tally: self.clone(), limiter })
    }
}

#[derive(Debug)]
struct Counted {
    tally: SyncCounters,
    limiter: Arc<dyn RateLimiter>,
}

impl RateLimiter for Counted {
    fn acquire(&self) -> BoxFuture<'_, Result<(), Throttled>> {
        Box::pin(async {
            self.limiter.acquire().await?;
            self.tally.add_requests(1);
            Ok(())
        })
    }

    fn on_response<'a>(&'a self, error: Option<&'a OuraError>) -> BoxFuture<'a, ()> {
        self.limiter.on_response(error)
    }
}
