//! What a cell is made for, and its size.

use std::sync::Arc;

use crate::{Language, Limits};

/// The size of a cell. It caps everything that runs in the cell; each execution's own limits apply
/// in addition.
#[derive(Debug, Clone)]
pub struct CellSpec {
    /// The language whose toolchain the cell needs.
    pub language: Arc<Language>,
    /// What it is for.
    pub purpose: Purpose,
    /// Memory of all the program's processes together, in bytes.
    pub memory_bytes_max: u64,
    /// Processes and threads alive at once.
    pub processes_max: u32,
    /// Size of each writable area, in bytes.
    pub disk_bytes_max: u64,
}

impl CellSpec {
    /// A cell for compiling, sized by the language's own allowances.
    pub fn compile(language: &Arc<Language>) -> Self {
        let limits = language.compile_limits();
        Self {
            language: Arc::clone(language),
            purpose: Purpose::Compile,
            memory_bytes_max: limits.memory_bytes,
            processes_max: limits.processes,
            disk_bytes_max: limits.file_bytes.saturating_mul(2),
        }
    }

    /// A cell for running tests under these limits.
    pub fn run(language: &Arc<Language>, limits: &Limits) -> Self {
        Self {
            language: Arc::clone(language),
            purpose: Purpose::Run,
            memory_bytes_max: limits.memory_bytes,
            processes_max: limits.processes,
            disk_bytes_max: limits.file_bytes,
        }
    }
}

/// What a cell is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Compiling a source into an artifact. Such a cell never holds test data.
    Compile,
    /// Running an artifact, a checker or an interactor.
    Run,
}

/// The cell's own limits, which cap those of every execution in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ceiling {
    pub(crate) memory_bytes: u64,
    pub(crate) processes: u32,
}

impl Ceiling {
    /// For a cell that was opened before its use is known.
    pub(crate) const NONE: Self = Self { memory_bytes: u64::MAX, processes: u32::MAX };

    pub(crate) fn of(spec: &CellSpec) -> Self {
        Self { memory_bytes: spec.memory_bytes_max, processes: spec.processes_max }
    }
}
