#![doc = include_str!("../README.md")]

pub mod archive;
pub mod diagnostic;
pub mod limits;
pub mod package;
pub mod timing;
pub mod tree;

mod blobs;
mod budget;
mod dmoj;
mod fields;
mod flaws;
mod format;
mod formulas;
mod fps;
mod glob;
mod images;
mod kattis;
mod languages;
mod naming;
mod polygon;
#[cfg(test)]
mod stored;
mod text;
mod xml;
mod yaml;

pub use budget::Budget;
pub use diagnostic::{Diagnostic, Severity};
pub use format::{read, slug_of_file};
pub use glob::Glob;
pub use languages::SOURCE_EXTENSIONS;
pub use limits::TreeLimits;
pub use package::{
    About, Converter, Format, InputCase, InputValidation, Options, OutputCase, Package, Rule,
    SampleSubmission, SourceFile, TimeLimitUse,
};
pub use timing::{Timed, Timing, TimingError, scaled};
pub use tree::{Entry, FileTree, FileTreeBuilder, counts_as_absent};
