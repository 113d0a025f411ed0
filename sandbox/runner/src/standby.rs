//! The standby process: it is forked and put into the cell's cgroup before its command is known.
//! [`launch`](crate::launch) does both.
//!
//! Moving a process into a version 1 cgroup may wait until every processor has passed through the
//! scheduler, which takes some milliseconds. A fork takes some tenths of a millisecond. Both happen
//! while the host handles the last run's outcome or prepares the cell. No process of a program is
//! alive during this.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use nix::unistd::Pid;
use runner::message::Command;

use crate::sys;

/// A process that waits for its command.
pub(crate) struct Standby {
    pub(crate) process: Spawned,
    /// The runner's end of the socket over which it gets its command.
    pub(crate) orders: UnixStream,
}

/// A program's standard files.
pub(crate) struct Given {
    pub(crate) stdin: OwnedFd,
    /// `None` for a pipe to the runner.
    pub(crate) stdout: Option<OwnedFd>,
    /// `None` for a pipe to the runner. Always `None` if `stdout` is.
    pub(crate) stderr: Option<OwnedFd>,
    /// The program's ends of a conversation: messages and answers.
    pub(crate) conversation: Option<[OwnedFd; 2]>,
}

impl Given {
    fn files(&self) -> Vec<BorrowedFd<'_>> {
        std::iter::once(&self.stdin)
            .chain(&self.stdout)
            .chain(&self.stderr)
            .chain(self.conversation.iter().flatten())
            .map(AsFd::as_fd)
            .collect()
    }

    /// The files of a program, in the order of `files`. A program that talks has no others but
    /// standard input.
    fn of(files: Vec<OwnedFd>, talks: bool) -> io::Result<Self> {
        let mut files = files.into_iter();
        let mut next = || files.next().ok_or(io::Error::from(io::ErrorKind::UnexpectedEof));
        let stdin = next()?;
        let conversation = if talks { Some([next()?, next()?]) } else { None };
        Ok(Self { stdin, stdout: files.next(), stderr: files.next(), conversation })
    }

    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        let files: io::Result<Vec<_>> =
            self.files().iter().map(BorrowedFd::try_clone_to_owned).collect();
        Self::of(files?, self.conversation.is_some())
    }
}

/// A process that is a program, or is about to be.
pub(crate) struct Spawned {
    pub(crate) pid: Pid,
    /// Ends immediately if the program has a different standard output.
    pub(crate) stdout: OwnedFd,
    /// Like `stdout`.
    pub(crate) stderr: OwnedFd,
    /// The reason why the program could not be started; ends empty if it was started.
    pub(crate) start_error: OwnedFd,
}

/// Sends a standby process its command. Only fails if the process is gone or the kernel refuses to
/// pass the files.
pub(crate) fn send(mut orders: UnixStream, command: &Command, given: &Given) -> io::Result<()> {
    let bytes = postcard::to_stdvec(command).map_err(io::Error::other)?;
    let sent = sys::send_files(orders.as_fd(), &bytes, &given.files())?;
    orders.write_all(&bytes[sent..])
}

/// Receives what `send` sends.
pub(crate) fn receive(mut orders: UnixStream) -> io::Result<(Command, Given)> {
    let mut bytes = vec![0; FIRST_BYTES];
    let (count, files) = sys::receive_files(orders.as_fd(), &mut bytes)?;
    bytes.truncate(count);
    orders.read_to_end(&mut bytes)?;
    let command: Command = postcard::from_bytes(&bytes).map_err(io::Error::other)?;
    let given = Given::of(files, command.talks)?;
    Ok((command, given))
}

/// The size of the first read, in bytes. Most commands fit.
const FIRST_BYTES: usize = 4096;
