use std::error::Error;
use std::io;

use runner::FrameError;
use runner::message::RefusalKind;

use crate::{LanguageError, LanguageId};

/// A failure of a sandbox. None of these is the author's fault (INV-4): what a program did is an
/// [`Outcome`](crate::Outcome), never an error.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The sandbox does not work on this machine, at least for now.
    #[error("the {adapter} sandbox is not available: {reason} ({cure})")]
    Unavailable {
        /// The adapter's name.
        adapter: &'static str,
        /// What is missing.
        reason: String,
        /// What an operator can do about it.
        cure: String,
    },

    /// The language's compiler or interpreter does not run in a cell.
    #[error("{language} is not available: {reason}; {cure}")]
    LanguageUnavailable {
        /// The language asked for.
        language: LanguageId,
        /// How the version probe failed.
        reason: String,
        /// What an operator can do about it.
        cure: String,
    },

    /// One of the operator's language definitions is invalid.
    #[error("the configured languages are invalid")]
    Languages(#[from] LanguageError),

    /// A cell could not be sealed.
    #[error("could not {step}")]
    Seal {
        /// The failed step, as a verb phrase after "could not".
        step: String,
        /// The error of the system call.
        #[source]
        source: io::Error,
    },

    /// A request to the container engine failed.
    #[error("the container engine failed to {action}")]
    Engine {
        /// The requested action, as a verb phrase after "failed to".
        action: &'static str,
        /// The client library's error.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },

    /// The runner violated the protocol, or uses another version of it.
    #[error("the runner's answer is not valid")]
    Protocol(#[from] FrameError),

    /// The runner's reply does not fit the request.
    #[error("the runner answered {got} instead of {wanted}")]
    UnexpectedReply {
        /// The expected kind of reply.
        wanted: &'static str,
        /// The kind of reply received.
        got: &'static str,
    },

    /// The runner is gone: it was killed, crashed or lost its connection.
    #[error("the cell was lost: {detail}")]
    CellLost {
        /// The cause, if known, with the runner's standard error.
        detail: String,
    },

    /// The runner did not answer within the execution's limits and a grace period.
    #[error("the runner did not answer within {waited_ms} ms")]
    Unresponsive {
        /// How long the host waited, in milliseconds.
        waited_ms: u128,
    },

    /// An earlier operation on this cell was cancelled or failed half-way, so its stream is
    /// unusable.
    #[error("the cell is unusable because an earlier operation on it did not finish")]
    Spoiled,

    /// The path is not allowed for a file in a cell.
    #[error("{path:?} is not a usable path in a cell: {reason}")]
    BadPath {
        /// The path as given.
        path: String,
        /// Why it was refused.
        reason: &'static str,
    },

    /// A file could not be fetched or stored.
    #[error("{path}: {detail}")]
    File {
        /// The file's absolute path inside the cell.
        path: String,
        /// The reason as a kind. A program causes [`RefusalKind::NotFound`] and
        /// [`RefusalKind::NotRegular`].
        kind: RefusalKind,
        /// The reason in words.
        detail: String,
    },

    /// The program did not start: it was not found, not executable or not a program.
    #[error("{program} could not be started: {detail}")]
    NotStarted {
        /// The first word of the command.
        program: String,
        /// The reason in words.
        detail: String,
    },

    /// The runner refused a request for another reason.
    #[error("the runner refused: {detail}")]
    Refused {
        /// The reason as a kind.
        kind: RefusalKind,
        /// The reason in words.
        detail: String,
    },

    /// Reading from or writing to the runner's stream failed.
    #[error("the stream to the runner failed")]
    Io(#[source] io::Error),
}

impl SandboxError {
    /// A message about what is wrong with the files that a program left; `None` if the program did
    /// not cause the error.
    pub fn of_files_left(&self) -> Option<String> {
        use RefusalKind::{BadName, NoSpace, NotFound, NotRegular, TooLarge};
        let of_program = |kind: &RefusalKind| {
            matches!(kind, BadName | NoSpace | NotFound | NotRegular | TooLarge)
        };
        match self {
            Self::File { kind, .. } if of_program(kind) => Some(self.to_string()),
            Self::Refused { kind, detail } if of_program(kind) => Some(detail.clone()),
            Self::BadPath { .. } => Some(self.to_string()),
            _ => None,
        }
    }

    /// Whether a retry with another cell, or a little later, may succeed.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::CellLost { .. }
                | Self::Unresponsive { .. }
                | Self::Spoiled
                | Self::Engine { .. }
                | Self::Io(_)
                | Self::Unavailable { .. }
        )
    }
}
