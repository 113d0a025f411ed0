//! The in-memory store of the log's Merkle tree and its signed heads.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use event_store::{KeptHead, TileId, TreeStore, TreeStoreError};

use super::lock;

/// An in-memory tree store.
#[derive(Debug, Default)]
pub struct MemoryTree(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    tiles: BTreeMap<TileId, Bytes>,
    heads: BTreeMap<u64, KeptHead>,
}

impl MemoryTree {
    pub(crate) fn grow(
        &self,
        from: u64,
        tiles: &[(TileId, Bytes)],
        head: &KeptHead,
    ) -> Result<(), TreeStoreError> {
        let mut kept = lock(&self.0);
        let actual = kept.heads.last_key_value().map_or(0, |(size, _)| *size);
        if actual != from {
            return Err(TreeStoreError::Superseded { expected: from, actual });
        }
        for (id, hashes) in tiles {
            if kept.tiles.get(id).is_none_or(|tile| id.takes(from, tile, hashes)) {
                kept.tiles.insert(*id, hashes.clone());
            }
        }
        kept.heads.insert(head.size, head.clone());
        Ok(())
    }

    pub(crate) fn newest(&self) -> Option<KeptHead> {
        lock(&self.0).heads.last_key_value().map(|(_, head)| head.clone())
    }

    pub(crate) fn heads_after(&self, after: u64, limit: u32) -> Vec<KeptHead> {
        let Some(from) = after.checked_add(1) else { return vec![] };
        let kept = lock(&self.0);
        kept.heads.range(from..).take(limit as usize).map(|(_, head)| head.clone()).collect()
    }

    pub(crate) fn hashes(&self, id: TileId) -> Option<Bytes> {
        lock(&self.0).tiles.get(&id).cloned()
    }
}

#[async_trait]
impl TreeStore for MemoryTree {
    async fn advance(
        &self,
        from: u64,
        tiles: Vec<(TileId, Bytes)>,
        head: &KeptHead,
    ) -> Result<(), TreeStoreError> {
        self.grow(from, &tiles, head)
    }

    async fn newest_head(&self) -> Result<Option<KeptHead>, TreeStoreError> {
        Ok(self.newest())
    }

    async fn heads(&self, after: u64, limit: u32) -> Result<Vec<KeptHead>, TreeStoreError> {
        Ok(self.heads_after(after, limit))
    }

    async fn tile(&self, id: TileId) -> Result<Option<Bytes>, TreeStoreError> {
        Ok(self.hashes(id))
    }
}
