//! Load, decide, append: how every command is carried out.

use domain::record::NewEvent;
use domain::{Actor, Aggregate, EventId, Metadata, Recorded, StreamId, Version};
use uuid::Uuid;

use crate::{
    AppendBatch, AppendError, EventLog, ReadError, WorkItem, WorkReceipt, append_surely,
    read_stream_whole,
};

/// Who does something, and as part of what.
#[derive(Debug, Clone)]
pub struct Context {
    /// Who.
    pub actor: Actor,
    /// The same for everything that one request leads to.
    pub correlation: Uuid,
    /// The event that led to this.
    pub causation: Option<EventId>,
    /// W3C trace context of the request.
    pub traceparent: Option<String>,
}

impl Context {
    /// The beginning of something new.
    pub fn new(actor: Actor) -> Self {
        Self { actor, correlation: Uuid::now_v7(), causation: None, traceparent: None }
    }

    /// What an event leads to, done by this actor.
    pub fn caused_by(actor: Actor, recorded: &Recorded) -> Self {
        Self {
            actor,
            correlation: recorded.metadata.correlation,
            causation: Some(recorded.id),
            traceparent: recorded.metadata.traceparent.clone(),
        }
    }

    /// What goes beside an event.
    pub fn metadata(&self) -> Metadata {
        Metadata {
            actor: self.actor.clone(),
            correlation: self.correlation,
            causation: self.causation,
            traceparent: self.traceparent.clone(),
        }
    }
}

/// One aggregate as the log has it.
#[derive(Debug, Clone)]
pub struct Stream<A> {
    /// Where its events are.
    pub id: StreamId,
    /// How many were folded.
    pub version: Version,
    /// What they fold to.
    pub state: A,
}

/// A command did not lead to events in the log.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError<R: std::error::Error + Send + Sync + 'static> {
    /// The aggregate refused.
    #[error(transparent)]
    Rejected(R),
    /// The log did not take the events.
    #[error(transparent)]
    Append(#[from] AppendError),
}

impl<A: Aggregate> Stream<A> {
    /// A stream that does not exist yet.
    pub fn new(id: StreamId) -> Self {
        Self { id, version: Version::NONE, state: A::default() }
    }

    /// Folds these events, which are the whole stream.
    pub fn fold(id: StreamId, events: &[Recorded]) -> Self {
        let mut stream = Self::new(id);
        stream.advance(events);
        stream
    }

    /// Folds these events, which are the next of the stream.
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

    /// Carries out commands, one after the other, in one append: all of them or none. Does nothing
    /// when they lead to no events.
    ///
    /// # Errors
    /// When the aggregate refuses one, or the log does not take the events; this stream is then as
    /// it was.
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
