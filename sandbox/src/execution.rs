use std::fmt;
use std::time::Duration;

use bytes::Bytes;

/// One command to run in a cell, with its limits.
#[derive(Debug, Clone)]
pub struct Execution {
    /// The command. A first word without a slash is looked up in the cell's own `PATH`.
    pub argv: Vec<String>,
    /// Variables added to the cell's minimal fixed environment (`PATH`, `HOME`, `TMPDIR`, `LANG`);
    /// a name given here replaces the fixed one.
    pub env: Vec<(String, String)>,
    /// The complete standard input. It is in memory before the clock starts, so a slow host costs
    /// the program no time, and a program that does not read its input blocks nothing.
    pub stdin: Bytes,
    /// Whether standard input and output are the cell's link to another cell, instead of `stdin`
    /// and [`Outcome::stdout`]; see [`link`](crate::link()).
    pub linked: bool,
    /// Whether the program's descriptors 3 and 4 are the ends of a conversation; see
    /// [`Cell::turn`](crate::Cell::turn).
    pub talks: bool,
    /// The exit codes of a leader after which its follower can still write without an error; see
    /// [`link`](crate::link()).
    pub accepting: Vec<i32>,
    /// What happens to standard output beyond its limit.
    pub excess: Excess,
    /// The program's limits.
    pub limits: Limits,
    /// What happens to the files that the command leaves.
    pub afterwards: Afterwards,
    /// The physical core that the command and all its processes are pinned to, modulo the machine's
    /// number of cores. Programs that run at the same time on different cores do not slow each
    /// other down. `None` leaves the choice to the scheduler.
    pub core: Option<u32>,
}

impl Execution {
    /// A command with an empty standard input. The cell is cleared after it.
    pub fn new(argv: Vec<String>, limits: Limits) -> Self {
        Self {
            argv,
            env: Vec::new(),
            stdin: Bytes::new(),
            linked: false,
            talks: false,
            accepting: Vec::new(),
            excess: Excess::Ends,
            limits,
            afterwards: Afterwards::Clear,
            core: None,
        }
    }

    /// Sets the standard input.
    #[must_use]
    pub fn with_stdin(mut self, stdin: Bytes) -> Self {
        self.stdin = stdin;
        self
    }

    /// Connects the command to the program of another cell: its standard input and output are the
    /// ends of the link that [`link`](crate::link()) made. The outcome has no standard output.
    /// Without a link, or with a non-empty `stdin`, the execution is refused
    /// ([`RefusalKind::OutOfOrder`](crate::RefusalKind)).
    #[must_use]
    pub fn linked(mut self) -> Self {
        self.linked = true;
        self
    }

    /// Sets the exit codes of this leader after which its follower's further output is read and
    /// dropped. After any other end, the follower writes to a closed pipe.
    #[must_use]
    pub fn accepting(mut self, codes: &[i32]) -> Self {
        self.accepting = codes.to_vec();
        self
    }

    /// Drops standard output beyond its limit instead of ending the run.
    #[must_use]
    pub fn dropping_excess(mut self) -> Self {
        self.excess = Excess::Dropped;
        self
    }

    /// Pins the command to a core; see [`core`](Self::core).
    #[must_use]
    pub fn on_core(mut self, core: u32) -> Self {
        self.core = Some(core);
        self
    }

    /// Keeps the work area's files for the next command or for [`Cell::get`](crate::Cell::get).
    #[must_use]
    pub fn keeping(mut self) -> Self {
        self.afterwards = Afterwards::Keep;
        self
    }
}

/// What happens to the files a command leaves in the writable areas. Its processes are killed in
/// either case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Afterwards {
    /// Files are removed before the outcome is reported, as tests need.
    #[default]
    Clear,
    /// Files are kept, as the steps of a compilation need.
    Keep,
}

/// What happens to standard output beyond its limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Excess {
    /// The run ends ([`Ended::OutputLimit`]).
    #[default]
    Ends,
    /// The excess is read and dropped, and the run continues.
    Dropped,
}

