//! The in-memory store of views and checkpoints.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::Checkpoint;
use read_model::generation_rules::{flip, has_caught_up, live_of, visible};
use read_model::{
    Change, Collection, CommitError, Condition, Direction, Generation, GenerationStore,
    Generations, Keyset, Order, Page, PageRequest, ReadError, Scalar, ViewReader, ViewWriter,
    Views, WHOLE_PAGE,
};
use serde::de::Error as _;
use serde_json::Value;
use tokio::task::yield_now;

use super::lock;

/// The views of one namespace, accessed in one generation or in the live one.
#[derive(Debug, Clone, Default)]
pub struct MemoryViews {
    kept: Arc<Mutex<Kept>>,
    pinned: Option<Generation>,
}

/// Documents by stored collection name and key; checkpoints and generations by projection name.
#[derive(Debug, Default)]
struct Kept {
    collections: BTreeMap<String, BTreeMap<String, Value>>,
    checkpoints: BTreeMap<String, Checkpoint>,
    generations: BTreeMap<String, Generations>,
}

impl MemoryViews {
    /// This store behind every port.
    pub fn sides(self: &Arc<Self>) -> Views {
        Views { reader: self.clone(), writer: self.clone(), generations: self.clone() }
    }

    /// The same views in one generation.
    pub(crate) fn of(&self, generation: Generation) -> Self {
        Self { kept: Arc::clone(&self.kept), pinned: Some(generation) }
    }

    /// Every document, by stored collection and key.
    pub(crate) fn documents(&self) -> BTreeMap<String, BTreeMap<String, Value>> {
        let mut collections = lock(&self.kept).collections.clone();
        collections.retain(|_, documents| !documents.is_empty());
        collections
    }

    pub(crate) fn find(&self, collection: &Collection, keys: &[String]) -> Vec<Option<Value>> {
        let kept = lock(&self.kept);
        let documents = kept.read(collection, self.pinned);
        keys.iter().map(|key| documents.and_then(|it| it.get(key)).cloned()).collect()
    }

    pub(crate) fn reached(&self) -> BTreeMap<String, Checkpoint> {
        let kept = lock(&self.kept);
        visible(kept.checkpoints.clone(), self.pinned, &kept.generations)
    }

    pub(crate) fn reached_in(&self, projection: &str) -> Option<Checkpoint> {
        lock(&self.kept).checkpoints.get(&self.written().of_name(projection)).copied()
    }

    pub(crate) fn known(&self) -> BTreeMap<String, Generations> {
        lock(&self.kept).generations.clone()
    }

    fn written(&self) -> Generation {
        self.pinned.unwrap_or(Generation::FIRST)
    }

    /// Commits all changes and the checkpoint, or nothing (INV-9).
    pub(crate) fn put(
        &self,
        projection: &str,
        from: Option<&Checkpoint>,
        to: &Checkpoint,
        changes: &[Change],
    ) -> Result<(), CommitError> {
        let mut kept = lock(&self.kept);
        let generation = self.written();
        let key = generation.of_name(projection);
        let known = kept.generations.get(projection);
        let takes_commits = known.is_none_or(|known| known.takes_commits(generation));
        if !takes_commits || kept.checkpoints.get(&key) != from {
            return Err(CommitError::Superseded);
        }
        for change in changes {
            if let Change::Put { key, document, .. } = change {
                document.check(key)?;
            }
        }
        for change in changes {
            let (Change::Put { collection, .. } | Change::Delete { collection, .. }) = change;
            let name = generation.of_name(&collection.stored_name());
            let documents = kept.collections.entry(name).or_default();
            match change {
                Change::Put { key, document, .. } => {
                    documents.insert(key.clone(), document.value())
                }
                Change::Delete { key, .. } => documents.remove(key),
            };
        }
        kept.checkpoints.insert(key, *to);
        Ok(())
    }

    pub(crate) fn exchange(
        &self,
        projection: &str,
        from: Option<&Generations>,
        to: &Generations,
    ) -> Result<(), CommitError> {
        let mut kept = lock(&self.kept);
        if kept.generations.get(projection) != from {
            return Err(CommitError::Superseded);
        }
        if let Some((before, built)) = flip(from, to) {
            let reached =
                |generation: Generation| kept.checkpoints.get(&generation.of_name(projection));
            if !has_caught_up(reached(built), before.and_then(reached)) {
                return Err(CommitError::Behind);
            }
        }
        kept.generations.insert(projection.to_owned(), to.clone());
        Ok(())
    }

