//! The views a projection works on, in memory, between two commits.

use std::any::Any;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::mem;

use read_model::{Change, Collection, Document, View};
use serde_json::Value;

/// Views, and bytes of their documents, after which those that were not changed for as long are dropped from memory.
const RECENT_VIEWS_MAX: usize = 25_000;
const RECENT_BYTES_MAX: usize = 64 << 20;

type Key = (&'static str, String);

/// Views by collection and key. What an event changes counts only when its whole application
/// succeeds.
#[derive(Default)]
pub struct Workspace {
    /// Changed by the event that is being applied.
    staged: HashMap<Key, Slot>,
    staged_written: HashMap<Key, Slot>,
    /// Changed since the last commit.
    changed: HashMap<Key, Slot>,
    /// Views that are written and not read again: gone from memory after the commit.
    written: HashMap<Key, Slot>,
    /// As they are in the store. Every so often the recent ones become the older ones, and those are dropped.
    recent: HashMap<Key, Slot>,
    recent_bytes: usize,
    older: HashMap<Key, Slot>,
    /// The collections hold nothing that is not here: an unknown view does not exist.
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

/// Views that have to be loaded before the event can be applied.
#[derive(Debug)]
pub struct Missing {
    /// Where they are.
    pub collection: Collection,
    /// Which they are.
    pub keys: Vec<String>,
    read: fn(Value) -> serde_json::Result<Box<dyn Held>>,
}

impl Workspace {
    /// Nothing in memory. `empty_store` says that nothing was ever committed either.
    pub fn new(empty_store: bool) -> Self {
        Self { empty_store, ..Self::default() }
    }

    /// The view with this key; `Ok(None)` when there is none.
    ///
    /// # Errors
    /// [`Missing`] when it has to be loaded first.
    pub fn get<V: View>(&self, key: &str) -> Result<Option<V>, Missing> {
        let place = (V::COLLECTION.name, key.to_owned());
        match self.find(&place) {
            Some(slot) => Ok(slot.view.as_ref().and_then(|it| it.as_any().downcast_ref()).cloned()),
            None if self.empty_store => Ok(None),
            None => Err(missing::<V>(vec![place.1])),
        }
    }

    /// Has all of these in memory, so that an event that changes many views does not ask for them one
    /// by one.
    ///
    /// # Errors
    /// [`Missing`] when some have to be loaded first.
    pub fn require<V: View>(&self, mut keys: Vec<String>) -> Result<(), Missing> {
        keys.retain(|key| self.find(&(V::COLLECTION.name, key.clone())).is_none());
        if self.empty_store || keys.is_empty() { Ok(()) } else { Err(missing::<V>(keys)) }
    }

    /// The view is this now.
    pub fn put<V: View>(&mut self, view: V) {
        let place = (V::COLLECTION.name, view.key());
        let view: Option<Box<dyn Held>> = Some(Box::new(view));
        self.staged.insert(place, Slot { view, collection: V::COLLECTION });
    }

    /// The view is this for ever: no projection asks for it again.
    pub fn write<V: View>(&mut self, view: V) {
        let place = (V::COLLECTION.name, view.key());
        let view: Option<Box<dyn Held>> = Some(Box::new(view));
        self.staged_written.insert(place, Slot { view, collection: V::COLLECTION });
    }

    /// The view is gone.
    pub fn delete<V: View>(&mut self, key: &str) {
        let place = (V::COLLECTION.name, key.to_owned());
        self.staged.insert(place, Slot { view: None, collection: V::COLLECTION });
    }

    /// The event was applied: what it changed counts.
    pub(crate) fn keep(&mut self) {
        self.changed.extend(self.staged.drain());
        self.written.extend(self.staged_written.drain());
    }

    /// The event was not applied: it changed nothing.
    pub(crate) fn undo(&mut self) {
        self.staged.clear();
        self.staged_written.clear();
    }

    /// Takes in what the store has for a missing view.
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

    /// Everything that changed since the last call.
    pub(crate) fn take_changes(&mut self) -> Vec<Change> {
        let mut changed: Vec<(&Key, &Slot)> = self.changed.iter().chain(&self.written).collect();
        // Neighbours in the store are written one after the other.
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

/// What several events miss.
#[derive(Debug, Default)]
pub(crate) struct Wanted(HashMap<&'static str, Missing>);

impl Wanted {
    pub(crate) fn add(&mut self, missing: Missing) {
        match self.0.entry(missing.collection.name) {
            Entry::Occupied(mut known) => known.get_mut().keys.extend(missing.keys),
            Entry::Vacant(first) => drop(first.insert(missing)),
        }
    }

    /// Each view once, but for those that are loaded anyway.
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
