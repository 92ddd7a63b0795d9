//! Lookup of people by index and key. The fleet is not stored: its people follow from the seed and their number.

use std::borrow::Cow;
use std::sync::Arc;

use super::character::Character;
use super::fleet;
use super::named::PEOPLE;

/// All people of a simulation: the named ones, then the fleet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct People {
    pub(crate) seed: u64,
    /// Number of people in the fleet.
    pub(crate) fleet: u32,
}

impl People {
    /// The person at an index.
    pub(crate) fn nth(self, index: usize) -> Option<Arc<Character>> {
        match PEOPLE.get(index) {
            Some(named) => Some(Arc::clone(named)),
            None => fleet_number(index)
                .filter(|number| *number <= self.fleet)
                .map(|number| Arc::new(fleet::character(self.seed, index, number))),
        }
    }

    /// The person of a key.
    pub(crate) fn of_key(self, key: &str) -> Option<Arc<Character>> {
        if let Some(named) = PEOPLE.iter().find(|person| person.key == key) {
            return Some(Arc::clone(named));
        }
        let number: u32 = key.strip_prefix(fleet::PREFIX)?.parse().ok()?;
        let index = PEOPLE.len().checked_add(usize::try_from(number.checked_sub(1)?).ok()?)?;
        // A key has one spelling: clients compare keys as texts.
        (fleet::key(number) == key).then(|| self.nth(index)).flatten()
    }
}

/// The key of the person at an index, for a fleet of any size.
pub(crate) fn key_of(index: usize) -> Option<Cow<'static, str>> {
    match PEOPLE.get(index) {
        Some(named) => Some(named.key.clone()),
        None => fleet_number(index).map(|number| Cow::Owned(fleet::key(number))),
    }
}

/// The number within the fleet, from 1, of the person at an index.
fn fleet_number(index: usize) -> Option<u32> {
    u32::try_from(index.checked_sub(PEOPLE.len())?).ok()?.checked_add(1)
}

#[cfg(test)]
#[path = "directory_tests.rs"]
mod tests;
