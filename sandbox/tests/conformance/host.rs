//! Snapshots of the host before and after: no cell may leave anything on it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use runner::layout::PROGRAM_UIDS;

use crate::case::Mode;

/// How long leftovers may take to disappear.
const GOING_MAX: Duration = Duration::from_secs(10);

/// The pause between two checks.
const LOOK: Duration = Duration::from_millis(20);

/// The most cells in the pool: one for each shape that it remembers, and one being opened.
const POOLED_MAX: usize = 7;

/// Directories in which an escaped program could leave something.
const SHARED_DIRECTORIES: [&str; 4] = ["/dev/shm", "/dev/mqueue", "/tmp", "/var/tmp"];

/// The host's resources that cells may use or leave behind.
#[derive(Debug)]
pub(crate) struct Snapshot {
    things: BTreeSet<String>,
    descriptors: usize,
}

impl Snapshot {
    pub(crate) fn take(mode: Mode) -> Self {
        let mut things = BTreeSet::new();
        things.extend(mounts().map(|mount| format!("mount {mount}")));
        things.extend(cgroups_of(std::process::id()).iter().map(|path| path.display().to_string()));
        things.extend(ipc_objects());
        things.extend(SHARED_DIRECTORIES.into_iter().flat_map(programs_files));
        things.extend(descendants().into_iter().map(|process| format!("process {process}")));
        if mode == Mode::Docker {
            things.extend(containers_of(std::process::id()));
        }
        Self { things, descriptors: own_descriptors().len() }
    }

    /// The resources that are new since this snapshot and do not disappear by themselves.
    pub(crate) async fn left_since(&self, mode: Mode) -> Option<String> {
        gone(|| {
            let now = Self::take(mode);
            let mut left: Vec<_> = now.things.difference(&self.things).cloned().collect();
            if now.descriptors > self.descriptors {
                left.push(format!("{} descriptors: {:?}", now.descriptors, own_descriptors()));
            }
            left
        })
        .await
    }
}

/// Waits until nothing is left. Returns a message if something is still left after a while.
pub(crate) async fn gone(left: impl Fn() -> Vec<String>) -> Option<String> {
    let deadline = tokio::time::Instant::now() + GOING_MAX;
    loop {
        let left = left();
        if left.is_empty() {
            return None;
        }
        if tokio::time::Instant::now() > deadline {
            return Some(format!("left behind: {left:#?}"));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Checks that there are no more cells than are open or ready. Works between two cases while other
/// cases run.
pub(crate) async fn cells_left(mode: Mode, open: impl Fn() -> usize) -> Option<String> {
    gone(|| {
        let cells = match mode {
            Mode::Docker => containers_of(std::process::id()),
            Mode::Native | Mode::UserNamespace => cells_cgroups(),
            Mode::WithoutRoot => children().iter().map(ToString::to_string).collect(),
        };
        if cells.len() <= open() + POOLED_MAX { Vec::new() } else { cells }
    })
    .await
}

/// The largest number of cells in one hierarchy.
fn cells_cgroups() -> Vec<String> {
    let cells = cgroups_of(std::process::id()).into_iter().map(|directory| {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        entries
            .filter(|entry| entry.path().is_dir())
            .map(|entry| entry.path().display().to_string())
            .collect::<Vec<_>>()
    });
    cells.max_by_key(Vec::len).unwrap_or_default()
}

/// The directories of a process's cells in every cgroup hierarchy.
pub(crate) fn cgroups_of(pid: u32) -> Vec<PathBuf> {
    let hierarchies = fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten();
    hierarchies
        .flat_map(|hierarchy| fs::read_dir(hierarchy.path()).into_iter().flatten().flatten())
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&format!("assay-{pid}-")))
        .map(|entry| entry.path())
        .collect()
}

/// A process's containers in any state.
fn containers_of(pid: u32) -> Vec<String> {
    let list = Command::new("docker")
        .args(["ps", "--all", "--no-trunc", "--filter", "label=assay.owner"])
        .args(["--format", "container {{.ID}} {{.Label \"assay.owner\"}}"])
        .output()
        .expect("the engine's client is installed");
    assert!(list.status.success(), "{list:?}");
    let pid = pid.to_string();
    let lines = String::from_utf8_lossy(&list.stdout).into_owned();
    // The owner's format is: place, process id, start.
    lines.lines().filter(|line| line.rsplit(' ').nth(1) == Some(&pid)).map(str::to_owned).collect()
}

/// Mounts of the host, without those that the engine makes for containers. `containers_of` finds
/// containers that are left.
fn mounts() -> impl Iterator<Item = String> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let lines: Vec<_> = mounts.lines().map(str::to_owned).collect();
    lines.into_iter().filter(|line| !line.contains("/docker/"))
}

/// System V objects, without their changing numbers.
fn ipc_objects() -> Vec<String> {
    let kinds = ["shm", "sem", "msg"].into_iter();
    kinds
        .flat_map(|kind| {
            let table = fs::read_to_string(format!("/proc/sysvipc/{kind}")).unwrap_or_default();
            let rows: Vec<_> = table.lines().skip(1).map(str::to_owned).collect();
            rows.into_iter().map(move |row| {
                format!("{kind} {}", row.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
            })
        })
        .collect()
}

/// Files owned by programs' users or named after this process.
fn programs_files(directory: &str) -> Vec<String> {
    let own = std::process::id().to_string();
    let own_uid = nix::unistd::geteuid().as_raw();
    fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| {
            let uid = entry.metadata().map_or(0, |metadata| metadata.uid());
            let programs = PROGRAM_UIDS.contains(&uid) || (own_uid != 0 && uid == own_uid);
            programs || entry.file_name().to_string_lossy().contains(&own)
        })
        .map(|entry| entry.path().display().to_string())
        .collect()
}

fn own_descriptors() -> Vec<PathBuf> {
    let descriptors = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    descriptors.filter_map(|entry| fs::read_link(entry.path()).ok()).collect()
}

fn children() -> Vec<u32> {
    let own = std::process::id();
    processes().into_iter().filter(|&(_, parent)| parent == own).map(|(pid, _)| pid).collect()
}

/// All direct and indirect children of this process, with their commands.
fn descendants() -> Vec<String> {
    let processes = processes();
    let mut found = vec![std::process::id()];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(processes.iter().filter(|&&(_, of)| of == parent).map(|&(pid, _)| pid));
        next += 1;
    }
    let command = |pid| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    found[1..].iter().map(|&pid| format!("{pid} {}", command(pid).trim())).collect()
}

/// Every process with its parent.
fn processes() -> Vec<(u32, u32)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(Path::new("/proc").join(format!("{pid}/stat"))).ok()?;
            // The process name may contain any character. The parent is the second field after its
            // closing parenthesis.
            let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()?;
            Some((pid, parent))
        })
        .collect()
}
