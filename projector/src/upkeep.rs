//! Requests, builds, switches and drops the generations of one projection.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::Position;
use event_store::EventLog;
use jiff::Timestamp;
use read_model::{CommitError, Generation, Generations, Views};
use tokio::time::Instant;

use crate::{ProjectError, Projection, Runtime};

/// How long a retired generation is kept: longer than any process takes to notice the switch, and
/// longer than any read.
pub const DROP_GRACE: Duration = Duration::from_secs(30);

/// When this process first saw each generation retired, by its monotonic clock, because the clocks
/// of machines differ and may be set.
#[derive(Debug, Default)]
pub struct Retirements(BTreeMap<Generation, Instant>);

/// One projection with all its generations. Any number of processes may use one: if two make
/// conflicting changes, the store accepts only one of them.
#[derive(Debug, Clone)]
pub struct Upkeep {
    /// The log to read.
    pub log: Arc<dyn EventLog>,
    /// The views to write.
    pub views: Views,
    /// The projection to run.
    pub projection: Arc<dyn Projection>,
}

impl Upkeep {
    /// The runtime that feeds one generation.
    pub fn runtime(&self, generation: Generation) -> Runtime {
        let (log, views) = (Arc::clone(&self.log), self.views.at(generation));
        Runtime { log, views, projection: Arc::clone(&self.projection) }
    }

    /// Returns the generations. Stores the first one if there is none, and keeps the collections'
    /// names up to date.
    ///
    /// # Errors
    /// When the read model does not answer.
    pub async fn ensure_generations(&self) -> Result<Generations, ProjectError> {
        let collections = self.projection.all_collections();
        loop {
            let stored = self.stored().await?;
            let wanted = match &stored {
                Some(generations) => {
                    let first = Generations::first(&collections, false);
                    Generations { collections: first.collections, ..generations.clone() }
                }
                None => {
                    let first = self.views.at(Generation::FIRST).writer;
                    let checkpoint = first.checkpoint(&self.projection.commit_name()).await?;
                    Generations::first(&collections, checkpoint.is_some())
                }
            };
            if stored.as_ref() == Some(&wanted) || self.change(stored.as_ref(), &wanted).await? {
                return Ok(wanted);
            }
        }
    }

    /// Requests a new generation for the projector to build, and returns its number.
    ///
    /// # Errors
    /// When the read model does not answer.
    pub async fn ask(&self) -> Result<Generation, ProjectError> {
        loop {
            let stored = self.ensure_generations().await?;
            if let Some(building) = stored.building {
                return Ok(building);
            }
            let wanted = stored.rebuilding().unwrap_or_else(|| stored.clone());
            self.change(Some(&stored), &wanted).await?;
        }
    }

    /// Requests a retry of parked streams.
    ///
    /// # Errors
    /// When the read model does not answer.
    pub async fn ask_retry(&self) -> Result<(), ProjectError> {
        loop {
            let stored = self.ensure_generations().await?;
            let wanted = Generations { retries: stored.retries.wrapping_add(1), ..stored.clone() };
            if self.change(Some(&stored), &wanted).await? {
                return Ok(());
            }
        }
    }

    /// Builds a generation until it is live or no longer needed, and reports every committed
    /// position.
    ///
    /// # Errors
    /// At the first fault; calling again resumes from the last commit.
    pub async fn build(
        &self,
        generation: Generation,
        go_on: impl Fn() -> bool + Send,
        committed: impl Fn(Position) + Send,
    ) -> Result<(), ProjectError> {
        let runtime = self.runtime(generation);
        let mut progress = runtime.resume().await?;
        let mut is_indexed = false;
        while go_on() {
            let step = runtime.step(&mut progress, None).await?;
            committed(progress.position());
            if step.at_end && !is_indexed {
                runtime.index().await?;
                is_indexed = true;
            } else if step.at_end && self.flip(generation).await? {
                break;
            }
        }
        Ok(())
    }

    /// Makes the generation live if it has caught up with the live one. Returns whether the build
    /// is over.
    async fn flip(&self, generation: Generation) -> Result<bool, ProjectError> {
        let stored = self.ensure_generations().await?;
        if stored.building != Some(generation) {
            return Ok(true);
        }
        let Some(wanted) = stored.flipped(Timestamp::now().into()) else { return Ok(true) };
        let flipped = self.change(Some(&stored), &wanted).await?;
        if flipped {
            let projection = self.projection.commit_name();
            tracing::info!(projection, %generation, "another generation of views is live");
        }
        Ok(flipped)
    }

    /// Drops generations that this process has seen retired for at least [`DROP_GRACE`].
    ///
    /// # Errors
    /// When the read model does not answer.
    pub async fn drop_due(
        &self,
        generations: &Generations,
        retirements: &mut Retirements,
    ) -> Result<(), ProjectError> {
        let projection = self.projection.commit_name();
        let mut stored = generations.clone();
        let is_retired = |known: &Generation| {
            generations.retired.iter().any(|retired| retired.generation == *known)
        };
        // After an erase, numbers start again.
        retirements.0.retain(|known, _| is_retired(known));
        for retired in &generations.retired {
            let generation = retired.generation;
            let since = retirements.0.entry(generation).or_insert_with(Instant::now);
            if since.elapsed() < DROP_GRACE {
                continue;
            }
            let store = &self.views.generations;
            store.remove(&projection, &generations.collections, generation).await?;
            let without = stored.without(generation);
            if !self.change(Some(&stored), &without).await? {
                return Ok(());
            }
            tracing::info!(projection, %generation, "a generation of views was dropped");
            stored = without;
        }
        Ok(())
    }

    async fn stored(&self) -> Result<Option<Generations>, ProjectError> {
        let mut all = self.views.generations.all().await?;
        Ok(all.remove(&self.projection.commit_name()))
    }

    /// `false` if another process was faster, or the built generation is not far enough.
    async fn change(
        &self,
        from: Option<&Generations>,
        to: &Generations,
    ) -> Result<bool, ProjectError> {
        let name = self.projection.commit_name();
        match self.views.generations.change(&name, from, to).await {
            Ok(()) => Ok(true),
            Err(CommitError::Superseded | CommitError::Behind) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
