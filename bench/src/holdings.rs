//! The resources of this process that judging could leak.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::Serialize;

/// Permitted growth of the resident size: caches fill up, and allocators keep freed memory.
const RSS_GROWTH_KIB_MAX: u64 = 96 * 1024;

/// Idle connections to an engine that are kept for the next request. A leak with each submission
/// would exceed this by far.
const IDLE_CONNECTIONS_MAX: usize = 4;

/// The resources that a process holds and could leak.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Holdings {
    pub(super) descriptors: usize,
    pub(super) rss_kib: u64,
    pub(super) threads: usize,
    pub(super) children: usize,
    pub(super) cgroups: usize,
    pub(super) mounts: usize,
    pub(super) temporary_files: usize,
    /// `None` if no container engine responds.
    pub(super) containers: Option<usize>,
}

impl Holdings {
    /// The resources that have grown.
    pub(super) fn grown_since(&self, before: &Self) -> Vec<String> {
        let figures = [
            ("descriptors", before.descriptors, self.descriptors),
            ("child processes", before.children, self.children),
            ("cgroups", before.cgroups, self.cgroups),
            ("mounts", before.mounts, self.mounts),
            ("temporary files", before.temporary_files, self.temporary_files),
            ("containers", before.containers.unwrap_or(0), self.containers.unwrap_or(0)),
        ];
        let allowed = |what| if what == "descriptors" { IDLE_CONNECTIONS_MAX } else { 0 };
        let grown =
            figures.into_iter().filter(|(what, before, now)| *now > before + allowed(*what));
        let mut grown: Vec<String> = grown
            .map(|(what, before, now)| format!("{what}: {before} before, {now} after"))
            .collect();
        if self.rss_kib > before.rss_kib + RSS_GROWTH_KIB_MAX {
            grown.push(format!("memory: {} KiB before, {} after", before.rss_kib, self.rss_kib));
        }
        grown
    }

    /// The resources that remain although nothing runs any longer.
    pub(super) fn left_when_stopped(&self) -> Vec<String> {
        let figures = [
            ("child processes", self.children),
            ("cgroups", self.cgroups),
            ("temporary files", self.temporary_files),
            ("containers", self.containers.unwrap_or(0)),
        ];
        let left = figures.into_iter().filter(|(_, left)| *left > 0);
        left.map(|(what, left)| format!("{what}: {left} when the evaluator had stopped")).collect()
    }

    pub(super) fn now() -> Self {
        Self {
            descriptors: entries("/proc/self/fd"),
            rss_kib: rss_kib(),
            threads: entries("/proc/self/task"),
            children: children(),
            cgroups: cgroups(Path::new("/sys/fs/cgroup")),
            mounts: mounts(),
            temporary_files: temporary_files(),
            containers: containers(),
        }
    }
}

fn entries(folder: impl AsRef<Path>) -> usize {
    fs::read_dir(folder).map_or(0, Iterator::count)
}

fn rss_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let figure = line.and_then(|line| line.trim().strip_suffix(" kB"));
    figure.and_then(|figure| figure.trim().parse().ok()).unwrap_or_default()
}

fn children() -> usize {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists = threads.filter_map(|it| fs::read_to_string(it.path().join("children")).ok());
    lists.map(|list| list.split_whitespace().count()).sum()
}

/// Number of cgroups whose names show that this process created them, and of those below them.
fn cgroups(folder: &Path) -> usize {
    let ours = format!("assay-{}-", std::process::id());
    let folders = fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = folders.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders
        .map(|entry| match entry.file_name().to_string_lossy().starts_with(&ours) {
            true => 1 + below(&entry.path()),
            false => cgroups(&entry.path()),
        })
        .sum()
}

fn below(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.map(|entry| 1 + below(&entry.path())).sum()
}

/// Number of mounts whose entry mentions Assay. Other mounts on this machine come and go.
fn mounts() -> usize {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    mounts.lines().filter(|line| line.contains("assay")).count()
}

/// Number of entries of the temporary folder whose names show that this process created them.
fn temporary_files() -> usize {
    let pid = std::process::id().to_string();
    let files = fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten();
    let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.contains("assay") && name.contains(&pid)).count()
}

/// Number of containers that this process created. The owner label has the form place, process id,
/// start.
fn containers() -> Option<usize> {
    let list = Command::new("docker")
        .args(["ps", "--all", "--filter", "label=assay.owner"])
        .args(["--format", "{{.Label \"assay.owner\"}}"])
        .stderr(Stdio::null())
        .output();
    let list = list.ok().filter(|list| list.status.success())?;
    let pid = std::process::id().to_string();
    let lines = String::from_utf8_lossy(&list.stdout).into_owned();
    Some(lines.lines().filter(|line| line.split(' ').any(|word| word == pid)).count())
}
