//! Control groups: one for each cell, below one for each process that makes cells.
//!
//! The process's own directory is locked for as long as the process lives. A directory whose lock can be had belongs
//! to a process that died without removing it, and is removed by the next one that starts.

use std::{
    fmt,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use nix::{
    fcntl::{Flock, FlockArg},
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use runner::message::CgroupPlan;

/// What the directories of our processes start with.
const PREFIX: &str = "assay-";

/// Where the process itself moves in version 2, which wants processes only in leaves.
const SUPERVISOR: &str = "assay-supervisor";

/// The version 1 controllers that matter, memory first.
const CONTROLLERS: [&str; 3] = ["memory", "pids", "cpuacct"];

/// How often, and how far apart, a cgroup is tried to be removed while its last processes go away.
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
    /// Makes this process's directories below the given parents, or where this system has them.
    pub(super) fn find(parents: &[PathBuf]) -> Result<Self, Unusable> {
        let found = match parents {
            [] => Self::v1_usual().or_else(|v1| {
                Self::v2_own().map_err(|v2| {
                    Unusable(format!("neither cgroup v1 ({v1}) nor v2 ({v2}) can be used"))
                })
            }),
            [parent] => Self::v2(parent),
            [memory, pids, cpuacct] => Self::v1([memory, pids, cpuacct]),
            _ => return Err(Unusable("one cgroup parent is needed, or three".to_owned())),
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

    /// Version 2 only lets a directory's children have controllers when no process is in the directory itself, so the
    /// process moves one down, as a service with a delegated cgroup may.
    fn v2_own() -> Result<Directories, Unusable> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let mount = mount_point(&mounts, "cgroup2", None)
            .ok_or_else(|| Unusable("it is not mounted".to_owned()))?;
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
            // Absent without swap; and a kernel that cannot kill a group as a whole still kills.
            for (file, value) in [("memory.swap.max", "0"), ("memory.oom.group", "1")] {
                let _ = fs::write(path.join(file), value);
            }
        }
        Ok(cell)
    }

    /// What is in use, for people.
    pub(super) fn describe(&self) -> String {
        match &*self.directories {
            Directories::V1 { memory, .. } => {
                format!("version 1, memory below {}", memory.path.display())
            }
            Directories::V2(directory) => format!("version 2, below {}", directory.path.display()),
        }
    }

    /// Removes this process's directories, as far as no cell is in them.
    pub(super) fn remove(&self) {
        for directory in self.directories.each() {
            // Whoever still has a cell open keeps its directory; the next process that starts removes both.
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
    /// Where the runner finds it.
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

    /// Removes it, waiting for its last processes to go away.
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
        // The processes were killed just now and need a moment; nobody waits for them.
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

/// The lock on the directories above has to outlast this, or another process would take them for left behind.
async fn remove_all(paths: Vec<PathBuf>, _locked: &Arc<Directories>) -> io::Result<()> {
    for path in paths {
        let mut attempts_left = REMOVAL_ATTEMPTS_MAX;
        loop {
            match fs::remove_dir(&path) {
                Ok(()) => break,
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                Err(error) if attempts_left == 0 => return Err(error),
                // There is no event for "the last process is gone" in version 1.
                Err(_) => tokio::time::sleep(REMOVAL_PAUSE).await,
            }
            attempts_left -= 1;
        }
    }
    Ok(())
}

/// A directory that belongs to this process while it lives.
#[derive(Debug)]
struct Owned {
    path: PathBuf,
    _lock: Flock<File>,
}

impl Owned {
    /// Removes what dead processes left below the parent, and makes and locks a directory of this process's own.
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
                // Between making it and locking it, another process may take it for left behind.
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
        // Fails while a cell is left in it, which the next process that starts takes care of.
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

/// Where a cgroup hierarchy is mounted: by file system type and, in version 1, by controller.
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

    /// What a killed evaluator left is removed; what a living one has is not.
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
