//! Executes commands: load the stream, decide, append.

use domain::record::NewEvent;
use domain::{Actor, Aggregate, EventId, Metadata, Recorded, StreamId, Version};
use uuid::Uuid;

use crate::{
    AppendBatch, AppendError, EventLog, ReadError, WorkItem, WorkReceipt, append_surely,
    read_stream_whole,
};

/// The actor and the trace ids of a command.
#[derive(Debug, Clone)]
pub struct Context {
    /// The actor that runs the command.
    pub actor: Actor,
    /// Shared by everything that one request causes.
    pub correlation: Uuid,
    /// The event that caused this command.
    pub causation: Option<EventId>,
    /// W3C trace context (`traceparent` header) of the request.
    pub traceparent: Option<String>,
}

impl Context {
    /// A context with a new correlation id.
    pub fn new(actor: Actor) -> Self {
        Self { actor, correlation: Uuid::now_v7(), causation: None, traceparent: None }
    }

    /// The context of a command that this actor runs because of an event.
    pub fn caused_by(actor: Actor, recorded: &Recorded) -> Self {
        Self {
            actor,
            correlation: recorded.metadata.correlation,
            causation: Some(recorded.id),
            traceparent: recorded.metadata.traceparent.clone(),
        }
    }

    /// The metadata for an event.
    pub fn metadata(&self) -> Metadata {
        Metadata {
            actor: self.actor.clone(),
            correlation: self.correlation,
            causation: self.causation,
            traceparent: self.traceparent.clone(),
        }
    }
}

/// An aggregate folded from its stream.
#[derive(Debug, Clone)]
pub struct Stream<A> {
    /// The stream of its events.
    pub id: StreamId,
    /// The version of the last folded event.
    pub version: Version,
    /// The folded state.
    pub state: A,
}

/// Maximum number of times that a command is decided before a conflict with other writers is an
/// error.
const DECISIONS_MAX: u32 = 5;

/// A command was not executed on a stream that was loaded for it.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError<R: std::error::Error + Send + Sync + 'static> {
    /// The stream could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The command was rejected or could not be recorded. A conflict means that other writers came
    /// first each time.
    #[error(transparent)]
    Execute(#[from] ExecuteError<R>),
}

/// Why a command was not executed.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError<R: std::error::Error + Send + Sync + 'static> {
    /// The aggregate rejected a command.
    #[error(transparent)]
    Rejected(R),
    /// The events could not be appended.
    #[error(transparent)]
    Append(#[from] AppendError),
}

impl<A: Aggregate> Stream<A> {
    /// An empty stream.
    pub fn new(id: StreamId) -> Self {
        Self { id, version: Version::NONE, state: A::default() }
    }

    /// Folds the events of a whole stream.
    pub fn fold(id: StreamId, events: &[Recorded]) -> Self {
        let mut stream = Self::new(id);
        stream.advance(events);
        stream
    }

    /// Folds the stream's next events.
    pub fn advance(&mut self, events: &[Recorded]) {
        for recorded in events {
            self.version = recorded.version;
            self.state.evolve(&recorded.event);
        }
    }

    /// Reads and folds the stream.
    ///
    /// # Errors
    /// As [`EventLog::read_stream`].
    pub async fn load(log: &dyn EventLog, id: StreamId) -> Result<Self, ReadError> {
        let events = read_stream_whole(log, &id).await?;
        Ok(Self::fold(id, &events))
    }

    /// Loads the stream and executes one command, and does so again if another writer came first.
    ///
    /// # Errors
    /// When the stream cannot be read, the command is rejected, or the append fails.
    pub async fn change(
        log: &dyn EventLog,
        id: StreamId,
        context: &Context,
        command: impl Fn() -> A::Command,
    ) -> Result<(Self, Vec<Recorded>), ChangeError<A::Rejection>> {
        let mut decisions = 1;
        loop {
            let mut stream = Self::load(log, id.clone()).await?;
            match stream.execute(log, vec![command()], context, None, None).await {
                Err(ExecuteError::Append(AppendError::Conflict { .. }))
                    if decisions < DECISIONS_MAX =>
                {
                    decisions += 1;
                }
                executed => return Ok((stream, executed?)),
            }
        }
    }

    /// Executes commands in order, in one append: all of them or none. Writes nothing if they
    /// produce no events.
    ///
    /// # Errors
    /// When the aggregate rejects a command or the append fails. The stream is then unchanged.
    pub async fn execute(
        &mut self,
        log: &dyn EventLog,
        commands: Vec<A::Command>,
        context: &Context,
        enqueue: Option<WorkItem>,
        complete: Option<WorkReceipt>,
    ) -> Result<Vec<Recorded>, ExecuteError<A::Rejection>> {
        let mut decided = self.state.clone();
        let mut events = Vec::new();
        for command in commands {
            for event in decided.decide(command).map_err(ExecuteError::Rejected)? {
                decided.evolve(&event);
                events.push(NewEvent {
                    id: EventId(Uuid::now_v7()),
                    event,
                    metadata: context.metadata(),
                });
            }
        }
        if events.is_empty() {
            return Ok(vec![]);
        }
        let (stream, expected) = (self.id.clone(), self.version);
        let batch = AppendBatch { stream, expected, events, enqueue, complete };
        let recorded = append_surely(log, &batch).await?.recorded(&batch);
        self.advance(&recorded);
        Ok(recorded)
    }
}
