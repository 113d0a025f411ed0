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

/// Where a container has the runner: a folder that only root can write to.
pub const RUNNER: &str = "/assay";

/// Where the runners of containers that share that folder meet to connect their programs.
pub const LINKS: &str = "/assay/links";

/// The host name every cell has.
pub const HOSTNAME: &str = "cell";

/// The environment every program starts with; an execution may add to it.
pub const ENVIRONMENT: [(&str, &str); 5] = [
    ("PATH", "/usr/local/bin:/usr/bin:/bin"),
    ("HOME", WORK),
    ("TMPDIR", "/tmp"),
    ("LANG", "C.UTF-8"),
    // Numerical libraries start a thread for each of the machine's cores otherwise, and processor time is summed.
    ("OPENBLAS_NUM_THREADS", "1"),
];

/// The longest path of a file in an area, in bytes.
pub const PATH_BYTES_MAX: usize = 255;

/// How many names a path may be made of: its folders' and its own.
pub const PATH_NAMES_MAX: usize = 8;

/// The most files that are told of an area.
pub const LISTED_FILES_MAX: usize = 1000;

/// Whether a file of an area may have this path, and why not: plain names, with a slash between each two, lead nowhere
/// else.
pub fn check_path(path: &str) -> Result<(), &'static str> {
    if path.is_empty() || path.len() > PATH_BYTES_MAX {
        return Err("its length is out of range");
    }
    if path.split('/').count() > PATH_NAMES_MAX {
        return Err("it lies too deep");
    }
    for name in path.split('/') {
        if name.is_empty() {
            return Err("a name in it is empty");
        }
        if name.starts_with(['.', '-']) {
            return Err("a name in it starts with a dot or a dash");
        }
        if name.chars().any(char::is_control) {
            return Err("it holds a control character");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_plain_names() {
        let depth = |names: usize| vec!["a"; names].join("/");
        for good in ["a", "a/b.txt", "naïve main;$(x)", &depth(8), &"x".repeat(255)] {
            assert_eq!(check_path(good), Ok(()), "{good:?}");
        }
        for bad in ["", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/.b", "-a", "a/-b"] {
            assert!(check_path(bad).is_err(), "{bad:?}");
        }
        for bad in ["a\0b", "a/b\nc", &depth(9), &"x".repeat(256)] {
            assert!(check_path(bad).is_err(), "{bad:?}");
        }
    }
}
