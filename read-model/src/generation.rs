//! Generations of a projection's views: one is read, the next is built, and the previous one is
//! dropped once no reader can be using it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use domain::Checkpoint;
use serde::{Deserialize, Serialize};

use crate::{Collection, CommitError, Micros, ReadError, ViewReader, ViewWriter};

/// The number of one build of a projection's views. Numbers are never reused.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Generation(pub u32);

impl Generation {
    /// The first generation; its number is not part of stored names.
    pub const FIRST: Self = Self(0);

    /// A stored name of this generation: `problems_v3`, `problems_v3_g1`.
    pub fn of_name(self, name: &str) -> String {
        if self == Self::FIRST { name.to_owned() } else { format!("{name}_g{self}") }
    }

    /// The opposite of [`Generation::of_name`].
    fn split(stored: &str) -> (&str, Self) {
        let numbered = stored
            .rsplit_once("_g")
            .and_then(|(name, number)| Some((name, Self(number.parse().ok()?))));
        match numbered {
            Some((name, generation)) if generation.of_name(name) == stored => (name, generation),
            _ => (stored, Self::FIRST),
        }
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The generations of one version of a projection. If none are stored, the first generation is
/// read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generations {
    /// Names of its collections with their schemas, without a generation.
    pub collections: Vec<String>,
    /// The generation that readers use. If there is none, they find no documents.
    pub live: Option<Generation>,
    /// The generation being built, to become live.
    pub building: Option<Generation>,
    /// Generations that were live. They take no commits and will be dropped.
    pub retired: Vec<Retired>,
    /// Number of requests to retry parked streams.
    pub retries: u32,
}

/// A generation that is no longer live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retired {
    /// The generation's number.
    pub generation: Generation,
    /// When it was retired.
    pub since: Micros,
}

impl Generations {
    /// The first generation of these collections: live if an Assay without generations has built
    /// it, otherwise to be built.
    pub fn first(collections: &[Collection], is_there: bool) -> Self {
        let first = Some(Generation::FIRST);
        let (live, building) = if is_there { (first, None) } else { (None, first) };
        Self { collections: stored_names(collections), live, building, ..Self::default() }
    }

    /// Whether this generation takes commits. Others must not be written, because they would never
    /// be dropped.
    pub fn takes_commits(&self, generation: Generation) -> bool {
        [self.live, self.building].contains(&Some(generation))
    }

    /// All generations, whatever their state.
    pub fn all(&self) -> Vec<Generation> {
        let retired = self.retired.iter().map(|retired| retired.generation);
        retired.chain(self.live).chain(self.building).collect()
    }

    /// The same with a new generation to build; `None` if one is being built.
    pub fn rebuilding(&self) -> Option<Self> {
        if self.building.is_some() {
            return None;
        }
        let retired = self.retired.iter().map(|retired| retired.generation);
        let newest = retired.chain(self.live).max();
        let next = newest.map_or(Generation::FIRST, |newest| Generation(newest.0 + 1));
        Some(Self { building: Some(next), ..self.clone() })
    }

    /// The same with the built generation live; `None` if none is being built.
    pub fn flipped(&self, now: Micros) -> Option<Self> {
        let built = self.building?;
        let mut flipped = Self { live: Some(built), building: None, ..self.clone() };
        flipped.retired.extend(self.live.map(|generation| Retired { generation, since: now }));
        Some(flipped)
    }

    /// The same without a dropped generation.
    pub fn without(&self, dropped: Generation) -> Self {
        let mut without = self.clone();
        without.retired.retain(|retired| retired.generation != dropped);
        without
    }
}

/// The collections' names with their schemas.
pub(crate) fn stored_names(collections: &[Collection]) -> Vec<String> {
    collections.iter().map(Collection::stored_name).collect()
}

/// Creates, switches and removes the generations of all projections.
///
/// If a projection has stored generations, only the live one and the one being built take commits;
/// a commit to any other fails with [`CommitError::Superseded`]. So a late writer cannot bring back
/// a dropped generation.
#[async_trait]
pub trait GenerationStore: Send + Sync + fmt::Debug {
    /// The generations of all projections that have any stored, by the name they commit under.
    async fn all(&self) -> Result<BTreeMap<String, Generations>, ReadError>;

    /// Replaces `from` by `to` in one transaction. Fails with [`CommitError::Superseded`] unless
    /// `from` is stored (`None` for nothing stored).
    ///
    /// A new generation becomes live only if it has read as far as the live one; otherwise this
    /// fails with [`CommitError::Behind`]. The old one then takes no more commits. So a reader that
    /// has seen the old checkpoint never finds less in the new generation.
    async fn change(
        &self,
        projection: &str,
        from: Option<&Generations>,
        to: &Generations,
    ) -> Result<(), CommitError>;

    /// Removes all documents and the checkpoint of one generation. Does nothing if it is already
    /// gone.
    async fn remove(
        &self,
        projection: &str,
        collections: &[String],
        generation: Generation,
    ) -> Result<(), CommitError>;

    /// Forgets a projection whose generations were all dropped.
    async fn forget(&self, projection: &str) -> Result<(), CommitError>;

    /// The reader and writer of one generation, even if it is not live.
    fn at(&self, generation: Generation) -> (Arc<dyn ViewReader>, Arc<dyn ViewWriter>);
}

/// The generations of all projections.
pub type Known = BTreeMap<String, Generations>;

/// The live generation of a collection, if there is one.
pub fn live_of(known: &Known, collection: &Collection) -> Option<Generation> {
    let name = collection.stored_name();
    let mut projections = known.values();
    let owner = projections.find(|generations| generations.collections.contains(&name));
    owner.map_or(Some(Generation::FIRST), |generations| generations.live)
}

