//! Feeds one projection.

use std::sync::Arc;
use std::time::Duration;

use domain::{Checkpoint, Position, Recorded};
use event_store::EventLog;
use read_model::{CommitError, Views};

use crate::{Projection, Workspace};

/// Events applied between two commits.
const EVENTS_PER_COMMIT: u32 = 1_024;
/// Views loaded at once.
const VIEWS_PER_LOAD: usize = 500;
/// How long to wait for a wake-up before looking all the same: another process may have appended.
const IDLE_LOOK: Duration = Duration::from_secs(1);

/// One projection, its log and its read model.
#[derive(Debug, Clone)]
pub struct Runtime {
    /// What is read.
    pub log: Arc<dyn EventLog>,
    /// What is written.
    pub views: Views,
    /// What turns the one into the other.
    pub projection: Arc<dyn Projection>,
}

/// A projection cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// The log could not be read, or is not what was read before.
    #[error("projecting failed at the log")]
    Log(#[from] event_store::ReadError),
    /// The views could not be loaded.
    #[error("projecting failed at loading views")]
    Load(#[from] read_model::ReadError),
    /// The views could not be written.
    #[error("projecting failed at writing views")]
    Commit(#[from] CommitError),
}

impl ProjectError {
    /// Whether trying again later may help.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Log(event_store::ReadError::Unavailable(_))
                | Self::Load(read_model::ReadError::Unavailable(_))
                | Self::Commit(CommitError::Unavailable(_) | CommitError::Superseded)
        )
    }
}

/// A projection under way: where it stands, and the views in memory.
struct Progress {
    log_id: uuid::Uuid,
    committed: Option<Checkpoint>,
    workspace: Workspace,
}

impl Runtime {
    /// Projects what is appended until dropped; reports every position it has committed.
    ///
    /// # Errors
    /// At the first fault; calling again resumes from the last commit.
    pub async fn follow(&self, committed: impl Fn(Position) + Send) -> Result<(), ProjectError> {
        let mut head = self.log.head();
        let mut progress = self.resume().await?;
        committed(progress.position());
        loop {
            head.mark_unchanged();
            while self.step(&mut progress, EVENTS_PER_COMMIT).await? {
                committed(progress.position());
            }
            // A time-out and a closed channel are both a reason to look again.
            let _ = tokio::time::timeout(IDLE_LOOK, head.changed()).await;
        }
    }

    /// Projects until `target`, and no further; reports every position it has committed.
    ///
    /// # Errors
    /// At the first fault, or when the log ends before `target`.
    pub async fn catch_up(
        &self,
        target: Position,
        committed: impl Fn(Position) + Send,
    ) -> Result<(), ProjectError> {
        let mut progress = self.resume().await?;
        while progress.position() < target {
            let left = target.0 - progress.position().0;
            let limit = u32::try_from(left).unwrap_or(EVENTS_PER_COMMIT).min(EVENTS_PER_COMMIT);
            if !self.step(&mut progress, limit).await? {
                let end = progress.position();
                let reason = format!("it ends at {end}, before {target}");
                return Err(event_store::ReadError::Diverged(reason).into());
            }
            committed(progress.position());
        }
        Ok(())
    }

    /// Takes up where the last commit left off, if the log still bears it out (INV-8).
    async fn resume(&self) -> Result<Progress, ProjectError> {
        self.views.writer.prepare(&self.projection.collections()).await?;
        let committed = self.views.writer.checkpoint(&self.projection.commit_name()).await?;
        if let Some(checkpoint) = &committed {
            event_store::verify_checkpoint(self.log.as_ref(), checkpoint).await?;
        }
        let log_id = self.log.info().await?.log_id;
        Ok(Progress { log_id, committed, workspace: Workspace::new(committed.is_none()) })
    }

    /// Applies and commits at most so many events; `false` when there was nothing to apply.
    async fn step(&self, progress: &mut Progress, limit: u32) -> Result<bool, ProjectError> {
        let events = self.log.read_all(progress.position(), limit).await?;
        let Some(last) = events.last() else { return Ok(false) };
        for recorded in &events {
            self.apply(recorded, &mut progress.workspace).await?;
        }
        let reached = Checkpoint::at(progress.log_id, last);
        let changes = progress.workspace.take_changes();
        let name = self.projection.commit_name();
        let writer = &self.views.writer;
        writer.commit(&name, progress.committed.as_ref(), &reached, changes).await?;
        progress.committed = Some(reached);
        Ok(true)
    }

    async fn apply(
        &self,
        recorded: &Recorded,
        workspace: &mut Workspace,
    ) -> Result<(), ProjectError> {
        while let Err(missing) = self.projection.apply(recorded, workspace) {
            workspace.undo();
            for keys in missing.keys.chunks(VIEWS_PER_LOAD) {
                let found = self.views.reader.get(&missing.collection, keys).await?;
                for (key, document) in keys.iter().zip(found) {
                    workspace.load(&missing, key, document).map_err(|source| {
                        let (collection, key) = (missing.collection.stored_name(), key.clone());
                        read_model::ReadError::Damaged { collection, key, source }
                    })?;
                }
            }
        }
        workspace.keep();
        Ok(())
    }
}

impl Progress {
    fn position(&self) -> Position {
        self.committed.map_or(Position::START, |checkpoint| checkpoint.position)
    }
}
