//! Feeds one generation of one projection.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use domain::{Checkpoint, Position, Recorded};
use event_store::EventLog;
use read_model::{CommitError, Views};

use crate::parking::{Parking, TooManyParked};
use crate::{Projection, Workspace};

/// Events applied between two commits.
pub(crate) const EVENTS_PER_COMMIT: u32 = 1_024;
/// Views loaded at once.
const VIEWS_PER_LOAD: usize = 500;
/// How long to wait for a wake-up before looking all the same: another process may have appended.
const IDLE_LOOK: Duration = Duration::from_secs(1);

/// One projection, its log and its read model.
#[derive(Debug, Clone)]
pub struct Runtime {
    /// What is read.
    pub log: Arc<dyn EventLog>,
    /// What is written: one generation.
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
    /// Too many events cannot be applied.
    #[error("projecting failed at events that cannot be applied")]
    Parked(#[from] TooManyParked),
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
pub(crate) struct Progress {
    log_id: uuid::Uuid,
    committed: Option<Checkpoint>,
    workspace: Workspace,
    parking: Parking,
    /// Up to here events are committed one by one, because one of them cannot be.
    careful_until: Position,
}

impl Runtime {
    /// Projects what is appended for as long as it is told to go on; reports every position it has
    /// committed. Parked streams are tried again first, where that can be done right.
    ///
    /// # Errors
    /// At the first fault; calling again resumes from the last commit.
    pub async fn follow(
        &self,
        go_on: impl Fn() -> bool + Send,
        committed: impl Fn(Position) + Send,
    ) -> Result<(), ProjectError> {
        let mut head = self.log.head();
        let mut progress = self.resume().await?;
        if self.projection.streams_are_apart() {
            self.retry_parked(&mut progress).await?;
        }
        committed(progress.position());
        while go_on() {
            head.mark_unchanged();
            while go_on() && self.step(&mut progress, EVENTS_PER_COMMIT).await? > 0 {
                committed(progress.position());
            }
            // A time-out and a closed channel are both a reason to look again.
            let _ = tokio::time::timeout(IDLE_LOOK, head.changed()).await;
        }
        Ok(())
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
            if self.step(&mut progress, limit).await? == 0 {
                let end = progress.position();
                let reason = format!("it ends at {end}, before {target}");
                return Err(event_store::ReadError::Diverged(reason).into());
            }
            committed(progress.position());
        }
        Ok(())
    }

    /// Takes up where the last commit left off, if the log still bears it out (INV-8).
    pub(crate) async fn resume(&self) -> Result<Progress, ProjectError> {
        self.views.writer.prepare(&self.projection.all_collections()).await?;
        let committed = self.views.writer.checkpoint(&self.projection.commit_name()).await?;
        if let Some(checkpoint) = &committed {
            event_store::verify_checkpoint(self.log.as_ref(), checkpoint).await?;
        }
        let log_id = self.log.info().await?.log_id;
        let workspace = Workspace::new(committed.is_none());
        let parked = self.projection.parked();
        let parking = Parking::load(self.views.reader.as_ref(), &parked).await?;
        Ok(Progress { log_id, committed, workspace, parking, careful_until: Position::START })
    }

    /// Applies and commits at most so many events; how many there were.
    pub(crate) async fn step(
        &self,
        progress: &mut Progress,
        limit: u32,
    ) -> Result<usize, ProjectError> {
        let limit = if progress.position() < progress.careful_until { 1 } else { limit };
        let events = self.log.read_all(progress.position(), limit).await?;
        let Some(last) = events.last() else { return Ok(0) };
        for recorded in &events {
            if progress.parking.takes(recorded) {
                continue;
            }
            if let Some(error) = self.apply(recorded, &mut progress.workspace).await? {
                self.park(progress, recorded, &error)?;
            }
        }
        let reached = Checkpoint::at(progress.log_id, last);
        match self.commit(progress, reached).await {
            Err(ProjectError::Commit(error @ CommitError::Unstorable(_))) => {
                *progress = self.resume().await?;
                progress.careful_until = last.position;
                if let [culprit] = events.as_slice() {
                    self.park(progress, culprit, &chain(&error))?;
                    self.commit(progress, reached).await?;
                }
            }
            committed => committed?,
        }
        Ok(events.len())
    }

    async fn commit(
        &self,
        progress: &mut Progress,
        reached: Checkpoint,
    ) -> Result<(), ProjectError> {
        let mut changes = progress.workspace.take_changes();
        changes.extend(progress.parking.take_changes(self.projection.parked()));
        let (name, from) = (self.projection.commit_name(), progress.committed.as_ref());
        self.views.writer.commit(&name, from, &reached, changes).await?;
        progress.committed = Some(reached);
        Ok(())
    }

    /// Applies one event; why it cannot be applied, if so. Then it has changed nothing.
    async fn apply(
        &self,
        recorded: &Recorded,
        workspace: &mut Workspace,
    ) -> Result<Option<String>, ProjectError> {
        loop {
            let applied =
                catch_unwind(AssertUnwindSafe(|| self.projection.apply(recorded, workspace)));
            let missing = match applied {
                Ok(Ok(())) => break,
                Ok(Err(missing)) => missing,
                Err(_) => {
                    workspace.undo();
                    return Ok(Some(
                        "the projection panicked; the log of the process says where".to_owned(),
                    ));
                }
            };
            workspace.undo();
            for keys in missing.keys.chunks(VIEWS_PER_LOAD) {
                let found = self.views.reader.get(&missing.collection, keys).await;
                let found = match found {
                    Err(error @ read_model::ReadError::Damaged { .. }) => {
                        return Ok(Some(chain(&error)));
                    }
                    found => found?,
                };
                for (key, document) in keys.iter().zip(found) {
                    if let Err(source) = workspace.load(&missing, key, document) {
                        let (collection, key) = (missing.collection.stored_name(), key.clone());
                        let damaged = read_model::ReadError::Damaged { collection, key, source };
                        return Ok(Some(chain(&damaged)));
                    }
                }
            }
        }
        workspace.keep();
        Ok(None)
    }

    fn park(
        &self,
        progress: &mut Progress,
        recorded: &Recorded,
        error: &str,
    ) -> Result<(), ProjectError> {
        let (projection, stream) = (self.projection.name(), recorded.stream.to_string());
        let position = recorded.position.0;
        tracing::error!(
            projection,
            stream,
            position,
            error,
            "an event cannot be applied; its stream is parked"
        );
        Ok(progress.parking.park(recorded, error)?)
    }

    /// Applies what was not applied of each parked stream, as far as that goes by now.
    async fn retry_parked(&self, progress: &mut Progress) -> Result<(), ProjectError> {
        let Some(reached) = progress.committed else { return Ok(()) };
        let parked = progress.parking.streams();
        if parked.is_empty() {
            return Ok(());
        }
        for parked in parked {
            let stream = &parked.stream;
            let events = event_store::read_stream_whole(self.log.as_ref(), stream).await?;
            progress.parking.unpark(stream);
            let first = Position(parked.first.unsigned_abs());
            for recorded in &events {
                if recorded.position < first || recorded.position > reached.position {
                    continue;
                }
                if !progress.parking.takes(recorded)
                    && let Some(error) = self.apply(recorded, &mut progress.workspace).await?
                {
                    self.park(progress, recorded, &error)?;
                }
            }
        }
        match self.commit(progress, reached).await {
            // They stay parked, as they were.
            Err(ProjectError::Commit(CommitError::Unstorable(_))) => {
                *progress = self.resume().await?;
            }
            committed => committed?,
        }
        Ok(())
    }
}

impl Progress {
    pub(crate) fn position(&self) -> Position {
        self.committed.map_or(Position::START, |checkpoint| checkpoint.position)
    }
}

/// The error and its causes on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
