use std::sync::atomic::{AtomicU32, Ordering};

use runner::layout::PROGRAM_UIDS;

/// Users for programs: cells alive at the same time have different ones, so that nothing the kernel counts or permits
/// by user is shared between them.
#[derive(Debug)]
pub(crate) struct ProgramUids(AtomicU32);

impl ProgramUids {
    /// Begins somewhere in the range, so that two processes on one machine seldom meet.
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(std::process::id()))
    }

    /// The next one. They come round again after a few hundred cells.
    pub(crate) fn next(&self) -> u32 {
        let count = PROGRAM_UIDS.end() - PROGRAM_UIDS.start() + 1;
        PROGRAM_UIDS.start() + self.0.fetch_add(1, Ordering::Relaxed) % count
    }
}
