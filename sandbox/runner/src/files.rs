//! Stores files in the cell and reads them. No process of a program is alive during this.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::fchown;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat};
use nix::mount::{MsFlags, mount};
use nix::sys::stat::{FileStat, Mode, fchmod, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use runner::layout;
use runner::message::{Area, RefusalKind};

use crate::refusal::Refusal;

/// Write-protects the program area with a read-only mount, if the program has the same uid as the
/// runner.
pub(crate) struct ProgramAreaLock {
    needed: bool,
    locked: bool,
}

impl ProgramAreaLock {
    pub(crate) fn new(needed: bool) -> Self {
        Self { needed, locked: false }
    }

    /// Called before a program runs.
    pub(crate) fn lock(&mut self) -> Result<(), Refusal> {
        self.switch(true)
    }

    /// Called before a file is stored.
    fn unlock(&mut self) -> Result<(), Refusal> {
        self.switch(false)
    }

    fn switch(&mut self, lock: bool) -> Result<(), Refusal> {
        if !self.needed || self.locked == lock {
            return Ok(());
        }
        let read_only = if lock { MsFlags::MS_RDONLY } else { MsFlags::empty() };
        let flags = MsFlags::MS_REMOUNT
            | MsFlags::MS_BIND
            | MsFlags::MS_NOSUID
            | MsFlags::MS_NODEV
            | MsFlags::MS_NOATIME;
        mount(None::<&str>, layout::PROGRAM, None::<&str>, flags | read_only, None::<&str>)
            .map_err(|error| Refusal::system("switch the program area's protection", error))?;
        self.locked = lock;
        Ok(())
    }
}

/// A file being stored. All announced data is read even after an error, so that the stream stays in
/// step; `finish` returns the error.
pub(crate) struct Incoming {
    file: Result<Created, Refusal>,
    mode: u32,
    owner: Option<u32>,
}

/// A new file with its folder and name.
struct Created {
    file: File,
    folder: OwnedFd,
    name: String,
}

impl Incoming {
    /// Creates a file, replacing one with the same name. In the work area, the program owns it and
    /// the folders made for it.
    pub(crate) fn open(
        area: Area,
        path: &str,
        executable: bool,
        program_uid: Option<u32>,
        lock: &mut ProgramAreaLock,
    ) -> Self {
        let owner = if area == Area::Work { program_uid } else { None };
        let file = lock.unlock().and_then(|()| create(area, path, owner));
        Self { file, mode: if executable { 0o755 } else { 0o644 }, owner }
    }

    /// Adds data.
    pub(crate) fn write(&mut self, data: &[u8]) {
        if let Ok(created) = &mut self.file
            && let Err(error) = created.file.write_all(data)
        {
            // Remove the file, because half of it would be misleading.
            let _ = unlinkat(&created.folder, created.name.as_str(), UnlinkatFlags::NoRemoveDir);
            self.file = Err(Refusal::system("store the file", error));
        }
    }

    /// Completes the file.
    pub(crate) fn finish(self) -> Result<(), Refusal> {
        let Created { file, .. } = self.file?;
        hand_over(&file, self.mode, self.owner)
            .map_err(|error| Refusal::system("hand over the file", error))
    }
}

fn hand_over(file: impl AsFd, mode: u32, owner: Option<u32>) -> io::Result<()> {
    fchmod(&file, Mode::from_bits_truncate(mode))?;
    fchown(file, owner, owner)
}

fn create(area: Area, path: &str, owner: Option<u32>) -> Result<Created, Refusal> {
    let (folder, name) = enter(area, path, |folder, name| make_folder(folder, name, owner))?;
    match unlinkat(&folder, name, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => {}
        Err(error) => return Err(Refusal::system("replace the file", error)),
    }
    let flags =
        OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let file = openat(&folder, name, flags, Mode::from_bits_truncate(0o644))
        .map_err(|error| Refusal::system("create the file", error))?;
    Ok(Created { file: file.into(), folder, name: name.to_owned() })
}

fn make_folder(folder: BorrowedFd<'_>, name: &str, owner: Option<u32>) -> Result<OwnedFd, Refusal> {
    let make = || -> io::Result<OwnedFd> {
        mkdirat(folder, name, Mode::from_bits_truncate(0o755))?;
        let made = openat(folder, name, FOLDER, Mode::empty())?;
        hand_over(&made, 0o755, owner)?;
        Ok(made)
    };
    make().map_err(|error| Refusal::system("make a folder", error))
}

/// The content of a regular file. Links are not followed.
pub(crate) fn read(area: Area, path: &str, bytes_max: u64) -> Result<Vec<u8>, Refusal> {
    let missing = || Refusal::new(RefusalKind::NotFound, "there is no such file");
    let (folder, name) = enter(area, path, |_, _| Err(missing()))?;
    let status = fstatat(&folder, name, AtFlags::AT_SYMLINK_NOFOLLOW);
    let status = status.map_err(|error| match error {
        Errno::ENOENT => missing(),
        error => Refusal::system("inspect the file", error),
    })?;
    if !is_regular(&status) {
        return Err(Refusal::new(RefusalKind::NotRegular, "it is not a regular file"));
    }
    let bytes = bytes(&status);
    if bytes > bytes_max {
        let detail = format!("it has {bytes} bytes, but only {bytes_max} are allowed");
        return Err(Refusal::new(RefusalKind::TooLarge, detail));
    }
    let read = || -> io::Result<Vec<u8>> {
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let file = File::from(openat(&folder, name, flags, Mode::empty())?);
        let mut content = Vec::new();
        file.take(bytes_max).read_to_end(&mut content)?;
        Ok(content)
    };
    read().map_err(|error| Refusal::system("read the file", error))
}

pub(crate) fn is_regular(status: &FileStat) -> bool {
    status.st_mode & libc::S_IFMT == libc::S_IFREG
}

pub(crate) fn bytes(status: &FileStat) -> u64 {
    u64::try_from(status.st_size).unwrap_or(0)
}

/// The flags for opening a folder without following a link.
pub(crate) const FOLDER: OFlag =
    OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// Opens an area.
pub(crate) fn open_area(area: Area) -> Result<OwnedFd, Refusal> {
    openat(AT_FDCWD, area.directory(), FOLDER, Mode::empty())
        .map_err(|error| Refusal::system("open the area", error))
}

/// Opens a path's last folder, and returns it with the file's name. Goes down folder by folder and
/// never follows a link. For a missing folder, the result of `missing` is used.
///
/// The host also checks paths, but the runner only accepts plain names from any host.
fn enter(
    area: Area,
    path: &str,
    missing: impl Fn(BorrowedFd<'_>, &str) -> Result<OwnedFd, Refusal>,
) -> Result<(OwnedFd, &str), Refusal> {
    layout::check_path(path).map_err(|reason| Refusal::new(RefusalKind::BadName, reason))?;
    let mut folder = open_area(area)?;
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    for next in folders.split('/').filter(|name| !name.is_empty()) {
        folder = match openat(&folder, next, FOLDER, Mode::empty()) {
            Ok(next) => next,
            Err(Errno::ENOENT) => missing(folder.as_fd(), next)?,
            Err(Errno::ENOTDIR | Errno::ELOOP) => {
                return Err(Refusal::new(
                    RefusalKind::NotRegular,
                    "a folder in its path is not a folder",
                ));
            }
            Err(error) => return Err(Refusal::system("enter a folder", error)),
        };
    }
    Ok((folder, name))
}
