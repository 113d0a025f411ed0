//! Why a session ends without a verdict.

use std::sync::Arc;

use domain::LanguageId;
use domain::submission::SubmissionRejection;
use event_store::{AppendError, ExecuteError, QueueError, ReadError, RunsError};

use crate::judge::Fault;
use crate::library::FetchError;

/// Why a session ended before a verdict.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Interruption {
    /// The submission was cancelled, or another evaluator has taken it; this one has nothing left
    /// to do.
    #[error("it was cancelled, or another evaluator took over")]
    Fenced,
    /// We could not judge.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// We could not judge one of the tests.
    #[error("judging the test {test} failed")]
    Test {
        /// The test's name in the package.
        test: String,
        /// The cause.
        #[source]
        fault: Fault,
    },
    /// The code that judges panicked: a bug.
    #[error("the evaluator panicked while judging it")]
    Panicked,
    /// Something that judging needs could not be fetched.
    #[error(transparent)]
    Fetch(#[from] Arc<FetchError>),
    /// The log could not be read.
    #[error("reading the submission failed")]
    Read(#[from] ReadError),
    /// The log did not accept the result.
    #[error("recording failed")]
    Append(#[source] AppendError),
    /// The queue failed.
    #[error("the queue failed")]
    Queue(#[from] QueueError),
    /// The store of runs failed.
    #[error("the run could not be read or recorded")]
    Runs(#[source] RunsError),
    /// The result does not follow from the events before it: a bug.
    #[error("the submission rejected the result")]
    Rejected(#[source] SubmissionRejection),
    /// This evaluator does not have the submission's language.
    #[error("the language {0} is not installed here")]
    NoLanguage(LanguageId),
    /// The submission's source is not text. Submitting should have refused it.
    #[error("the source is not text")]
    NotText,
}

impl From<ExecuteError<SubmissionRejection>> for Interruption {
    fn from(error: ExecuteError<SubmissionRejection>) -> Self {
        match error {
            // INV-7: the version has changed, so another evaluator writes to this submission
            // now, or it was cancelled.
            ExecuteError::Append(AppendError::Conflict { .. }) => Self::Fenced,
            ExecuteError::Append(error) => Self::Append(error),
            ExecuteError::Rejected(rejection) => Self::Rejected(rejection),
        }
    }
}

impl From<RunsError> for Interruption {
    fn from(error: RunsError) -> Self {
        match error {
            // INV-7: another evaluator writes to this run now.
            RunsError::Conflict { .. } => Self::Fenced,
            error => Self::Runs(error),
        }
    }
}
