//! Control groups: one for each cell, inside one for each host process.
//!
//! The process's own directory is locked while the process lives. An unlocked directory belongs to
//! a process that died without removing it; the next process that starts removes it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{fmt, io};

use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use runner::message::CgroupPlan;

/// The prefix of our processes' directories.
const PREFIX: &str = "assay-";

/// The directory that the process moves itself to in version 2, which only allows processes in
/// leaves.
const SUPERVISOR: &str = "assay-supervisor";

/// The version 1 controllers in use, memory first.
const CONTROLLERS: [&str; 3] = ["memory", "pids", "cpuacct"];

/// How often to try to remove a cgroup while its last processes exit, and the pause between two
/// attempts.
const REMOVAL_ATTEMPTS_MAX: u32 = 200;
const REMOVAL_PAUSE: Duration = Duration::from_millis(5);

/// Why cgroups cannot be used.
#[derive(Debug)]
pub(super) struct Unusable(String);

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The directories of this process, one for each hierarchy.
#[derive(Debug)]
pub(super) struct Cgroups {
    directories: Arc<Directories>,
    next_cell: AtomicU64,
}

#[derive(Debug)]
enum Directories {
    V1 { memory: Owned, pids: Owned, cpuacct: Owned },
    V2(Owned),
}

impl Directories {
    fn each(&self) -> Vec<&Owned> {
        match self {
            Self::V1 { memory, pids, cpuacct } => vec![memory, pids, cpuacct],
            Self::V2(directory) => vec![directory],
        }
    }
}

impl Cgroups {
    /// Makes this process's directories below the given parents, or in the system's usual places if
    /// there are none.
    pub(super) fn find(parents: &[PathBuf]) -> Result<Self, Unusable> {
        let found = match parents {
            [] => Self::v1_usual().or_else(|v1| {
                Self::v2_own().map_err(|v2| {
                    Unusable(format!("neither cgroup v1 ({v1}) nor v2 ({v2}) can be used"))
                })
            }),
            [parent] => Self::v2(parent),
            [memory, pids, cpuacct] => Self::v1([memory, pids, cpuacct]),
            _ => return Err(Unusable("one or three cgroup parents are needed".to_owned())),
        };
        found.map(|directories| Self {
            directories: Arc::new(directories),
            next_cell: AtomicU64::new(0),
        })
    }

    fn v1_usual() -> Result<Directories, Unusable> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let of = |controller: &str| {
            mount_point(&mounts, "cgroup", Some(controller))
                .ok_or_else(|| Unusable(format!("there is no {controller} controller")))
        };
        let [memory, pids, cpuacct] = CONTROLLERS;
        Self::v1([&of(memory)?, &of(pids)?, &of(cpuacct)?])
    }

    fn v1([memory, pids, cpuacct]: [&PathBuf; 3]) -> Result<Directories, Unusable> {
        Ok(Directories::V1 {
            memory: Owned::make(memory)?,
            pids: Owned::make(pids)?,
            cpuacct: Owned::make(cpuacct)?,
        })
    }

    /// In version 2, a directory's children only get controllers if no process is in the directory
    /// itself. So the process moves one level down, as a service with a delegated cgroup may.
    fn v2_own() -> Result<Directories, Unusable> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let mount = mount_point(&mounts, "cgroup2", None)
            .ok_or_else(|| Unusable("not mounted".to_owned()))?;
        let membership = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let own = membership.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or("");
        let parent = match own.strip_suffix(SUPERVISOR) {
            Some(parent) => mount.join(parent),
            None => mount.join(own),
        };
        let controllers = fs::read_to_string(parent.join("cgroup.controllers")).unwrap_or_default();
        if !controllers.split_whitespace().any(|controller| controller == "memory") {
            return Err(Unusable("the process's cgroup has no memory controller".to_owned()));
        }
        let at_root = own.is_empty();
        if !at_root {
            let supervisor = parent.join(SUPERVISOR);
            let moved = make_directory(&supervisor)
                .and_then(|()| fs::write(supervisor.join("cgroup.procs"), "0"));
            moved.map_err(|error| {
                Unusable(format!("the process cannot move to {}: {error}", supervisor.display()))
            })?;
        }
        Self::v2(&parent)
    }

    fn v2(parent: &Path) -> Result<Directories, Unusable> {
        enable_controllers(parent)?;
        let owned = Owned::make(parent)?;
        enable_controllers(&owned.path)?;
        Ok(Directories::V2(owned))
    }

    /// A cgroup for a new cell. The runner sets its limits for each run.
    pub(super) fn cell(&self) -> io::Result<CellCgroup> {
        let name = format!("cell-{}", self.next_cell.fetch_add(1, Ordering::Relaxed));
        let mut cell = CellCgroup { paths: Vec::new(), directories: Arc::clone(&self.directories) };
        for directory in self.directories.each() {
            let path = directory.path.join(&name);
            fs::create_dir(&path)?;
            cell.paths.push(path);
        }
        if let (Directories::V2(_), [path]) = (&*self.directories, cell.paths.as_slice()) {
            // The first file is absent without swap. A kernel without the second still kills single
            // processes.
            for (file, value) in [("memory.swap.max", "0"), ("memory.oom.group", "1")] {
                let _ = fs::write(path.join(file), value);
            }
        }
        Ok(cell)
    }

    /// Describes the cgroups in use, for operators.
    pub(super) fn describe(&self) -> String {
        match &*self.directories {
            Directories::V1 { memory, .. } => {
                format!("version 1, memory below {}", memory.path.display())
            }
            Directories::V2(directory) => format!("version 2, below {}", directory.path.display()),
        }
    }

    /// Removes this process's directories that hold no cell.
    pub(super) fn remove(&self) {
        for directory in self.directories.each() {
            // A cell that is still open keeps its directory; the next process that starts removes
            // both.
            let _ = fs::remove_dir(&directory.path);
        }
    }
}

