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
    staged: Vec<(Key, Slot)>,
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

/// A view that has to be loaded before the event can be applied.
#[derive(Debug)]
pub struct Missing {
    /// Where it is.
    pub collection: Collection,
    /// Which it is.
    pub key: String,
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
        let staged = self.staged.iter().rev().find(|(staged, _)| *staged == place);
        match staged.map(|(_, slot)| slot).or_else(|| self.known.get(&place)) {
            Some(slot) => Ok(slot.view.as_ref().and_then(|it| it.as_any().downcast_ref()).cloned()),
            None if self.empty_store => Ok(None),
            None => Err(Missing {
                collection: V::COLLECTION,
                key: place.1,
                read: |document| Ok(Box::new(serde_json::from_value::<V>(document)?)),
            }),
        }
    }

    /// The view is this now.
    pub fn put<V: View>(&mut self, view: V) {
        let place = (V::COLLECTION.name, view.key());
        let view: Option<Box<dyn Held>> = Some(Box::new(view));
        self.staged.push((place, Slot { view, collection: V::COLLECTION, dirty: true }));
    }

    /// The view is gone.
    pub fn delete<V: View>(&mut self, key: &str) {
        let place = (V::COLLECTION.name, key.to_owned());
        self.staged.push((place, Slot { view: None, collection: V::COLLECTION, dirty: true }));
    }

    /// The event was applied: what it changed counts.
    pub(crate) fn keep(&mut self) {
        self.known.extend(self.staged.drain(..));
    }

    /// The event was not applied: it changed nothing.
    pub(crate) fn undo(&mut self) {
        self.staged.clear();
    }

    /// Takes in what the store has for a missing view.
    pub(crate) fn load(
        &mut self,
        missing: &Missing,
        document: Option<Value>,
    ) -> serde_json::Result<()> {
        let view = document.map(missing.read).transpose()?;
        let slot = Slot { view, collection: missing.collection, dirty: false };
        self.known.insert((missing.collection.name, missing.key.clone()), slot);
        Ok(())
    }

    /// Everything that changed since the last call.
    pub(crate) fn take_changes(&mut self) -> Vec<Change> {
        let dirty = self.known.iter_mut().filter(|(_, slot)| slot.dirty);
        let changes = dirty
            .map(|((_, key), slot)| {
                slot.dirty = false;
                let (collection, key) = (slot.collection, key.clone());
                match &slot.view {
                    Some(view) => Change::Put { collection, key, document: view.document() },
                    None => Change::Delete { collection, key },
                }
            })
            .collect();
        if self.known.len() > CLEAN_VIEWS_MAX {
            self.known.clear();
            self.empty_store = false;
        }
        changes
    }
}
