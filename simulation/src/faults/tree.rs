//! The tree, over an unreliable network.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use event_store::{KeptHead, TileId, TreeStore, TreeStoreError};

use super::{cause, outcome};
use crate::memory::MemoryTree;
use crate::process::Process;

/// The tree store as one process sees it.
#[derive(Debug)]
pub(super) struct DistantTree {
    pub(super) process: Arc<Process>,
    pub(super) tree: Arc<MemoryTree>,
}

impl DistantTree {
    async fn read<T: Send + 'static>(
        &self,
        what: &'static str,
        read: impl Fn(&MemoryTree) -> T + Send + 'static,
    ) -> Result<T, TreeStoreError> {
        let tree = Arc::clone(&self.tree);
        let read = self.process.ask(what, move || (read(&tree), String::new())).await;
        read.map_err(|silence| TreeStoreError::Unavailable(cause(silence)))
    }
}

#[async_trait]
impl TreeStore for DistantTree {
    async fn advance(
        &self,
        from: u64,
        tiles: Vec<(TileId, Bytes)>,
        head: &KeptHead,
    ) -> Result<(), TreeStoreError> {
        let (tree, head) = (Arc::clone(&self.tree), head.clone());
        let advance = self.process.ask("sign", move || {
            let advanced = tree.grow(from, &tiles, &head);
            let text = outcome(&advanced, |()| format!("{} events", head.size));
            (advanced, text)
        });
        advance.await.map_err(|silence| TreeStoreError::Unavailable(cause(silence)))?
    }

    async fn newest_head(&self) -> Result<Option<KeptHead>, TreeStoreError> {
        self.read("newest head", MemoryTree::newest).await
    }

    async fn heads(&self, after: u64, limit: u32) -> Result<Vec<KeptHead>, TreeStoreError> {
        self.read("heads", move |tree| tree.heads_after(after, limit)).await
    }

    async fn tile(&self, id: TileId) -> Result<Option<Bytes>, TreeStoreError> {
        self.read("tile", move |tree| tree.hashes(id)).await
    }
}
