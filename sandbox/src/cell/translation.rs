//! Converts between the port's types and the protocol's.

use bytes::Bytes;
use runner::layout;
use runner::message::{self, Command, Listing, Reply, Report};

use crate::spec::Ceiling;
use crate::{
    Afterwards, Area, CellPath, Ended, Excess, Execution, Limits, ListedFile, MemorySource,
    Outcome, SandboxError, Stack,
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
        ended: match report.ended {
            message::Ended::Exited(code) => Ended::Exited { code },
            message::Ended::Signaled(signal) => Ended::Signaled { signal },
            message::Ended::CpuLimit => Ended::CpuLimit,
            message::Ended::WallLimit => Ended::WallLimit,
            message::Ended::MemoryLimit => Ended::MemoryLimit,
            message::Ended::OutputLimit => Ended::OutputLimit,
            message::Ended::FileLimit => Ended::FileLimit,
        },
        cpu: report.cpu,
        wall: report.wall,
        peer_ended: report.peer_ended,
        busy: report.busy,
        memory_bytes: report.memory_bytes,
        memory_source: if report.memory_from_cgroup {
            MemorySource::Cgroup
        } else {
            MemorySource::PeakRss
        },
        stdout,
        stderr,
        stderr_truncated: report.stderr_truncated,
    }
}
