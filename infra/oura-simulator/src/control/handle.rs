//! Handle of a running simulator.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::cloud::state::Cloud;
use crate::faults::active::FaultState;
use crate::faults::fault::Fault;
use crate::faults::outage::Outage;
use crate::limits::RequestRate;
use crate::lock::lock;
use crate::options::settings::Options;
use crate::people::Character;
use crate::request_log::{RequestCounts, RequestRecord};
use crate::tokens::TokenCounts;

use super::error::ControlError;

/// Controls a running [`crate::OuraSimulator`]. Cheap to clone.
#[derive(Clone)]
pub struct Control(pub(crate) Arc<Cloud>);

impl Control {
    /// Adds a fault and returns its id. Faults apply in the order in which they were added.
    ///
    /// # Errors
    /// [`ControlError::InvalidFault`].
    pub fn add_fault(&self, fault: Fault) -> Result<u64, ControlError> {
        Ok(lock(&self.0.faults).add(fault)?)
    }

    /// The faults in their order.
    #[must_use]
    pub fn faults(&self) -> Vec<FaultState> {
        lock(&self.0.faults).list()
    }

    /// Removes a fault; `false` if the id is unknown.
    pub fn remove_fault(&self, id: u64) -> bool {
        lock(&self.0.faults).remove(id)
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        lock(&self.0.faults).clear();
    }

    /// Delays every answer, except those of the control API.
    pub fn set_latency(&self, latency: Duration) {
        lock(&self.0.faults).latency = latency;
    }

    /// Replaces the outage; `None` ends it.
    ///
    /// # Errors
    /// [`ControlError::InvalidOutage`]; the previous outage remains then.
    pub fn set_outage(&self, outage: Option<Outage>) -> Result<(), ControlError> {
        Ok(lock(&self.0.faults).set_outage(outage)?)
    }

    /// The outage: present, past or future.
    #[must_use]
    pub fn outage(&self) -> Option<Outage> {
        lock(&self.0.faults).outage()
    }

    /// The last 10,000 requests, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestRecord> {
        lock(&self.0.log).records()
    }

    /// Number of requests of each route.
    #[must_use]
    pub fn request_counts(&self) -> RequestCounts {
        lock(&self.0.log).counts()
    }

    /// Clears the request log, its counts and the rate limits.
    pub fn clear_requests(&self) {
        lock(&self.0.log).clear();
        lock(&self.0.limits).clear();
        *lock(&self.0.request_rate) = RequestRate::default();
        lock(&self.0.tokens).counts = TokenCounts::default();
    }

    /// The present options.
    #[must_use]
    pub fn options(&self) -> Options {
        Options::clone(&self.0.options())
    }

    /// Changes options and returns them all.
    ///
    /// # Errors
    /// [`ControlError::InvalidOption`]; nothing is changed then.
    pub fn change_options(&self, change: impl FnOnce(&mut Options)) -> Result<Options, ControlError> {
        let mut current = lock(&self.0.options);
        let mut options = Options::clone(&current);
        change(&mut options);
        options.check()?;
        *current = Arc::new(options.clone());
        Ok(options)
    }

    /// Changes the options that a JSON object names and returns them all; null clears an optional one.
    ///
    /// # Errors
    /// [`ControlError::MalformedBody`] or [`ControlError::InvalidOption`]; nothing is changed then.
    pub fn patch_options(&self, patch: &Value) -> Result<Options, ControlError> {
        let malformed = |error: serde_json::Error| ControlError::MalformedBody(error.to_string());
        let Value::Object(patch) = patch else {
            return Err(ControlError::MalformedBody("expected an object".to_owned()));
        };
        let mut current = lock(&self.0.options);
        let mut merged = serde_json::to_value(Options::clone(&current)).map_err(malformed)?;
        if let Value::Object(fields) = &mut merged {
            fields.extend(patch.clone());
        }
        let options: Options = serde_json::from_value(merged).map_err(malformed)?;
        options.check()?;
        *current = Arc::new(options.clone());
        Ok(options)
    }

    /// The index and the character of the person of a key.
    pub(crate) fn known(&self, key: &str) -> Result<(usize, Arc<Character>), ControlError> {
        self.0.person_of(key).ok_or(ControlError::UnknownPerson)
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("url", &self.0.url.as_str()).finish_non_exhaustive()
    }
}
