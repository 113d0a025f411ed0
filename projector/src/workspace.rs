//! The views in memory that a projection works on between two commits.

use std::any::Any;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::mem;

use read_model::{Change, Collection, Document, View};
use serde_json::Value;

/// Number of views, and bytes of their documents, after which views that were not changed in the
/// meantime are dropped from memory.
const RECENT_VIEWS_MAX: usize = 25_000;
const RECENT_BYTES_MAX: usize = 64 << 20;

type Key = (&'static str, String);

/// Views by collection and key. An event's changes take effect only if it is applied completely.
#[derive(Default)]
pub struct Workspace {
    /// Views changed by the current event.
    staged: HashMap<Key, Slot>,
    staged_written: HashMap<Key, Slot>,
    /// Views changed since the last commit.
    changed: HashMap<Key, Slot>,
    /// Views that are written but not read again. They leave memory after the commit.
    written: HashMap<Key, Slot>,
    /// Unchanged views from the store. From time to time the older ones are dropped and the recent
    /// ones become the older ones.
    recent: HashMap<Key, Slot>,
    recent_bytes: usize,
    older: HashMap<Key, Slot>,
    /// Whether the store is known to be empty, so that a view that is not here does not exist.
    empty_store: bool,
}

struct Slot {
    view: Option<Box<dyn Held>>,
    collection: Collection,
}

/// A view of any type.
trait Held: Any + Send + Sync {
    fn document(&self) -> Document;
    fn as_any(&self) -> &dyn Any;
}

impl<V: View> Held for V {
    fn document(&self) -> Document {
        Document::of(self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Views that must be loaded before the event can be applied.
#[derive(Debug)]
pub struct Missing {
    /// The views' collection.
    pub collection: Collection,
    /// The views' keys.
    pub keys: Vec<String>,
    read: fn(Value) -> serde_json::Result<Box<dyn Held>>,
}

impl Workspace {
    /// An empty workspace. `empty_store` means that nothing was ever committed either.
    pub fn new(empty_store: bool) -> Self {
        Self { empty_store, ..Self::default() }
    }

    /// The view with this key; `Ok(None)` if it does not exist.
    ///
    /// # Errors
    /// [`Missing`] if it must be loaded first.
    pub fn get<V: View>(&self, key: &str) -> Result<Option<V>, Missing> {
        let place = (V::COLLECTION.name, key.to_owned());
        match self.find(&place) {
            Some(slot) => Ok(slot.view.as_ref().and_then(|it| it.as_any().downcast_ref()).cloned()),
            None if self.empty_store => Ok(None),
            None => Err(missing::<V>(vec![place.1])),
        }
    }

    /// Requests all of these views at once, so that an event that changes many views does not
    /// request them one by one.
    ///
    /// # Errors
    /// [`Missing`] if some must be loaded first.
    pub fn require<V: View>(&self, mut keys: Vec<String>) -> Result<(), Missing> {
        keys.retain(|key| self.find(&(V::COLLECTION.name, key.clone())).is_none());
        if self.empty_store || keys.is_empty() { Ok(()) } else { Err(missing::<V>(keys)) }
    }

    /// Inserts or replaces the view.
    pub fn put<V: View>(&mut self, view: V) {
        let place = (V::COLLECTION.name, view.key());
        let view: Option<Box<dyn Held>> = Some(Box::new(view));
        self.staged.insert(place, Slot { view, collection: V::COLLECTION });
    }

    /// Writes a final view: no projection reads it again.
    pub fn write<V: View>(&mut self, view: V) {
        let place = (V::COLLECTION.name, view.key());
        let view: Option<Box<dyn Held>> = Some(Box::new(view));
        self.staged_written.insert(place, Slot { view, collection: V::COLLECTION });
    }

    /// Deletes the view.
    pub fn delete<V: View>(&mut self, key: &str) {
        let place = (V::COLLECTION.name, key.to_owned());
        self.staged.insert(place, Slot { view: None, collection: V::COLLECTION });
    }

    /// Keeps the changes of an event that was applied.
    pub(crate) fn keep(&mut self) {
        self.changed.extend(self.staged.drain());
        self.written.extend(self.staged_written.drain());
    }

    /// Discards the changes of an event that was not applied.
    pub(crate) fn undo(&mut self) {
        self.staged.clear();
        self.staged_written.clear();
    }

    /// Adds the stored documents of missing views.
    pub(crate) fn load(
        &mut self,
        missing: &Missing,
        key: &str,
        document: Option<Value>,
    ) -> serde_json::Result<()> {
        let view = document.map(missing.read).transpose()?;
        let slot = Slot { view, collection: missing.collection };
        self.recent.insert((missing.collection.name, key.to_owned()), slot);
        Ok(())
    }

    /// All changes since the last call.
    pub(crate) fn take_changes(&mut self) -> Vec<Change> {
        let mut changed: Vec<(&Key, &Slot)> = self.changed.iter().chain(&self.written).collect();
        // Sorted, so that neighbours in the store are written one after the other.
        changed.sort_unstable_by_key(|(place, _)| *place);
        let mut changes = Vec::with_capacity(changed.len());
        for ((_, key), slot) in changed {
            let (collection, key) = (slot.collection, key.clone());
            changes.push(match &slot.view {
                Some(view) => {
                    let document = view.document();
                    self.recent_bytes += document.text().len();
                    Change::Put { collection, key, document }
                }
                None => Change::Delete { collection, key },
            });
        }
        self.written.clear();
        self.recent.extend(self.changed.drain());
        if self.recent.len() > RECENT_VIEWS_MAX || self.recent_bytes > RECENT_BYTES_MAX {
            self.recent_bytes = 0;
            let dropped = mem::replace(&mut self.older, mem::take(&mut self.recent));
            self.empty_store &= dropped.is_empty();
        }
        changes
    }

    fn find(&self, place: &Key) -> Option<&Slot> {
        [&self.staged, &self.changed, &self.recent, &self.older]
            .into_iter()
            .find_map(|views| views.get(place))
    }
}

/// The missing views of several events.
#[derive(Debug, Default)]
pub(crate) struct Wanted(HashMap<&'static str, Missing>);

impl Wanted {
    pub(crate) fn add(&mut self, missing: Missing) {
        match self.0.entry(missing.collection.name) {
            Entry::Occupied(mut known) => known.get_mut().keys.extend(missing.keys),
            Entry::Vacant(first) => drop(first.insert(missing)),
        }
    }

    /// Each view once, without those that are loaded anyway.
    pub(crate) fn without(self, loaded: &Missing) -> impl Iterator<Item = Missing> {
        self.0.into_values().filter_map(|mut wanted| {
            let mut known: HashSet<String> = match wanted.collection == loaded.collection {
                true => loaded.keys.iter().cloned().collect(),
                false => HashSet::new(),
            };
            wanted.keys.retain(|key| known.insert(key.clone()));
            (!wanted.keys.is_empty()).then_some(wanted)
        })
    }
}

fn missing<V: View>(keys: Vec<String>) -> Missing {
    Missing {
        collection: V::COLLECTION,
        keys,
        read: |document| Ok(Box::new(serde_json::from_value::<V>(document)?)),
    }
}
