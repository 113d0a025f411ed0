//! From fork to exec: how a process becomes the program.
//!
//! The child of a single-threaded process may run ordinary code. It does the following, in order:
//!
//! 1. Pin itself to the last command's core, which is most likely this one's too. Start a new
//!    session and process group. Make itself the first process that the kernel kills when memory
//!    runs out.
//! 2. Join the cell's cgroup, so that everything from here on is limited and counted. With version
//!    2, the kernel has already started the process there. Up to here it needs no command, and can
//!    [stand by](crate::standby).
//! 3. Take its standard input, output and error; mark every other file as close-on-exec; take its
//!    ends of a conversation, if it has one.
//! 4. Pin itself to the command's core, if it has one; enter the working directory.
//! 5. Lower its resource limits.
//! 6. Become the program's user, if the program has its own; give up every capability.
//! 7. Set `no_new_privs`, reset signals, install the program's system call filter, in addition to
//!    the inherited one.
//! 8. Execute.

use std::convert::Infallible;
use std::ffi::{CString, OsStr};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::{fs, io};

use nix::errno::Errno;
use nix::sys::resource::Resource;
use nix::unistd::ForkResult;
use runner::layout;
use runner::message::{Command, RefusalKind};

use crate::cell::Cell;
use crate::kernel::{Kernel, Standard};
use crate::meter::Meter;
use crate::refusal::Refusal;
use crate::sys;

pub(crate) use crate::sys::fork;

/// Where a child was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Born {
    /// In the cell's cgroup.
    InCgroup,
    /// In the runner's cgroup.
    Outside,
}

/// Forks. Starts the child in the cgroup if the kernel can do that.
pub(crate) fn start(meter: &Meter) -> nix::Result<(ForkResult, Born)> {
    if let Some(cgroup) = meter.cgroup() {
        match sys::fork_into(cgroup) {
            Ok(forked) => return Ok((forked, Born::InCgroup)),
            Err(error @ (Errno::EAGAIN | Errno::ENOMEM)) => return Err(error),
            // Other errors may only concern this call. If not, joining the cgroup will fail and
            // report why.
            Err(_) => {}
        }
    }
    Ok((fork()?, Born::Outside))
}

