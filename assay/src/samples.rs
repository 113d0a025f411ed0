//! The sample problems, packed by the build script.

use problem_package::{FileTree, Options, Package, TreeLimits};

use crate::{Exit, Failure};

/// Each sample's slug and archive.
pub const SAMPLES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/samples.rs"));

/// Reads the only problem of a sample's archive.
pub fn read(slug: &str, archive: &[u8]) -> Result<Package, Failure> {
    let broken = |why: String| Failure::new(Exit::JudgeError, format!("the sample {slug}: {why}"));
    let mut packages = FileTree::from_zip(archive, &TreeLimits::default())
        .and_then(|tree| problem_package::read(&tree, &Options::default()))
        .map_err(|diagnostics| {
            let lines: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
            broken(lines.join("; "))
        })?;
    packages.pop().ok_or_else(|| broken("it has no problem".to_owned()))
}
