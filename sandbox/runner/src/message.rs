//! What host and runner say to each other. Bulk data is announced by a message and follows it in data frames.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{FrameError, frame, layout};

/// What the host asks. Each request is answered by exactly one [`Reply`].
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Seal yourself in; only with `--seal`, and only first. Answered by [`Reply::Done`].
    Seal(SealPlan),
    /// What do you have to work with? Answered by [`Reply::Facts`].
    Describe,
    /// Store a file; `bytes` of data follow. Answered by [`Reply::Done`].
    Put {
        /// Where.
        area: Area,
        /// Its path below the area: plain names, with a slash between each two.
        path: String,
        /// Whether the program may execute it.
        executable: bool,
        /// How many bytes follow.
        bytes: u64,
    },
    /// Run a command; `stdin_bytes` of data follow. Answered by [`Reply::Ran`].
    Execute(Command),
    /// Give a file. Answered by [`Reply::File`].
    Get {
        /// Where.
        area: Area,
        /// Its path below the area: plain names, with a slash between each two.
        path: String,
        /// The most that may be given.
        bytes_max: u64,
    },
    /// Which files are there? Answered by [`Reply::Files`].
    List {
        /// Where.
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
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum LinkStep {
    /// The stream is a socket. When this is answered, the host sends one byte with the ends, and nothing else until
    /// that, too, is answered by [`Reply::Done`]. A follower gets three files: its standard input, its standard output,
    /// and the leader's standard error to read from. A leader gets four: its standard input, output and error, and the
    /// latter to read from.
    Take,
    /// Follow: make the pipes of this name in the folder that the two cells share.
    Make {
        /// Letters and digits.
        name: String,
    },
    /// Lead: take the other ends of what the follower has made, and the name away.
    Join {
        /// The same name.
        name: String,
    },
}

/// What the runner answers.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// It is done.
    Done,
    /// What the runner found.
    Facts(Facts),
    /// How the command ended; `stdout_bytes` and then `stderr_bytes` of data follow.
    Ran(Report),
    /// The file's `bytes` of data follow.
    File {
        /// How many bytes follow.
        bytes: u64,
    },
    /// A [`Listing`] of `bytes` of data follows.
    Files {
        /// How many bytes follow.
        bytes: u64,
    },
    /// It cannot be done.
    Refused {
        /// Which rule or condition forbids it.
        kind: RefusalKind,
        /// The same in words.
        detail: String,
    },
}

impl Reply {
    /// What kind of reply this is, for error messages.
    #[must_use]
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Facts(_) => "facts",
            Self::Ran(_) => "an outcome",
            Self::File { .. } => "a file",
            Self::Files { .. } => "a listing",
            Self::Refused { .. } => "a refusal",
        }
    }
}

/// Why something cannot be done.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum RefusalKind {
    /// There is no such file.
    NotFound,
    /// It is there, but it is a link, a directory, a pipe, a device or a socket.
    NotRegular,
    /// It is larger than was allowed, or there are more than are told.
    TooLarge,
    /// The path is not made of plain names.
    BadName,
    /// The area is full.
    NoSpace,
    /// The command's program is missing or is no program.
    NotStarted,
    /// A step of sealing failed.
    Seal,
    /// The request does not fit: out of order, or sizes that do not match.
    OutOfOrder,
    /// The system refused something that should work.
    System,
}

/// The areas files can be put into and taken from.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Area {
    /// What the program can only read and execute.
    Program,
    /// Where the program works.
    Work,
}

impl Area {
    /// The area's directory in the cell.
    #[must_use]
    pub fn directory(self) -> &'static str {
        match self {
            Self::Program => layout::PROGRAM,
            Self::Work => layout::WORK,
        }
    }
}

/// The regular files of an area, as far as they can be asked for, by path.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Listing(pub Vec<ListedFile>);

impl Listing {
    /// The longest a listing can get, in bytes: each file has its path, the path's length, a size and a flag.
    pub const BYTES_MAX: u64 =
        (layout::LISTED_FILES_MAX * (layout::PATH_BYTES_MAX + 2 + 10 + 1) + 2) as u64;

    /// As data.
    pub fn encode(&self) -> Result<Vec<u8>, FrameError> {
        postcard::to_stdvec(self).map_err(FrameError::Malformed)
    }

    /// From data.
    pub fn decode(data: &[u8]) -> Result<Self, FrameError> {
        frame::decode_message(data)
    }
}

/// One file of an area.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct ListedFile {
    /// Its path below the area.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Whether it can be executed.
    pub executable: bool,
}

