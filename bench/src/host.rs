//! Runs the same programs without a cell, as the unavoidable cost of judging.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, io};

use tempfile::TempDir;

use super::failed;
use assay::{Exit, Failure};

/// The search path in a cell, so that the host finds the same programs.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A program in the host's file system.
pub(super) struct HostProgram {
    folder: TempDir,
    path: PathBuf,
}

impl HostProgram {
    /// Writes a program to a temporary folder.
    pub(super) fn new(name: &str, program: &[u8]) -> Result<Self, Failure> {
        let folder = tempfile::tempdir().map_err(failed)?;
        let path = folder.path().join(name);
        fs::write(&path, program).map_err(failed)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).map_err(failed)?;
        Ok(Self { folder, path })
    }

    /// The program's path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The time for fork, exec and wait of a command that reads this file.
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

/// Finds a program as a cell would.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|path| path.exists());
    }
    PATH.split(':').map(|folder| Path::new(folder).join(name)).find(|path| path.exists())
}
