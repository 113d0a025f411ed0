//! The Merkle tree over the log, stored as tiles: growing it, and making proofs from it.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use domain::Digest;
use event_store::{TILE_HASH_BYTES, TILE_WIDTH, TileId, TreeStore, TreeStoreError};
use moka::future::Cache;

use crate::merkle::{Frontier, Node, consistency_path, inclusion_path, join, perfect_subtrees};

/// Levels of the tree per level of tiles.
const TILE_HEIGHT: u32 = TILE_WIDTH.ilog2();
/// Full tiles cached in memory, 8 KiB each. They never change.
const TILES_CACHED_MAX: u64 = 4_096;
/// Hashes of perfect subtrees cached for proofs of one size.
const NODES_REMEMBERED_MAX: usize = 65_536;

/// Reads hashes from the store and makes proofs from them.
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

    /// The store that holds it.
    pub fn store(&self) -> &dyn TreeStore {
        self.store.as_ref()
    }

    /// The tree over the first `size` events, for making proofs.
    pub fn at(&self, size: u64) -> TreeAt<'_> {
        TreeAt { tree: self, size, tiles: HashMap::new(), nodes: HashMap::new() }
    }

    /// The hash of the leaf with this index, from 0.
    ///
    /// # Errors
    /// When the store fails, or does not have the leaf.
    pub async fn leaf(&self, index: u64) -> Result<Digest, TreeStoreError> {
        let (id, place) = (TileId { level: 0, index: index / TILE_WIDTH }, index % TILE_WIDTH);
        Ok(self.hashes(id, place..place + 1).await?[0])
    }

    /// Some hashes of a tile.
    pub(crate) async fn hashes(
        &self,
        id: TileId,
        range: Range<u64>,
    ) -> Result<Vec<Digest>, TreeStoreError> {
        slice(&self.tile(id).await?, id, &range)
    }

    /// All stored hashes of a tile; empty when the tile does not exist.
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
        if is_full(&tile) {
            self.full_tiles.insert(id, tile.clone()).await;
        }
        Ok(tile)
    }

    /// Prepares to grow the tree after its first `size` events.
    ///
    /// # Errors
    /// As [`Tree::leaf`].
    pub async fn growth(&self, size: u64) -> Result<Growth, TreeStoreError> {
        let peaks = self.at(size).perfect(&(0..size)).await?;
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

/// The tree of one size. What was read for one proof is cached for the next.
#[derive(Debug)]
pub struct TreeAt<'a> {
    tree: &'a Tree,
    size: u64,
    /// Tiles that are not full: the last of each level.
    tiles: HashMap<TileId, Bytes>,
    nodes: HashMap<Node, Digest>,
}

impl TreeAt<'_> {
    /// The tree's root hash.
    ///
    /// # Errors
    /// As [`Tree::leaf`].
    pub async fn root(&mut self) -> Result<Digest, TreeStoreError> {
        self.subtree(&(0..self.size)).await
    }

    /// Proves that the leaf with this index, from 0, is in the tree. Returns hashes from the leaf's
    /// sibling to the root's child.
    ///
    /// # Errors
    /// As [`Tree::leaf`].
    pub async fn prove_inclusion(&mut self, index: u64) -> Result<Vec<Digest>, TreeStoreError> {
        self.subtrees(&inclusion_path(index, self.size)).await
    }

    /// Proves that the tree begins with the tree of the first `old` events, of which there must be
    /// at least one.
    ///
    /// # Errors
    /// As [`Tree::leaf`].
    pub async fn prove_consistency(&mut self, old: u64) -> Result<Vec<Digest>, TreeStoreError> {
        self.subtrees(&consistency_path(old, self.size)).await
    }

    async fn subtrees(&mut self, ranges: &[Range<u64>]) -> Result<Vec<Digest>, TreeStoreError> {
        let mut hashes = Vec::with_capacity(ranges.len());
        for range in ranges {
            hashes.push(self.subtree(range).await?);
        }
        Ok(hashes)
    }

    async fn subtree(&mut self, range: &Range<u64>) -> Result<Digest, TreeStoreError> {
        Ok(join(&self.perfect(range).await?))
    }

    async fn perfect(&mut self, range: &Range<u64>) -> Result<Vec<Digest>, TreeStoreError> {
        let mut hashes = Vec::new();
        for node in perfect_subtrees(range) {
            hashes.push(self.node(node).await?);
        }
        Ok(hashes)
    }

    /// The hash of a perfect subtree, from the hashes of its tile.
    async fn node(&mut self, node: Node) -> Result<Digest, TreeStoreError> {
        if let Some(hash) = self.nodes.get(&node) {
            return Ok(*hash);
        }
        let height = node.level % TILE_HEIGHT;
        let first = node.index << height;
        let id = TileId { level: node.level / TILE_HEIGHT, index: first / TILE_WIDTH };
        let begin = first % TILE_WIDTH;
        let hash = root_of(&self.hashes(id, begin..begin + (1 << height)).await?);
        if self.nodes.len() >= NODES_REMEMBERED_MAX {
            self.nodes.clear();
        }
        self.nodes.insert(node, hash);
        Ok(hash)
    }

    async fn hashes(
        &mut self,
        id: TileId,
        range: Range<u64>,
    ) -> Result<Vec<Digest>, TreeStoreError> {
        if let Some(tile) = self.tiles.get(&id) {
            return slice(tile, id, &range);
        }
        let tile = self.tree.tile(id).await?;
        if !is_full(&tile) {
            self.tiles.insert(id, tile.clone());
        }
        slice(&tile, id, &range)
    }
}