    pub(crate) fn drop_all(&self, projection: &str, collections: &[String], of: Generation) {
        let mut kept = lock(&self.kept);
        for name in collections {
            kept.collections.remove(&of.of_name(name));
        }
        kept.checkpoints.remove(&of.of_name(projection));
    }

    pub(crate) fn lose(&self, projection: &str) {
        lock(&self.kept).generations.remove(projection);
    }

    /// The documents that meet all conditions, by key.
    fn meeting(
        &self,
        collection: &Collection,
        conditions: &[Condition],
    ) -> Result<Vec<(String, Value)>, ReadError> {
        conditions.iter().map(field).try_for_each(plain)?;
        let kept = lock(&self.kept);
        let documents = kept.read(collection, self.pinned).into_iter().flatten();
        let met = documents.filter(|(_, document)| conditions.iter().all(|it| meets(document, it)));
        Ok(met.map(|(key, document)| (key.clone(), document.clone())).collect())
    }
}

impl Kept {
    /// The generation that is read: this one, or the live one.
    fn read(
        &self,
        collection: &Collection,
        pinned: Option<Generation>,
    ) -> Option<&BTreeMap<String, Value>> {
        let generation = pinned.or_else(|| live_of(&self.generations, collection))?;
        self.collections.get(&generation.of_name(&collection.stored_name()))
    }
}

// If answers were ready at once, a task that asks in a loop would never yield to others.

#[async_trait]
impl ViewReader for MemoryViews {
    async fn get(
        &self,
        collection: &Collection,
        keys: &[String],
    ) -> Result<Vec<Option<Value>>, ReadError> {
        yield_now().await;
        Ok(self.find(collection, keys))
    }

    async fn page(
        &self,
        collection: &Collection,
        request: &PageRequest,
    ) -> Result<Page<Value>, ReadError> {
        request.order.field.map_or(Ok(()), plain)?;
        let mut placed = Vec::new();
        for (key, document) in self.meeting(collection, &request.conditions)? {
            let value = place_value(request.order, &document).map_err(|source| {
                let (collection, key) = (collection.stored_name(), key.clone());
                ReadError::Damaged { collection, key, source }
            })?;
            placed.push((Keyset { value, key }, document));
        }
        placed.sort_by(|(a, _), (b, _)| compare(request.order, a, b));
        placed.retain(|(place, _)| {
            let is = |other: &Option<Keyset>, wanted| {
                other.as_ref().is_none_or(|it| compare(request.order, place, it) == wanted)
            };
            is(&request.after, Ordering::Greater) && is(&request.before, Ordering::Less)
        });
        let limit = request.limit.min(WHOLE_PAGE) as usize;
        let has_more = placed.len() > limit;
        if request.from_end {
            placed.drain(..placed.len().saturating_sub(limit));
        }
        placed.truncate(limit);
        Ok(Page { items: placed, has_more })
    }

    async fn count(
        &self,
        collection: &Collection,
        conditions: &[Condition],
    ) -> Result<u64, ReadError> {
        Ok(self.meeting(collection, conditions)?.len() as u64)
    }

    async fn checkpoints(&self) -> Result<BTreeMap<String, Checkpoint>, ReadError> {
        yield_now().await;
        Ok(self.reached())
    }
}

#[async_trait]
impl ViewWriter for MemoryViews {
    async fn prepare(&self, _collections: &[Collection]) -> Result<(), CommitError> {
        Ok(())
    }

    async fn index(&self, _collections: &[Collection]) -> Result<(), CommitError> {
        Ok(())
    }

    async fn checkpoint(&self, projection: &str) -> Result<Option<Checkpoint>, CommitError> {
        yield_now().await;
        Ok(self.reached_in(projection))
    }

    async fn commit(
        &self,
        projection: &str,
        from: Option<&Checkpoint>,
        to: &Checkpoint,
        changes: Vec<Change>,
    ) -> Result<(), CommitError> {
        yield_now().await;
        self.put(projection, from, to, &changes)
    }

