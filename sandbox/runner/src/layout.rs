//! Where things stand inside a cell. Both adapters lay a cell out the same way.

/// What the program can read and execute but not change: its artifact.
pub const PROGRAM: &str = "/box";

/// The program's working directory.
pub const WORK: &str = "/work";

/// Every directory a program can write to. All of them are emptied after a run.
pub const WRITABLE: [&str; 3] = [WORK, "/tmp", "/dev/shm"];

/// The uids (and gids) that programs get in cells that have more than one: a range that distributions, service managers
/// and container engines leave alone. Cells alive at the same time have different ones where they share a kernel's
/// users, so that no two of them share anything the kernel counts or permits by user.
pub const PROGRAM_UIDS: std::ops::RangeInclusive<u32> = 60_800..=61_183;

/// Below this, each language finds the header that was compiled ahead for it.
pub const PRECOMPILED: &str = "/pch";

/// The host name every cell has.
pub const HOSTNAME: &str = "cell";

/// The environment every program starts with; an execution may add to it.
pub const ENVIRONMENT: [(&str, &str); 4] = [
    ("PATH", "/usr/local/bin:/usr/bin:/bin"),
    ("HOME", WORK),
    ("TMPDIR", "/tmp"),
    ("LANG", "C.UTF-8"),
];
