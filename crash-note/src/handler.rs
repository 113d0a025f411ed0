//! The signal handler that marks the note when a watched thread crashes. This is the crate's only
//! unsafe code.
#![allow(unsafe_code, reason = "signal handlers are installed by system calls")]

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_void};
use std::io;
use std::mem;
use std::os::fd::RawFd;
use std::ptr;
use std::sync::{Arc, OnceLock};

use crate::layout::CRASHED;

/// The signals of a crash. Rust's own handler of a stack overflow ends in SIGABRT, and so do failed
/// allocations and panics that cannot unwind.
const SIGNALS: [c_int; 5] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGABRT];

/// A descriptor that does not exist.
const NONE: RawFd = -1;

/// What each signal did before.
static PREVIOUS: [OnceLock<libc::sigaction>; SIGNALS.len()] =
    [const { OnceLock::new() }; SIGNALS.len()];

thread_local! {
    /// The note to mark if this thread crashes. A constant without a destructor: reading it in a
    /// signal handler allocates nothing and registers nothing.
    static MARKED: Cell<RawFd> = const { Cell::new(NONE) };
    static KEPT_OPEN: RefCell<Option<KeptOpen>> = const { RefCell::new(None) };
}

/// Keeps a thread's descriptor open until the thread ends, so that its number is not used for
/// another file.
struct KeptOpen {
    _owner: Arc<dyn Any + Send + Sync>,
}

impl Drop for KeptOpen {
    fn drop(&mut self) {
        MARKED.set(NONE);
    }
}

/// Marks the note with this descriptor if the current thread crashes. The thread keeps the owner
/// of the descriptor until it ends.
pub(crate) fn watch_this_thread(note: RawFd, owner: Arc<dyn Any + Send + Sync>) {
    KEPT_OPEN.replace(Some(KeptOpen { _owner: owner }));
    MARKED.set(note);
}

/// Installs the handler for all signals, once for the process. Signals that are ignored stay so.
pub(crate) fn install() -> io::Result<()> {
    static INSTALLED: OnceLock<Result<(), i32>> = OnceLock::new();
    let installed = INSTALLED.get_or_init(|| {
        let mut signals = SIGNALS.into_iter().zip(&PREVIOUS);
        signals.try_for_each(|(signal, previous)| {
            install_for(signal, previous).map_err(|it| it.raw_os_error().unwrap_or_default())
        })
    });
    installed.map_err(io::Error::from_raw_os_error)
}

fn install_for(signal: c_int, previous: &OnceLock<libc::sigaction>) -> io::Result<()> {
    // SAFETY: all bytes zero is a valid sigaction: the default action, no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    // SAFETY: `action` is valid for writes, and no new action is given.
    check(unsafe { libc::sigaction(signal, ptr::null(), &raw mut action) })?;
    // First, because the handler reads it as soon as it is installed.
    let previous = previous.get_or_init(|| action);
    if previous.sa_sigaction == libc::SIG_IGN {
        return Ok(());
    }
    // SAFETY: as above.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    action.sa_sigaction = on_crash as extern "C" fn(_, _, _) as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: `action` names a handler with the signature that SA_SIGINFO requires, which calls
    // only functions that are safe in signal handlers. Rust gives its threads a signal stack.
    check(unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) })
}

fn check(result: c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Marks the note if this thread is watched and crashed by itself, and then does what the signal
/// did before.
extern "C" fn on_crash(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes a valid pointer to a handler with SA_SIGINFO.
    let details = unsafe { &*info };
    let note = MARKED.get();
    if note != NONE && is_own(details) {
        // SAFETY: the text is valid for reads of its length. `pwrite` is a bare system call.
        unsafe { libc::pwrite(note, CRASHED.as_ptr().cast(), CRASHED.len(), 0) };
    }
    let previous = SIGNALS.iter().position(|it| *it == signal).and_then(|at| PREVIOUS[at].get());
    match previous.filter(|it| it.sa_sigaction != libc::SIG_DFL) {
        Some(previous) => {
            if signal != libc::SIGABRT {
                // It may abort, and the signal stack may have no room for this handler again.
                reset(libc::SIGABRT);
            }
            call(previous, signal, info, context);
        }
        None => reset(signal),
    }
    // A fault happens again on return. A signal that was sent must be sent again.
    if details.si_code <= 0 {
        reset(signal);
        // SAFETY: `raise` reads no memory.
        unsafe { libc::raise(signal) };
    }
}

/// Whether this process caused the signal. The kernel's codes for faults are positive. `abort` sends
/// the signal to its own thread; all other senders are outside.
fn is_own(details: &libc::siginfo_t) -> bool {
    if details.si_code > 0 {
        return true;
    }
    // SAFETY: a signal that was sent has a sender. `getpid` reads no memory.
    details.si_code == libc::SI_TKILL && unsafe { details.si_pid() == libc::getpid() }
}

/// Gives a signal its default action.
fn reset(signal: c_int) {
    // SAFETY: all bytes zero is a valid sigaction: the default action.
    let action: libc::sigaction = unsafe { mem::zeroed() };
    // SAFETY: `action` is valid for reads. `sigaction` is safe in signal handlers.
    unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) };
}

/// Calls the handler that was installed before.
fn call(
    previous: &libc::sigaction,
    signal: c_int,
    info: *mut libc::siginfo_t,
    context: *mut c_void,
) {
    type Detailed = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);
    type Plain = extern "C" fn(c_int);
    if previous.sa_flags & libc::SA_SIGINFO == 0 {
        // SAFETY: without SA_SIGINFO, an action that is neither the default nor to ignore is a
        // function of this type.
        let handler = unsafe { mem::transmute::<usize, Plain>(previous.sa_sigaction) };
        handler(signal);
    } else {
        // SAFETY: with SA_SIGINFO, it is a function of this type.
        let handler = unsafe { mem::transmute::<usize, Detailed>(previous.sa_sigaction) };
        handler(signal, info, context);
    }
}
