//! The Merkle tree over the log, kept as tiles: what grows it, and the proofs it gives.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use domain::Digest;
use event_store::{TILE_HASH_BYTES, TILE_WIDTH, TileId, TreeStore, TreeStoreError};
use moka::future::Cache;

use crate::merkle::{Frontier, Node, consistency_path, inclusion_path, join, perfect_subtrees};

/// Levels of the tree in one level of tiles.
const TILE_HEIGHT: u32 = TILE_WIDTH.ilog2();
/// Full tiles in memory, of 8 KiB each. They never change.
const TILES_CACHED_MAX: u64 = 4_096;

/// Reads hashes and makes proofs of them.
#[derive(Debug, Clone)]
pub struct Tree {
    store: Arc<dyn TreeStore>,
    full_tiles: Cache<TileId, Bytes>,
}

impl Tree {
    /// The tree in this store.
    pub fn new(store: Arc<dyn TreeStore>) -> Self {
        Self { store, full_tiles: Cache::new(TILES_CACHED_MAX) }
    }

    /// Where it is kept.
    pub fn store(&self) -> &dyn TreeStore {
        self.store.as_ref()
    }

    /// The root of the first `size` events.
    ///
    /// # Errors
    /// When the store fails, or does not hold so many.
    pub async fn root(&self, size: u64) -> Result<Digest, TreeStoreError> {
        self.subtree(&(0..size)).await
    }

    /// The hash of a leaf, counted from 0.
    ///
    /// # Errors
    /// As [`Tree::root`].
    pub async fn leaf(&self, index: u64) -> Result<Digest, TreeStoreError> {
        self.node(Node { level: 0, index }).await
    }

    /// Proves that a leaf, counted from 0, is among the first `size`: hashes from its sibling's to the root's child's.
    ///
    /// # Errors
    /// As [`Tree::root`].
    pub async fn prove_inclusion(
        &self,
        index: u64,
        size: u64,
    ) -> Result<Vec<Digest>, TreeStoreError> {
        self.subtrees(&inclusion_path(index, size)).await
    }

    /// Proves that the tree of `new` events begins with the tree of `old` ones, of which there is at least one.
    ///
    /// # Errors
    /// As [`Tree::root`].
    pub async fn prove_consistency(
        &self,
        old: u64,
        new: u64,
    ) -> Result<Vec<Digest>, TreeStoreError> {
        self.subtrees(&consistency_path(old, new)).await
    }

    async fn subtrees(&self, ranges: &[Range<u64>]) -> Result<Vec<Digest>, TreeStoreError> {
        let mut hashes = Vec::with_capacity(ranges.len());
        for range in ranges {
            hashes.push(self.subtree(range).await?);
        }
        Ok(hashes)
    }

    async fn subtree(&self, range: &Range<u64>) -> Result<Digest, TreeStoreError> {
        Ok(join(&self.perfect(range).await?))
    }

    async fn perfect(&self, range: &Range<u64>) -> Result<Vec<Digest>, TreeStoreError> {
        let mut hashes = Vec::new();
        for node in perfect_subtrees(range) {
            hashes.push(self.node(node).await?);
        }
        Ok(hashes)
    }

    /// The hash of a perfect subtree, from the hashes of its tile.
    async fn node(&self, node: Node) -> Result<Digest, TreeStoreError> {
        let height = node.level % TILE_HEIGHT;
        let first = node.index << height;
        let id = TileId { level: node.level / TILE_HEIGHT, index: first / TILE_WIDTH };
        let begin = first % TILE_WIDTH;
        let hashes = self.hashes(id, begin..begin + (1 << height)).await?;
        Ok(root_of(&hashes))
    }

    /// Some hashes of a tile.
    pub(crate) async fn hashes(
        &self,
        id: TileId,
        range: Range<u64>,
    ) -> Result<Vec<Digest>, TreeStoreError> {
        let tile = self.tile(id).await?;
        let hashes = read(&tile, id)?;
        let range = range.start as usize..range.end as usize;
        hashes.get(range).map(<[Digest]>::to_vec).ok_or_else(|| missing(id))
    }

