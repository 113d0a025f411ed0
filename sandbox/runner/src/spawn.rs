//! From fork to exec: how a process becomes the program.
//!
//! The child of a single-threaded process may run ordinary code. It does, in order:
//!
//! 1. Become the leader of a session and process group of its own, and the first that the kernel kills for memory.
//! 2. Join the cell's cgroup, so that everything from here on is limited and counted.
//! 3. Take its standard input, output and error; shut every other file on exec.
//! 4. Keep to its core, if it has one; enter the working directory.
//! 5. Lower its resource limits.
//! 6. Become the program's user, where it has one of its own; give up every capability.
//! 7. Set `no_new_privs`, reset signals, install the system call filter.
//! 8. Execute.
#![allow(unsafe_code, reason = "fork is unsafe")]

use std::{
    ffi::{CString, OsStr},
    fs,
    io::{self, Write},
    os::{
        fd::OwnedFd,
        unix::{ffi::OsStrExt, fs::PermissionsExt},
    },
};

use nix::{
    errno::Errno,
    fcntl::OFlag,
    sys::{
        prctl,
        resource::{Resource, getrlimit, setrlimit},
        signal::{SigHandler, SigSet, SigmaskHow, Signal, signal, sigprocmask},
        stat::{Mode, umask},
    },
    unistd::{
        ForkResult, Gid, Pid, Uid, chdir, dup2_stderr, dup2_stdin, dup2_stdout, execve, pipe2,
        setgroups, setresgid, setresuid, setsid,
    },
};
use runner::{
    layout,
    message::{Command, RefusalKind},
};

use crate::{
    seccomp::Filter,
    serve::{Cell, Refusal},
    sys,
};

/// The program's exit code when it could not be started; the reason travels over a pipe, so nothing depends on it.
const NOT_STARTED: i32 = 127;

/// A program that was started, or is about to be.
pub(crate) struct Spawned {
    pub(crate) pid: Pid,
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
    /// Says why the program could not be started; ends without a word when it was.
    pub(crate) complaint: OwnedFd,
}

/// `fork`, for a process that has one thread.
pub(crate) fn fork() -> nix::Result<ForkResult> {
    // SAFETY: the runner never starts a thread, so the child is in a consistent state and may do anything.
    unsafe { nix::unistd::fork() }
}

/// Everything the child needs, made ready before the fork.
struct Prepared<'a> {
    cell: &'a Cell,
    command: &'a Command,
    program: CString,
    argv: Vec<CString>,
    env: Vec<CString>,
    stdin: OwnedFd,
    stdout: OwnedFd,
    stderr: OwnedFd,
}

/// Starts a command.
pub(crate) fn spawn(cell: &Cell, command: &Command, stdin: OwnedFd) -> Result<Spawned, Refusal> {
    let pipe = || pipe2(OFlag::O_CLOEXEC).map_err(|error| Refusal::system("make a pipe", error));
    let (stdout, program_stdout) = pipe()?;
    let (stderr, program_stderr) = pipe()?;
    let (complaint, program_complaint) = pipe()?;
    let (program, argv) = locate(command)?;
    let prepared = Prepared {
        cell,
        command,
        program,
        argv,
        env: environment(command)?,
        stdin,
        stdout: program_stdout,
        stderr: program_stderr,
    };
    match fork().map_err(|error| Refusal::system("fork", error))? {
        ForkResult::Parent { child } => Ok(Spawned { pid: child, stdout, stderr, complaint }),
        ForkResult::Child => {
            let Err((step, error)) = become_program(prepared);
            let _ = write!(fs::File::from(program_complaint), "could not {step}: {error}");
            sys::end_fork(NOT_STARTED)
        }
    }
}

