//! OAuth scopes of Oura.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A scope name without the `extapi:` prefix that Oura's newer identity provider puts before it. Names that this
/// project does not know are kept: Oura adds scopes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scope(String);

impl Scope {
    /// The scope of this name, with or without the prefix.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.strip_prefix("extapi:").unwrap_or(name).to_owned())
    }

    /// The bare name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Requested or granted scopes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ScopeSet(BTreeSet<Scope>);

impl ScopeSet {
    /// The eleven scopes that give all of Oura's data, in the order that Oura's consent page knows them.
    pub const DEFAULT: &'static str =
        "email personal daily heartrate workout tag session spo2 heart_health stress ring_configuration";

    /// Parses a space-separated list (RFC 6749, section 3.3). Commas and `+` separate too: both occur in practice.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self(text.split([' ', ',', '+', '\t', '\n']).filter(|name| !name.is_empty()).map(Scope::new).collect())
    }

    /// True if it holds no scope.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True if it holds the scope of this bare name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(&Scope::new(name))
    }

    /// The scopes of `self` that `other` does not hold.
    #[must_use]
    pub fn missing_from(&self, other: &Self) -> Self {
        Self(self.0.difference(&other.0).cloned().collect())
    }

    /// The scopes that `other` holds too.
    #[must_use]
    pub fn common_with(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// The scopes, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, scope) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str(" ")?;
            }
            f.write_str(&scope.0)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scope_is_the_same_with_and_without_prefix() {
        let granted = ScopeSet::parse("extapi:daily  heartrate extapi:brand_new");
        assert!(granted.contains("daily") && granted.contains("heartrate") && granted.contains("brand_new"));
        let asked = ScopeSet::parse(ScopeSet::DEFAULT);
        assert_eq!(asked.iter().count(), 11);
        assert_eq!(ScopeSet::parse("daily spo2").missing_from(&granted).to_string(), "spo2");
        assert!(ScopeSet::parse(" ").is_empty());
    }
}