    /// All hashes of a tile that there are.
    pub(crate) async fn whole_tile(&self, id: TileId) -> Result<Vec<Digest>, TreeStoreError> {
        match self.store.tile(id).await? {
            Some(tile) => read(&tile, id),
            None => Ok(vec![]),
        }
    }

    async fn tile(&self, id: TileId) -> Result<Bytes, TreeStoreError> {
        if let Some(tile) = self.full_tiles.get(&id).await {
            return Ok(tile);
        }
        let tile = self.store.tile(id).await?.ok_or_else(|| missing(id))?;
        if tile.len() == TILE_WIDTH as usize * TILE_HASH_BYTES {
            self.full_tiles.insert(id, tile.clone()).await;
        }
        Ok(tile)
    }

    /// What makes the tree grow beyond its first `size` events.
    ///
    /// # Errors
    /// As [`Tree::root`].
    pub async fn growth(&self, size: u64) -> Result<Growth, TreeStoreError> {
        let peaks = self.perfect(&(0..size)).await?;
        let mut open = Vec::new();
        let mut count = size;
        for level in 0.. {
            if count == 0 {
                break;
            }
            let id = TileId { level, index: count / TILE_WIDTH };
            let hashes = match count % TILE_WIDTH {
                0 => vec![],
                width => self.hashes(id, 0..width).await?,
            };
            open.push(OpenTile { index: id.index, hashes, is_changed: false });
            count /= TILE_WIDTH;
        }
        Ok(Growth { frontier: Frontier::of_peaks(size, peaks), open, full: vec![] })
    }
}

fn missing(id: TileId) -> TreeStoreError {
    TreeStoreError::Damaged(format!("tile {}/{} lacks hashes", id.level, id.index))
}

fn read(tile: &[u8], id: TileId) -> Result<Vec<Digest>, TreeStoreError> {
    let (hashes, rest) = tile.as_chunks::<TILE_HASH_BYTES>();
    if !rest.is_empty() {
        let reason = format!("tile {}/{} ends within a hash", id.level, id.index);
        return Err(TreeStoreError::Damaged(reason));
    }
    Ok(hashes.iter().copied().map(Digest::from).collect())
}

/// The root over hashes of perfect subtrees of the same size.
fn root_of(hashes: &[Digest]) -> Digest {
    let mut frontier = Frontier::default();
    hashes.iter().for_each(|hash| frontier.push(*hash));
    frontier.root()
}

/// A growing tree, with the tiles that are not in the store yet; without leaves by default.
#[derive(Debug, Clone, Default)]
pub struct Growth {
    frontier: Frontier,
    /// The last tile of each level.
    open: Vec<OpenTile>,
    /// Tiles that were filled.
    full: Vec<(TileId, Bytes)>,
}

#[derive(Debug, Clone, Default)]
struct OpenTile {
    index: u64,
    hashes: Vec<Digest>,
    is_changed: bool,
}

impl OpenTile {
    fn bytes(&self) -> Bytes {
        self.hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
    }
}

impl Growth {
    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The root hash.
    pub fn root(&self) -> Digest {
        self.frontier.root()
    }

    /// Adds a leaf by its hash.
    pub fn push(&mut self, leaf_hash: Digest) {
        self.frontier.push(leaf_hash);
        let mut hash = leaf_hash;
        for level in 0.. {
            if self.open.len() == level {
                self.open.push(OpenTile::default());
            }
            let tile = &mut self.open[level];
            tile.hashes.push(hash);
            tile.is_changed = true;
            if tile.hashes.len() < TILE_WIDTH as usize {
                return;
            }
            // A full tile is one hash of the level above.
            hash = root_of(&tile.hashes);
            self.full.push((TileId { level: level as u32, index: tile.index }, tile.bytes()));
            *tile = OpenTile { index: tile.index + 1, ..OpenTile::default() };
        }
    }

