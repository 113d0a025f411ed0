//! In-memory adapters of the stores' ports, without faults. They pass the conformance suites of all
//! adapters.

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

/// Locks a mutex, poisoned or not: every change under a lock is complete.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
