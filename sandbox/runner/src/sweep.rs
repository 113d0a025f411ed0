//! Emptying the writable areas after a run. No process of the program's is alive meanwhile.

use std::{
    ffi::CString,
    io,
    os::fd::{AsFd, BorrowedFd},
};

use nix::{
    dir::Dir,
    errno::Errno,
    fcntl::{AT_FDCWD, OFlag, openat, renameat},
    sys::stat::{FchmodatFlags, Mode, fchmod, fchmodat},
    unistd::{UnlinkatFlags, unlinkat},
};
use runner::layout;

/// Names given to directories while a tree is taken apart: no program can have made one, since areas are swept
/// completely, and a clash would only fail the sweep, which ends the cell.
const LIFTED: &str = ".assay-lifted-";

/// Removes everything from every writable area and restores the areas' own modes.
pub(crate) fn sweep() -> io::Result<()> {
    layout::WRITABLE.iter().try_for_each(|area| empty(area).map_err(io::Error::from))
}

fn empty(area: &str) -> Result<(), Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let root = openat(AT_FDCWD, area, flags, Mode::empty())?;
    fchmod(root.as_fd(), Mode::from_bits_truncate(0o1777))?;
    let mut lifted = 0_u32;
    // Each round removes all files of one level and lifts the directories inside it up to the area's own, so that no
    // depth of nesting takes more descriptors or longer paths than one level does.
    loop {
        let entries = names(root.as_fd())?;
        if entries.is_empty() {
            return Ok(());
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

/// Empties one directory of the area by removing its files and lifting its directories, then removes it.
fn flatten(root: BorrowedFd<'_>, name: &CString, lifted: &mut u32) -> Result<(), Errno> {
    // The program may have taken its own permission away; where the runner shares its uid, that counts.
    fchmodat(root, name.as_c_str(), Mode::S_IRWXU, FchmodatFlags::FollowSymlink)?;
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let directory = openat(root, name.as_c_str(), flags, Mode::empty())?;
    for inner in names(directory.as_fd())? {
        match unlinkat(directory.as_fd(), inner.as_c_str(), UnlinkatFlags::NoRemoveDir) {
            Ok(()) => {}
            Err(Errno::EISDIR | Errno::EPERM) => {
                *lifted += 1;
                renameat(
                    directory.as_fd(),
                    inner.as_c_str(),
                    root,
                    format!("{LIFTED}{lifted}").as_str(),
                )?;
            }
            Err(error) => return Err(error),
        }
    }
    unlinkat(root, name.as_c_str(), UnlinkatFlags::RemoveDir)
}

/// What is in a directory.
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
