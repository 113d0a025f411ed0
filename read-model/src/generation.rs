//! Views of one projection side by side: one generation is read, the next is built, and the one
//! before is dropped when nobody can be reading it any more.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use domain::Checkpoint;
use serde::{Deserialize, Serialize};

use crate::{Collection, CommitError, Micros, ReadError, ViewReader, ViewWriter};

/// Which building of a projection's views it is. Numbers are never used again.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Generation(pub u32);

impl Generation {
    /// What is built first; its number is not part of stored names.
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

/// The generations of one version of a projection. Where nothing is known of a projection, its
/// first generation is read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generations {
    /// Its collections' names with their schemas, without a generation.
    pub collections: Vec<String>,
    /// What readers read; while there is none they find nothing.
    pub live: Option<Generation>,
    /// What is built, to become live.
    pub building: Option<Generation>,
    /// What was live and takes no commits any more, until it is dropped.
    pub retired: Vec<Retired>,
    /// How often it was asked that parked streams be tried again.
    pub retries: u32,
}

/// A generation that is live no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retired {
    /// Which.
    pub generation: Generation,
    /// Since when.
    pub since: Micros,
}

impl Generations {
    /// The first generation of these collections: live where it was built by an Assay that knew no
    /// generations, else to be built.
    pub fn first(collections: &[Collection], is_there: bool) -> Self {
        let first = Some(Generation::FIRST);
        let (live, building) = if is_there { (first, None) } else { (None, first) };
        Self { collections: stored_names(collections), live, building, ..Self::default() }
    }

    /// Whether this one takes commits. Nothing else may be written: it would never be dropped.
    pub fn takes_commits(&self, generation: Generation) -> bool {
        [self.live, self.building].contains(&Some(generation))
    }

    /// All that there are.
    pub fn all(&self) -> Vec<Generation> {
        let retired = self.retired.iter().map(|retired| retired.generation);
        retired.chain(self.live).chain(self.building).collect()
    }

    /// With another generation to be built; `None` while one is.
    pub fn rebuilding(&self) -> Option<Self> {
        if self.building.is_some() {
            return None;
        }
        let retired = self.retired.iter().map(|retired| retired.generation);
        let newest = retired.chain(self.live).max();
        let next = newest.map_or(Generation::FIRST, |newest| Generation(newest.0 + 1));
        Some(Self { building: Some(next), ..self.clone() })
    }

    /// With the one that was built live; `None` where none is built.
    pub fn flipped(&self, now: Micros) -> Option<Self> {
        let built = self.building?;
        let mut flipped = Self { live: Some(built), building: None, ..self.clone() };
        flipped.retired.extend(self.live.map(|generation| Retired { generation, since: now }));
        Some(flipped)
    }

    /// Without one that was dropped.
    pub fn without(&self, dropped: Generation) -> Self {
        let mut without = self.clone();
        without.retired.retain(|retired| retired.generation != dropped);
        without
    }
}

/// Names with their schemas.
pub(crate) fn stored_names(collections: &[Collection]) -> Vec<String> {
    collections.iter().map(Collection::stored_name).collect()
}

/// Knows the generations of every projection, and brings each into being and out of it.
///
/// Where something is known of a projection, what is live and what is built take commits, and nothing else
/// does: each is [`CommitError::Superseded`]. So whoever comes late brings nothing back that was dropped.
#[async_trait]
pub trait GenerationStore: Send + Sync + fmt::Debug {
    /// Every projection of which something is known, by the name it commits under.
    async fn all(&self) -> Result<BTreeMap<String, Generations>, ReadError>;

    /// Makes `to` of `from` in one transaction, if `from` is what is stored (`None` for nothing);
    /// else the answer is [`CommitError::Superseded`].
    ///
    /// Another generation becomes live only if it has read as far as the one that is live, or the
    /// answer is [`CommitError::Behind`]. From then on the one that was live takes no commits. So no
    /// reader that has seen how far the one is finds less in the other.
    async fn change(
        &self,
        projection: &str,
        from: Option<&Generations>,
        to: &Generations,
    ) -> Result<(), CommitError>;

    /// Removes every document and the checkpoint of one generation; nothing, where nothing is left.
    async fn remove(
        &self,
        projection: &str,
        collections: &[String],
        generation: Generation,
    ) -> Result<(), CommitError>;

    /// Forgets a projection of which every generation was dropped.
    async fn forget(&self, projection: &str) -> Result<(), CommitError>;

    /// The two sides of one generation, whichever is live.
    fn at(&self, generation: Generation) -> (Arc<dyn ViewReader>, Arc<dyn ViewWriter>);
}

/// The generations of every projection, as a reader needs them.
pub type Known = BTreeMap<String, Generations>;

/// Which generation of a collection is read; `None` while none is live.
pub fn live_of(known: &Known, collection: &Collection) -> Option<Generation> {
    let name = collection.stored_name();
    let mut projections = known.values();
    let owner = projections.find(|generations| generations.collections.contains(&name));
    owner.map_or(Some(Generation::FIRST), |generations| generations.live)
}

/// Of all stored checkpoints, those of one generation, or of what is live, by projection.
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

/// Whether the change makes another generation live, and of which in the place of which.
pub fn flip(
    from: Option<&Generations>,
    to: &Generations,
) -> Option<(Option<Generation>, Generation)> {
    let before = from.and_then(|from| from.live);
    to.live.filter(|live| Some(*live) != before).map(|live| (before, live))
}

/// Whether views that have read this far may take the place of those that have read that far.
pub fn has_caught_up(built: Option<&Checkpoint>, live: Option<&Checkpoint>) -> bool {
    built.map(|it| it.position) >= live.map(|it| it.position)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOXES: Collection = Collection { name: "boxes", schema: 2, indexes: &[] };

    #[test]
    fn stored_names_tell_the_generation() {
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
    fn only_what_has_read_as_far_takes_the_place() {
        let at = |position| Checkpoint {
            position: domain::Position(position),
            ..Checkpoint::start(uuid::Uuid::nil())
        };
        assert!(has_caught_up(None, None) && has_caught_up(Some(&at(3)), None));
        assert!(has_caught_up(Some(&at(3)), Some(&at(3))));
        assert!(!has_caught_up(Some(&at(2)), Some(&at(3))) && !has_caught_up(None, Some(&at(1))));
    }
}
