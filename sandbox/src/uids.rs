use std::sync::atomic::{AtomicU32, Ordering};

use runner::layout::PROGRAM_UIDS;

/// Hands out users for programs. Cells alive at the same time have different users, so that they
/// share no per-user limits or permissions of the kernel.
#[derive(Debug)]
pub(crate) struct ProgramUids(AtomicU32);

impl ProgramUids {
    /// Starts at an arbitrary user of the range, so that two processes on one machine seldom use
    /// the same ones.
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(std::process::id()))
    }

    /// The next user. Users repeat after a few hundred cells.
    pub(crate) fn next(&self) -> u32 {
        let count = PROGRAM_UIDS.end() - PROGRAM_UIDS.start() + 1;
        PROGRAM_UIDS.start() + self.0.fetch_add(1, Ordering::Relaxed) % count
    }
}