/// The limits of one command. Each applies to the command and all its descendants together, unless
/// stated otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Processor time, summed over all threads and processes.
    pub cpu: Duration,
    /// Wall time.
    pub wall: Duration,
    /// Memory, in bytes. A cgroup limits it if there is one; otherwise the runner samples resident
    /// sizes (never `RLIMIT_AS`).
    pub memory_bytes: u64,
    /// Processes and threads alive at once.
    pub processes: u32,
    /// Open files, for each process.
    pub open_files: u32,
    /// The most standard output, in bytes; [`Execution::excess`] says what happens to more.
    pub stdout_bytes: u64,
    /// The most standard error kept, in bytes. More is dropped and sets
    /// [`Outcome::stderr_truncated`].
    pub stderr_bytes: u64,
    /// The largest file that a process may write, in bytes.
    pub file_bytes: u64,
    /// The main thread's stack, for each process.
    pub stack: Stack,
}

impl Default for Limits {
    /// Limits for a small test of an ordinary problem.
    fn default() -> Self {
        Self {
            cpu: Duration::from_secs(2),
            wall: Duration::from_secs(6),
            memory_bytes: 256 << 20,
            processes: 64,
            open_files: 128,
            stdout_bytes: 16 << 20,
            stderr_bytes: 64 << 10,
            file_bytes: 64 << 20,
            stack: Stack::Unlimited,
        }
    }
}

/// How far the main thread's stack may grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stack {
    /// Up to this size, in bytes. Growing past it ends the program with SIGSEGV.
    Bytes(u64),
    /// As far as the memory limit allows.
    Unlimited,
}

/// How one command ended, and what it used. The cause of its end is observed, never guessed
/// (INV-4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What ended the run.
    pub ended: Ended,
    /// Processor time used, summed over all threads and processes.
    pub cpu: Duration,
    /// Wall time.
    pub wall: Duration,
    /// Whether the leader of its link had ended first. Always false for a leader and without a
    /// link.
    pub peer_ended: bool,
    /// For a linked program, how long it had been computing, or ready to compute, without a pause
    /// when the follower ended. Measured every 100 ms. Zero for a leader that ended before the
    /// follower.
    pub busy: Duration,
    /// Peak memory, in bytes; `memory_source` says what it counts.
    pub memory_bytes: u64,
    /// Where `memory_bytes` comes from.
    pub memory_source: MemorySource,
    /// What was written to standard output, up to its limit. Empty for a linked execution.
    pub stdout: Bytes,
    /// What was written to standard error, up to its limit.
    pub stderr: Bytes,
    /// Whether standard error exceeded its limit.
    pub stderr_truncated: bool,
}

/// What ended a run (INV-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The program, by exiting. An exit code of 137 is an exit code, not a signal.
    Exited {
        /// Its exit code.
        code: i32,
    },
    /// A signal that neither the sandbox nor a limit sent.
    Signaled {
        /// The signal's number.
        signal: i32,
    },
    /// The runner's or the kernel's limit on processor time.
    CpuLimit,
    /// The runner's limit on wall time.
    WallLimit,
    /// The kernel's out-of-memory killer in the cell's cgroup, or a peak above the limit.
    MemoryLimit,
    /// Standard output exceeded its limit.
    OutputLimit,
    /// The kernel, because a file would have exceeded its limit.
    FileLimit,
}

impl Ended {
    /// Whether the program ended by itself with exit code 0.
    pub fn is_success(self) -> bool {
        matches!(self, Self::Exited { code: 0 })
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited { code } => write!(f, "exited with {code}"),
            Self::Signaled { signal } => write!(f, "crashed with signal {signal}"),
            Self::CpuLimit | Self::WallLimit => f.write_str("took too long"),
            Self::MemoryLimit => f.write_str("used too much memory"),
            Self::OutputLimit => f.write_str("printed too much"),
            Self::FileLimit => f.write_str("wrote too much"),
        }
    }
}

/// Where a memory figure comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemorySource {
    /// The cgroup's peak: all memory charged to the run, including page cache and shared memory.
    Cgroup,
    /// The largest resident size seen, of one process or of the sampled sum.
    PeakRss,
}
