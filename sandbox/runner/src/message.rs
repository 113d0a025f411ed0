//! The messages between host and runner. A message announces bulk data, which follows in data
//! frames.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{FrameError, frame, layout};

/// The host's requests. Each gets exactly one [`Reply`], except [`LinkStep::Take`], which gets two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Seal yourself in. Only with `--seal`, as the first request. Answered by [`Reply::Done`].
    Seal(SealPlan),
    /// Report what you have to enforce limits with. Answered by [`Reply::Facts`].
    Describe,
    /// Store a file; `bytes` of data follow. Answered by [`Reply::Done`].
    Put {
        /// The file's area.
        area: Area,
        /// Its path below the area: plain names separated by slashes.
        path: String,
        /// Whether the program may execute it.
        executable: bool,
        /// The number of bytes that follow.
        bytes: u64,
    },
    /// Run a command; `stdin_bytes` of data follow. Answered by [`Reply::Ran`].
    Execute(Command),
    /// Let a program answer a message; `message_bytes` of data follow. Answered by
    /// [`Reply::Answered`].
    Turn(Turn),
    /// Send a file. Answered by [`Reply::File`].
    Get {
        /// The file's area.
        area: Area,
        /// Its path below the area: plain names separated by slashes.
        path: String,
        /// The largest size that may be sent, in bytes.
        bytes_max: u64,
    },
    /// List the files of an area. Answered by [`Reply::Files`].
    List {
        /// The area to list.
        area: Area,
    },
    /// Empty the writable areas. Answered by [`Reply::Done`].
    Clear,
    /// Connect the next command to the next command of another cell. Answered by [`Reply::Done`].
    Link(LinkStep),
    /// End the cell. Answered by [`Reply::Done`], after which the stream ends.
    Close,
}

/// How a cell gets its ends of a link to another cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkStep {
    /// Only if the stream is a socket. After the reply, the host sends one byte with the
    /// descriptors, and nothing else until it gets a second [`Reply::Done`]. A follower gets three
    /// descriptors: its standard input, its standard output, and the reading end of the leader's
    /// standard error. A leader gets four: its standard input, output and error, and the reading
    /// end of the latter.
    Take,
    /// Become the follower: make the pipes of this name in the folder that the two cells share.
    Make {
        /// The link's name: letters and digits.
        name: String,
    },
    /// Become the leader: open the other ends of the pipes that the follower made, and remove their
    /// names.
    Join {
        /// The name that the follower's cell was given.
        name: String,
    },
}

/// The runner's replies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// The request succeeded.
    Done,
    /// The answer to [`Request::Describe`].
    Facts(Facts),
    /// How the command ended; `stdout_bytes` and then `stderr_bytes` of data follow.
    Ran(Report),
    /// How the turn ended; the answer, if there is one, then `stdout_bytes` and then `stderr_bytes`
    /// of data follow.
    Answered(Answered),
    /// The file's `bytes` of data follow.
    File {
        /// The number of bytes that follow.
        bytes: u64,
    },
    /// A [`Listing`] of `bytes` of data follows.
    Files {
        /// The number of bytes that follow.
        bytes: u64,
    },
    /// The request was refused.
    Refused {
        /// The reason as a kind.
        kind: RefusalKind,
        /// The reason in words.
        detail: String,
    },
}

impl Reply {
    /// What kind of reply this is, for error messages.
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Facts(_) => "facts",
            Self::Ran(_) => "an outcome",
            Self::Answered(_) => "an answer",
            Self::File { .. } => "a file",
            Self::Files { .. } => "a listing",
            Self::Refused { .. } => "a refusal",
        }
    }
}

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefusalKind {
    /// There is no such file.
    NotFound,
    /// The path exists, but is a link, a directory, a pipe, a device or a socket.
    NotRegular,
    /// The file is larger than the given limit, or the area has more files than a listing can hold.
    TooLarge,
    /// The path is not made of plain names.
    BadName,
    /// The area is full.
    NoSpace,
    /// The command's program is missing or not a program.
    NotStarted,
    /// A step of sealing failed.
    Seal,
    /// The request is out of order or its sizes do not match.
    OutOfOrder,
    /// A system call failed unexpectedly.
    System,
}

