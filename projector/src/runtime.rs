//! Feeds one generation of one projection.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use domain::{Checkpoint, Position, Recorded};
use event_store::EventLog;
use read_model::{CommitError, Views};
use supervision::error_chain;
use tokio_util::task::AbortOnDropHandle;

use crate::ahead::Ahead;
use crate::parking::{Parking, TooManyParked};
use crate::workspace::Wanted;
use crate::{Missing, Projection, Workspace};

/// Maximum number of events per read.
const EVENTS_PER_READ: u32 = 1_024;
/// Size of events, in bytes, after which a projection that is behind commits. Larger commits write
/// views that many events change less often.
const BYTES_PER_COMMIT: usize = 4 << 20;
/// Maximum number of views loaded at once.
const VIEWS_PER_LOAD: usize = 500;
/// How long to wait for a wake-up before polling the log, because another process may have
/// appended.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// One projection, its log and its read model.
#[derive(Debug, Clone)]
pub struct Runtime {
    /// The log to read.
    pub log: Arc<dyn EventLog>,
    /// The generation of views to write.
    pub views: Views,
    /// The projection to run.
    pub projection: Arc<dyn Projection>,
}

/// Why a projection cannot continue.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// The log could not be read, or it has diverged.
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
    /// Whether a later retry may help.
    pub fn is_passing(&self) -> bool {
        let is_outage = matches!(
            self,
            Self::Log(event_store::ReadError::Unavailable(_))
                | Self::Load(read_model::ReadError::Unavailable(_))
                | Self::Commit(CommitError::Unavailable(_) | CommitError::Superseded)
        );
        is_outage && event_store::lasting_fault(self).is_none()
    }
}

/// The state of a running projection: its position and the views in memory.
pub(crate) struct Progress {
    log_id: uuid::Uuid,
    committed: Option<Checkpoint>,
    /// A commit in progress, while the next events are applied.
    committing: Option<Committing>,
    log: Ahead,
    workspace: Workspace,
    parking: Parking,
    /// Up to this position events are committed one by one, because one of them cannot be stored.
    careful_until: Position,
}

/// A commit in progress.
struct Committing {
    to: Checkpoint,
    outcome: AbortOnDropHandle<Result<(), CommitError>>,
}

