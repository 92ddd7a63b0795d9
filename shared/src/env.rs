//! Settings from the environment. They are read once at start; an error names the variable.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use strum::VariantNames;

/// A setting that is missing or malformed. The value is not shown: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "names of the fields say it")]
pub enum EnvError {
    /// Not set, or empty.
    #[error("environment variable {name} is missing")]
    Missing { name: &'static str },
    /// Set to a value that does not parse.
    #[error("environment variable {name} is malformed: {reason}")]
    Malformed { name: &'static str, reason: String },
}

/// Environment variables: the process's own, or a set composed by a program.
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

    /// Returns a text that must be set.
    ///
    /// # Errors
    /// [`EnvError::Missing`].
    pub fn required(&self, name: &'static str) -> Result<String, EnvError> {
        self.get(name).map(str::to_owned).ok_or(EnvError::Missing { name })
    }

    /// Parses a value that must be set.
    ///
    /// # Errors
    /// [`EnvError`].
    pub fn parsed<T: FromStr<Err: Display>>(&self, name: &'static str) -> Result<T, EnvError> {
        parse(name, &self.required(name)?)
    }

    /// Parses a value that may be unset.
    ///
    /// # Errors
    /// [`EnvError::Malformed`].
    pub fn optional<T: FromStr<Err: Display>>(&self, name: &'static str) -> Result<Option<T>, EnvError> {
        self.get(name).map(|text| parse(name, text)).transpose()
    }

    /// Returns a number within bounds, or the default if unset.
    ///
    /// # Errors
    /// [`EnvError::Malformed`] if it is not a number or out of bounds.
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
            Err(EnvError::Malformed { name, reason: format!("must be {} to {}", bounds.start(), bounds.end()) })
        }
    }

    /// Returns one of an enum's variants by its name, or the default if unset.
    ///
    /// # Errors
    /// [`EnvError::Malformed`] lists the names.
    pub fn choice<T: FromStr + VariantNames + Default>(&self, name: &'static str) -> Result<T, EnvError> {
        let Some(text) = self.get(name) else { return Ok(T::default()) };
        text.trim().parse().map_err(|_unknown| EnvError::Malformed {
            name,
            reason: format!("must be one of {}", T::VARIANTS.join(", ")),
        })
    }
}

fn parse<T: FromStr<Err: Display>>(name: &'static str, text: &str) -> Result<T, EnvError> {
    text.trim().parse().map_err(|error: T::Err| EnvError::Malformed { name, reason: error.to_string() })
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
    fn missing_or_malformed_variable_is_named_without_its_value() {
        let env = Env::default().with("BACKFILL_DAYS", "s3cret").with("EMPTY", "");
        assert_eq!(env.required("EMPTY").unwrap_err().to_string(), "environment variable EMPTY is missing");
        let error = env.bounded("BACKFILL_DAYS", 30, 1..=90).unwrap_err().to_string();
        assert!(error.contains("BACKFILL_DAYS") && !error.contains("s3cret"), "{error}");
        assert!(env.clone().with("BACKFILL_DAYS", "91").bounded("BACKFILL_DAYS", 30, 1..=90).is_err());
        assert_eq!(env.bounded("LOOKBACK_DAYS", 7, 1..=30), Ok(7));
        assert!(!format!("{env:?}").contains("s3cret"));
    }
}
