//! The runner's program, embedded in this one.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};

/// `assay-runner`, statically linked by `build.rs`.
pub(crate) static RUNNER: &[u8] = include_bytes!(env!("ASSAY_RUNNER"));

/// The runner as an executable file in memory that no process can change. It needs no file system,
/// and a program that got hold of it could not replace it.
#[derive(Debug)]
pub(crate) struct RunnerFile(OwnedFd);

impl RunnerFile {
    /// Copies the runner into a sealed memory file.
    pub(crate) fn new() -> io::Result<Self> {
        let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
        let executable = MFdFlags::from_bits_retain(libc::MFD_EXEC);
        let fd = match memfd_create(c"assay-runner", flags | executable) {
            // Kernels before 6.3 do not have the flag and do not need it.
            Err(Errno::EINVAL) => memfd_create(c"assay-runner", flags)?,
            made => made?,
        };
        let mut file = File::from(fd);
        file.write_all(RUNNER)?;
        let seals = SealFlag::F_SEAL_WRITE
            | SealFlag::F_SEAL_GROW
            | SealFlag::F_SEAL_SHRINK
            | SealFlag::F_SEAL_SEAL;
        fcntl(&file, FcntlArg::F_ADD_SEALS(seals))?;
        Ok(Self(file.into()))
    }

    /// The path of the runner for a child of this process.
    pub(crate) fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.0.as_raw_fd()).into()
    }
}
