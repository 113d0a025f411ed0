//! Taking a program in, once its input was found good.

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
    /// Whether it was there already, by its id, which is its idempotency key's.
    pub replayed: bool,
}

/// A submission was not taken in, or nobody can tell.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// Its id is that of another one.
    #[error("the key was used with another input")]
    KeyReused,
    /// The domain refuses it.
    #[error(transparent)]
    Rejected(SubmissionRejection),
    /// The log did not take it. Where that is not known, the same again tells.
    #[error(transparent)]
    Append(AppendError),
    /// It is there already, and could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Takes a program in and queues its judging, in one step (INV-6). Its source is in the blobs already. The same again
/// is the same submission, because its stream begins once.
///
/// # Errors
/// When its id is another's, or the log fails.
pub async fn receive(
    log: &dyn EventLog,
    context: &Context,
    received: SubmissionReceived,
) -> Result<Received, ReceiveError> {
    let id = StreamId::Submission(received.submission);
    let work = WorkItem { lane: Lane::Submit, stream: id.clone() };
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

/// The problem may have been revised between two tries; that is not the author's doing.
fn same_input(first: &SubmissionReceived, again: &SubmissionReceived) -> bool {
    first.problem == again.problem
        && first.language == again.language
        && first.source == again.source
}
