//! A search through every state that can be reached, breadth first, so that what it finds is the shortest way there.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Something with states.
pub(super) trait Model {
    type State: Clone + Hash;
    type Label: Copy + Debug;

    fn first(&self) -> Self::State;
    /// Every way on.
    fn next(&self, state: &Self::State) -> Vec<(Self::Label, Self::State)>;
    /// What is wrong with the state, if anything is. `stuck`: there is no way on.
    fn wrong(&self, state: &Self::State, stuck: bool) -> Option<&'static str>;
}

/// What the search found.
#[derive(Debug)]
pub(super) struct Found<L> {
    /// How many different states were seen.
    pub states: usize,
    /// The first thing that was wrong, and the way there.
    pub wrong: Option<(&'static str, Vec<L>)>,
}

/// Looks at every state, or at all before the first that is wrong.
///
/// States are told apart by 64 bits of their hash: among a million of them, two are taken for one with a chance of one to
/// thirty million.
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
