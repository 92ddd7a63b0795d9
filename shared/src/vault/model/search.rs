//! A breadth-first search through all reachable states, so that it finds the shortest way to a violation.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};

/// A system with states.
pub(super) trait Model {
    type State: Clone + Hash;
    type Label: Copy + Debug;

    fn first(&self) -> Self::State;
    /// All steps from a state.
    fn next(&self, state: &Self::State) -> Vec<(Self::Label, Self::State)>;
    /// The violation of an invariant, if there is one. `stuck`: no step is possible.
    fn wrong(&self, state: &Self::State, stuck: bool) -> Option<&'static str>;
}

/// Result of the search.
#[derive(Debug)]
pub(super) struct Found<L> {
    /// Number of different states.
    pub states: usize,
    /// The first violation, and the steps to it.
    pub wrong: Option<(&'static str, Vec<L>)>,
}

/// Visits every state, or all before the first violation.
///
/// States are distinguished by 64 bits of their hash: among a million states, two collide with a probability of one in thirty
/// million.
pub(super) fn search<M: Model>(model: &M) -> Found<M::Label> {
    let first = model.first();
    let mut seen: HashMap<u64, Option<(u64, M::Label)>> = HashMap::from([(print(&first), None)]);
    let mut border = vec![first];
    while !border.is_empty() {
        let mut beyond = Vec::new();
        for state in &border {
            let here = print(state);
            let ways = model.next(state);
            if let Some(wrong) = model.wrong(state, ways.is_empty()) {
                return Found { states: seen.len(), wrong: Some((wrong, way(&seen, here))) };
            }
            for (label, state) in ways {
                seen.entry(print(&state)).or_insert_with(|| {
                    beyond.push(state);
                    Some((here, label))
                });
            }
        }
        border = beyond;
    }
    Found { states: seen.len(), wrong: None }
}

fn print(state: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}

fn way<L: Copy>(seen: &HashMap<u64, Option<(u64, L)>>, mut here: u64) -> Vec<L> {
    let mut labels = Vec::new();
    while let Some(Some((before, label))) = seen.get(&here) {
        labels.push(*label);
        here = *before;
    }
    labels.reverse();
    labels
}