    async fn erase(&self) -> Result<(), CommitError> {
        *lock(&self.kept) = Kept::default();
        Ok(())
    }
}

#[async_trait]
impl GenerationStore for MemoryViews {
    async fn all(&self) -> Result<BTreeMap<String, Generations>, ReadError> {
        Ok(self.known())
    }

    async fn change(
        &self,
        projection: &str,
        from: Option<&Generations>,
        to: &Generations,
    ) -> Result<(), CommitError> {
        yield_now().await;
        self.exchange(projection, from, to)
    }

    async fn remove(
        &self,
        projection: &str,
        collections: &[String],
        generation: Generation,
    ) -> Result<(), CommitError> {
        self.drop_all(projection, collections, generation);
        Ok(())
    }

    async fn forget(&self, projection: &str) -> Result<(), CommitError> {
        self.lose(projection);
        Ok(())
    }

    fn at(&self, generation: Generation) -> (Arc<dyn ViewReader>, Arc<dyn ViewWriter>) {
        let side = Arc::new(self.of(generation));
        (side.clone(), side)
    }
}

/// Compares by the field and then by key, in the order's direction.
fn compare(order: Order, a: &Keyset, b: &Keyset) -> Ordering {
    let value = match order.field {
        Some(_) => a.value.cmp(&b.value),
        None => Ordering::Equal,
    };
    let upwards = value.then_with(|| a.key.cmp(&b.key));
    match order.direction {
        Direction::Ascending => upwards,
        Direction::Descending => upwards.reverse(),
    }
}

fn place_value(order: Order, document: &Value) -> Result<Scalar, serde_json::Error> {
    let Some(field) = order.field else { return Ok(Scalar::Null) };
    let none = || serde_json::Error::custom(format!("{field} has no order"));
    scalar(document.get(field)).ok_or_else(none)
}

/// The value of a field, if it can be ordered.
fn scalar(field: Option<&Value>) -> Option<Scalar> {
    match field {
        None | Some(Value::Null) => Some(Scalar::Null),
        Some(Value::String(text)) => Some(Scalar::Text(text.clone())),
        Some(other) => other.as_i64().map(Scalar::Integer),
    }
}

fn field(condition: &Condition) -> &'static str {
    match condition {
        Condition::Equals(field, _)
        | Condition::AnyOf(field, _)
        | Condition::NoneOf(field, _)
        | Condition::HasAny(field, _)
        | Condition::AtLeast(field, _)
        | Condition::Below(field, _)
        | Condition::LessThan(field, _)
        | Condition::Contains(field, _) => field,
    }
}

/// Refuses field names with characters that another store might interpret.
fn plain(field: &'static str) -> Result<(), ReadError> {
    let is_plain = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_';
    match field.starts_with(|it: char| it.is_ascii_lowercase()) && field.chars().all(is_plain) {
        true => Ok(()),
        false => Err(ReadError::Unavailable(format!("{field:?} is not a field name").into())),
    }
}

fn meets(document: &Value, condition: &Condition) -> bool {
    let held = |field: &str| scalar(document.get(field));
    match condition {
        Condition::Equals(field, value) => held(field).as_ref() == Some(value),
        Condition::AnyOf(field, values) => held(field).is_some_and(|it| values.contains(&it)),
        Condition::NoneOf(field, values) => held(field).is_none_or(|it| !values.contains(&it)),
        Condition::HasAny(field, values) => match document.get(field) {
            Some(Value::Array(elements)) => {
                let mut elements = elements.iter().filter_map(|it| scalar(Some(it)));
                elements.any(|it| values.contains(&it))
            }
            _ => false,
        },
        Condition::AtLeast(field, value) => held(field).is_some_and(|it| it >= *value),
        Condition::Below(field, value) => held(field).is_some_and(|it| it < *value),
        Condition::LessThan(field, value) => {
            held(field).is_some_and(|it| it != Scalar::Null && it < *value)
        }
        Condition::Contains(field, text) => match document.get(field) {
            Some(Value::String(held)) => held.contains(text),
            _ => false,
        },
    }
}
