//! Changes of a person by the control API.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use jiff::civil::Date;

use crate::collection::Collection;
use crate::document::Document;

/// Replacement of a generated document.
#[derive(Clone)]
pub(crate) enum Override {
    Put(Document),
    Deleted,
}

/// Documents put or deleted by hand, by collection and id.
pub(crate) type Overrides = BTreeMap<(Collection, String), Override>;

/// Lateness of a collection's data.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delay {
    /// Seconds by which data reaches Oura later.
    pub(crate) seconds: i64,
    /// Moment until which data had reached Oura before. It stays there.
    pub(crate) arrived_until: i64,
}

/// Switches and changed documents of a person.
pub(crate) struct PersonState {
    /// False if the membership has ended.
    pub(crate) member: bool,
    pub(crate) app_outdated: bool,
    /// Number of edits of each night.
    pub(crate) edits: HashMap<Date, u32>,
    pub(crate) overrides: Overrides,
    /// Moment of the ring's last sync, in seconds since the epoch. Earlier changes have had their webhook events.
    pub(crate) synced_at: i64,
    /// True if data after the last sync is hidden.
    pub(crate) held_back: bool,
    /// Collections whose data is late.
    pub(crate) delays: BTreeMap<Collection, Delay>,
    /// Times without rows in any series, in seconds since the epoch.
    pub(crate) without_rows: Vec<Range<i64>>,
    /// Longest time between two samples of heart rate while the ring is worn, in seconds.
    pub(crate) heart_rate_every: Option<i64>,
    /// True if changes have no webhook events.
    pub(crate) silent: bool,
}

impl PersonState {
    pub(crate) fn new(now: i64) -> Self {
        Self {
            member: true,
            app_outdated: false,
            edits: HashMap::new(),
            overrides: Overrides::new(),
            synced_at: now,
            held_back: false,
            delays: BTreeMap::new(),
            without_rows: vec![],
            heart_rate_every: None,
            silent: false,
        }
    }

    /// Moment until which the person's data is visible.
    pub(crate) fn visible_until(&self, now: i64) -> i64 {
        if self.held_back { self.synced_at.min(now) } else { now }
    }

    /// Moment until which the data of a collection has reached Oura, if punctual data has until `until`.
    pub(crate) fn arrived_until(&self, collection: Collection, until: i64) -> i64 {
        self.delays.get(&collection).map_or(until, |delay| until.min(delay.arrived_until).max(until - delay.seconds))
    }

    /// Replaces the delays, in seconds.
    pub(crate) fn set_delays(&mut self, delays: &BTreeMap<Collection, i64>, now: i64) {
        let until = self.visible_until(now);
        let delay = |(collection, seconds): (&Collection, &i64)| {
            let arrived_until = self.arrived_until(*collection, until);
            (*collection, Delay { seconds: *seconds, arrived_until })
        };
        self.delays = delays.iter().map(delay).collect();
    }
}
