//! The cloud's strings, pulled in process. Over HTTP the same is under `/control/`.

mod documents;
mod people;
mod summary;

use std::sync::Arc;
use std::time::Duration;

use super::faults::{Fault, FaultState, InvalidFault};
use super::limits::Busiest;
use super::log::{RequestCounts, RequestRecord};
use super::options::{InvalidOption, Options, OptionsPatch};
use super::outage::{InvalidOutage, Outage};
use super::people::Character;
use super::state::{Cloud, lock};
use super::tokens::Counts;

pub use documents::{ChangedDocument, PutDocument};
pub use people::PersonView;
pub use summary::Summary;

/// Something that is not there to be controlled, or not like this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// None of the people has this key.
    #[error("nobody has this key")]
    UnknownPerson,
    /// Oura has no such collection.
    #[error("no such collection")]
    UnknownCollection,
    /// The person has no document like that.
    #[error("no such document")]
    UnknownDocument,
    /// Rows of a time series have no id and cannot be put or deleted.
    #[error("this collection has rows, not documents")]
    NoDocuments,
    /// Neither the document nor the request tells its day.
    #[error("the document tells no day by which a range could find it: give a day")]
    NoDay,
    /// See [`InvalidFault`].
    #[error(transparent)]
    Fault(#[from] InvalidFault),
    /// See [`InvalidOption`].
    #[error(transparent)]
    Option(#[from] InvalidOption),
    /// See [`InvalidOutage`].
    #[error(transparent)]
    Outage(#[from] InvalidOutage),
}

/// Controls a running [`super::OuraSimulator`]. Cheap to clone.
#[derive(Clone)]
pub struct Control(pub(super) Arc<Cloud>);

impl Control {
    /// Adds a fault and gives its id. Faults meet in the order in which they were added.
    ///
    /// # Errors
    /// [`ControlError::Fault`].
    pub fn add_fault(&self, fault: Fault) -> Result<u64, ControlError> {
        Ok(lock(&self.0.faults).add(fault)?)
    }

    /// The faults as they stand.
    #[must_use]
    pub fn faults(&self) -> Vec<FaultState> {
        lock(&self.0.faults).list()
    }

    /// Removes a fault; `false` if there is none of this id.
    pub fn remove_fault(&self, id: u64) -> bool {
        lock(&self.0.faults).remove(id)
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        lock(&self.0.faults).clear();
    }

    /// Lets every answer (but those of the control API) take this long.
    pub fn set_latency(&self, latency: Duration) {
        lock(&self.0.faults).latency = latency;
    }

    /// Lets Oura be down for some time, in place of any outage before; `None` ends it.
    ///
    /// # Errors
    /// [`ControlError::Outage`]; the one before stands then.
    pub fn set_outage(&self, outage: Option<Outage>) -> Result<(), ControlError> {
        outage.as_ref().map_or(Ok(()), Outage::check)?;
        *lock(&self.0.outage) = outage;
        Ok(())
    }

    /// The outage that is on, or was, or will be.
    #[must_use]
    pub fn outage(&self) -> Option<Outage> {
        lock(&self.0.outage).clone()
    }

    /// What was asked so far, oldest first; the last 10,000 requests.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestRecord> {
        lock(&self.0.log).records()
    }

    /// How often each kind of request came.
    #[must_use]
    pub fn request_counts(&self) -> RequestCounts {
        lock(&self.0.log).counts()
    }

    /// Forgets the requests so far and their numbers, and starts the rate limits anew.
    pub fn clear_requests(&self) {
        lock(&self.0.log).clear();
        lock(&self.0.limits).clear();
        *lock(&self.0.busiest) = Busiest::default();
        lock(&self.0.tokens).counts = Counts::default();
    }

    /// The options as they are.
    #[must_use]
    pub fn options(&self) -> Options {
        Options::clone(&self.0.options())
    }

    /// Changes some options and gives them all.
    ///
    /// # Errors
    /// [`ControlError::Option`]; nothing is changed then.
    pub fn set_options(&self, patch: OptionsPatch) -> Result<Options, ControlError> {
        let mut held = lock(&self.0.options);
        let mut options = Options::clone(&held);
        patch.apply(&mut options)?;
        *held = Arc::new(options.clone());
        Ok(options)
    }

    /// Who has this key, and their place among all people.
    pub(super) fn known(&self, key: &str) -> Result<(usize, Arc<Character>), ControlError> {
        self.0.person_of(key).ok_or(ControlError::UnknownPerson)
    }
}