/// The step that failed, and why.
pub(crate) type Failed = (&'static str, io::Error);

fn step<T>(what: &'static str, result: io::Result<T>) -> Result<T, Failed> {
    result.map_err(|error| (what, error))
}

/// The steps before the command is known.
pub(crate) fn get_ready(kernel: &mut dyn Kernel, cell: &Cell, born: Born) -> Result<(), Failed> {
    // Pin first, because the kernel charges memory in advance on each processor that a cgroup's
    // processes run on.
    step("pin to the last core", kernel.pin(&cell.cores, cell.last_core))?;
    step("start a session", kernel.start_session())?;
    // When memory runs out in a cgroup that includes the runner, the kernel should kill the
    // program. This is only a preference, and has no effect if the program has its own cgroup.
    let _ = kernel.write_file(Path::new("/proc/self/oom_score_adj"), "1000");
    match born {
        Born::Outside => step("join the cgroup", kernel.join_cgroup(&cell.meter)),
        Born::InCgroup => Ok(()),
    }
}

/// The steps once the command is known.
pub(crate) fn become_program(
    kernel: &mut dyn Kernel,
    cell: &Cell,
    command: &Command,
    standard: Standard,
    conversation: Option<[OwnedFd; 2]>,
) -> Result<Infallible, Failed> {
    let (program, argv) = step("find the program in the cell", locate(command))?;
    let env = step("make the environment", environment(command))?;
    step("take its standard files", kernel.take_standard(standard))?;
    step("close other files", kernel.forget_inherited())?;
    if let Some(ends) = conversation {
        step("take its ends of the conversation", kernel.take_conversation(ends))?;
    }
    step("pin to its core", kernel.pin(&cell.cores, command.core))?;
    step("enter the working directory", kernel.enter(Path::new(layout::WORK)))?;
    kernel.set_umask(0o022);
    step("limit resources", limit_resources(kernel, command, cell))?;
    if cell.own_uid {
        step("leave groups", kernel.leave_groups())?;
        step("change group", kernel.become_group(cell.program_uid))?;
        step("change user", kernel.become_user(cell.program_uid))?;
    }
    step("give up capabilities", kernel.drop_capabilities())?;
    step("set no_new_privs", kernel.set_no_new_privs())?;
    step("reset signals", kernel.reset_signals())?;
    if let Some(filter) = cell.filter {
        step("install the system call filter", kernel.install_filter(filter))?;
    }
    step("execute the program", kernel.execute(&program, &argv, &env))
}

fn limit_resources(kernel: &mut dyn Kernel, command: &Command, cell: &Cell) -> io::Result<()> {
    // Only a backstop: the supervisor's clock decides.
    let cpu_s = command.cpu.as_secs() + 2;
    kernel.limit(Resource::RLIMIT_CPU, cpu_s, cpu_s + 1)?;
    let stack = command.stack_bytes.unwrap_or(libc::RLIM_INFINITY);
    for (resource, most) in [
        (Resource::RLIMIT_FSIZE, command.file_bytes),
        (Resource::RLIMIT_NOFILE, command.open_files.into()),
        (Resource::RLIMIT_STACK, stack),
        (Resource::RLIMIT_MEMLOCK, 0),
        (Resource::RLIMIT_MSGQUEUE, 0),
        (Resource::RLIMIT_RTPRIO, 0),
        (Resource::RLIMIT_NICE, 0),
    ] {
        kernel.limit(resource, most, most)?;
    }
    // The kernel counts this limit by user, within the user namespace. So it is exact if the cell
    // has its own user or namespace. It is only needed if no cgroup counts processes.
    if !cell.meter.limits_processes() {
        let others = if cell.own_uid { 0 } else { PROCESSES_OF_THE_CELL };
        let processes = u64::from(command.processes) + others;
        kernel.limit(Resource::RLIMIT_NPROC, processes, processes)?;
    }
    Ok(())
}

/// The runner and its parent outside, which count for the same user.
const PROCESSES_OF_THE_CELL: u64 = 2;

/// Finds the program like a shell does, in the cell's own `PATH`.
fn locate(command: &Command) -> io::Result<(CString, Vec<CString>)> {
    let argv = command.argv.iter().map(|word| c_string(word)).collect::<io::Result<Vec<_>>>()?;
    let Some(name) = command.argv.first() else {
        return Err(io::Error::other("the command is empty"));
    };
    if name.contains('/') {
        return Ok((argv[0].clone(), argv));
    }
    let path = command
        .env
        .iter()
        .chain(&fixed_environment())
        .find(|(key, _)| key == "PATH")
        .map(|(_, path)| path.clone());
    for directory in path.unwrap_or_default().split(':') {
        let candidate = format!("{directory}/{name}");
        let executable = fs::metadata(OsStr::from_bytes(candidate.as_bytes()))
            .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0);
        if executable {
            return Ok((c_string(&candidate)?, argv));
        }
    }
    Err(io::Error::other(name.clone()))
}

fn environment(command: &Command) -> io::Result<Vec<CString>> {
    let fixed = fixed_environment();
    let kept = fixed.iter().filter(|(key, _)| command.env.iter().all(|(given, _)| given != key));
    kept.chain(&command.env).map(|(key, value)| c_string(&format!("{key}={value}"))).collect()
}

fn fixed_environment() -> Vec<(String, String)> {
    layout::ENVIRONMENT.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn c_string(text: &str) -> io::Result<CString> {
    CString::new(text).map_err(|_| io::Error::other("the command or its environment holds a NUL"))
}

/// The refusal for a program that failed to start.
pub(crate) fn not_started(start_error: &str) -> Refusal {
    Refusal::new(RefusalKind::NotStarted, start_error)
}

/// Whether an error means "try again".
pub(crate) fn is_transient(error: Errno) -> bool {
    matches!(error, Errno::EINTR | Errno::EAGAIN)
}

#[cfg(test)]
mod tests;
