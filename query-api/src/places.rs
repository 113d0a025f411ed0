//! Bounds how much is open at once for each key.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts what is open for each key, up to a maximum.
#[derive(Debug)]
pub(crate) struct Places<K> {
    max: usize,
    taken: Mutex<HashMap<K, usize>>,
}

/// A place that is taken. Dropping it frees it.
#[derive(Debug)]
pub(crate) struct Place<K: Eq + Hash> {
    places: Arc<Places<K>>,
    key: K,
}

impl<K: Eq + Hash + Clone> Places<K> {
    /// This many places for each key.
    pub(crate) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { max, taken: Mutex::default() })
    }

    /// Takes a place; `None` if all of the key's are taken.
    pub(crate) fn take(self: &Arc<Self>, key: K) -> Option<Place<K>> {
        let mut taken = self.lock();
        let count = taken.entry(key.clone()).or_default();
        if *count >= self.max {
            return None;
        }
        *count += 1;
        Some(Place { places: Arc::clone(self), key })
    }
}

impl<K> Places<K> {
    /// A panic elsewhere leaves no count half made.
    fn lock(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        let Some(count) = taken.get_mut(&self.key) else { return };
        *count -= 1;
        if *count == 0 {
            taken.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_taken_and_freed_and_leave_nothing() {
        let places = Places::new(2);
        let mine = [places.take("ada"), places.take("ada")];
        assert!(mine.iter().all(Option::is_some));
        assert!(places.take("ada").is_none());
        let other = places.take("bob");
        assert!(other.is_some());
        drop(mine);
        assert!(places.take("ada").is_some());
        drop(other);
        assert!(places.lock().is_empty());
    }
}
