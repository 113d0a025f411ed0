//! The port of the Merkle tree over the log and its signed heads.

use std::error::Error;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Hashes of a full tile.
pub const TILE_WIDTH: u64 = 256;
/// Bytes of one hash in a tile.
pub const TILE_HASH_BYTES: usize = 32;

/// The tree's hashes, as tiles, and every head that was ever signed.
///
/// It is kept apart from the log: whoever changes the log does not change what was signed. Hashes could be made again
/// from the log; heads could not.
#[async_trait]
pub trait TreeStore: Send + Sync + std::fmt::Debug {
    /// Keeps tiles, and then the head that they lead to, unless the newest head is not the one of `from` events (0
    /// where there is none). What that head covers of a tile never changes; what is kept beyond it was left by somebody
    /// whose head was not kept, and gives way ([`TileId::takes`]). On disk when this returns.
    async fn advance(
        &self,
        from: u64,
        tiles: Vec<(TileId, Bytes)>,
        head: &KeptHead,
    ) -> Result<(), TreeStoreError>;

    /// The head of the largest tree.
    async fn newest_head(&self) -> Result<Option<KeptHead>, TreeStoreError>;

    /// At most `limit` heads of more than `after` events, the smallest first.
    async fn heads(&self, after: u64, limit: u32) -> Result<Vec<KeptHead>, TreeStoreError>;

    /// The hashes of a tile, one after the other; `None` where there are none.
    async fn tile(&self, id: TileId) -> Result<Option<Bytes>, TreeStoreError>;
}

/// A tile: up to [`TILE_WIDTH`] hashes side by side. Those of level 0 are of leaves; one of a higher level is of a
/// whole tile of the level below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// How far above the leaves, in tiles.
    pub level: u32,
    /// Counts from 0, left to right.
    pub index: u64,
}

impl TileId {
    /// Whether hashes of this tile take the place of those that are kept, where a head covers `from` events: what it
    /// covers stays, and so does what only goes further.
    pub fn takes(self, from: u64, kept: &[u8], hashes: &[u8]) -> bool {
        let covered = self.covered(from) as usize * TILE_HASH_BYTES;
        let stays = kept.get(..covered).is_some_and(|covered| hashes.starts_with(covered));
        stays && !kept.starts_with(hashes)
    }

    /// How many of its hashes a head of so many events covers.
    fn covered(self, size: u64) -> u64 {
        let hashes = size.checked_shr(self.level * TILE_WIDTH.ilog2()).unwrap_or(0);
        hashes.saturating_sub(self.index.saturating_mul(TILE_WIDTH)).min(TILE_WIDTH)
    }
}

/// A signed tree head, as kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptHead {
    /// How many events the tree holds.
    pub size: u64,
    /// When it was signed.
    pub at: Timestamp,
    /// The signed note.
    pub note: String,
}

/// An operation on the tree did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum TreeStoreError {
    /// Another signer was faster.
    #[error("the newest head is of {actual} events, not of {expected}")]
    Superseded {
        /// What the writer had read.
        expected: u64,
        /// What there is.
        actual: u64,
    },
    /// The store does not answer, or not in time.
    #[error("the tree store does not answer")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// A stored field is not what an Assay wrote.
    #[error("the tree store is damaged: {0}")]
    Damaged(String),
}
