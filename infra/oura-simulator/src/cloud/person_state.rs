//! Changes of a person by the control API.

use std::collections::{BTreeMap, HashMap};

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
}

impl PersonState {
    pub(crate) fn new(now: i64) -> Self {
        let (edits, overrides) = (HashMap::new(), Overrides::new());
        Self { member: true, app_outdated: false, edits, overrides, synced_at: now, held_back: false }
    }

    /// Moment until which the person's data is visible.
    pub(crate) fn visible_until(&self, now: i64) -> i64 {
        if self.held_back { self.synced_at.min(now) } else { now }
    }
}
