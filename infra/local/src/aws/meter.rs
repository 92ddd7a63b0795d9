//! Counts and prices every AWS call.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::call::{Call, Service};
use super::prices::{self, PicoDollars};

/// Counts and prices the calls of one embedded AWS. Cheap to clone: all clones count together.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Mutex<BTreeMap<Call, Count>>>);

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    calls: u64,
    failed: u64,
    carried_out: u64,
    price: PicoDollars,
}

/// Number and estimated price of the calls by operation; see [`prices`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MeterReport {
    /// Month of the price table.
    pub prices_as_of: String,
    /// All calls that arrived, also those that failed or that a fault refused.
    pub calls: u64,
    /// Calls that change something and were given to an engine.
    pub mutations: u64,
    /// Estimated price of all calls, in US dollars.
    pub dollars: f64,
    /// One line for each operation that was called.
    pub operations: Vec<OperationReport>,
}

/// One operation's line in a [`MeterReport`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationReport {
    /// The service.
    pub service: Service,
    /// The operation.
    pub operation: String,
    /// Calls that arrived.
    pub calls: u64,
    /// Calls that were answered with an error or not at all.
    pub failed: u64,
    /// Estimated price, in US dollars.
    pub dollars: f64,
}

impl Meter {
    /// All calls that arrived, also those that failed or that a fault refused.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.counts().values().map(|count| count.calls).sum()
    }

    /// The calls of one operation that arrived.
    #[must_use]
    pub fn calls_of(&self, service: Service, operation: &str) -> u64 {
        self.counts().get(&Call { service, operation: operation.to_owned() }).map_or(0, |count| count.calls)
    }

    /// Calls that change something and were given to an engine. After a clean run this is the number of places at which
    /// [`Fault::stop_after_mutations`](super::Fault::stop_after_mutations) can end it.
    #[must_use]
    pub fn mutations(&self) -> u64 {
        self.counts().iter().filter(|(call, _)| call.mutates()).map(|(_, count)| count.carried_out).sum()
    }

    /// The estimated price of everything so far, in US dollars.
    #[must_use]
    pub fn dollars(&self) -> f64 {
        prices::dollars(self.counts().values().map(|count| count.price).sum())
    }

    /// Everything so far.
    #[must_use]
    pub fn report(&self) -> MeterReport {
        let counts = self.counts().clone();
        let operations = counts.iter().map(|(call, count)| OperationReport {
            service: call.service,
            operation: call.operation.clone(),
            calls: count.calls,
            failed: count.failed,
            dollars: prices::dollars(count.price),
        });
        MeterReport {
            prices_as_of: prices::AS_OF.to_owned(),
            calls: counts.values().map(|count| count.calls).sum(),
            mutations: counts.iter().filter(|(call, _)| call.mutates()).map(|(_, count)| count.carried_out).sum(),
            dollars: prices::dollars(counts.values().map(|count| count.price).sum()),
            operations: operations.collect(),
        }
    }

    /// Starts again at zero.
    pub fn reset(&self) {
        self.counts().clear();
    }

    pub(crate) fn arrived(&self, call: &Call) {
        self.counts().entry(call.clone()).or_default().calls += 1;
    }

    pub(crate) fn carried_out(&self, call: &Call) {
        self.counts().entry(call.clone()).or_default().carried_out += 1;
    }

    pub(crate) fn priced(&self, call: &Call, price: PicoDollars) {
        self.counts().entry(call.clone()).or_default().price += price;
    }

    pub(crate) fn failed(&self, call: &Call) {
        self.counts().entry(call.clone()).or_default().failed += 1;
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<Call, Count>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
