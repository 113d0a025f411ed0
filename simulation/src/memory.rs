//! Adapters of the stores' ports in memory, without faults. They pass the suites that every adapter passes.

mod blobs;
mod journal;
mod log;
mod tree;
mod views;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use self::blobs::MemoryBlobs;
pub(crate) use self::journal::Journal;
pub use self::log::MemoryLog;
pub use self::tree::MemoryTree;
pub use self::views::MemoryViews;

/// What one thread changes, all others see whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