/// The areas that hold files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Area {
    /// The area that the program can only read and execute.
    Program,
    /// The program's working directory.
    Work,
}

impl Area {
    /// The area's directory in the cell.
    pub fn directory(self) -> &'static str {
        match self {
            Self::Program => layout::PROGRAM,
            Self::Work => layout::WORK,
        }
    }
}

/// The regular files of an area that can be fetched, sorted by path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing(pub Vec<ListedFile>);

impl Listing {
    /// The maximum length of an encoded listing, in bytes: each file has its path, the path's
    /// length, a size and a flag.
    pub const BYTES_MAX: u64 =
        (layout::LISTED_FILES_MAX * (layout::PATH_BYTES_MAX + 2 + 10 + 1) + 2) as u64;

    /// Encodes the listing as bulk data.
    pub fn encode(&self) -> Result<Vec<u8>, FrameError> {
        postcard::to_stdvec(self).map_err(FrameError::Malformed)
    }

    /// Decodes a listing from bulk data.
    pub fn decode(data: &[u8]) -> Result<Self, FrameError> {
        frame::decode_message(data)
    }
}

/// One file of an area.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ListedFile {
    /// Its path below the area.
    pub path: String,
    /// Its size, in bytes.
    pub bytes: u64,
    /// Whether it is executable.
    pub executable: bool,
}

/// A command and its limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Environment variables that are added to the fixed ones or replace them.
    pub env: Vec<(String, String)>,
    /// The number of bytes of standard input that follow.
    pub stdin_bytes: u64,
    /// Whether standard input and output are the cell's link. Then no standard input follows.
    pub linked: bool,
    /// Whether the program's descriptors 3 and 4 are the ends of a conversation: it reads messages
    /// from 3 and writes its answers to 4. Only in a [`Turn`].
    pub talks: bool,
    /// Exit codes of this leader after which the follower's further output is read and dropped.
    pub accepting: Vec<i32>,
    /// Processor time, summed over all processes.
    pub cpu: Duration,
    /// Wall time.
    pub wall: Duration,
    /// Memory of all processes together, in bytes.
    pub memory_bytes: u64,
    /// Processes and threads alive at once.
    pub processes: u32,
    /// Open files, for each process.
    pub open_files: u32,
    /// The most standard output, in bytes. More ends the run, unless `drop_excess` is set.
    pub stdout_bytes: u64,
    /// Whether standard output beyond `stdout_bytes` is read and dropped.
    pub drop_excess: bool,
    /// The most standard error kept, in bytes.
    pub stderr_bytes: u64,
    /// The largest file that a process may write, in bytes.
    pub file_bytes: u64,
    /// The main thread's stack, in bytes; `None` for no limit.
    pub stack_bytes: Option<u64>,
    /// Whether files in the writable areas are kept.
    pub keep_files: bool,
    /// The core that the command is pinned to, modulo the machine's number of cores; `None` does
    /// not pin it.
    pub core: Option<u32>,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// What ended it.
    pub ended: Ended,
    /// Processor time, summed over all processes.
    pub cpu: Duration,
    /// Wall time.
    pub wall: Duration,
    /// Whether the linked leader had ended first. False for a leader.
    pub peer_ended: bool,
    /// For a linked command, how long it had been computing without a pause when the follower
    /// ended. Zero for a leader that ended before the follower.
    pub busy: Duration,
    /// Peak memory, in bytes.
    pub memory_bytes: u64,
    /// Whether `memory_bytes` is a cgroup's peak; otherwise it is a peak resident size.
    pub memory_from_cgroup: bool,
    /// The number of bytes of standard output that follow.
    pub stdout_bytes: u64,
    /// The number of bytes of standard error that follow after them.
    pub stderr_bytes: u64,
    /// Whether standard error exceeded its limit.
    pub stderr_truncated: bool,
}

