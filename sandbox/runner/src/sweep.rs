//! Empties the writable areas after a run. No process of a program is alive during this.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat, renameat};
use nix::sys::stat::{FchmodatFlags, Mode, fchmod, fchmodat, futimens};
use nix::sys::time::TimeSpec;
use nix::unistd::{UnlinkatFlags, unlinkat};
use runner::layout;

use crate::sys;

/// Removes everything from every writable area, and restores the areas' own mode, times and
/// attributes.
pub(crate) fn sweep() -> io::Result<()> {
    layout::WRITABLE.iter().try_for_each(|area| empty(area).map_err(io::Error::from))
}

fn empty(area: &str) -> Result<(), Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let root = openat(AT_FDCWD, area, flags, Mode::empty())?;
    fchmod(root.as_fd(), Mode::from_bits_truncate(0o1777))?;
    let mut lifted = Lifted::new()?;
    // Each round removes all files of one level and moves the directories inside it up to the
    // area's root. So any depth of nesting needs no more descriptors and no longer paths than one
    // level.
    loop {
        let entries = names(root.as_fd())?;
        if entries.is_empty() {
            return restore(root.as_fd());
        }
        for name in entries {
            match unlinkat(root.as_fd(), name.as_c_str(), UnlinkatFlags::NoRemoveDir) {
                Ok(()) => {}
                Err(Errno::EISDIR | Errno::EPERM) => flatten(root.as_fd(), &name, &mut lifted)?,
                Err(error) => return Err(error),
            }
        }
    }
}

/// If the program owns an area, it can change the area's times and attributes, and the next run
/// could read them.
fn restore(root: BorrowedFd<'_>) -> Result<(), Errno> {
    sys::remove_attributes(root)?;
    futimens(root, &TimeSpec::new(0, 0), &TimeSpec::new(0, 0))
}

/// Makes names for moved directories. No program can predict them.
struct Lifted {
    prefix: String,
    count: u32,
}

impl Lifted {
    fn new() -> Result<Self, Errno> {
        Ok(Self { prefix: format!(".assay-{:032x}", sys::random()?), count: 0 })
    }

    fn next(&mut self) -> String {
        self.count += 1;
        format!("{}-{}", self.prefix, self.count)
    }
}

/// Removes a directory's files, moves its directories up to the area's root, and removes the
/// directory.
fn flatten(root: BorrowedFd<'_>, name: &CString, lifted: &mut Lifted) -> Result<(), Errno> {
    // The program may have removed its own permission, which also affects a runner with the same
    // uid.
    fchmodat(root, name.as_c_str(), Mode::S_IRWXU, FchmodatFlags::FollowSymlink)?;
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let directory = openat(root, name.as_c_str(), flags, Mode::empty())?;
    for inner in names(directory.as_fd())? {
        match unlinkat(directory.as_fd(), inner.as_c_str(), UnlinkatFlags::NoRemoveDir) {
            Ok(()) => {}
            Err(Errno::EISDIR | Errno::EPERM) => {
                let name = lifted.next();
                renameat(directory.as_fd(), inner.as_c_str(), root, name.as_str())?;
            }
            Err(error) => return Err(error),
        }
    }
    unlinkat(root, name.as_c_str(), UnlinkatFlags::RemoveDir)
}

/// The names of a directory's entries.
pub(crate) fn names(directory: BorrowedFd<'_>) -> Result<Vec<CString>, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut directory = Dir::openat(directory, ".", flags, Mode::empty())?;
    let mut names = Vec::new();
    for entry in directory.iter() {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push(entry.file_name().to_owned());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn deep_and_wide_trees_go() {
        let area = std::env::temp_dir().join(format!("assay-sweep-{}", std::process::id()));
        fs::create_dir_all(&area).expect("a temporary directory");
        for branch in 0..5 {
            let mut path = area.join(format!("branch-{branch}"));
            for depth in 0..60 {
                path.push(format!("a-directory-with-a-rather-long-name-{depth}"));
            }
            fs::create_dir_all(&path).expect("made");
            fs::write(path.join("file"), "x").expect("written");
        }
        std::os::unix::fs::symlink("/etc/passwd", area.join("link")).expect("linked");
        empty(area.to_str().expect("utf-8")).expect("emptied");
        assert_eq!(fs::read_dir(&area).expect("still there").count(), 0);
        fs::remove_dir(&area).expect("removed");
    }
}
