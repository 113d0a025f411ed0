#![doc = include_str!("../README.md")]

pub mod archive;
pub mod diagnostic;
pub mod limits;
pub mod package;
pub mod timing;
pub mod tree;

mod read;
mod yaml;

pub use diagnostic::{Diagnostic, Severity};
pub use limits::TreeLimits;
pub use package::{
    About, Converter, Format, InputCase, InputValidation, Options, OutputCase, Package, Rule, SampleSubmission, SourceFile,
    TimeLimitUse,
};
pub use read::{SOURCE_EXTENSIONS, read};
pub use timing::{Timed, Timing, TimingError};
pub use tree::{Entry, FileTree, FileTreeBuilder};