fn is_full(tile: &Bytes) -> bool {
    tile.len() == TILE_WIDTH as usize * TILE_HASH_BYTES
}

fn missing(id: TileId) -> TreeStoreError {
    TreeStoreError::Damaged(format!("tile {}/{} is missing hashes", id.level, id.index))
}

/// Some hashes of a tile.
fn slice(tile: &Bytes, id: TileId, range: &Range<u64>) -> Result<Vec<Digest>, TreeStoreError> {
    let range = range.start as usize * TILE_HASH_BYTES..range.end as usize * TILE_HASH_BYTES;
    read(tile.get(range).ok_or_else(|| missing(id))?, id)
}

fn read(tile: &[u8], id: TileId) -> Result<Vec<Digest>, TreeStoreError> {
    let (hashes, rest) = tile.as_chunks::<TILE_HASH_BYTES>();
    if !rest.is_empty() {
        let reason = format!("tile {}/{} ends in the middle of a hash", id.level, id.index);
        return Err(TreeStoreError::Damaged(reason));
    }
    Ok(hashes.iter().copied().map(Digest::from).collect())
}

/// The root over the hashes of perfect subtrees of equal size.
fn root_of(hashes: &[Digest]) -> Digest {
    let mut frontier = Frontier::default();
    hashes.iter().for_each(|hash| frontier.push(*hash));
    frontier.root()
}

/// A growing tree, with the tiles that are not stored yet. The default has no leaves.
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
    /// Number of leaves.
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
            // A full tile becomes one hash on the level above.
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
    use std::sync::Mutex;

    use async_trait::async_trait;
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

    /// Grows a tree to each of these sizes, reading it from the store each time.
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
            let root = tree.at(size).root().await.unwrap();
            assert_eq!(root, flat_root(size), "{size}");
            let proof = tree.at(1_025).prove_consistency(size).await.unwrap();
            assert!(extends((size, &root), (1_025, &newest), &proof), "{size}");
            for index in [0, 1, 127, 254, 255, 256, 512, size - 1] {
                if index < size {
                    let proof = tree.at(size).prove_inclusion(index).await.unwrap();
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
        let mut tree = tree.at(SIZE);
        assert_eq!(tree.root().await.unwrap(), root);
        for index in [0, 299, 65_535, 65_536, SIZE - 1] {
            let proof = tree.prove_inclusion(index).await.unwrap();
            assert!(includes(&leaf(index), index, &proof, SIZE, &root), "{index}");
        }
        let proof = tree.prove_consistency(300).await.unwrap();
        assert!(extends((300, &flat_root(300)), (SIZE, &root), &proof));
    }

    /// A store that counts how often each tile is read.
    #[derive(Debug)]
    struct Counting {
        store: Arc<dyn TreeStore>,
        reads: Mutex<HashMap<TileId, u32>>,
    }

    #[async_trait]
    impl TreeStore for Counting {
        async fn advance(
            &self,
            from: u64,
            tiles: Vec<(TileId, Bytes)>,
            head: &KeptHead,
        ) -> Result<(), TreeStoreError> {
            self.store.advance(from, tiles, head).await
        }

        async fn newest_head(&self) -> Result<Option<KeptHead>, TreeStoreError> {
            self.store.newest_head().await
        }

        async fn heads(&self, after: u64, limit: u32) -> Result<Vec<KeptHead>, TreeStoreError> {
            self.store.heads(after, limit).await
        }

        async fn tile(&self, id: TileId) -> Result<Option<Bytes>, TreeStoreError> {
            *self.reads.lock().unwrap().entry(id).or_default() += 1;
            self.store.tile(id).await
        }
    }

    #[tokio::test]
    async fn proofs_of_one_size_read_each_tile_once() {
        const SIZE: u64 = 700;
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::clone(&grown(&folder, &[SIZE]).await.store);
        let counting = Arc::new(Counting { store, reads: Mutex::default() });
        let (tree, root) =
            (Tree::new(Arc::clone(&counting) as Arc<dyn TreeStore>), flat_root(SIZE));
        let mut tree = tree.at(SIZE);
        for index in 0..SIZE {
            let proof = tree.prove_inclusion(index).await.unwrap();
            assert!(includes(&leaf(index), index, &proof, SIZE, &root), "{index}");
        }
        let reads = counting.reads.lock().unwrap();
        assert_eq!(reads.len(), 4, "three tiles of leaves and one above them");
        assert!(reads.values().all(|count| *count == 1), "{reads:?}");
    }

    #[tokio::test]
    async fn missing_tiles_are_reported_as_damage() {
        let folder = tempfile::tempdir().unwrap();
        let tree = grown(&folder, &[300]).await;
        for outcome in [tree.at(301).root().await, tree.leaf(300).await, tree.leaf(1 << 40).await] {
            assert!(matches!(outcome, Err(TreeStoreError::Damaged(_))), "{outcome:?}");
        }
    }
}