/// The cgroup of one cell. Dropping it removes it once its processes are gone.
#[derive(Debug)]
pub(super) struct CellCgroup {
    paths: Vec<PathBuf>,
    directories: Arc<Directories>,
}

impl CellCgroup {
    /// The cgroup's place, for the runner.
    pub(super) fn plan(&self) -> CgroupPlan {
        let text = |path: &PathBuf| path.to_string_lossy().into_owned();
        match (&*self.directories, self.paths.as_slice()) {
            (Directories::V1 { .. }, [memory, pids, cpuacct]) => CgroupPlan::V1 {
                memory: Some(text(memory)),
                pids: Some(text(pids)),
                cpuacct: Some(text(cpuacct)),
            },
            (Directories::V2(_), [directory]) => CgroupPlan::V2 { directory: text(directory) },
            _ => CgroupPlan::None,
        }
    }

    /// Waits for the cgroup's last processes to exit and removes it.
    pub(super) async fn remove(mut self) -> io::Result<()> {
        let paths = std::mem::take(&mut self.paths);
        remove_all(paths, &self.directories).await
    }
}

impl Drop for CellCgroup {
    fn drop(&mut self) {
        let paths = std::mem::take(&mut self.paths);
        if paths.is_empty() || paths.iter().all(|path| fs::remove_dir(path).is_ok()) {
            return;
        }
        // The killed processes need a moment to exit, so remove the cgroup in the background.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let directories = Arc::clone(&self.directories);
            runtime.spawn(async move {
                if let Err(error) = remove_all(paths, &directories).await {
                    tracing::warn!(%error, "a cell's cgroup could not be removed");
                }
            });
        }
    }
}

/// Holds the lock on the parent directories to the end. Otherwise another process could treat them
/// as left behind.
async fn remove_all(paths: Vec<PathBuf>, _locked: &Arc<Directories>) -> io::Result<()> {
    for path in paths {
        let mut attempts_left = REMOVAL_ATTEMPTS_MAX;
        loop {
            match fs::remove_dir(&path) {
                Ok(()) => break,
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                Err(error) if attempts_left == 0 => return Err(error),
                // Version 1 has no event for "the last process is gone", so poll.
                Err(_) => tokio::time::sleep(REMOVAL_PAUSE).await,
            }
            attempts_left -= 1;
        }
    }
    Ok(())
}

/// A directory that this process owns and keeps locked.
#[derive(Debug)]
struct Owned {
    path: PathBuf,
    _lock: Flock<File>,
}