impl Runtime {
    /// Projects new events while `go_on` returns true, and reports every committed position.
    /// Retries parked streams first if the projection's streams are independent.
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
        self.index().await?;
        if self.projection.streams_are_apart() {
            self.retry_parked(&mut progress).await?;
        }
        committed(progress.position());
        while go_on() {
            head.mark_unchanged();
            while go_on() {
                let step = self.step(&mut progress, None).await?;
                committed(progress.position());
                if step.at_end {
                    break;
                }
            }
            // Poll again after a timeout as well as after a closed channel.
            let _ = tokio::time::timeout(POLL_INTERVAL, head.changed()).await;
        }
        Ok(())
    }

    /// Projects up to `target` and no further, and reports every committed position.
    ///
    /// # Errors
    /// At the first fault, or if the log ends before `target`.
    pub async fn catch_up(
        &self,
        target: Position,
        committed: impl Fn(Position) + Send,
    ) -> Result<(), ProjectError> {
        let mut progress = self.resume().await?;
        while progress.position() < target {
            if self.step(&mut progress, Some(target)).await?.events == 0 {
                let end = progress.position();
                let reason = format!("it ends at {end}, before {target}");
                return Err(event_store::ReadError::Diverged(reason).into());
            }
            committed(progress.position());
        }
        Ok(())
    }

    /// Creates the indexes once the views have caught up. During the build they would only slow it
    /// down.
    ///
    /// # Errors
    /// When the read model does not answer.
    pub async fn index(&self) -> Result<(), ProjectError> {
        Ok(self.views.writer.index(&self.projection.all_collections()).await?)
    }

    /// Resumes from the last commit, after verifying its checkpoint against the log (INV-8).
    pub(crate) async fn resume(&self) -> Result<Progress, ProjectError> {
        self.views.writer.prepare(&self.projection.all_collections()).await?;
        let committed = self.views.writer.checkpoint(&self.projection.commit_name()).await?;
        if let Some(checkpoint) = &committed {
            event_store::verify_checkpoint(self.log.as_ref(), checkpoint).await?;
        }
        let log_id = self.log.info().await?.log_id;
        let log = Ahead::new(Arc::clone(&self.log), Arc::clone(&self.projection));
        let workspace = Workspace::new(committed.is_none());
        let parked = self.projection.parked();
        let parking = Parking::load(self.views.reader.as_ref(), &parked).await?;
        let (committing, careful_until) = (None, Position::START);
        Ok(Progress { log_id, committed, committing, log, workspace, parking, careful_until })
    }

    /// Applies the next events, up to `target`, and commits them: at once if there are no more,
    /// otherwise while the next step runs.
    pub(crate) async fn step(
        &self,
        progress: &mut Progress,
        target: Option<Position>,
    ) -> Result<Step, ProjectError> {
        let mut step = Step { events: 0, at_end: false };
        let (mut page, mut bytes) = (vec![], 0);
        let mut reached = progress.reached();
        let position =
            |reached: Option<Checkpoint>| reached.map_or(Position::START, |it| it.position);
        let careful = position(reached) < progress.careful_until;
        while !step.at_end && bytes < BYTES_PER_COMMIT && !(careful && step.events > 0) {
            let after = position(reached);
            let limit = match (careful, target) {
                (true, _) => 1,
                (false, Some(target)) => within(target.0 - after.0),
                (false, None) => EVENTS_PER_READ,
            };
            match self.advance(progress, after, limit).await {
                Ok(applied) => page = applied,
                Err(error) => {
                    // Events applied before are still committed.
                    progress.finish_commit().await.ok();
                    return Err(error);
                }
            }
            bytes += page.iter().map(|recorded| recorded.body.len()).sum::<usize>();
            reached = page.last().map(|last| Checkpoint::at(progress.log_id, last)).or(reached);
            let read = position(reached).0 - after.0;
            step.events += read;
            step.at_end = read < u64::from(limit) || target == Some(position(reached));
        }
        if unstorable(progress.finish_commit().await)?.is_some() {
            return self.retry_one_by_one(progress, step, position(reached)).await;
        }
        let Some(reached) = reached.filter(|_| step.events > 0) else { return Ok(step) };
        self.commit(progress, reached);
        if (careful || step.at_end)
            && let Some(error) = unstorable(progress.finish_commit().await)?
        {
            let before = progress.committed;
            step = self.retry_one_by_one(progress, step, reached.position).await?;
            // Another process may be ahead and have committed this already.
            if progress.committed == before
                && let ([culprit], 1) = (page.as_slice(), step.events)
            {
                self.park(progress, culprit, &error)?;
                self.commit(progress, reached);
                progress.finish_commit().await?;
            }
        }
        Ok(step)
    }

    /// Resumes from the last commit and goes one event at a time up to this one.
    async fn retry_one_by_one(
        &self,
        progress: &mut Progress,
        step: Step,
        until: Position,
    ) -> Result<Step, ProjectError> {
        *progress = self.resume().await?;
        progress.careful_until = until;
        Ok(Step { at_end: false, ..step })
    }

    /// Starts to commit everything that was applied.
    fn commit(&self, progress: &mut Progress, to: Checkpoint) {
        let mut changes = progress.workspace.take_changes();
        changes.extend(progress.parking.take_changes(self.projection.parked()));
        let (writer, name) = (Arc::clone(&self.views.writer), self.projection.commit_name());
        let from = progress.committed;
        let commit = async move { writer.commit(&name, from.as_ref(), &to, changes).await };
        let outcome = AbortOnDropHandle::new(tokio::spawn(commit));
        progress.committing = Some(Committing { to, outcome });
    }

    /// Reads and applies up to this number of events.
    async fn advance(
        &self,
        progress: &mut Progress,
        after: Position,
        limit: u32,
    ) -> Result<Vec<Recorded>, ProjectError> {
        let events = progress.log.read(after, limit).await?;
        self.apply_all(&events, progress).await?;
        Ok(events)
    }

    async fn apply_all(
        &self,
        events: &[Recorded],
        progress: &mut Progress,
    ) -> Result<(), ProjectError> {
        for (place, recorded) in events.iter().enumerate() {
            if progress.parking.takes(recorded) {
                continue;
            }
            let later = &events[place + 1..];
            if let Some(error) = self.apply(recorded, later, &mut progress.workspace).await? {
                self.park(progress, recorded, &error)?;
            }
        }
        Ok(())
    }

    /// Applies one event. Returns the reason if it cannot be applied; it has then changed nothing.
    /// When it must load views, it also loads those that later events will need.
    async fn apply(
        &self,
        recorded: &Recorded,
        later: &[Recorded],
        workspace: &mut Workspace,
    ) -> Result<Option<String>, ProjectError> {
        loop {
            let missing = match self.attempt(recorded, workspace) {
                Ok(()) => {
                    workspace.keep();
                    return Ok(None);
                }
                Err(Fault::Missing(missing)) => missing,
                Err(Fault::Panicked) => {
                    workspace.undo();
                    return Ok(Some(
                        "the projection panicked; see the process's log for the location"
                            .to_owned(),
                    ));
                }
            };
            workspace.undo();
            let mut wanted = Wanted::default();
            for recorded in later {
                if let Err(Fault::Missing(missing)) = self.attempt(recorded, workspace) {
                    wanted.add(missing);
                }
                workspace.undo();
            }
            for also in wanted.without(&missing) {
                // A damaged view is reported for the event that needs it.
                self.load(&also, workspace).await?.ok();
            }
            if let Err(damaged) = self.load(&missing, workspace).await? {
                return Ok(Some(error_chain(&damaged)));
            }
        }
    }

    /// Applies one event to the staged views only.
    fn attempt(&self, recorded: &Recorded, workspace: &mut Workspace) -> Result<(), Fault> {
        catch_unwind(AssertUnwindSafe(|| self.projection.apply(recorded, workspace)))
            .map_err(|_| Fault::Panicked)?
            .map_err(Fault::Missing)
    }

    /// Loads views. Reports the first damaged one.
    async fn load(
        &self,
        missing: &Missing,
        workspace: &mut Workspace,
    ) -> Result<Result<(), read_model::ReadError>, ProjectError> {
        for keys in missing.keys.chunks(VIEWS_PER_LOAD) {
            let found = match self.views.reader.get(&missing.collection, keys).await {
                Err(damaged @ read_model::ReadError::Damaged { .. }) => return Ok(Err(damaged)),
                found => found?,
            };
            for (key, document) in keys.iter().zip(found) {
                if let Err(source) = workspace.load(missing, key, document) {
                    let (collection, key) = (missing.collection.stored_name(), key.clone());
                    return Ok(Err(read_model::ReadError::Damaged { collection, key, source }));
                }
            }
        }
        Ok(Ok(()))
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
            alert = true,
            projection,
            stream,
            position,
            error,
            "an event cannot be applied; its stream is parked"
        );
        Ok(progress.parking.park(recorded, error)?)
    }

    /// Retries the skipped events of each parked stream, as far as they can be applied now.
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
                    && let Some(error) = self.apply(recorded, &[], &mut progress.workspace).await?
                {
                    self.park(progress, recorded, &error)?;
                }
            }
        }
        self.commit(progress, reached);
        if unstorable(progress.finish_commit().await)?.is_some() {
            // They stay parked.
            *progress = self.resume().await?;
        }
        Ok(())
    }
}

