//! Starts the cell's processes: the standby process, and a program in it or in a new process.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::{ForkResult, close, pipe2};
use runner::message::Command;

use crate::cell::Cell;
use crate::kernel::Linux;
use crate::refusal::Refusal;
use crate::spawn::{self, Failed};
use crate::standby::{self, Given, Spawned, Standby};
use crate::sys;

/// The exit code of a process that does not become a program. The reason is sent over a pipe, so
/// this code is not used.
const NOT_STARTED: i32 = 127;

/// The size of the standard output pipe, in bytes: how much a program can print before it must wait
/// for the runner.
const STDOUT_PIPE_BYTES: i32 = 256 << 10;

/// Starts a standby process unless there is one. If this fails, the next command reports why.
///
/// A container has no standby process: its cgroup counts the whole cell, so the waiting process's
/// memory would be subtracted from the program's.
pub(crate) fn provide_standby(cell: &mut Cell) {
    if cell.standby.is_none() && !cell.meter.is_shared_with_runner() {
        cell.standby = start_standby(cell).ok();
    }
}

/// Starts a command in the standby process, or in a new one if there is none.
pub(crate) fn launch(
    cell: &mut Cell,
    command: &Command,
    given: &Given,
) -> Result<Spawned, Refusal> {
    cell.last_core = command.core;
    if let Some(Standby { process, orders }) = cell.standby.take()
        && standby::send(orders, command, given).is_ok()
    {
        return Ok(process);
    }
    start(cell, || Ok((command.clone(), given.try_clone()?)))
}

fn start_standby(cell: &Cell) -> Result<Standby, Refusal> {
    let (orders, received) =
        UnixStream::pair().map_err(|error| Refusal::system("make a socket", error))?;
    let process = start(cell, || {
        // Otherwise the orders would never end.
        close(orders.as_raw_fd())?;
        standby::receive(received)
    })?;
    Ok(Standby { process, orders })
}

/// Forks a process that prepares itself, takes a command and becomes its program. The child reports
/// errors over the pipe for start errors.
fn start(
    cell: &Cell,
    take: impl FnOnce() -> io::Result<(Command, Given)>,
) -> Result<Spawned, Refusal> {
    let pipe = || pipe2(OFlag::O_CLOEXEC).map_err(|error| Refusal::system("make a pipe", error));
    let (stdout, program_stdout) = pipe()?;
    // Best effort, for speed: the kernel limits the total size of one user's pipes.
    let _ = fcntl(&program_stdout, FcntlArg::F_SETPIPE_SZ(STDOUT_PIPE_BYTES));
    let (stderr, program_stderr) = pipe()?;
    let (start_error, program_start_error) = pipe()?;
    let program_start_error = sys::out_of_the_way(program_start_error)
        .map_err(|error| Refusal::system("make a pipe", error))?;
    // Programs also open `/dev/stdout` by name, as a user who does not own the pipes.
    for output in [&program_stdout, &program_stderr] {
        fchmod(output, Mode::from_bits_truncate(0o622))
            .map_err(|error| Refusal::system("open a pipe to the program", error))?;
    }
    let (forked, born) =
        spawn::start(&cell.meter).map_err(|error| Refusal::system("fork", error))?;
    match forked {
        ForkResult::Parent { child } => Ok(Spawned { pid: child, stdout, stderr, start_error }),
        ForkResult::Child => {
            let become_program = || -> Result<Infallible, Failed> {
                spawn::get_ready(&mut Linux, cell, born)?;
                let (command, given) = take().map_err(|error| ("take its command", error))?;
                let stdout = given.stdout.unwrap_or(program_stdout);
                let stderr = given.stderr.unwrap_or(program_stderr);
                let standard = [given.stdin, stdout, stderr];
                let conversation = given.conversation;
                spawn::become_program(&mut Linux, cell, &command, standard, conversation)
            };
            let Err((step, error)) = become_program();
            let _ = write!(File::from(program_start_error), "could not {step}: {error}");
            sys::end_fork(NOT_STARTED)
        }
    }
}
