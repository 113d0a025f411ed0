//! Faults of the machine that the evaluator runs on. They are independent of the submission.

use std::error::Error;
use std::io;

use sandbox::SandboxError;

/// Kernel errors for a machine without room: open files of the process or the system, memory, disk,
/// quota, processes.
const NO_ROOM: [i32; 6] =
    [libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::ENOSPC, libc::EDQUOT, libc::EAGAIN];

/// Whether an error or one of its causes is a machine without room or a sandbox that cannot work
/// now.
pub(crate) fn is_at_fault(error: &(dyn Error + 'static)) -> bool {
    let no_room = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::raw_os_error)
        .is_some_and(|code| NO_ROOM.contains(&code));
    let unavailable = error
        .downcast_ref::<SandboxError>()
        .is_some_and(|error| matches!(error, SandboxError::Unavailable { .. }));
    no_room || unavailable || error.source().is_some_and(is_at_fault)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interruption::Interruption;
    use crate::judge::Fault;

    fn sealing(source: io::Error) -> Interruption {
        Fault::from(SandboxError::Seal { step: "fork".to_owned(), source }).into()
    }

    #[test]
    fn only_want_of_room_is_the_machines_fault() {
        for code in NO_ROOM {
            assert!(is_at_fault(&sealing(io::Error::from_raw_os_error(code))), "{code}");
        }
        for code in [libc::EPERM, libc::EPIPE, libc::EINVAL] {
            assert!(!is_at_fault(&sealing(io::Error::from_raw_os_error(code))), "{code}");
        }
        let program =
            Fault::Program { program: "checker".to_owned(), detail: "crashed".to_owned() };
        assert!(!is_at_fault(&Interruption::from(program)));
        assert!(!is_at_fault(&Interruption::Fenced));
    }
}