impl Owned {
    /// Removes what dead processes left below the parent, then makes and locks this process's own
    /// directory.
    fn make(parent: &Path) -> Result<Self, Unusable> {
        remove_left_behind(parent);
        let name = format!("{PREFIX}{}-{}", std::process::id(), uuid::Uuid::new_v4().simple());
        let path = parent.join(name);
        let unusable = |error: &dyn fmt::Display| {
            Unusable(format!("{} cannot be used: {error}", parent.display()))
        };
        loop {
            make_directory(&path).map_err(|error| unusable(&error))?;
            let directory = match File::open(&path) {
                // Until the directory is locked, another process may treat it as left behind and
                // remove it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => opened.map_err(|error| unusable(&error))?,
            };
            let lock = Flock::lock(directory, FlockArg::LockExclusive)
                .map_err(|(_, error)| unusable(&error))?;
            if path.exists() {
                return Ok(Self { path, _lock: lock });
            }
        }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // Fails while it holds a cell; the next process that starts then removes it.
        let _ = fs::remove_dir(&self.path);
    }
}

fn remove_left_behind(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let path = entry.path();
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX)
            && entry.file_name() != SUPERVISOR;
        if !ours {
            continue;
        }
        let Ok(directory) = File::open(&path) else { continue };
        let Ok(_lock) = Flock::lock(directory, FlockArg::LockExclusiveNonblock) else { continue };
        for cell in fs::read_dir(&path).into_iter().flatten().flatten() {
            if cell.path().is_dir() {
                kill_members(&cell.path());
                let _ = fs::remove_dir(cell.path());
            }
        }
        let _ = fs::remove_dir(&path);
    }
}

fn kill_members(cgroup: &Path) {
    let members = fs::read_to_string(cgroup.join("cgroup.procs")).unwrap_or_default();
    for pid in members.lines().filter_map(|line| line.parse().ok()).filter(|&pid: &i32| pid > 1) {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
}

fn enable_controllers(directory: &Path) -> Result<(), Unusable> {
    let control = directory.join("cgroup.subtree_control");
    fs::write(&control, "+memory +pids").map_err(|error| {
        Unusable(format!("controllers cannot be enabled in {}: {error}", directory.display()))
    })
}

fn make_directory(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// The mount point of a cgroup hierarchy, by file system type and, in version 1, by controller.
fn mount_point(mountinfo: &str, kind: &str, controller: Option<&str>) -> Option<PathBuf> {
    mountinfo.lines().find_map(|line| {
        let (mount, system) = line.split_once(" - ")?;
        let mut system = system.split(' ');
        let options = system.clone().nth(2)?;
        let matches = system.next()? == kind
            && controller
                .is_none_or(|controller| options.split(',').any(|option| option == controller));
        matches.then(|| mount.split(' ').nth(4).map(PathBuf::from)).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
31 24 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid - cgroup cgroup rw,cpu,cpuacct
32 24 0:28 / /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory
33 24 0:29 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw,nsdelegate
";

    #[test]
    fn hierarchies_are_found() {
        let found = |kind, controller| mount_point(MOUNTS, kind, controller);
        assert_eq!(found("cgroup", Some("cpuacct")), Some("/sys/fs/cgroup/cpu,cpuacct".into()));
        assert_eq!(found("cgroup", Some("memory")), Some("/sys/fs/cgroup/memory".into()));
        assert_eq!(found("cgroup", Some("pids")), None);
        assert_eq!(found("cgroup2", None), Some("/sys/fs/cgroup/unified".into()));
    }

    /// Directories of a killed evaluator are removed; those of a living one are not.
    #[test]
    fn only_what_is_left_behind_is_removed() {
        let parent = std::env::temp_dir().join(format!("assay-cgroup-test-{}", std::process::id()));
        fs::create_dir_all(parent.join("assay-1-dead/cell-0")).expect("made");
        fs::create_dir_all(parent.join("somebody-elses")).expect("made");
        let living = Owned::make(&parent).expect("made and locked");
        let second = Owned::make(&parent).expect("made and locked");
        assert!(living.path.exists() && second.path.exists());
        assert!(!parent.join("assay-1-dead").exists());
        assert!(parent.join("somebody-elses").exists());
        drop((living, second));
        fs::remove_dir_all(&parent).expect("removed");
    }
}
