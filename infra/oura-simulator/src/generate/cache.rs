//! Cache of generated values.

use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use lru::LruCache;

use crate::lock::lock;

/// Keeps the values that were used last.
pub(super) struct Cache<K: Eq + Hash, V>(Mutex<LruCache<K, Arc<V>>>);

impl<K: Eq + Hash, V> Cache<K, V> {
    pub(super) fn of(size: NonZeroUsize) -> Self {
        Self(Mutex::new(LruCache::new(size)))
    }

    /// The value of a key, made if it is not cached.
    pub(super) fn get(&self, key: K, make: impl FnOnce() -> V) -> Arc<V> {
        if let Some(cached) = lock(&self.0).get(&key) {
            return Arc::clone(cached);
        }
        // Made outside the lock: two callers may make the same value at once.
        let made = Arc::new(make());
        Arc::clone(lock(&self.0).get_or_insert(key, || made))
    }
}
