//! Conditions of a person's data at Oura.

use std::collections::BTreeMap;

use crate::collection::Collection;
use crate::lock::lock;

use super::error::ControlError;
use super::handle::Control;

impl Control {
    /// Lets further data of some collections reach Oura later, in seconds by the collection's path. Others arrive in time.
    ///
    /// # Errors
    /// [`ControlError`] if the person or a collection is unknown.
    pub fn set_delays(&self, key: &str, delays: &BTreeMap<String, u32>) -> Result<(), ControlError> {
        let (person, _) = self.known(key)?;
        let of_path = |(path, seconds): (&String, &u32)| {
            let collection = Collection::of_path(path).ok_or(ControlError::UnknownCollection)?;
            Ok((collection, i64::from(*seconds)))
        };
        let (delays, now) = (delays.iter().map(of_path).collect::<Result<_, ControlError>>()?, self.0.now());
        self.0.switch(person, |state| state.set_delays(&delays, now));
        Ok(())
    }

    /// Silences the webhook events of a person's changes. Events sent by hand are delivered.
    ///
    /// # Errors
    /// [`ControlError::UnknownPerson`].
    pub fn silence_webhooks(&self, key: &str, silent: bool) -> Result<(), ControlError> {
        self.0.switch(self.known(key)?.0, |state| state.silent = silent);
        Ok(())
    }

    /// Fills a person's heart rate up to a sample every few seconds: 8 make more than 10,000 a day.
    ///
    /// # Errors
    /// [`ControlError::UnknownPerson`].
    pub fn set_heart_rate_every(&self, key: &str, seconds: Option<u32>) -> Result<(), ControlError> {
        let every = seconds.map(|seconds| i64::from(seconds.max(1)));
        self.0.switch(self.known(key)?.0, |state| state.heart_rate_every = every);
        Ok(())
    }

    /// Changes the scopes of a person's grants, from the next refresh on.
    ///
    /// # Errors
    /// [`ControlError::UnknownPerson`].
    pub fn set_scopes(&self, key: &str, scopes: &[String]) -> Result<(), ControlError> {
        let (person, _) = self.known(key)?;
        lock(&self.0.tokens).change_scopes(person, scopes);
        Ok(())
    }
}
