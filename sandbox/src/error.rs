use std::{error::Error, io};

use runner::{FrameError, message::RefusalKind};

use crate::{CellPath, LanguageError, LanguageId};

/// What can go wrong with a sandbox. None of these is ever the author's fault (INV-4): what a program did is an
/// [`Outcome`](crate::Outcome), never an error.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The sandbox cannot work on this machine, or not now.
    #[error("the {adapter} sandbox is not available: {reason} ({cure})")]
    Unavailable {
        /// The adapter's name.
        adapter: &'static str,
        /// What is missing.
        reason: String,
        /// What an operator can do about it.
        cure: String,
    },

    /// The language's compiler or interpreter cannot be run in a cell.
    #[error("{language} is not available: {reason} ({cure})")]
    LanguageUnavailable {
        /// The language asked for.
        language: LanguageId,
        /// What was tried and how it failed.
        reason: String,
        /// What an operator can do about it.
        cure: String,
    },

    /// A language definition of the operator's cannot be used.
    #[error("the configured languages cannot be used")]
    Languages(#[from] LanguageError),

    /// A cell could not be sealed.
    #[error("could not {step}")]
    Seal {
        /// The step of the jail that failed.
        step: String,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },

    /// The container engine refused or failed.
    #[error("the container engine failed to {action}")]
    Engine {
        /// What was asked of it.
        action: &'static str,
        /// The client library's error.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },

    /// The runner broke the protocol, or speaks another version of it.
    #[error("the runner's answer could not be understood")]
    Protocol(#[from] FrameError),

    /// The runner answered something that does not fit the request.
    #[error("the runner answered {got} where {wanted} was due")]
    UnexpectedReply {
        /// What was due.
        wanted: &'static str,
        /// What came.
        got: &'static str,
    },

    /// The runner is gone: killed, crashed, or cut off.
    #[error("the cell was lost: {detail}")]
    CellLost {
        /// What is known about it, with the runner's last words.
        detail: String,
    },

    /// The runner did not answer within the execution's own limits and a grace.
    #[error("the runner did not answer within {waited_ms} ms")]
    Unresponsive {
        /// How long the cell was waited for.
        waited_ms: u128,
    },

    /// An earlier operation on this cell was cancelled or failed half-way, so its stream cannot be trusted.
    #[error("the cell was spoiled by an operation that did not finish")]
    Spoiled,

    /// A path that cannot be a file's in a cell.
    #[error("{path:?} is not a usable path in a cell: {reason}")]
    BadPath {
        /// The path as given.
        path: String,
        /// Why it was refused.
        reason: &'static str,
    },

    /// The file asked for cannot be given, or the file given cannot be stored.
    #[error("{path}: {detail}")]
    File {
        /// Which file.
        path: CellPath,
        /// Which rule or condition it failed; [`RefusalKind::NotFound`] and [`RefusalKind::NotRegular`] are the
        /// program's doing.
        kind: RefusalKind,
        /// The same in words.
        detail: String,
    },

    /// The program was never started: not found, not executable, not a program.
    #[error("{program} could not be started: {detail}")]
    NotStarted {
        /// The first word of the command.
        program: String,
        /// Why.
        detail: String,
    },

    /// A request was refused for any other reason.
    #[error("the runner refused: {detail}")]
    Refused {
        /// Which rule refused it.
        kind: RefusalKind,
        /// The same in words.
        detail: String,
    },

    /// Talking to the runner failed.
    #[error("the stream to the runner failed")]
    Io(#[source] io::Error),
}

impl SandboxError {
    /// What is wrong with the files that a program left, in words; `None` where the program has no part in it.
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

    /// Whether another cell, or the same machine a little later, may well succeed.
    #[must_use]
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
