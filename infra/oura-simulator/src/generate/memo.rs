//! What was made lately.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use crate::state::lock;

/// Keeps what was asked for last, in bounded memory: at least `size` values, at most twice as many.
pub(super) struct Memo<K, V> {
    size: usize,
    kept: Mutex<Generations<K, V>>,
}

/// The young grow up together: when they are too many the old are forgotten. Who is asked for is young again.
struct Generations<K, V> {
    young: HashMap<K, Arc<V>>,
    old: HashMap<K, Arc<V>>,
}

impl<K: Eq + Hash, V> Memo<K, V> {
    pub(super) fn of(size: usize) -> Self {
        Self { size, kept: Mutex::new(Generations { young: HashMap::new(), old: HashMap::new() }) }
    }

    pub(super) fn get(&self, key: K, make: impl FnOnce() -> V) -> Arc<V> {
        if let Some(known) = lock(&self.kept).young.get(&key) {
            return Arc::clone(known);
        }
        let grown = lock(&self.kept).old.remove(&key);
        // Made outside the lock: two callers may make the same value, which is then the same.
        let value = grown.unwrap_or_else(|| Arc::new(make()));
        let mut kept = lock(&self.kept);
        if kept.young.len() >= self.size {
            kept.old = std::mem::take(&mut kept.young);
        }
        Arc::clone(kept.young.entry(key).or_insert(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_lately_is_not_made_again_and_the_rest_is_forgotten() {
        let memo = Memo::of(100);
        let made = |key: i32| {
            let mut made = false;
            assert_eq!(
                *memo.get(key, || {
                    made = true;
                    key * 2
                }),
                key * 2
            );
            made
        };
        assert!((0..1000).all(made), "each is made once");
        assert!(!(900..1000).any(made), "the last hundred are still there");
        assert!((0..800).step_by(50).all(made), "those long ago are not");
        for other in 2000..2300 {
            made(other);
            assert!(!made(7_000) || other == 2000, "what is asked for again and again stays");
        }
        let kept = lock(&memo.kept);
        assert!(kept.young.len() <= 100 && kept.old.len() <= 100);
    }
}
