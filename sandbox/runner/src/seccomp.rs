//! The system call filters. What they refuse, and why, stands in `seccomp/*.toml`, which `build.rs` compiles.
//!
//! There are two, because installing one takes the kernel longer the more it refuses. The long one the runner installs
//! for itself, once for each cell; programs inherit it. The short one, with what the runner needs itself, each program
//! gets just before it is executed.

use libc::sock_filter;

include!(concat!(env!("OUT_DIR"), "/filters.rs"));

/// A compiled filter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Filter(&'static [sock_filter]);

impl Filter {
    /// For the runner and all that it starts; `None` on a processor that there is no filter for.
    pub(crate) fn of_cell() -> Option<Self> {
        CELL.map(Self)
    }

    /// For a program. Where no cgroup limits its memory, what the runner samples has to be all there is.
    pub(crate) fn of_program(memory_is_limited: bool) -> Option<Self> {
        if memory_is_limited { PROGRAM } else { PROGRAM_WITHOUT_MEMORY_LIMIT }.map(Self)
    }

    pub(crate) fn instructions(self) -> &'static [sock_filter] {
        self.0
    }
}

#[cfg(test)]
mod tests;