/// Selects from all stored checkpoints those of one generation, or of the live ones, by projection.
pub fn visible(
    stored: BTreeMap<String, Checkpoint>,
    pinned: Option<Generation>,
    known: &Known,
) -> BTreeMap<String, Checkpoint> {
    let visible = stored.into_iter().filter_map(|(key, checkpoint)| {
        let (projection, generation) = Generation::split(&key);
        let live = || known.get(projection).map_or(Some(Generation::FIRST), |it| it.live);
        let wanted = pinned.or_else(live);
        (wanted == Some(generation)).then(|| (projection.to_owned(), checkpoint))
    });
    visible.collect()
}

/// The generation that the change makes live and the one it replaces, if it does.
pub fn flip(
    from: Option<&Generations>,
    to: &Generations,
) -> Option<(Option<Generation>, Generation)> {
    let before = from.and_then(|from| from.live);
    to.live.filter(|live| Some(*live) != before).map(|live| (before, live))
}

/// Whether views at checkpoint `built` may replace views at checkpoint `live`.
pub fn has_caught_up(built: Option<&Checkpoint>, live: Option<&Checkpoint>) -> bool {
    built.map(|it| it.position) >= live.map(|it| it.position)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOXES: Collection = Collection { name: "boxes", schema: 2, indexes: &[] };

    #[test]
    fn stored_names_contain_the_generation() {
        for (name, generation) in [("boxes_v2", 0), ("boxes_v2", 1), ("a_g", 7), ("b_gx", 12)] {
            let stored = Generation(generation).of_name(name);
            assert_eq!(Generation::split(&stored), (name, Generation(generation)), "{stored}");
        }
        assert_eq!(Generation(0).of_name("boxes_v2"), "boxes_v2");
        assert_eq!(Generation(3).of_name("boxes_v2"), "boxes_v2_g3");
        assert_eq!(Generation::split("a_g01"), ("a_g01", Generation::FIRST));
    }

    #[test]
    fn a_generation_is_built_becomes_live_and_is_dropped() {
        let new = Generations::first(&[BOXES], false);
        assert_eq!((new.live, new.building), (None, Some(Generation(0))));
        assert_eq!(new.rebuilding(), None);
        let mut live = new.flipped(Micros(1)).unwrap();
        assert_eq!(live, Generations::first(&[BOXES], true));
        for number in 1..4 {
            let building = live.rebuilding().unwrap();
            assert_eq!((building.live, building.building), (live.live, Some(Generation(number))));
            let takes = |number: u32| building.takes_commits(Generation(number));
            assert!(takes(number - 1) && takes(number) && !takes(number + 1));
            assert!(number < 2 || !takes(number - 2));
            let flipped = building.flipped(Micros(i64::from(number))).unwrap();
            let before = Generation(number - 1);
            assert_eq!(flipped.live, Some(Generation(number)));
            assert_eq!(flipped.retired.last().unwrap().generation, before);
            live = if number == 2 { flipped.without(before) } else { flipped };
        }
        let left: Vec<_> = live.retired.iter().map(|it| it.generation.0).collect();
        assert_eq!(left, [0, 2]);
        assert_eq!(live.flipped(Micros(9)), None);
    }

    #[test]
    fn readers_read_what_is_live_and_the_first_of_what_is_unknown() {
        let mut known = Known::new();
        assert_eq!(live_of(&known, &BOXES), Some(Generation::FIRST));
        let mut boxes = Generations::first(&[BOXES], false);
        known.insert("boxes_v1".to_owned(), boxes.clone());
        assert_eq!(live_of(&known, &BOXES), None);
        boxes.live = Some(Generation(4));
        known.insert("boxes_v1".to_owned(), boxes);
        assert_eq!(live_of(&known, &BOXES), Some(Generation(4)));
        let older = Collection { schema: 1, ..BOXES };
        assert_eq!(live_of(&known, &older), Some(Generation::FIRST));

        let at = |position| Checkpoint {
            position: domain::Position(position),
            ..Checkpoint::start(uuid::Uuid::nil())
        };
        let stored = [("boxes_v1", 5), ("boxes_v1_g4", 6), ("boxes_v1_g5", 7), ("lids_v1", 8)];
        let stored: BTreeMap<_, _> =
            stored.map(|(key, position)| (key.to_owned(), at(position))).into();
        let of = |pinned| {
            let visible = visible(stored.clone(), pinned, &known);
            visible.into_iter().map(|(name, it)| (name, it.position.0)).collect::<Vec<_>>()
        };
        let named = |list: &[(&str, u64)]| {
            list.iter().map(|(name, position)| ((*name).to_owned(), *position)).collect::<Vec<_>>()
        };
        assert_eq!(of(None), named(&[("boxes_v1", 6), ("lids_v1", 8)]));
        assert_eq!(of(Some(Generation(5))), named(&[("boxes_v1", 7)]));
        assert_eq!(of(Some(Generation::FIRST)), named(&[("boxes_v1", 5), ("lids_v1", 8)]));
    }

    #[test]
    fn a_generation_becomes_live_only_if_it_has_read_as_far() {
        let at = |position| Checkpoint {
            position: domain::Position(position),
            ..Checkpoint::start(uuid::Uuid::nil())
        };
        assert!(has_caught_up(None, None) && has_caught_up(Some(&at(3)), None));
        assert!(has_caught_up(Some(&at(3)), Some(&at(3))));
        assert!(!has_caught_up(Some(&at(2)), Some(&at(3))) && !has_caught_up(None, Some(&at(1))));
    }
}
