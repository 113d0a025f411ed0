//! Why the runner does not do what a request asks for.

use runner::message::RefusalKind;

/// A request that is refused. The cell remains usable.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) kind: RefusalKind,
    pub(crate) detail: String,
}

impl Refusal {
    pub(crate) fn new(kind: RefusalKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }

    /// A system call failed unexpectedly. `what` is a verb phrase after "could not".
    pub(crate) fn system(what: &str, error: impl Into<std::io::Error>) -> Self {
        let error = error.into();
        let kind = match error.raw_os_error() {
            Some(libc::ENOSPC | libc::EDQUOT) => RefusalKind::NoSpace,
            _ => RefusalKind::System,
        };
        Self::new(kind, format!("could not {what}: {error}"))
    }
}

/// Why a command has no report.
pub(crate) enum Failure {
    /// The command was not started.
    Refused(Refusal),
    /// The host is gone, or processes could not be killed.
    Fatal(std::io::Error),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
