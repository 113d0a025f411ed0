//! The paths inside a cell, which are the same for both adapters.

/// The directory of the program's artifact, which the program can read and execute but not change.
pub const PROGRAM: &str = "/box";

/// The program's working directory.
pub const WORK: &str = "/work";

/// Every directory that a program can write to. All of them are emptied after a run.
pub const WRITABLE: [&str; 3] = [WORK, "/tmp", "/dev/shm"];

/// The uids (and gids) for programs, in a range that distributions, service managers and container
/// engines do not use. Cells alive at the same time have different uids if they share a kernel's
/// users, so that they share no per-user limits or permissions.
pub const PROGRAM_UIDS: std::ops::RangeInclusive<u32> = 60_800..=61_183;

/// The directory of precompiled headers, with a subdirectory for each language.
pub const PRECOMPILED: &str = "/pch";

/// The folder of the runner in a container. Only root can write to it.
pub const RUNNER: &str = "/assay";

/// The folder in which the runners of containers that share `RUNNER` connect their programs.
pub const LINKS: &str = "/assay/links";

/// The host name of every cell.
pub const HOSTNAME: &str = "cell";

/// The environment that every program starts with. An execution can add variables or replace these.
pub const ENVIRONMENT: [(&str, &str); 5] = [
    ("PATH", "/usr/local/bin:/usr/bin:/bin"),
    ("HOME", WORK),
    ("TMPDIR", "/tmp"),
    ("LANG", "C.UTF-8"),
    // Otherwise numerical libraries start a thread for each core, and their processor times add up.
    ("OPENBLAS_NUM_THREADS", "1"),
];

/// The longest path of a file in an area, in bytes.
pub const PATH_BYTES_MAX: usize = 255;

/// The most names in a path, folders and file together.
pub const PATH_NAMES_MAX: usize = 8;

/// The most files in a listing of an area.
pub const LISTED_FILES_MAX: usize = 1000;

/// Checks that a path consists of plain names separated by slashes, so that it cannot leave its
/// area. The error says why it is refused.
pub fn check_path(path: &str) -> Result<(), &'static str> {
    if path.is_empty() || path.len() > PATH_BYTES_MAX {
        return Err("its length is out of range");
    }
    if path.split('/').count() > PATH_NAMES_MAX {
        return Err("it has too many folders");
    }
    for name in path.split('/') {
        if name.is_empty() {
            return Err("a name in it is empty");
        }
        if name.starts_with(['.', '-']) {
            return Err("a name in it starts with a dot or a dash");
        }
        if name.chars().any(char::is_control) {
            return Err("it contains a control character");
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
