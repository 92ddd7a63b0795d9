//! Samples: Oura's two time series, and the series inside documents.

use super::{Document, parts};
use crate::domain::{Day, DocumentId, Moment, Number};

parts! {
    /// `PublicSample`: values at even distances, with nulls where there was no reading.
    #[derive(Clone)]
    pub struct Series {
        /// Seconds from one item to the next.
        pub interval: Option<Number>,
        /// The readings; null where there was none.
        pub items: Vec<Option<Number>>,
        /// The moment of the first item.
        pub timestamp: Option<Moment>,
    }

    /// One sample of `heartrate`. Two samples may share a moment with different sources: the key is both.
    #[derive(Clone)]
    pub struct HeartRate {
        /// Time (UTC).
        pub timestamp: Moment,
        /// Beats per minute.
        pub bpm: Option<Number>,
        /// `awake`, `rest`, `sleep`, `session`, `live`, `workout`, ...
        pub source: Option<String>,
    }

    /// One sample of `ring_battery_level`.
    #[derive(Clone)]
    pub struct RingBatteryLevel {
        /// Time (UTC).
        pub timestamp: Moment,
        /// Percent.
        pub level: Option<Number>,
        /// True if the battery was being charged.
        pub charging: Option<bool>,
        /// True if the ring was in its charger.
        pub in_charger: Option<bool>,
    }
}

impl Document for HeartRate {
    fn id(&self) -> Option<&DocumentId> {
        None
    }

    fn day(&self) -> Option<Day> {
        None
    }
}

impl Document for RingBatteryLevel {
    fn id(&self) -> Option<&DocumentId> {
        None
    }

    fn day(&self) -> Option<Day> {
        None
    }
}
