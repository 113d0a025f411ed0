//! The port for the log's Merkle tree and its signed heads.

use std::error::Error;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Number of hashes in a full tile.
pub const TILE_WIDTH: u64 = 256;
/// Size of one hash in a tile, in bytes.
pub const TILE_HASH_BYTES: usize = 32;

/// Stores the tree's hashes, as tiles, and every head that was ever signed.
///
/// It is separate from the log, so that tampering with the log leaves the signed heads intact.
/// Hashes can be recomputed from the log; heads cannot.
#[async_trait]
pub trait TreeStore: Send + Sync + std::fmt::Debug {
    /// Stores tiles and then the head over them. Fails with [`TreeStoreError::Superseded`] unless
    /// the newest head covers `from` events (0 if there is none). Hashes that the newest head
    /// covers never change. Hashes beyond it were left by a signer whose head was never stored, and
    /// may be overwritten ([`TileId::takes`]). Everything is on disk when this returns.
    async fn advance(
        &self,
        from: u64,
        tiles: Vec<(TileId, Bytes)>,
        head: &KeptHead,
    ) -> Result<(), TreeStoreError>;

    /// The head of the largest tree.
    async fn newest_head(&self) -> Result<Option<KeptHead>, TreeStoreError>;

    /// Up to `limit` heads of more than `after` events, the smallest first.
    async fn heads(&self, after: u64, limit: u32) -> Result<Vec<KeptHead>, TreeStoreError>;

    /// The concatenated hashes of a tile; `None` if the tile is not stored.
    async fn tile(&self, id: TileId) -> Result<Option<Bytes>, TreeStoreError>;
}

/// Identifies a tile: up to [`TILE_WIDTH`] adjacent hashes. At level 0 they are leaf hashes; at a
/// higher level each is the hash of a full tile one level below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// Height above the leaves, in tiles; 0 is the leaf level.
    pub level: u32,
    /// Index within the level, from 0, left to right.
    pub index: u64,
}

impl TileId {
    /// Whether `hashes` replace the `kept` ones when the newest head covers `from` events. They do
    /// not if they change a covered hash, or if they are only a prefix of `kept`.
    pub fn takes(self, from: u64, kept: &[u8], hashes: &[u8]) -> bool {
        let covered = self.covered(from) as usize * TILE_HASH_BYTES;
        let stays = kept.get(..covered).is_some_and(|covered| hashes.starts_with(covered));
        stays && !kept.starts_with(hashes)
    }

    /// The number of this tile's hashes that a head of `size` events covers.
    fn covered(self, size: u64) -> u64 {
        let hashes = size.checked_shr(self.level * TILE_WIDTH.ilog2()).unwrap_or(0);
        hashes.saturating_sub(self.index.saturating_mul(TILE_WIDTH)).min(TILE_WIDTH)
    }
}

/// A stored signed tree head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptHead {
    /// Number of events in the tree.
    pub size: u64,
    /// Time of signing.
    pub at: Timestamp,
    /// The signed note.
    pub note: String,
}

/// Why an operation on the tree store failed.
#[derive(Debug, thiserror::Error)]
pub enum TreeStoreError {
    /// Another signer stored a head first.
    #[error("the newest head covers {actual} events, not {expected}")]
    Superseded {
        /// The size of the newest head that the writer expected.
        expected: u64,
        /// The size of the actual newest head; 0 if there is none.
        actual: u64,
    },
    /// The store did not answer in time.
    #[error("the tree store does not answer")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// A stored field has a value that Assay never writes.
    #[error("the tree store is damaged: {0}")]
    Damaged(String),
}
