//! Exit codes: the one table that maps a command's outcome to its code.

use std::error::Error;
use std::fmt;

use std::process::ExitCode;
use supervision::error_chain;

/// An exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Success: accepted, or done.
    Done = 0,
    /// Not accepted, or not as expected.
    NotAccepted = 1,
    /// Wrong usage, or invalid input.
    Usage = 2,
    /// A server or store does not respond, or must not be used in its state.
    Network = 3,
    /// Not signed in, or not allowed.
    Auth = 4,
    /// An internal error, or the verdict `JUDGE_ERROR`.
    JudgeError = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A command's failure: the message to print, and the exit code.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What failed, why, and how to fix it if that is known.
    pub message: String,
}

impl Failure {
    /// A failure with this message.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    /// A failure with this error and all its causes. `doing` names the action that failed.
    pub fn of(exit: Exit, doing: &str, error: &(dyn Error + 'static)) -> Self {
        Self { exit, message: format!("{doing}: {}", error_chain(error)) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
