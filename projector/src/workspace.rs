//! The views a projection works on, in memory, between two commits.

use std::any::Any;
use std::collections::HashMap;

use read_model::{Change, Collection, View};
use serde_json::Value;

/// Views kept in memory after a commit; beyond that the clean ones are dropped.
const CLEAN_VIEWS_MAX: usize = 50_000;

type Key = (&'static str, String);

/// Views by collection and key. What an event changes counts only when its whole application
/// succeeds.
#[derive(Default)]
pub struct Workspace {
    known: HashMap<Key, Slot>,
    staged: HashMap<Key, Slot>,
    /// Views that are written and not read again: gone from memory after the commit.
    written: HashMap<Key, Slot>,
    staged_written: HashMap<Key, Slot>,
    /// The collections hold nothing that was not put here: an unknown view does not exist.
    empty_store: bool,
}

struct Slot {
    view: Option<Box<dyn Held>>,
    collection: Collection,
    dirty: bool,
}

/// A view of any type.
trait Held: Any + Send + Sync {
    fn document(&self) -> Value;
    fn as_any(&self) -> &dyn Any;
}

impl<V: View> Held for V {
    fn document(&self) -> Value {
        serde_json::to_value(self).expect("a view is maps, strings and numbers")
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
        match self.staged.get(&place).or_else(|| self.known.get(&place)) {
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
        keys.retain(|key| {
            let place = (V::COLLECTION.name, key.clone());
            !self.staged.contains_key(&place) && !self.known.contains_key(&place)
        });
        if self.empty_store || keys.is_empty() { Ok(()) } else { Err(missing::<V>(keys)) }
    }

    /// The view is this now.
    pub fn put<V: View>(&mut self, view: V) {
        let place = (V::COLLECTION.name, view.key());
        let view: Option<Box<dyn Held>> = Some(Box::new(view));
        self.staged.insert(place, Slot { view, collection: V::COLLECTION, dirty: true });
    }

    /// The view is this for ever: no projection asks for it again.
    pub fn write<V: View>(&mut self, view: V) {
        let place = (V::COLLECTION.name, view.key());
        let view: Option<Box<dyn Held>> = Some(Box::new(view));
        self.staged_written.insert(place, Slot { view, collection: V::COLLECTION, dirty: true });
    }

    /// The view is gone.
    pub fn delete<V: View>(&mut self, key: &str) {
        let place = (V::COLLECTION.name, key.to_owned());
        self.staged.insert(place, Slot { view: None, collection: V::COLLECTION, dirty: true });
    }

    /// The event was applied: what it changed counts.
    pub(crate) fn keep(&mut self) {
        self.known.extend(self.staged.drain());
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
        let slot = Slot { view, collection: missing.collection, dirty: false };
        self.known.insert((missing.collection.name, key.to_owned()), slot);
        Ok(())
    }

    /// Everything that changed since the last call.
    pub(crate) fn take_changes(&mut self) -> Vec<Change> {
        let dirty = self.known.iter_mut().filter(|(_, slot)| slot.dirty);
        let changes = dirty
            .chain(self.written.iter_mut())
            .map(|((_, key), slot)| {
                slot.dirty = false;
                let (collection, key) = (slot.collection, key.clone());
                match &slot.view {
                    Some(view) => Change::Put { collection, key, document: view.document() },
                    None => Change::Delete { collection, key },
                }
            })
            .collect();
        self.written.clear();
        if self.known.len() > CLEAN_VIEWS_MAX {
            self.known.clear();
            self.empty_store = false;
        }
        changes
    }
}

fn missing<V: View>(keys: Vec<String>) -> Missing {
    Missing {
        collection: V::COLLECTION,
        keys,
        read: |document| Ok(Box::new(serde_json::from_value::<V>(document)?)),
    }
}
