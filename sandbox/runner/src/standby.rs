//! The standby process: it is forked and put into the cell's cgroup before its command is known.
//!
//! Moving a process into a version 1 cgroup may wait until every processor has passed through the scheduler, which
//! takes some milliseconds. A fork takes some tenths of a millisecond. Both happen while the host handles the last
//! run's outcome or prepares the cell. No process of a program is alive during this.

use std::{
    convert::Infallible,
    fs::File,
    io::{self, Read, Write},
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
};

use nix::{
    fcntl::{FcntlArg, OFlag, fcntl},
    sys::stat::{Mode, fchmod},
    unistd::{ForkResult, Pid, close, pipe2},
};
use runner::message::Command;

use crate::{
    kernel::Linux,
    serve::{Cell, Refusal},
    spawn::{self, Failed},
    sys,
};

/// The exit code of a process that does not become a program. The reason is sent over a pipe, so this code is not used.
const NOT_STARTED: i32 = 127;

/// The size of the standard output pipe, in bytes: how much a program can print before it must wait for the runner.
const STDOUT_PIPE_BYTES: i32 = 256 << 10;

/// A process that waits for its command.
pub(crate) struct Standby {
    process: Spawned,
    orders: UnixStream,
}

/// A program's standard files.
pub(crate) struct Given {
    pub(crate) stdin: OwnedFd,
    /// `None` for a pipe to the runner.
    pub(crate) stdout: Option<OwnedFd>,
    /// `None` for a pipe to the runner. Always `None` if `stdout` is.
    pub(crate) stderr: Option<OwnedFd>,
}

impl Given {
    fn files(&self) -> Vec<BorrowedFd<'_>> {
        std::iter::once(&self.stdin)
            .chain(&self.stdout)
            .chain(&self.stderr)
            .map(AsFd::as_fd)
            .collect()
    }

    fn of(files: Vec<OwnedFd>) -> io::Result<Self> {
        let mut files = files.into_iter();
        let stdin = files.next().ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(Self { stdin, stdout: files.next(), stderr: files.next() })
    }

    fn try_clone(&self) -> io::Result<Self> {
        let files: io::Result<Vec<_>> =
            self.files().iter().map(BorrowedFd::try_clone_to_owned).collect();
        Self::of(files?)
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
    pub(crate) complaint: OwnedFd,
}

/// Starts a standby process unless there is one. If this fails, the next command reports why.
///
/// A container has no standby process: its cgroup counts the whole cell, so the waiting process's memory would be
/// subtracted from the program's.
pub(crate) fn provide(cell: &mut Cell) {
    if cell.standby.is_none() && !cell.meter.is_shared_with_runner() {
        cell.standby = Standby::start(cell).ok();
    }
}

/// Starts a command in the standby process, or in a new one if there is none.
pub(crate) fn spawn(cell: &mut Cell, command: &Command, given: &Given) -> Result<Spawned, Refusal> {
    cell.last_core = command.core;
    if let Some(Standby { process, orders }) = cell.standby.take()
        && send(orders, command, given).is_ok()
    {
        return Ok(process);
    }
    start(cell, || Ok((command.clone(), given.try_clone()?)))
}

impl Standby {
    fn start(cell: &Cell) -> Result<Self, Refusal> {
        let (orders, received) =
            UnixStream::pair().map_err(|error| Refusal::system("make a socket", error))?;
        let process = start(cell, || {
            // Otherwise the orders would never end.
            close(orders.as_raw_fd())?;
            receive(received)
        })?;
        Ok(Self { process, orders })
    }
}

/// Forks a process that prepares itself, takes a command and becomes its program. The child reports errors over the
/// complaint pipe.
fn start(
    cell: &Cell,
    take: impl FnOnce() -> io::Result<(Command, Given)>,
) -> Result<Spawned, Refusal> {
    let pipe = || pipe2(OFlag::O_CLOEXEC).map_err(|error| Refusal::system("make a pipe", error));
    let (stdout, program_stdout) = pipe()?;
    // Best effort, for speed: the kernel limits the total size of one user's pipes.
    let _ = fcntl(&program_stdout, FcntlArg::F_SETPIPE_SZ(STDOUT_PIPE_BYTES));
    let (stderr, program_stderr) = pipe()?;
    let (complaint, program_complaint) = pipe()?;
    // Programs also open `/dev/stdout` by name, as a user who does not own the pipes.
    for output in [&program_stdout, &program_stderr] {
        fchmod(output, Mode::from_bits_truncate(0o622))
            .map_err(|error| Refusal::system("open a pipe to the program", error))?;
    }
    let (forked, born) =
        spawn::start(&cell.meter).map_err(|error| Refusal::system("fork", error))?;
    match forked {
        ForkResult::Parent { child } => Ok(Spawned { pid: child, stdout, stderr, complaint }),
        ForkResult::Child => {
            let become_program = || -> Result<Infallible, Failed> {
                spawn::get_ready(&mut Linux, cell, born)?;
                let (command, given) = take().map_err(|error| ("take its command", error))?;
                let stdout = given.stdout.unwrap_or(program_stdout);
                let stderr = given.stderr.unwrap_or(program_stderr);
                let standard = [given.stdin, stdout, stderr];
                spawn::become_program(&mut Linux, cell, &command, standard)
            };
            let Err((step, error)) = become_program();
            let _ = write!(File::from(program_complaint), "could not {step}: {error}");
            sys::end_fork(NOT_STARTED)
        }
    }
}

/// Only fails if the process is gone or the kernel refuses to pass the files.
fn send(mut orders: UnixStream, command: &Command, given: &Given) -> io::Result<()> {
    let bytes = postcard::to_stdvec(command).map_err(io::Error::other)?;
    let sent = sys::send_files(orders.as_fd(), &bytes, &given.files())?;
    orders.write_all(&bytes[sent..])
}

/// Receives what `send` sends.
fn receive(mut orders: UnixStream) -> io::Result<(Command, Given)> {
    let mut bytes = vec![0; FIRST_BYTES];
    let (count, files) = sys::receive_files(orders.as_fd(), &mut bytes)?;
    bytes.truncate(count);
    orders.read_to_end(&mut bytes)?;
    Ok((postcard::from_bytes(&bytes).map_err(io::Error::other)?, Given::of(files)?))
}

/// The size of the first read, in bytes. Most commands fit.
const FIRST_BYTES: usize = 4096;
