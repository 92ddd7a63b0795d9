//! Documents that have arrived from Oura and are not stored yet.
//!
//! They are gathered, so that a day is usually written once. A slow request must not hold them up, and they must not fill
//! the memory: then they are stored before the fetch is over.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::domain::{DataType, DayRange};
use shared::oura::model::Documents;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Time without another arrival after which the gathered documents are stored: the others are slow.
pub(crate) const STALL_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest time for which documents are gathered.
const MAX_GATHERING: Duration = Duration::from_secs(30);

/// Size of the responses whose documents are gathered, in bytes. The history of a usual ring has about 6 MB.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Documents of one data type.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) documents: Documents,
    /// Days that it holds completely, for a time series.
    pub(crate) days: Option<DayRange>,
}

impl Arrival {
    pub(crate) fn data_type(&self) -> DataType {
        self.documents.data_type()
    }
}

/// Gathered documents.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    gathered: Mutex<Gathered>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Gathered {
    arrivals: Vec<Arrival>,
    bytes: usize,
    /// Time of the first and of the last arrival.
    times: Option<(Instant, Instant)>,
}

impl Arrivals {
    /// Adds documents. `bytes` is the size of their responses.
    pub(crate) fn add(&self, arrival: Arrival, bytes: usize) {
        let now = Instant::now();
        let mut gathered = self.lock();
        gathered.arrivals.push(arrival);
        gathered.bytes += bytes;
        let first = gathered.times.map_or(now, |(first, _)| first);
        gathered.times = Some((first, now));
        drop(gathered);
        self.changed.notify_one();
    }

    /// Takes what was gathered, in the order of arrival.
    pub(crate) fn take(&self) -> Vec<Arrival> {
        std::mem::take(&mut *self.lock()).arrivals
    }

    /// Calls `look` with what was gathered.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&[Arrival]) -> T) -> T {
        look(&self.lock().arrivals)
    }

    /// Waits until the gathered documents are to be stored, although the fetch is not over.
    pub(crate) async fn overdue(&self) {
        loop {
            let (bytes, times) = {
                let gathered = self.lock();
                (gathered.bytes, gathered.times)
            };
            let due = match times {
                _ if bytes > MAX_BYTES => return,
                Some((first, last)) => (last + STALL_TIMEOUT).min(first + MAX_GATHERING),
                None => {
                    self.changed.notified().await;
                    continue;
                }
            };
            if tokio::time::timeout_at(due, self.changed.notified()).await.is_err() {
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
