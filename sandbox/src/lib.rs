#![doc = include_str!("../README.md")]

mod cell;
mod config;
pub mod docker;
mod error;
mod execution;
mod language;
mod link;
pub mod native;
mod path;
mod pool;
mod port;
mod precompiled;
mod resolver;
mod runner_binary;
mod self_test;
mod spec;
mod toolchain;
mod uids;

pub use crate::cell::Cell;
#[cfg(fuzzing)]
pub use crate::cell::liar;
pub use crate::config::{Adapter, DockerConfig, NativeConfig, SandboxConfig};
pub use crate::error::SandboxError;
pub use crate::execution::{
    Afterwards, Ended, Excess, Execution, Limits, MemorySource, Outcome, Stack,
};
pub use crate::language::layout::{Layout, Outputs};
pub use crate::language::{
    Allowances, Begins, COMPILER_TEXT_BYTES_MAX, Compiling, Examples, Language, LanguageError,
    LanguageId, Languages,
};
pub use crate::link::link;
pub use crate::path::{Area, CellPath, ListedFile};
pub use crate::port::{Finding, Level, Sandbox, Toolchain};
pub use crate::precompiled::Precompiled;
pub use crate::resolver::resolve;
pub use crate::self_test::self_test;
pub use crate::spec::{CellSpec, Purpose};
pub use runner::layout::{LISTED_FILES_MAX, PATH_BYTES_MAX};
pub use runner::message::{Facts, RefusalKind};
