//! A file system of a limited size, which can be filled up.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Bytes written at once, and in the end, so that nothing is left.
const CHUNKS_BYTES: [usize; 2] = [1024 * 1024, 4096];
/// What takes up the room.
const FILLER: &str = "filler";

/// A `tmpfs` at a directory of somebody else's. It ends when dropped.
#[derive(Debug)]
pub struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts it at this directory.
    ///
    /// # Panics
    /// When it cannot be mounted: that takes root, as do most tests of this crate.
    pub fn mount(path: &Path, mebibytes: u32) -> Self {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "assay-test"]).arg(path);
        let outcome = mount.output().expect("mount can be run");
        assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stderr));
        Self { path: path.to_owned() }
    }

    /// Leaves not a byte free.
    ///
    /// # Panics
    /// When something else than the size ends it.
    pub fn fill(&self) {
        let mut filler = File::create(self.path.join(FILLER)).expect("a file can be made");
        for bytes in CHUNKS_BYTES.map(|bytes| vec![0; bytes]) {
            let error = loop {
                if let Err(error) = filler.write_all(&bytes) {
                    break error;
                }
            };
            assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{error}");
        }
    }

    /// Makes room again.
    ///
    /// # Panics
    /// When it was not filled.
    pub fn empty(&self) {
        std::fs::remove_file(self.path.join(FILLER)).expect("the filler is there");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, because a server that was killed may not be gone for good yet.
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}
