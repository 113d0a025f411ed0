//! Putting files into the cell and taking them out. No process of the program's is alive meanwhile.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt, fchown},
    path::{Path, PathBuf},
};

use nix::mount::{MsFlags, mount};
use runner::{
    layout,
    message::{Area, RefusalKind},
};

use crate::serve::Refusal;

/// Protects the program area by its mount, where the program has the same uid as the runner.
pub(crate) struct ProgramAreaLock {
    needed: bool,
    locked: bool,
}

impl ProgramAreaLock {
    pub(crate) fn new(needed: bool) -> Self {
        Self { needed, locked: false }
    }

    /// Before a program runs.
    pub(crate) fn lock(&mut self) -> Result<(), Refusal> {
        self.switch(true)
    }

    /// Before a file is stored.
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

/// A file being stored. Its announced data is always taken in, so that the stream stays in step; what went wrong is
/// told at the end.
pub(crate) struct Incoming {
    file: Result<File, Refusal>,
    path: PathBuf,
    mode: u32,
    owner: Option<u32>,
}

impl Incoming {
    /// Begins a file, replacing whatever has its name. In the work area it belongs to the program.
    pub(crate) fn open(
        area: Area,
        name: &str,
        executable: bool,
        program_uid: Option<u32>,
        lock: &mut ProgramAreaLock,
    ) -> Self {
        let (path, file) = match place(area, name) {
            Ok(path) => {
                let file = lock.unlock().and_then(|()| create(&path));
                (path, file)
            }
            Err(refusal) => (PathBuf::new(), Err(refusal)),
        };
        let owner = if area == Area::Work { program_uid } else { None };
        Self { file, path, mode: if executable { 0o755 } else { 0o644 }, owner }
    }

    /// Adds data.
    pub(crate) fn write(&mut self, data: &[u8]) {
        if let Ok(file) = &mut self.file
            && let Err(error) = file.write_all(data)
        {
            // A half-written file would only mislead.
            let _ = fs::remove_file(&self.path);
            self.file = Err(Refusal::system("store the file", error));
        }
    }

    /// Ends the file.
    pub(crate) fn finish(self) -> Result<(), Refusal> {
        let file = self.file?;
        let settle = || -> io::Result<()> {
            file.set_permissions(Permissions::from_mode(self.mode))?;
            fchown(&file, self.owner, self.owner)
        };
        settle().map_err(|error| Refusal::system("hand over the file", error))
    }
}

fn create(path: &Path) -> Result<File, Refusal> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(Refusal::system("replace the file", error));
        }
        _ => {}
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)
        .map_err(|error| Refusal::system("create the file", error))
}

/// The content of a regular file, never of what a link points to.
pub(crate) fn read(area: Area, name: &str, bytes_max: u64) -> Result<Vec<u8>, Refusal> {
    let path = place(area, name)?;
    let metadata = fs::symlink_metadata(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Refusal::new(RefusalKind::NotFound, "there is no such file"),
        _ => Refusal::system("look at the file", error),
    })?;
    if !metadata.is_file() {
        return Err(Refusal::new(RefusalKind::NotRegular, "it is not a regular file"));
    }
    if metadata.len() > bytes_max {
        let detail = format!("it has {} bytes, and {bytes_max} are allowed", metadata.len());
        return Err(Refusal::new(RefusalKind::TooLarge, detail));
    }
    let read = || -> io::Result<Vec<u8>> {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(&path)?;
        let mut content = Vec::new();
        file.take(bytes_max).read_to_end(&mut content)?;
        Ok(content)
    };
    read().map_err(|error| Refusal::system("read the file", error))
}

/// The host checks names as well; whoever speaks the protocol gets no further than a plain name either way.
fn place(area: Area, name: &str) -> Result<PathBuf, Refusal> {
    if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
        return Err(Refusal::new(RefusalKind::BadName, "the name is not a plain file name"));
    }
    Ok(Path::new(area.directory()).join(name))
}
