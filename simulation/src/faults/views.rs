//! The views, over an unreliable network. Methods that the simulated service does not call have no
//! faults.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use domain::Checkpoint;
use read_model::{
    Change, Collection, CommitError, Condition, Generation, GenerationStore, Generations, Page,
    PageRequest, ReadError, ViewReader, ViewWriter,
};
use serde_json::Value;

use super::{cause, outcome};
use crate::Sabotage;
use crate::memory::MemoryViews;
use crate::process::{Process, Silence};

/// The views as one process sees them.
#[derive(Debug)]
pub(super) struct DistantViews {
    pub(super) process: Arc<Process>,
    pub(super) views: Arc<MemoryViews>,
}

fn unread(silence: Silence) -> ReadError {
    ReadError::Unavailable(cause(silence))
}

fn uncommitted(silence: Silence) -> CommitError {
    CommitError::Unavailable(cause(silence))
}

#[async_trait]
impl ViewReader for DistantViews {
    async fn get(
        &self,
        collection: &Collection,
        keys: &[String],
    ) -> Result<Vec<Option<Value>>, ReadError> {
        let (views, collection, keys) = (Arc::clone(&self.views), *collection, keys.to_vec());
        let get = move || (views.find(&collection, &keys), String::new());
        self.process.ask("get views", get).await.map_err(unread)
    }

    async fn page(
        &self,
        collection: &Collection,
        request: &PageRequest,
    ) -> Result<Page<Value>, ReadError> {
        self.views.page(collection, request).await
    }

    async fn count(
        &self,
        collection: &Collection,
        conditions: &[Condition],
    ) -> Result<u64, ReadError> {
        self.views.count(collection, conditions).await
    }

    async fn checkpoints(&self) -> Result<BTreeMap<String, Checkpoint>, ReadError> {
        let views = Arc::clone(&self.views);
        let get = move || (views.reached(), String::new());
        self.process.ask("get checkpoints", get).await.map_err(unread)
    }
}

#[async_trait]
impl ViewWriter for DistantViews {
    async fn prepare(&self, collections: &[Collection]) -> Result<(), CommitError> {
        self.views.prepare(collections).await
    }

    async fn index(&self, collections: &[Collection]) -> Result<(), CommitError> {
        self.views.index(collections).await
    }

    async fn checkpoint(&self, projection: &str) -> Result<Option<Checkpoint>, CommitError> {
        let (views, name) = (Arc::clone(&self.views), projection.to_owned());
        let get = move || (views.reached_in(&name), String::new());
        self.process.ask("get a checkpoint", get).await.map_err(uncommitted)
    }

    async fn commit(
        &self,
        projection: &str,
        from: Option<&Checkpoint>,
        to: &Checkpoint,
        changes: Vec<Change>,
    ) -> Result<(), CommitError> {
        if self.process.world.sabotage == Some(Sabotage::CheckpointBeforeViews) {
            self.commit_whole(projection, from, to, vec![]).await?;
            return self.commit_whole(projection, Some(to), to, changes).await;
        }
        self.commit_whole(projection, from, to, changes).await
    }

    async fn erase(&self) -> Result<(), CommitError> {
        self.views.erase().await
    }
}

#[async_trait]
impl GenerationStore for DistantViews {
    async fn all(&self) -> Result<BTreeMap<String, Generations>, ReadError> {
        let views = Arc::clone(&self.views);
        let get = move || (views.known(), String::new());
        self.process.ask("get generations", get).await.map_err(unread)
    }

    async fn change(
        &self,
        projection: &str,
        from: Option<&Generations>,
        to: &Generations,
    ) -> Result<(), CommitError> {
        let (views, name) = (Arc::clone(&self.views), projection.to_owned());
        let (from, to) = (from.cloned(), to.clone());
        let change = self.process.ask("change generations", move || {
            let changed = views.exchange(&name, from.as_ref(), &to);
            let text = outcome(&changed, |()| name.clone());
            (changed, text)
        });
        change.await.map_err(uncommitted)?
    }

    async fn remove(
        &self,
        projection: &str,
        collections: &[String],
        generation: Generation,
    ) -> Result<(), CommitError> {
        let (views, name) = (Arc::clone(&self.views), projection.to_owned());
        let collections = collections.to_vec();
        let remove = move || (views.drop_all(&name, &collections, generation), name.clone());
        self.process.ask("drop a generation", remove).await.map_err(uncommitted)
    }

    async fn forget(&self, projection: &str) -> Result<(), CommitError> {
        let (views, name) = (Arc::clone(&self.views), projection.to_owned());
        let forget = move || (views.lose(&name), name.clone());
        self.process.ask("forget generations", forget).await.map_err(uncommitted)
    }

    fn at(&self, generation: Generation) -> (Arc<dyn ViewReader>, Arc<dyn ViewWriter>) {
        let views = Arc::new(self.views.of(generation));
        let side = Arc::new(Self { process: Arc::clone(&self.process), views });
        (side.clone(), side)
    }
}

impl DistantViews {
    async fn commit_whole(
        &self,
        projection: &str,
        from: Option<&Checkpoint>,
        to: &Checkpoint,
        changes: Vec<Change>,
    ) -> Result<(), CommitError> {
        let views = Arc::clone(&self.views);
        let (name, from, to) = (projection.to_owned(), from.copied(), *to);
        let commit = self.process.ask("commit", move || {
            let committed = views.put(&name, from.as_ref(), &to, &changes);
            let text = outcome(&committed, |()| {
                format!("{name} to {}, {} changes", to.position, changes.len())
            });
            (committed, text)
        });
        commit.await.map_err(uncommitted)?
    }
}
