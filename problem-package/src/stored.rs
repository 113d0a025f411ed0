//! Packages stored for tests.

use std::path::Path;

use crate::limits::TreeLimits;
use crate::tree::{Entry, FileTree, FileTreeBuilder};

/// The tree of a package in `tests/packages`.
pub(crate) fn stored(name: &str) -> FileTree {
    fn insert(folder: &Path, prefix: &str, builder: &mut FileTreeBuilder) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{prefix}/{}", entry.file_name().to_str().unwrap());
            if entry.path().is_dir() {
                insert(&entry.path(), &path, builder);
            } else {
                let bytes = std::fs::read(entry.path()).unwrap();
                builder.insert(path.as_bytes(), Entry::File(bytes.into()));
            }
        }
    }
    let mut builder = FileTree::builder(TreeLimits::default());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/packages").join(name);
    insert(&folder, name, &mut builder);
    builder.finish().unwrap()
}
