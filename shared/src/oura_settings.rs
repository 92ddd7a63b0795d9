//! Oura's addresses, read from the environment.

use crate::env::{Env, EnvError};
use crate::oura::{MalformedSetting, OuraHosts};

impl OuraHosts {
    /// Reads the settings of [`OuraHosts::from_settings`].
    ///
    /// # Errors
    /// [`EnvError::Malformed`].
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        let malformed = |MalformedSetting { name, reason }| EnvError::Malformed { name, reason };
        Self::from_settings(|name| env.get(name)).map_err(malformed)
    }
}
