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
mod turn;
mod uids;

pub use cell::Cell;
#[cfg(fuzzing)]
pub use cell::liar;
pub use config::{Adapter, DockerConfig, NativeConfig, SandboxConfig};
pub use error::SandboxError;
pub use execution::{Afterwards, Ended, Excess, Execution, Limits, MemorySource, Outcome, Stack};
pub use language::layout::{Layout, Outputs};
pub use language::{
    Allowances, Begins, COMPILER_TEXT_BYTES_MAX, Compiling, Examples, Language, LanguageError,
    LanguageId, Languages,
};
pub use link::link;
pub use path::{Area, CellPath, ListedFile};
pub use port::{Finding, Level, Sandbox, Toolchain};
pub use precompiled::Precompiled;
pub use resolver::resolve;
pub use runner::layout::{LISTED_FILES_MAX, PATH_BYTES_MAX};
pub use runner::message::{Facts, RefusalKind};
pub use self_test::self_test;
pub use spec::{CellSpec, Purpose};
pub use turn::{Answered, Turn, TurnReply};
