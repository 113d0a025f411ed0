//! A small file system, which tests can fill.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The sizes of the writes, in bytes: large ones first, then small ones for the rest.
const CHUNKS_BYTES: [usize; 2] = [1024 * 1024, 4096];
/// The file that fills the disk.
const FILLER: &str = "filler";

/// A `tmpfs` mounted on a directory. Unmounted when dropped.
#[derive(Debug)]
pub struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts a file system on this directory.
    ///
    /// # Panics
    /// If it cannot be mounted. This requires root, like most tests of this crate.
    pub fn mount(path: &Path, mebibytes: u32) -> Self {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "assay-test"]).arg(path);
        let outcome = mount.output().expect("mount can be run");
        assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stderr));
        Self { path: path.to_owned() }
    }

    /// Fills the file system completely.
    ///
    /// # Panics
    /// If writing fails for another reason.
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

    /// Frees the space.
    ///
    /// # Panics
    /// If it was not filled.
    pub fn empty(&self) {
        std::fs::remove_file(self.path.join(FILLER)).expect("the filler is there");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, because a killed server may not have ended yet.
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}
