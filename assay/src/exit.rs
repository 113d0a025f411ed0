//! How a command ends: the one table from outcome to exit code.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

/// An exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Accepted, or done.
    Done = 0,
    /// Not accepted, or not as expected.
    NotAccepted = 1,
    /// The command was called wrongly, or its input is not valid.
    Usage = 2,
    /// A server or store does not answer.
    Network = 3,
    /// Not signed in, or not allowed.
    Auth = 4,
    /// A fault of ours.
    JudgeError = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A command that failed: what it was doing, why, and with what exit code.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What failed, and what can be done about it.
    pub message: String,
}

impl Failure {
    /// A failure with this message.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    /// A failure with this error and its causes.
    pub fn of(exit: Exit, doing: &str, error: &(dyn Error + 'static)) -> Self {
        let mut message = format!("{doing}: {error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            message.push_str(&format!(": {error}"));
            cause = error.source();
        }
        Self { exit, message }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
