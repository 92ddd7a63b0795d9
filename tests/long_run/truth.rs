//! The truth: what Oura holds, by the simulated Oura's own account.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde_json::Value;

use crate::stack::Stack;

/// Collections of documents that have a day: their names in the tables, and their paths.
pub(crate) const DOCUMENTS: [(&str, &str); 15] = [
    ("daily_activity", "daily_activity"),
    ("daily_cardiovascular_age", "daily_cardiovascular_age"),
    ("daily_readiness", "daily_readiness"),
    ("daily_resilience", "daily_resilience"),
    ("daily_sleep", "daily_sleep"),
    ("daily_spo2", "daily_spo2"),
    ("daily_stress", "daily_stress"),
    ("enhanced_tag", "enhanced_tag"),
    ("rest_mode_period", "rest_mode_period"),
    ("session", "session"),
    ("sleep", "sleep"),
    ("sleep_time", "sleep_time"),
    ("tag", "tag"),
    ("vo2_max", "vO2_max"),
    ("workout", "workout"),
];

/// All data of a ring on some days.
pub(crate) struct Truth {
    collections: BTreeMap<&'static str, Vec<Value>>,
    first: Date,
    last: Date,
}

impl Truth {
    pub(crate) fn of(stack: &Stack, ring: &str, first: Date, last: Date) -> Self {
        let collections = stack.world.oura().truth(ring, first, last).unwrap();
        Self { collections, first, last }
    }

    /// The documents of a collection whose own day is one of these.
    pub(crate) fn documents(&self, path: &str) -> Vec<&Value> {
        let is_of_them = |document: &&Value| day_of(document).is_some_and(|day| self.first <= day && day <= self.last);
        self.rows(path).iter().filter(is_of_them).collect()
    }

    /// The rows of a time series, of these days and of one more on each side.
    pub(crate) fn rows(&self, path: &str) -> &[Value] {
        self.collections.get(path).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The day that a document names.
pub(crate) fn day_of(document: &Value) -> Option<Date> {
    let day = document.get("day").or_else(|| document.get("start_day"))?.as_str()?;
    day.parse().ok()
}
