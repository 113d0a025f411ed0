//! Runs a program in turns: the host sends a message, the program answers it, and the program's
//! next turn begins with the next message. Each turn has its own limits and its own figures.
//!
//! A program goes on only after an answer within its limits, and if it left nothing behind: no
//! other process, no file, nothing said out of turn. Otherwise the next turn needs a new program.

use std::fs::File;

use nix::dir::Dir;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use runner::message::{Answered, Command, Ended, RefusalKind, Reply, Request, Turn, TurnEnd};
use runner::{FrameError, layout};

use crate::capture::Taken;
use crate::cell::Cell;
use crate::ending::{Seen, Status, Stopped};
use crate::files::ProgramAreaLock;
use crate::refusal::{Failure, Refusal};
use crate::standby::Given;
use crate::supervise::{Watch, fatal};
use crate::talk::{Said, Talk};
use crate::wire::Wire;
use crate::{spawn, sweep};

/// Runs a program from its first turn to its last one, and answers the requests for its turns.
/// Returns the request that ended the conversation, if a request did.
pub(crate) fn converse(
    cell: &mut Cell,
    wire: &mut Wire,
    first: Turn,
    lock: &mut ProgramAreaLock,
) -> Result<Option<Request>, FrameError> {
    let message = receive(wire, first.message_bytes)?;
    let over = command_of(&first).and_then(|command| {
        lock.lock()?;
        talk(cell, wire, &command, first, message)
    });
    // The program has ended by now. The next one would see files that cannot be removed, so failing
    // here ends the cell.
    sweep::sweep()?;
    match over {
        Ok(Over::Turn(told)) => told.send(wire).map(|()| None),
        Ok(Over::Request(request)) => Ok(request),
        Err(Failure::Refused(refusal)) => wire.answer(Err(refusal)).map(|()| None),
        Err(Failure::Fatal(error)) => Err(error.into()),
    }
}

/// What ended a conversation.
enum Over {
    /// The program's last turn.
    Turn(Told),
    /// Another request, or the end of the stream.
    Request(Option<Request>),
}

