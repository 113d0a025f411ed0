//! The system call filters. `build.rs` compiles them from `seccomp/*.toml`, which list the refused
//! calls with reasons.
//!
//! There are two, because a longer filter takes the kernel longer to install. The runner installs
//! the long one for itself, once for each cell, and programs inherit it. The short one refuses
//! calls that the runner itself needs; each program gets it just before it is executed.

use libc::sock_filter;

include!(concat!(env!("OUT_DIR"), "/filters.rs"));

/// A compiled filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Filter(&'static [sock_filter]);

impl Filter {
    /// The filter for the runner and everything it starts; `None` on a processor without filters.
    pub(crate) fn of_cell() -> Option<Self> {
        CELL.map(Self)
    }

    /// The filter for a program. Without a cgroup memory limit, it also refuses memory that the
    /// runner cannot sample.
    pub(crate) fn of_program(memory_is_limited: bool) -> Option<Self> {
        if memory_is_limited { PROGRAM } else { PROGRAM_WITHOUT_MEMORY_LIMIT }.map(Self)
    }

    pub(crate) fn instructions(self) -> &'static [sock_filter] {
        self.0
    }
}

#[cfg(test)]
mod tests;
