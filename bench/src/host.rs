//! The same programs without a cell: what judging cannot do without.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::failed;
use assay::{Exit, Failure};

/// Where a cell looks for programs. The host is to find the same ones.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A program on the host's own file system.
pub(super) struct HostProgram {
    folder: TempDir,
    path: PathBuf,
}

impl HostProgram {
    /// Puts a program into a temporary folder.
    pub(super) fn new(name: &str, program: &[u8]) -> Result<Self, Failure> {
        let folder = tempfile::tempdir().map_err(failed)?;
        let path = folder.path().join(name);
        fs::write(&path, program).map_err(failed)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).map_err(failed)?;
        Ok(Self { folder, path })
    }

    /// Where it stands.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// How long fork, exec and wait take of a command that reads this file.
    pub(super) fn run(&self, argv: &[String], stdin: Stdio) -> Result<Duration, Failure> {
        let (program, arguments) = argv.split_first().ok_or_else(nothing)?;
        let mut command = Command::new(program);
        command.args(arguments).env_clear().env("PATH", PATH).current_dir(self.folder.path());
        command.stdin(stdin).stdout(Stdio::null()).stderr(Stdio::null());
        let started = Instant::now();
        let status = command.status().map_err(failed)?;
        let elapsed = started.elapsed();
        match status.success() {
            true => Ok(elapsed),
            false => Err(failed(io::Error::other(format!("{program} ended with {status}")))),
        }
    }
}

fn nothing() -> Failure {
    Failure::new(Exit::JudgeError, "a language has no command")
}

/// A program as a cell would find it.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|path| path.exists());
    }
    PATH.split(':').map(|folder| Path::new(folder).join(name)).find(|path| path.exists())
}
