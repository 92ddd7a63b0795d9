//! What one delivery of a sync cost and came to, for the record of the night and the metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures::future::BoxFuture;
use shared::oura::{Admission, Held, OuraError};

/// Counts while the sync runs. Cheap to clone: all clones count together.
#[derive(Debug, Clone, Default)]
pub struct Tally(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    requests: AtomicU64,
    parked: AtomicBool,
}

impl Tally {
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
    pub fn park(&self) {
        self.0.parked.store(true, Ordering::Relaxed);
    }

    /// Whether there is nothing to be had of this patient.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        self.0.parked.load(Ordering::Relaxed)
    }

    /// The same admission, counted here.
    #[must_use]
    pub fn counting(&self, admission: Arc<dyn Admission>) -> Arc<dyn Admission> {
        Arc::new(Counted { tally: self.clone(), admission })
    }
}

#[derive(Debug)]
struct Counted {
    tally: Tally,
    admission: Arc<dyn Admission>,
}

impl Admission for Counted {
    fn admit(&self) -> BoxFuture<'_, Result<(), Held>> {
        Box::pin(async {
            self.admission.admit().await?;
            self.tally.add_requests(1);
            Ok(())
        })
    }

    fn told<'a>(&'a self, error: Option<&'a OuraError>) -> BoxFuture<'a, ()> {
        self.admission.told(error)
    }
}
