use std::time::Duration;

use bytes::Bytes;

/// One command to run in a cell, with everything that bounds it.
#[derive(Clone, Debug)]
pub struct Execution {
    /// The command. A first word without a slash is looked up in the cell's own `PATH`.
    pub argv: Vec<String>,
    /// Variables added to the cell's minimal fixed environment (`PATH`, `HOME`, `TMPDIR`, `LANG`); a name given here
    /// replaces the fixed one.
    pub env: Vec<(String, String)>,
    /// Everything the program can read on its standard input. It stands ready in memory before the clock starts, so
    /// a slow host never costs the program time, and a program that never reads it blocks nobody.
    pub stdin: Bytes,
    /// Whether standard input and output are the cell's link to another cell, instead of `stdin` and the outcome; see
    /// [`link`](crate::link()).
    pub linked: bool,
    /// Exit codes of a leader after which its follower may print on unharmed; see [`link`](crate::link()).
    pub accepting: Vec<i32>,
    /// What happens to standard output beyond its limit.
    pub excess: Excess,
    /// What the program may use.
    pub limits: Limits,
    /// What happens to the files it leaves.
    pub afterwards: Afterwards,
    /// Which physical core of the cell's machine it is pinned to, with everything it starts: programs that run side by
    /// side on different cores do not slow each other. Counted round and round; `None` leaves it to the scheduler.
    pub core: Option<u32>,
}

impl Execution {
    /// A command with nothing on its standard input, after which the cell is cleared.
    #[must_use]
    pub fn new(argv: Vec<String>, limits: Limits) -> Self {
        Self {
            argv,
            env: Vec::new(),
            stdin: Bytes::new(),
            linked: false,
            accepting: Vec::new(),
            excess: Excess::Ends,
            limits,
            afterwards: Afterwards::Clear,
            core: None,
        }
    }

    /// The same with this standard input.
    #[must_use]
    pub fn with_stdin(mut self, stdin: Bytes) -> Self {
        self.stdin = stdin;
        self
    }

    /// The same, talking to the program of another cell: its standard input and output are the ends of the link that
    /// was made for it by [`link`](crate::link()). It has no other standard input, and the outcome has no standard output.
    /// Without a link, or with a standard input, it is refused ([`RefusalKind::OutOfOrder`](crate::RefusalKind)).
    #[must_use]
    pub fn linked(mut self) -> Self {
        self.linked = true;
        self
    }

    /// The same, with these exit codes after which what the follower of its link still prints is read and dropped.
    /// After any other end, the follower writes to a closed pipe.
    #[must_use]
    pub fn accepting(mut self, codes: &[i32]) -> Self {
        self.accepting = codes.to_vec();
        self
    }

    /// The same, dropping standard output beyond its limit instead of ending the run.
    #[must_use]
    pub fn dropping_excess(mut self) -> Self {
        self.excess = Excess::Dropped;
        self
    }

    /// The same, pinned to a core.
    #[must_use]
    pub fn on_core(mut self, core: u32) -> Self {
        self.core = Some(core);
        self
    }

    /// The same, keeping the work area's files for the next command or for [`Cell::get`](crate::Cell::get).
    #[must_use]
    pub fn keeping(mut self) -> Self {
        self.afterwards = Afterwards::Keep;
        self
    }
}

/// What happens to the files a command leaves in the writable areas. Its processes are killed in either case.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Afterwards {
    /// Every writable byte is removed before the outcome is reported: what tests need.
    #[default]
    Clear,
    /// Files stay: what the steps of a compilation need.
    Keep,
}

/// What happens to standard output beyond its limit.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Excess {
    /// It ends the run ([`Ended::OutputLimit`]).
    #[default]
    Ends,
    /// It is read and dropped, and the run goes on.
    Dropped,
}

/// What one command may use. Each limit bounds the command and all its descendants together, unless it says otherwise.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Processor time, summed over all threads and processes.
    pub cpu: Duration,
    /// Time on the wall.
    pub wall: Duration,
    /// Memory. By cgroup where there is one; else by sampling resident sizes (never by `RLIMIT_AS`).
    pub memory_bytes: u64,
    /// Processes and threads alive at once.
    pub processes: u32,
    /// Open files, for each process.
    pub open_files: u32,
    /// Standard output kept. What happens to more, [`Execution::excess`] says.
    pub stdout_bytes: u64,
    /// Standard error kept. More is dropped, and the outcome says so.
    pub stderr_bytes: u64,
    /// The largest file a process may write.
    pub file_bytes: u64,
    /// The main thread's stack, for each process.
    pub stack: Stack,
}

impl Default for Limits {
    /// A small test of an ordinary problem.
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
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stack {
    /// To this size; growing past it ends the program by SIGSEGV.
    Bytes(u64),
    /// As far as the memory limit allows.
    Unlimited,
}

/// How one command ended, and what it used. Who ended it is observed, never guessed (INV-4).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Outcome {
    /// Who ended the run.
    pub ended: Ended,
    /// Processor time used, summed over all threads and processes.
    pub cpu: Duration,
    /// Time on the wall.
    pub wall: Duration,
    /// Whether the leader of its link had ended before it. Always false for a leader, and without a link.
    pub peer_ended: bool,
    /// Of a linked program, how long it had been computing, or ready to, without a pause when the follower ended: the
    /// other one if it leads, itself if it follows. Seen every 100 ms. Zero for a leader that ended before.
    pub busy: Duration,
    /// Peak memory; what it counts depends on `memory_source`.
    pub memory_bytes: u64,
    /// Where `memory_bytes` comes from.
    pub memory_source: MemorySource,
    /// What was written to standard output, up to its limit. Nothing where that was a link.
    pub stdout: Bytes,
    /// What was written to standard error, up to its limit.
    pub stderr: Bytes,
    /// Whether standard error went on past its limit.
    pub stderr_truncated: bool,
}

/// Who ended a run (INV-4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ended {
    /// The program, by exiting. An exit code of 137 is an exit code, not a signal.
    Exited {
        /// Its exit code.
        code: i32,
    },
    /// A signal that neither we nor a limit sent.
    Signaled {
        /// The signal's number.
        signal: i32,
    },
    /// Our clock, or the kernel's, counting processor time.
    CpuLimit,
    /// Our clock, counting time on the wall.
    WallLimit,
    /// The kernel's out-of-memory killer in the cell's cgroup, or a peak above the limit.
    MemoryLimit,
    /// Standard output went past its limit.
    OutputLimit,
    /// The kernel, because a file would have grown past its limit.
    FileLimit,
}

impl Ended {
    /// Whether the program ended by itself with exit code 0.
    #[must_use]
    pub fn is_success(self) -> bool {
        matches!(self, Self::Exited { code: 0 })
    }
}

/// Where a memory figure comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MemorySource {
    /// The cgroup's peak: everything charged to the run, page cache and shared memory included.
    Cgroup,
    /// The largest resident size seen: of one process, or of the sampled sum.
    PeakRss,
}