/// A command and its limits.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Variables beside or instead of the fixed ones.
    pub env: Vec<(String, String)>,
    /// How many bytes of standard input follow.
    pub stdin_bytes: u64,
    /// Whether standard input and output are the cell's link; then no standard input follows.
    pub linked: bool,
    /// Exit codes after which the leader of a link lets its follower print on: what it prints is read and dropped.
    pub accepting: Vec<i32>,
    /// Summed processor time.
    pub cpu: Duration,
    /// Time on the wall.
    pub wall: Duration,
    /// Memory of all processes.
    pub memory_bytes: u64,
    /// Processes and threads.
    pub processes: u32,
    /// Open files of one process.
    pub open_files: u32,
    /// Standard output kept; one byte more ends the run, unless `drop_excess` is set.
    pub stdout_bytes: u64,
    /// Whether standard output beyond `stdout_bytes` is read and dropped.
    pub drop_excess: bool,
    /// Standard error kept.
    pub stderr_bytes: u64,
    /// The largest file.
    pub file_bytes: u64,
    /// The main thread's stack; `None` for no limit of its own.
    pub stack_bytes: Option<u64>,
    /// Whether files in the writable areas stay.
    pub keep_files: bool,
    /// Which of the machine's cores it is pinned to, counted round and round; `None` leaves it free.
    pub core: Option<u32>,
}

/// How a command ended.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Who ended it.
    pub ended: Ended,
    /// Summed processor time.
    pub cpu: Duration,
    /// Time on the wall.
    pub wall: Duration,
    /// Whether the leader that the command was linked to had ended before it. False for a leader.
    pub peer_ended: bool,
    /// Of a linked command, how long it had been computing without a pause when the follower ended: the other one if it
    /// leads, itself if it follows. Zero for a leader that ended before.
    pub busy: Duration,
    /// Peak memory.
    pub memory_bytes: u64,
    /// Whether `memory_bytes` is a cgroup's peak, or else a peak resident size.
    pub memory_from_cgroup: bool,
    /// How many bytes of standard output follow.
    pub stdout_bytes: u64,
    /// How many bytes of standard error follow after them.
    pub stderr_bytes: u64,
    /// Whether there was more standard error.
    pub stderr_truncated: bool,
}

/// Who ended a run.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Ended {
    /// The program, with this exit code.
    Exited(i32),
    /// This signal, not sent by a limit.
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

/// What the runner has to enforce limits with.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Whether the program has a uid of its own.
    pub own_uid: bool,
    /// Whether memory is limited and measured by a cgroup of the program's.
    pub memory_cgroup: bool,
    /// Whether processes are limited by a cgroup of the program's.
    pub pids_cgroup: bool,
    /// Whether processor time is read from a cgroup.
    pub cpu_cgroup: bool,
    /// Whether the system call filter could be installed.
    pub seccomp: bool,
    /// How many physical cores there are to pin to.
    pub cores: u32,
}

/// Which users a native cell has.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub enum Users {
    /// The host's root, and one for the program. There is no user namespace.
    #[default]
    Host,
    /// The same two in a user namespace, where root is root of the cell only.
    Mapped,
    /// In a user namespace, the runner's own, which the program has too.
    One,
}

/// Everything the runner needs to know to seal itself in.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct SealPlan {
    /// Whose the program is.
    pub users: Users,
    /// The uid and gid the program gets. Where there is only one user, that is what the runner's own is called.
    pub program_uid: u32,
    /// Directories and files the cell sees, read-only.
    pub binds: Vec<Bind>,
    /// Symbolic links at the cell's root, as (link, target).
    pub links: Vec<(String, String)>,
    /// The cell's cgroup, already made and limited by the host.
    pub cgroup: CgroupPlan,
    /// Size of each writable area.
    pub disk_bytes_max: u64,
    /// Size of the program area.
    pub program_bytes_max: u64,
}

/// A read-only bind mount.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Bind {
    /// The path on the host.
    pub source: String,
    /// The path in the cell.
    pub target: String,
}

/// Directories of the cell's cgroup, on the host.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub enum CgroupPlan {
    /// There is none.
    #[default]
    None,
    /// Version 1: one directory for each controller there is.
    V1 {
        /// The memory controller's.
        memory: Option<String>,
        /// The pids controller's.
        pids: Option<String>,
        /// The cpuacct controller's.
        cpuacct: Option<String>,
    },
    /// Version 2: one directory.
    V2 {
        /// That directory.
        directory: String,
    },
}
