//! Settings from the environment: read once at start, and an error names the variable.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

/// A setting that is missing or malformed. The value is not shown: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvError {
    /// Not set, or empty.
    #[error("environment variable {name} is missing")]
    Missing {
        /// Which.
        name: &'static str,
    },
    /// Set to something that does not parse.
    #[error("environment variable {name} is malformed: {why}")]
    Malformed {
        /// Which.
        name: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

/// A set of environment variables: the process's own, or one that a program composes.
#[derive(Clone, Default)]
pub struct Env(BTreeMap<String, String>);

impl Env {
    /// The environment of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self(std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect())
    }

    /// The variable's text, if set and not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The same environment with one variable set.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// A text that must be set.
    ///
    /// # Errors
    /// [`EnvError::Missing`].
    pub fn required(&self, name: &'static str) -> Result<String, EnvError> {
        self.get(name).map(str::to_owned).ok_or(EnvError::Missing { name })
    }

    /// A value that must be set and parse.
    ///
    /// # Errors
    /// [`EnvError`].
    pub fn parsed<T: FromStr<Err: Display>>(&self, name: &'static str) -> Result<T, EnvError> {
        parse(name, &self.required(name)?)
    }

    /// A value that may be unset, but must parse when it is set.
    ///
    /// # Errors
    /// [`EnvError::Malformed`].
    pub fn optional<T: FromStr<Err: Display>>(&self, name: &'static str) -> Result<Option<T>, EnvError> {
        self.get(name).map(|text| parse(name, text)).transpose()
    }

    /// A number within bounds, or the default when unset.
    ///
    /// # Errors
    /// [`EnvError::Malformed`] when it is no number or out of bounds.
    pub fn bounded(
        &self,
        name: &'static str,
        default: u32,
        bounds: std::ops::RangeInclusive<u32>,
    ) -> Result<u32, EnvError> {
        let value = self.optional(name)?.unwrap_or(default);
        if bounds.contains(&value) {
            Ok(value)
        } else {
            Err(EnvError::Malformed { name, why: format!("must be {} to {}", bounds.start(), bounds.end()) })
        }
    }
}

fn parse<T: FromStr<Err: Display>>(name: &'static str, text: &str) -> Result<T, EnvError> {
    text.trim().parse().map_err(|error: T::Err| EnvError::Malformed { name, why: error.to_string() })
}

impl std::fmt::Debug for Env {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_or_malformed_variable_is_named_and_its_value_is_not_shown() {
        let env = Env::default().with("BACKFILL_DAYS", "s3cret").with("EMPTY", "");
        assert_eq!(env.required("EMPTY").unwrap_err().to_string(), "environment variable EMPTY is missing");
        let error = env.bounded("BACKFILL_DAYS", 30, 1..=90).unwrap_err().to_string();
        assert!(error.contains("BACKFILL_DAYS") && !error.contains("s3cret"), "{error}");
        assert!(env.clone().with("BACKFILL_DAYS", "91").bounded("BACKFILL_DAYS", 30, 1..=90).is_err());
        assert_eq!(env.bounded("LOOKBACK_DAYS", 7, 1..=30), Ok(7));
        assert!(!format!("{env:?}").contains("s3cret"));
    }
}
