//! Recording a submission, after its input was checked.

use domain::submission::{Submission, SubmissionCommand, SubmissionReceived, SubmissionRejection};
use domain::{Recorded, StreamId};
use event_store::{
    AppendError, Context, EventLog, ExecuteError, Lane, ReadError, Stream, WorkItem,
};

/// A submission that is in the log.
#[derive(Debug, Clone)]
pub struct Received {
    /// Its events.
    pub events: Vec<Recorded>,
    /// Whether the submission existed already: its id is derived from the idempotency key.
    pub replayed: bool,
}

/// A submission was not recorded, or the outcome is unknown.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// The id belongs to a different submission.
    #[error("the idempotency key was used before with a different input")]
    KeyReused,
    /// The submission's rules refuse it.
    #[error(transparent)]
    Rejected(SubmissionRejection),
    /// The append failed. If its outcome is unknown, repeating the same request finds it out.
    #[error(transparent)]
    Append(AppendError),
    /// The submission exists already, but could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Records a submission and queues its judging, atomically (INV-6). The source must already be in
/// the blob store. Repeating the request finds the same submission, because a stream begins only
/// once.
///
/// # Errors
/// If the id belongs to a different submission, or the log fails.
pub async fn receive(
    log: &dyn EventLog,
    context: &Context,
    received: SubmissionReceived,
) -> Result<Received, ReceiveError> {
    let id = StreamId::Submission(received.submission);
    let account = Some(received.author.clone());
    let work = WorkItem { lane: Lane::Submit, stream: id.clone(), account };
    let receive = vec![SubmissionCommand::Receive(received.clone())];
    let mut stream = Stream::<Submission>::new(id.clone());
    match stream.execute(log, receive, context, Some(work), None).await {
        Ok(events) => Ok(Received { events, replayed: false }),
        Err(ExecuteError::Append(AppendError::Conflict { .. })) => {
            let events = event_store::read_stream_whole(log, &id).await?;
            let first = Stream::<Submission>::fold(id, &events).state.received;
            match first.is_some_and(|first| same_input(&first, &received)) {
                true => Ok(Received { events, replayed: true }),
                false => Err(ReceiveError::KeyReused),
            }
        }
        Err(ExecuteError::Append(error)) => Err(ReceiveError::Append(error)),
        Err(ExecuteError::Rejected(rejection)) => Err(ReceiveError::Rejected(rejection)),
    }
}

/// Ignores the revision: the problem may have been revised between two tries, which the author
/// cannot know.
fn same_input(first: &SubmissionReceived, again: &SubmissionReceived) -> bool {
    first.problem == again.problem
        && first.language == again.language
        && first.source == again.source
}