fn become_program(
    prepared: Prepared<'_>,
) -> Result<std::convert::Infallible, (&'static str, io::Error)> {
    fn step<T>(
        what: &'static str,
        result: Result<T, impl Into<io::Error>>,
    ) -> Result<T, (&'static str, io::Error)> {
        result.map_err(|error| (what, error.into()))
    }
    let Prepared { cell, command, program, argv, env, stdin, stdout, stderr } = prepared;
    step("start a session", setsid())?;
    // When memory runs out where the runner is counted too, the program is what has to go. Only a
    // preference, and moot where the program has a cgroup of its own.
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
    step("join the cgroup", cell.meter.join())?;
    step("take standard input", dup2_stdin(stdin))?;
    step("take standard output", dup2_stdout(stdout))?;
    step("take standard error", dup2_stderr(stderr))?;
    step("keep to its core", cell.cores.pin(command.core))?;
    step("shut other files", sys::forget_inherited())?;
    step("enter the working directory", chdir(layout::WORK))?;
    umask(Mode::from_bits_truncate(0o022));
    step("limit resources", limit_resources(command, cell))?;
    if cell.own_uid {
        let (uid, gid) = (Uid::from_raw(cell.program_uid), Gid::from_raw(cell.program_uid));
        step("leave groups", setgroups(&[]))?;
        step("change group", setresgid(gid, gid, gid))?;
        step("change user", setresuid(uid, uid, uid))?;
    }
    step("give up capabilities", sys::set_capabilities(&[]))?;
    step("set no_new_privs", prctl::set_no_new_privs())?;
    step("reset signals", reset_signals())?;
    if let (Some(filter), Some(clone3)) = (&cell.filter, Filter::hiding_clone3()) {
        step("install the system call filter", filter.install(&clone3).map_err(io::Error::other))?;
    }
    step("execute the program", execve(&program, &argv, &env))
}

fn limit_resources(command: &Command, cell: &Cell) -> nix::Result<()> {
    let cpu_s = command.cpu.as_secs() + 2;
    let mut limits = vec![
        // A backstop: the clock that decides is the supervisor's.
        (Resource::RLIMIT_CPU, cpu_s, cpu_s + 1),
        (Resource::RLIMIT_FSIZE, command.file_bytes, command.file_bytes),
        (Resource::RLIMIT_NOFILE, command.open_files.into(), command.open_files.into()),
        (Resource::RLIMIT_CORE, 0, 0),
        (Resource::RLIMIT_MSGQUEUE, 0, 0),
        (Resource::RLIMIT_RTPRIO, 0, 0),
        (Resource::RLIMIT_NICE, 0, 0),
    ];
    let stack = command.stack_bytes.unwrap_or(libc::RLIM_INFINITY);
    limits.push((Resource::RLIMIT_STACK, stack, stack));
    // Counted by user, over everything of that user the kernel knows within the user namespace: only exact where the
    // namespace is the cell's own, and only needed where no cgroup counts.
    if !cell.own_uid && !cell.meter.limits_processes() {
        let processes = u64::from(command.processes) + PROCESSES_OF_THE_CELL;
        limits.push((Resource::RLIMIT_NPROC, processes, processes));
    }
    for (resource, soft, hard) in limits {
        let (_, ceiling) = getrlimit(resource)?;
        setrlimit(resource, soft.min(ceiling), hard.min(ceiling))?;
    }
    Ok(())
}

/// The runner and its parent outside count for the same user.
const PROCESSES_OF_THE_CELL: u64 = 2;

fn reset_signals() -> nix::Result<()> {
    // The standard library ignores SIGPIPE in the runner, and ignored signals stay so over an exec.
    // SAFETY: the default action runs no handler.
    unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }?;
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)
}

/// Finds the program as a shell would, in the cell's own `PATH`.
fn locate(command: &Command) -> Result<(CString, Vec<CString>), Refusal> {
    let argv = command.argv.iter().map(|word| c_string(word)).collect::<Result<Vec<_>, _>>()?;
    let name = command
        .argv
        .first()
        .ok_or_else(|| Refusal::new(RefusalKind::NotStarted, "the command is empty"))?;
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
    Err(Refusal::new(RefusalKind::NotStarted, format!("{name} is not installed in the cell")))
}

fn environment(command: &Command) -> Result<Vec<CString>, Refusal> {
    let fixed = fixed_environment();
    let kept = fixed.iter().filter(|(key, _)| command.env.iter().all(|(given, _)| given != key));
    kept.chain(&command.env).map(|(key, value)| c_string(&format!("{key}={value}"))).collect()
}

fn fixed_environment() -> Vec<(String, String)> {
    layout::ENVIRONMENT.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn c_string(text: &str) -> Result<CString, Refusal> {
    CString::new(text).map_err(|_| {
        Refusal::new(RefusalKind::NotStarted, "the command or its environment holds a NUL")
    })
}

/// What a failed start looks like to the supervisor.
pub(crate) fn not_started(complaint: &str) -> Refusal {
    Refusal::new(RefusalKind::NotStarted, complaint)
}

/// Whether an error means "try again".
pub(crate) fn is_transient(error: Errno) -> bool {
    matches!(error, Errno::EINTR | Errno::EAGAIN)
}
