//! A patient's personal information at Oura, which is stored only where `PERSONAL_INFO` is `on`. The e-mail address never is.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::SOURCE;

/// Facts that a person has entered in the Oura app. A field that is missing, unreadable or outside its bounds is null.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PersonalFacts {
    /// In years.
    pub age: Option<u32>,
    /// In kg.
    pub weight: Option<f64>,
    /// In m.
    pub height: Option<f64>,
    /// Oura's word, such as `male` and `female`.
    pub biological_sex: Option<String>,
}

/// A patient's stored personal information.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Vendor: [`SOURCE`].
    pub source: String,
    /// The facts.
    #[serde(flatten)]
    pub facts: PersonalFacts,
    /// Time at which Oura was asked.
    pub observed_at: Timestamp,
}

impl Profile {
    /// Scope that gives it.
    pub const SCOPE: &str = "personal";

    /// Time after which it is fetched again.
    pub const TTL: SignedDuration = SignedDuration::from_hours(7 * 24);

    /// The facts as of now.
    #[must_use]
    pub fn new(facts: PersonalFacts, now: Timestamp) -> Self {
        Self { source: SOURCE.to_owned(), facts, observed_at: now }
    }
}
