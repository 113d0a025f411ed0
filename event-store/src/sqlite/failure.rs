//! SQLite's errors as the ports' errors.

use std::error::Error;

use rusqlite::ErrorCode;

use crate::ReadError;

/// Lets `?` turn SQLite's errors into the port's without naming SQLite in the port.
pub(super) struct ReadFailure(pub(super) ReadError);

impl From<rusqlite::Error> for ReadFailure {
    fn from(error: rusqlite::Error) -> Self {
        Self(read_error(error))
    }
}

impl From<ReadFailure> for ReadError {
    fn from(failure: ReadFailure) -> Self {
        failure.0
    }
}

pub(super) fn read_error(error: rusqlite::Error) -> ReadError {
    if is_damage(&error) {
        return ReadError::Damaged(error.to_string());
    }
    ReadError::Unavailable(Box::new(error))
}

/// Whether the error is SQLite's, and shows that the file is damaged or has a value that Assay never
/// writes.
pub(crate) fn shows_damage(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref().is_some_and(is_damage)
}

fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType};
    match error {
        FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..) => true,
        error => matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        ),
    }
}
