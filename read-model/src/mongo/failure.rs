//! Why an attempt of a transaction failed.

use mongodb::error::{Error, ErrorKind, TRANSIENT_TRANSACTION_ERROR, WriteFailure};

use super::store::BoxedError;

/// The server's error code for an `_id` that already exists.
const DUPLICATE_KEY: i32 = 11_000;
/// The server's error code for an operation whose session was ended, as a rival writer does.
const INTERRUPTED: i32 = 11_601;

/// Why an attempt failed.
pub(super) enum Failure {
    /// The checkpoint is at another position.
    Superseded,
    /// The generation to become live has not read as far as the live one.
    Behind,
    /// It was rolled back; another attempt may succeed.
    Transient(Error),
    /// It may or may not have been applied.
    Unknown(Error),
    /// The server refused one of the documents.
    Refused(BoxedError),
    /// Another attempt would fail the same way.
    Final(BoxedError),
}

pub(super) fn failure(error: Error) -> Failure {
    let duplicate = matches!(
        &*error.kind,
        ErrorKind::Write(WriteFailure::WriteError(write)) if write.code == DUPLICATE_KEY
    );
    if duplicate {
        Failure::Superseded
    } else if error.contains_label(TRANSIENT_TRANSACTION_ERROR)
        || command_code(&error) == Some(INTERRUPTED)
    {
        Failure::Transient(error)
    } else {
        Failure::Final(error.into())
    }
}

pub(super) fn command_code(error: &Error) -> Option<i32> {
    match &*error.kind {
        ErrorKind::Command(command) => Some(command.code),
        _ => None,
    }
}