/// A turn's figures, with what the program said and printed.
struct Told {
    answered: Answered,
    answer: Vec<u8>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Told {
    fn send(self, wire: &mut Wire) -> Result<(), FrameError> {
        wire.reply(&Reply::Answered(self.answered), &[&self.answer, &self.stdout, &self.stderr])
    }
}

fn receive(wire: &mut Wire, bytes: u64) -> Result<Vec<u8>, FrameError> {
    let mut message = Vec::new();
    wire.receive(bytes, |data| message.extend_from_slice(data))?;
    Ok(message)
}

/// The program that the first turn starts.
fn command_of(first: &Turn) -> Result<Command, Failure> {
    let refused = |detail| Refusal::new(RefusalKind::OutOfOrder, detail).into();
    match &first.start {
        None => Err(refused("no program is waiting for its turn")),
        Some(command) if !command.talks || command.linked || command.stdin_bytes > 0 => {
            Err(refused("a program with turns has an empty standard input and no link"))
        }
        Some(command) => Ok(command.clone()),
    }
}

fn talk(
    cell: &mut Cell,
    wire: &mut Wire,
    command: &Command,
    first: Turn,
    message: Vec<u8>,
) -> Result<Over, Failure> {
    let system = Refusal::system;
    let (talk, ends) = Talk::begin().map_err(|error| system("make the conversation", error))?;
    let stdin = File::open("/dev/null").map_err(|error| system("open /dev/null", error))?.into();
    let given = Given { stdin, stdout: None, stderr: None, conversation: Some(ends) };
    let mark = cell
        .meter
        .begin(command.memory_bytes, command.processes)
        .map_err(|error| system("set the cgroup's limits", error))?;
    let mut watch = Watch::launch(cell, command, &mark, given, None)?;
    watch.limit(first.cpu, first.wall);
    watch.talk = Some(talk);
    let (mut turn, mut message) = (first, message);
    loop {
        let told = take(&mut watch, wire, &turn, message)?;
        if !told.answered.goes_on {
            return Ok(Over::Turn(told));
        }
        told.send(wire).map_err(lost)?;
        match wire.next_request().map_err(lost)? {
            Some(Request::Turn(next)) if next.start.is_none() => {
                message = receive(wire, next.message_bytes).map_err(lost)?;
                turn = next;
                watch.begin_again(turn.cpu, turn.wall).map_err(fatal)?;
            }
            other => {
                watch.reap_all().map_err(fatal)?;
                return Ok(Over::Request(other));
            }
        }
    }
}

fn lost(error: FrameError) -> Failure {
    Failure::Fatal(std::io::Error::other(error))
}

/// One turn.
fn take(
    watch: &mut Watch<'_>,
    wire: &Wire,
    turn: &Turn,
    message: Vec<u8>,
) -> Result<Told, Failure> {
    let conversation = watch.talk.as_mut().expect("a program with turns talks");
    let mut stopped = None;
    let said = match conversation.is_out_of_turn().map_err(fatal)? {
        true => Said::Excess,
        false => {
            conversation.say(message, turn.answer_bytes);
            stopped = watch.until_end(wire.host()).map_err(fatal)?;
            watch.talk.as_mut().expect("it is still there").take().map_err(fatal)?
        }
    };
    let wall = watch.started.elapsed();
    let mut cpu = watch.cpu();
    let has_ended = watch.status.is_some();
    if said == Said::TooMuch {
        stopped = stopped.or(Some(Stopped::Output));
    }
    let answer = match said {
        Said::Answer(ref answer) if stopped.is_none() => Some(answer.clone()),
        _ => None,
    };
    let mut goes_on = answer.is_some() && !turn.is_last && !has_ended;
    goes_on = goes_on && !watch.has_others() && is_clean();
    if !goes_on {
        watch.reap_all().map_err(fatal)?;
    }
    // Files in memory outlive the processes that wrote them, until they are removed.
    watch.sample_held();
    if !goes_on {
        watch.read_rest().map_err(fatal)?;
    }
    let stdout = watch.stdout.take().map_err(fatal)?;
    let stderr = watch.stderr.take().map_err(fatal)?;
    let out_of_memory = watch.cell.meter.ran_out_of_memory_since(&watch.mark);
    if let Some(start_error) = watch.start_error()
        && !out_of_memory
    {
        return Err(spawn::not_started(&start_error).into());
    }
    if answer.is_none() {
        cpu = cpu.max(watch.cpu());
    }
    let peak = watch.cell.meter.memory_peak();
    let seen = Seen {
        stopped,
        // What a program does after its answer does not matter.
        status: if answer.is_some() { Some(Status::Exited(0)) } else { watch.status },
        out_of_memory,
        output_overflowed: stdout.overflowed,
        cpu,
        wall,
        memory_bytes: peak.unwrap_or(watch.usage.memory_bytes_max),
    };
    let ended = seen.ended(&watch.command);
    let is_limit = !matches!(ended, Ended::Exited(_) | Ended::Signaled(_));
    let end = match (&answer, said) {
        (_, Said::Excess) if !is_limit => TurnEnd::Spoiled,
        (_, Said::Closed) if !is_limit && !has_ended => TurnEnd::Spoiled,
        (Some(answer), _) if !is_limit => TurnEnd::Answer(answer.len() as u64),
        _ => TurnEnd::Ended(ended),
    };
    if goes_on && !matches!(end, TurnEnd::Answer(_)) {
        watch.reap_all().map_err(fatal)?;
        goes_on = false;
    }
    let Taken { bytes: stderr, overflowed: stderr_truncated } = stderr;
    let answered = Answered {
        end,
        goes_on,
        cpu,
        wall,
        memory_bytes: seen.memory_bytes,
        memory_from_cgroup: peak.is_some(),
        stdout_bytes: stdout.bytes.len() as u64,
        stderr_bytes: stderr.len() as u64,
        stderr_truncated,
    };
    let answer = answer.filter(|_| matches!(end, TurnEnd::Answer(_))).unwrap_or_default();
    Ok(Told { answered, answer, stdout: stdout.bytes, stderr })
}

/// Whether the program has left the writable areas empty.
fn is_clean() -> bool {
    layout::WRITABLE.iter().all(|area| {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let Ok(mut directory) = Dir::open(*area, flags, Mode::empty()) else { return false };
        // Every directory has two entries for itself and its parent.
        directory.iter().count() <= 2
    })
}
