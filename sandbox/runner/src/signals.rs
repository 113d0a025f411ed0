//! The signal that a child has ended.

use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// SIGCHLD as a descriptor that can be polled.
pub(crate) struct Signals(SignalFd);

impl Signals {
    /// Blocks SIGCHLD and reads it from a descriptor instead.
    pub(crate) fn take() -> nix::Result<Self> {
        let mut children = SigSet::empty();
        children.add(Signal::SIGCHLD);
        children.thread_block()?;
        Ok(Self(SignalFd::with_flags(&children, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?))
    }

    pub(crate) fn drain(&self) {
        while let Ok(Some(_)) = self.0.read_signal() {}
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
