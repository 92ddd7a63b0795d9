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
    /// Seconds by which the data of a collection reaches Oura later.
    pub(crate) delays: BTreeMap<Collection, i64>,
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

    /// Seconds by which the data of a collection reaches Oura later.
    pub(crate) fn delay(&self, collection: Collection) -> i64 {
        self.delays.get(&collection).copied().unwrap_or(0)
    }
}
