#![doc = include_str!("../README.md")]

pub mod archive;
pub mod diagnostic;
pub mod limits;
pub mod package;
pub mod tree;

mod read;
mod yaml;

pub use diagnostic::{Diagnostic, Severity};
pub use limits::TreeLimits;
pub use package::{About, Options, Package, SampleSubmission};
pub use read::{SOURCE_EXTENSIONS, read};
pub use tree::{Entry, FileTree, FileTreeBuilder};