    /// The tiles that changed since the last call.
    pub fn take_tiles(&mut self) -> Vec<(TileId, Bytes)> {
        let mut tiles = std::mem::take(&mut self.full);
        for (level, tile) in self.open.iter_mut().enumerate().filter(|(_, tile)| tile.is_changed) {
            tile.is_changed = false;
            tiles.push((TileId { level: level as u32, index: tile.index }, tile.bytes()));
        }
        tiles
    }
}

#[cfg(test)]
mod tests {
    use event_store::{KeptHead, open_tree};
    use jiff::Timestamp;

    use super::*;
    use crate::merkle::{extends, includes, leaf_hash};

    fn leaf(number: u64) -> Vec<u8> {
        format!("leaf {number}").into_bytes()
    }

    fn flat_root(size: u64) -> Digest {
        root_of(&(0..size).map(|number| leaf_hash(&leaf(number))).collect::<Vec<_>>())
    }

    /// Grows by these steps, through the store each time.
    async fn grown(folder: &tempfile::TempDir, sizes: &[u64]) -> Tree {
        let url = format!("sqlite:{}", folder.path().join("tree.db").display());
        let store = open_tree(&url).await.unwrap();
        let mut from = 0;
        for size in sizes {
            let tree = Tree::new(Arc::clone(&store));
            let mut growth = tree.growth(from).await.unwrap();
            assert_eq!((growth.size(), growth.root()), (from, flat_root(from)));
            (from..*size).for_each(|number| growth.push(leaf_hash(&leaf(number))));
            assert_eq!(growth.root(), flat_root(*size));
            let head = KeptHead { size: *size, at: Timestamp::UNIX_EPOCH, note: String::new() };
            store.advance(from, growth.take_tiles(), &head).await.unwrap();
            assert_eq!(growth.take_tiles(), []);
            from = *size;
        }
        Tree::new(store)
    }

    #[tokio::test]
    async fn a_tree_that_grew_in_steps_has_the_roots_and_proofs_of_every_size() {
        let folder = tempfile::tempdir().unwrap();
        let sizes = [1, 2, 200, 255, 256, 257, 511, 600, 1_025];
        let tree = grown(&folder, &sizes).await;
        let newest = flat_root(1_025);
        for size in sizes {
            let root = tree.root(size).await.unwrap();
            assert_eq!(root, flat_root(size), "{size}");
            let proof = tree.prove_consistency(size, 1_025).await.unwrap();
            assert!(extends((size, &root), (1_025, &newest), &proof), "{size}");
            for index in [0, 1, 127, 254, 255, 256, 512, size - 1] {
                if index < size {
                    let proof = tree.prove_inclusion(index, size).await.unwrap();
                    assert!(
                        includes(&leaf(index), index, &proof, size, &root),
                        "{index} of {size}"
                    );
                    assert_eq!(tree.leaf(index).await.unwrap(), leaf_hash(&leaf(index)));
                }
            }
        }
    }

    #[tokio::test]
    async fn a_tree_of_three_levels_of_tiles_is_as_good() {
        const SIZE: u64 = 256 * 256 + 700;
        let folder = tempfile::tempdir().unwrap();
        let tree = grown(&folder, &[300, SIZE - 1, SIZE]).await;
        let root = flat_root(SIZE);
        assert_eq!(tree.root(SIZE).await.unwrap(), root);
        for index in [0, 299, 65_535, 65_536, SIZE - 1] {
            let proof = tree.prove_inclusion(index, SIZE).await.unwrap();
            assert!(includes(&leaf(index), index, &proof, SIZE, &root), "{index}");
        }
        let proof = tree.prove_consistency(300, SIZE).await.unwrap();
        assert!(extends((300, &flat_root(300)), (SIZE, &root), &proof));
    }

    #[tokio::test]
    async fn what_is_not_kept_is_damage() {
        let folder = tempfile::tempdir().unwrap();
        let tree = grown(&folder, &[300]).await;
        for outcome in [tree.root(301).await, tree.leaf(300).await, tree.leaf(1 << 40).await] {
            assert!(matches!(outcome, Err(TreeStoreError::Damaged(_))), "{outcome:?}");
        }
    }
}
