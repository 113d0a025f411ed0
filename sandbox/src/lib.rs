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

#[cfg(fuzzing)]
pub use crate::cell::liar;
pub use crate::{
    cell::Cell,
    config::{Adapter, DockerConfig, NativeConfig, SandboxConfig},
    error::SandboxError,
    execution::{Afterwards, Ended, Excess, Execution, Limits, MemorySource, Outcome, Stack},
    language::{
        Allowances, Begins, COMPILER_TEXT_BYTES_MAX, Compiling, Examples, Language, LanguageError,
        LanguageId, Languages,
        layout::{Layout, Outputs},
    },
    link::link,
    path::{Area, CellPath, ListedFile},
    port::{Finding, Level, Sandbox, Toolchain},
    precompiled::Precompiled,
    resolver::resolve,
    self_test::self_test,
    spec::{CellSpec, Purpose},
};
pub use runner::{
    layout::{LISTED_FILES_MAX, PATH_BYTES_MAX},
    message::{Facts, RefusalKind},
};
