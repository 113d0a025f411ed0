//! Tells stored data that was changed, damaged or lost from a store that does not respond.

use std::error::Error;
use std::iter::successors;

use crate::{
    BlobError, CredentialsError, ExportsError, QueueError, ReadError, RunsError, TreeStoreError,
    sqlite,
};

/// What is wrong with stored data. Trying again does not help: the operator must act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastingFault {
    /// A stored record is not what Assay wrote.
    Damaged,
    /// A position of the log is missing.
    Gap,
    /// The log is not the one that was read or signed before.
    Diverged,
    /// A stored event cannot be decoded: it was changed, or a newer version wrote it.
    Undecodable,
    /// Stored bytes that an event names are missing.
    Missing,
}

/// The lasting fault that an error or one of its causes shows; `None` for an outage or a full disk.
pub fn lasting_fault(error: &(dyn Error + 'static)) -> Option<LastingFault> {
    successors(Some(error), |&error| error.source()).find_map(shown_by)
}

/// The field `alert` of a log line about this error, on which operators alert: `Some(true)` if it
/// shows a lasting fault.
pub fn alert(error: &(dyn Error + 'static)) -> Option<bool> {
    lasting_fault(error).map(|_| true)
}

fn shown_by(error: &(dyn Error + 'static)) -> Option<LastingFault> {
    if let Some(error) = error.downcast_ref::<ReadError>() {
        return match error {
            ReadError::Unavailable(_) => None,
            ReadError::Gap { .. } | ReadError::Missing(_) => Some(LastingFault::Gap),
            ReadError::Undecodable { .. } => Some(LastingFault::Undecodable),
            ReadError::Damaged(_) => Some(LastingFault::Damaged),
            ReadError::Diverged(_) => Some(LastingFault::Diverged),
        };
    }
    if let Some(error) = error.downcast_ref::<BlobError>() {
        return match error {
            BlobError::NotFound(_) => Some(LastingFault::Missing),
            BlobError::Damaged(_) => Some(LastingFault::Damaged),
            BlobError::TooLarge(_) | BlobError::Unavailable(_) => None,
        };
    }
    let is_damaged = matches!(error.downcast_ref(), Some(CredentialsError::Damaged(_)))
        || matches!(error.downcast_ref(), Some(QueueError::Damaged(_)))
        || matches!(error.downcast_ref(), Some(RunsError::Damaged(_)))
        || matches!(error.downcast_ref(), Some(TreeStoreError::Damaged(_)))
        || matches!(error.downcast_ref(), Some(ExportsError::Damaged(_)))
        || sqlite::shows_damage(error);
    is_damaged.then_some(LastingFault::Damaged)
}

#[cfg(test)]
mod tests {
    use domain::{Digest, Position};

    use super::*;
    use crate::AppendError;

    #[test]
    fn an_outage_is_no_lasting_fault_and_damage_is_at_any_depth() {
        let away = || "connection refused".into();
        let diverged = || ReadError::Diverged("it ends at 7".to_owned());
        let digest = Digest::of(b"");
        let (expected, found) = (Position(7), Position(9));
        let cases: [(Box<dyn Error>, Option<LastingFault>); 9] = [
            (ReadError::Unavailable(away()).into(), None),
            (ReadError::Gap { expected, found }.into(), Some(LastingFault::Gap)),
            (ReadError::Damaged("a field".to_owned()).into(), Some(LastingFault::Damaged)),
            (diverged().into(), Some(LastingFault::Diverged)),
            (AppendError::Unavailable(diverged().into()).into(), Some(LastingFault::Diverged)),
            (AppendError::Unavailable(away()).into(), None),
            (BlobError::NotFound(digest).into(), Some(LastingFault::Missing)),
            (BlobError::Unavailable(away()).into(), None),
            (CredentialsError::Damaged("a token".to_owned()).into(), Some(LastingFault::Damaged)),
        ];
        for (error, expected) in cases {
            assert_eq!(lasting_fault(error.as_ref()), expected, "{error:?}");
        }
    }
}