/// The result of a step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    /// Number of events read.
    pub(crate) events: u64,
    /// Whether there are no more events to read for now.
    pub(crate) at_end: bool,
}

/// The reason if a commit failed because a document cannot be stored.
fn unstorable(committed: Result<(), CommitError>) -> Result<Option<String>, ProjectError> {
    match committed {
        Ok(()) => Ok(None),
        Err(error @ CommitError::Unstorable(_)) => Ok(Some(error_chain(&error))),
        Err(error) => Err(error.into()),
    }
}

/// Why an event was not applied.
enum Fault {
    Missing(Missing),
    Panicked,
}

/// This number of events, but at most one page.
fn within(events: u64) -> u32 {
    u32::try_from(events).unwrap_or(EVENTS_PER_READ).min(EVENTS_PER_READ)
}

impl Progress {
    /// The last committed position.
    pub(crate) fn position(&self) -> Position {
        self.committed.map_or(Position::START, |checkpoint| checkpoint.position)
    }

    /// The checkpoint of the last commit, including one in progress.
    fn reached(&self) -> Option<Checkpoint> {
        self.committing.as_ref().map(|committing| committing.to).or(self.committed)
    }

    /// Waits for the commit in progress, if there is one.
    async fn finish_commit(&mut self) -> Result<(), CommitError> {
        if let Some(Committing { to, outcome }) = self.committing.take() {
            outcome.await.unwrap_or_else(|error| Err(CommitError::Unavailable(error.into())))?;
            self.committed = Some(to);
        }
        Ok(())
    }
}
