//! Converts between the port's types and the protocol's.

use bytes::Bytes;
use runner::layout;
use runner::message::{self, Command, Listing, Reply, Report, TurnEnd};

use crate::spec::Ceiling;
use crate::{
    Afterwards, Answered, Area, CellPath, Ended, Excess, Execution, Limits, ListedFile,
    MemorySource, Outcome, SandboxError, Stack, Turn, TurnReply,
};

/// Turns a reply into the expected result or an error.
pub(super) trait ReplyExt {
    fn done(self) -> Result<(), SandboxError>;
    fn unexpected(self, wanted: &'static str) -> SandboxError;
}

impl ReplyExt for Reply {
    fn done(self) -> Result<(), SandboxError> {
        match self {
            Self::Done => Ok(()),
            other => Err(other.unexpected("done")),
        }
    }

    fn unexpected(self, wanted: &'static str) -> SandboxError {
        match self {
            Self::Refused { kind, detail } => SandboxError::Refused { kind, detail },
            other => SandboxError::UnexpectedReply { wanted, got: other.kind_name() },
        }
    }
}

impl SandboxError {
    /// Adds the file's path to a refusal.
    pub(super) fn about(self, path: &CellPath) -> Self {
        match self {
            Self::Refused { kind, detail } => Self::File { path: path.to_string(), kind, detail },
            other => other,
        }
    }
}

impl From<Area> for message::Area {
    fn from(area: Area) -> Self {
        match area {
            Area::Program => Self::Program,
            Area::Work => Self::Work,
        }
    }
}

pub(super) fn command(execution: &Execution, ceiling: Ceiling) -> Command {
    let limits = &execution.limits;
    Command {
        argv: execution.argv.clone(),
        env: execution.env.clone(),
        stdin_bytes: execution.stdin.len() as u64,
        linked: execution.linked,
        talks: execution.talks,
        accepting: execution.accepting.clone(),
        cpu: limits.cpu,
        wall: limits.wall,
        memory_bytes: limits.memory_bytes.min(ceiling.memory_bytes),
        processes: limits.processes.min(ceiling.processes),
        open_files: limits.open_files,
        stdout_bytes: limits.stdout_bytes,
        drop_excess: execution.excess == Excess::Dropped,
        stderr_bytes: limits.stderr_bytes,
        file_bytes: limits.file_bytes,
        stack_bytes: match limits.stack {
            Stack::Bytes(bytes) => Some(bytes),
            Stack::Unlimited => None,
        },
        keep_files: execution.afterwards == Afterwards::Keep,
        core: execution.core,
    }
}

/// Decodes a listing. Fails if an honest runner could not have sent it.
pub(super) fn listed(data: &[u8]) -> Result<Vec<ListedFile>, SandboxError> {
    let Listing(files) = Listing::decode(data)?;
    let plain = files.iter().all(|file| layout::check_path(&file.path).is_ok());
    if files.len() > layout::LISTED_FILES_MAX || !plain || !files.is_sorted() {
        return Err(SandboxError::UnexpectedReply { wanted: "a listing", got: "an invalid one" });
    }
    let known =
        |message::ListedFile { path, bytes, executable }| ListedFile { path, bytes, executable };
    Ok(files.into_iter().map(known).collect())
}

/// Whether a report announces no more output than the limits allow.
pub(super) fn within(report: &Report, limits: &Limits) -> bool {
    report.stdout_bytes <= limits.stdout_bytes && report.stderr_bytes <= limits.stderr_bytes
}

pub(super) fn outcome(report: &Report, stdout: Bytes, stderr: Bytes) -> Outcome {
    Outcome {
        ended: report.ended.into(),
        cpu: report.cpu,
        wall: report.wall,
        peer_ended: report.peer_ended,
        busy: report.busy,
        memory_bytes: report.memory_bytes,
        memory_source: memory_source(report.memory_from_cgroup),
        stdout,
        stderr,
        stderr_truncated: report.stderr_truncated,
    }
}

fn memory_source(is_cgroup: bool) -> MemorySource {
    if is_cgroup { MemorySource::Cgroup } else { MemorySource::PeakRss }
}

impl From<message::Ended> for Ended {
    fn from(ended: message::Ended) -> Self {
        match ended {
            message::Ended::Exited(code) => Self::Exited { code },
            message::Ended::Signaled(signal) => Self::Signaled { signal },
            message::Ended::CpuLimit => Self::CpuLimit,
            message::Ended::WallLimit => Self::WallLimit,
            message::Ended::MemoryLimit => Self::MemoryLimit,
            message::Ended::OutputLimit => Self::OutputLimit,
            message::Ended::FileLimit => Self::FileLimit,
        }
    }
}

/// The request for a turn.
pub(super) fn turn(turn: &Turn, ceiling: Ceiling) -> message::Turn {
    message::Turn {
        start: turn.start.as_ref().map(|execution| command(execution, ceiling)),
        message_bytes: turn.message.len() as u64,
        cpu: turn.cpu,
        wall: turn.wall,
        answer_bytes: turn.answer_bytes,
        is_last: turn.is_last,
    }
}

/// Whether a turn's report announces no more than the limits allow. `limits` are those of the
/// program that takes the turn.
pub(super) fn turn_within(answered: &message::Answered, turn: &Turn, limits: &Limits) -> bool {
    let answer_bytes = match answered.end {
        TurnEnd::Answer(bytes) => bytes,
        TurnEnd::Spoiled | TurnEnd::Ended(_) => 0,
    };
    answer_bytes <= turn.answer_bytes
        && answered.stdout_bytes <= limits.stdout_bytes
        && answered.stderr_bytes <= limits.stderr_bytes
        && !(answered.goes_on && turn.is_last)
}

pub(super) fn answered(
    answered: &message::Answered,
    answer: Bytes,
    stdout: Bytes,
    stderr: Bytes,
) -> Answered {
    Answered {
        reply: match answered.end {
            TurnEnd::Answer(_) => TurnReply::Answer(answer),
            TurnEnd::Spoiled => TurnReply::Spoiled,
            TurnEnd::Ended(ended) => TurnReply::Ended(ended.into()),
        },
        goes_on: answered.goes_on,
        cpu: answered.cpu,
        wall: answered.wall,
        memory_bytes: answered.memory_bytes,
        memory_source: memory_source(answered.memory_from_cgroup),
        stdout,
        stderr,
        stderr_truncated: answered.stderr_truncated,
    }
}