/// A message for a program, and the limits until its answer is complete.
///
/// An answer is its length, in 4 bytes with the lowest first, and that many bytes. A program that
/// has answered waits for its next message; anything else that it writes spoils the conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// The program to start, with limits that it has for all its turns; `None` for the program of
    /// the last turn.
    pub start: Option<Command>,
    /// The number of bytes that follow. They are written to the program as they are.
    pub message_bytes: u64,
    /// Processor time of this turn, summed over all processes.
    pub cpu: Duration,
    /// Wall time of this turn.
    pub wall: Duration,
    /// The longest answer, in bytes.
    pub answer_bytes: u64,
    /// Whether the program ends with this turn.
    pub is_last: bool,
}

/// How a turn ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// What ended it.
    pub end: TurnEnd,
    /// Whether the program can take another turn. If not, none of its processes and files is left.
    pub goes_on: bool,
    /// Processor time of the turn, summed over all processes.
    pub cpu: Duration,
    /// Wall time of the turn.
    pub wall: Duration,
    /// Peak memory during the turn, in bytes.
    pub memory_bytes: u64,
    /// Whether `memory_bytes` is a cgroup's peak; otherwise it is a peak resident size.
    pub memory_from_cgroup: bool,
    /// The number of bytes of standard output that follow.
    pub stdout_bytes: u64,
    /// The number of bytes of standard error that follow after them.
    pub stderr_bytes: u64,
    /// Whether standard error exceeded its limit.
    pub stderr_truncated: bool,
}

/// What ended a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TurnEnd {
    /// An answer of this number of bytes.
    Answer(u64),
    /// The program closed its end, or wrote more than one answer.
    Spoiled,
    /// The program's end before it answered, or a limit.
    Ended(Ended),
}

/// What ended a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ended {
    /// The program, with this exit code.
    Exited(i32),
    /// This signal, if no limit sent it.
    Signaled(i32),
    /// The processor time limit.
    CpuLimit,
    /// The wall time limit.
    WallLimit,
    /// The memory limit.
    MemoryLimit,
    /// The limit on standard output.
    OutputLimit,
    /// The limit on a file's size.
    FileLimit,
}

/// The means that the runner has to enforce limits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Whether the program has a different uid than the runner.
    pub own_uid: bool,
    /// Whether the program's own cgroup limits and measures memory.
    pub memory_cgroup: bool,
    /// Whether the program's own cgroup limits processes.
    pub pids_cgroup: bool,
    /// Whether processor time is read from a cgroup.
    pub cpu_cgroup: bool,
    /// Whether there is a system call filter for this processor.
    pub seccomp: bool,
    /// The number of physical cores that commands can be pinned to.
    pub cores: u32,
}

/// The users of a native cell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Users {
    /// The host's root, and another host user for the program. There is no user namespace.
    #[default]
    Host,
    /// The same two users in a user namespace, where root only has power over the cell.
    Mapped,
    /// A single user in a user namespace, for both the runner and the program.
    One,
}

/// The plan by which the runner seals itself in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealPlan {
    /// The users of the cell.
    pub users: Users,
    /// The program's uid and gid. With [`Users::One`], the runner's user has this uid inside the
    /// cell.
    pub program_uid: u32,
    /// Host directories and files that the cell sees, read-only.
    pub binds: Vec<Bind>,
    /// Symbolic links at the cell's root, as (link, target).
    pub links: Vec<(String, String)>,
    /// The cell's cgroup, which the host has made.
    pub cgroup: CgroupPlan,
    /// Size of each writable area, in bytes.
    pub disk_bytes_max: u64,
    /// Size of the program area, in bytes.
    pub program_bytes_max: u64,
}

/// A read-only bind mount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    /// The path on the host.
    pub source: String,
    /// The path in the cell.
    pub target: String,
}

/// The directories of the cell's cgroup on the host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CgroupPlan {
    /// The cell has no cgroup.
    #[default]
    None,
    /// Version 1: one directory for each available controller.
    V1 {
        /// The memory controller's directory.
        memory: Option<String>,
        /// The pids controller's directory.
        pids: Option<String>,
        /// The cpuacct controller's directory.
        cpuacct: Option<String>,
    },
    /// Version 2: one directory.
    V2 {
        /// The cgroup's directory.
        directory: String,
    },
}
