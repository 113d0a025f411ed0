//! Executes one command, from receiving its standard input to sending its report.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use runner::FrameError;
use runner::message::{Command, RefusalKind, Reply, Report};

use crate::cell::Cell;
use crate::ending::Seen;
use crate::files::ProgramAreaLock;
use crate::link::Link;
use crate::peer::Peer;
use crate::refusal::{Failure, Refusal};
use crate::standby::Given;
use crate::wire::Wire;
use crate::{spawn, supervise, sweep, sys};

/// Runs a command and answers with its report, or with the reason why it could not run. An error
/// ends the cell: the stream failed, or the program's files or processes could not be removed.
pub(crate) fn execute(
    cell: &mut Cell,
    wire: &mut Wire,
    command: &Command,
    lock: &mut ProgramAreaLock,
) -> Result<(), FrameError> {
    // A link lasts for one command, even if that command is refused.
    let link = cell.link.take();
    let stdin = receive_stdin(wire, command.stdin_bytes)?;
    let ran = stdin.and_then(|stdin| {
        let (given, peer) = given(command, stdin, link)?;
        lock.lock()?;
        run(cell, wire, command, given, peer)
    });
    // The program has ended by now. The next run would see files that cannot be removed, so failing
    // here ends the cell.
    if !command.keep_files {
        sweep::sweep()?;
    }
    match ran {
        Ok(Run { report, stdout, stderr }) => wire.reply(&Reply::Ran(report), &[&stdout, &stderr]),
        Err(Failure::Refused(refusal)) => wire.answer(Err(refusal)),
        Err(Failure::Fatal(error)) => Err(error.into()),
    }
}

struct Run {
    report: Report,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// Receives all of the program's input into a sealed file in memory. The program reads it as a
/// file, so no process has to feed it while it runs, and a program that never reads blocks nothing.
fn receive_stdin(wire: &mut Wire, bytes: u64) -> Result<Result<OwnedFd, Failure>, FrameError> {
    if bytes == 0 {
        let null = File::open("/dev/null")
            .map_err(|error| Refusal::system("open /dev/null", error).into());
        return Ok(null.map(OwnedFd::from));
    }
    let mut file = sys::memory_file()
        .map(File::from)
        .map_err(|error| Refusal::system("hold the input", error));
    wire.receive(bytes, |data| {
        if let Ok(memory) = &mut file
            && let Err(error) = memory.write_all(data)
        {
            file = Err(Refusal::system("hold the input", error));
        }
    })?;
    Ok(file.and_then(|file| read_only(&file)).map_err(Failure::from))
}

/// The program's standard files: the input and pipes to the runner, or the ends of the cell's link.
/// For a link, also the ends that the runner keeps.
fn given(
    command: &Command,
    stdin: OwnedFd,
    link: Option<Link>,
) -> Result<(Given, Option<Peer>), Refusal> {
    if command.talks {
        let detail = "a command that talks is run in turns";
        return Err(Refusal::new(RefusalKind::OutOfOrder, detail));
    }
    if !command.linked {
        return Ok((Given { stdin, stdout: None, stderr: None, conversation: None }, None));
    }
    match link {
        Some(link) if command.stdin_bytes == 0 => {
            Peer::of(link).map_err(|error| Refusal::system("keep ends of the link", error))
        }
        Some(_) => Err(Refusal::new(RefusalKind::OutOfOrder, "a linked command takes no stdin")),
        None => Err(Refusal::new(RefusalKind::OutOfOrder, "the cell is not linked")),
    }
}

fn read_only(file: &File) -> Result<OwnedFd, Refusal> {
    let refusal = |error| Refusal::system("seal the input", error);
    sys::seal_memory_file(file.as_fd()).map_err(refusal)?;
    // A separate file description that starts at the beginning and is read-only.
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    OpenOptions::new().read(true).open(path).map(OwnedFd::from).map_err(refusal)
}

fn run(
    cell: &mut Cell,
    wire: &Wire,
    command: &Command,
    given: Given,
    peer: Option<Peer>,
) -> Result<Run, Failure> {
    let mark = cell
        .meter
        .begin(command.memory_bytes, command.processes)
        .map_err(|error| Refusal::system("set the cgroup's limits", error))?;
    let watched = supervise::supervise(cell, wire.host(), command, &mark, given, peer)?;
    let out_of_memory = cell.meter.ran_out_of_memory_since(&mark);
    if let Some(start_error) = &watched.start_error
        && !out_of_memory
    {
        return Err(spawn::not_started(start_error).into());
    }
    let peak = cell.meter.memory_peak();
    let cpu = cell.meter.cpu_since(&mark).unwrap_or(watched.cpu);
    let seen = Seen {
        stopped: watched.stopped,
        status: watched.status,
        out_of_memory,
        output_overflowed: watched.stdout.overflowed() && !command.drop_excess,
        cpu,
        wall: watched.wall,
        memory_bytes: peak.unwrap_or(watched.memory_bytes_max),
    };
    let report = Report {
        ended: seen.ended(command),
        cpu,
        wall: watched.wall,
        peer_ended: watched.peer_ended,
        busy: watched.busy,
        memory_bytes: seen.memory_bytes,
        memory_from_cgroup: peak.is_some(),
        stdout_bytes: watched.stdout.bytes().len() as u64,
        stderr_bytes: watched.stderr.bytes().len() as u64,
        stderr_truncated: watched.stderr.overflowed(),
    };
    Ok(Run { report, stdout: watched.stdout.into_bytes(), stderr: watched.stderr.into_bytes() })
}
