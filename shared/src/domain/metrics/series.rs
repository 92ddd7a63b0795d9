//! Series inside records.

use super::facts::{Facts, SECONDS, metrics, words};
use crate::domain::{Moment, Number};

metrics! {
    /// Readings at even distances.
    struct Series {
        /// Time of the first one.
        start: Option<Moment>,
        /// Time from one to the next.
        interval_seconds: Option<Number> = Facts::measured_in(SECONDS),
        /// The readings; null where there was none.
        items: Vec<Option<Number>>,
    }
}

words!(Series, Vec<Number>);
