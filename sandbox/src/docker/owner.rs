//! The process that made a container, which a label of the container identifies.

use std::collections::HashMap;
use std::fs;

/// The label with the [`Owner`] of a container.
pub(super) const OWNER_LABEL: &str = "assay.owner";

/// The labels of every container.
pub(super) fn labels() -> HashMap<String, String> {
    HashMap::from([(OWNER_LABEL.to_owned(), Owner::this_process().to_string())])
}

/// Identifies a process among all processes on all machines: its process id namespace, its id, and
/// when it started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    /// The machine's boot and the process id namespace.
    place: String,
    pid: u32,
    /// The start time in clock ticks since boot, because process ids are reused.
    started: u64,
}

impl Owner {
    fn this_process() -> Self {
        let pid = std::process::id();
        Self { place: place(), pid, started: started(pid).unwrap_or(0) }
    }

    /// Processes of another machine or namespace are not visible here, so they are never known to
    /// be dead.
    pub(super) fn is_known_dead(&self) -> bool {
        self.place == place() && started(self.pid) != Some(self.started)
    }

    pub(super) fn parse(label: &str) -> Option<Self> {
        let mut parts = label.rsplitn(3, ' ');
        let started = parts.next()?.parse().ok()?;
        let pid = parts.next()?.parse().ok()?;
        Some(Self { place: parts.next()?.to_owned(), pid, started })
    }
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.place, self.pid, self.started)
    }
}

fn place() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    format!("{}/{}", boot.trim(), namespace.display())
}

/// When a process started, in clock ticks since boot; `None` if there is no such process.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The process name may contain any character, so count the fields after its closing
    // parenthesis.
    stat.rsplit_once(')')?.1.split(' ').nth(20)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_owners_are_recognised() {
        let here = Owner::this_process();
        assert_eq!(Owner::parse(&here.to_string()), Some(here.clone()));
        assert!(!here.is_known_dead());
        let reused = Owner { started: here.started + 1, ..here };
        assert!(reused.is_known_dead());
        let elsewhere = Owner { place: "another machine".to_owned(), ..reused };
        assert!(!elsewhere.is_known_dead());
        assert_eq!(Owner::parse("nonsense"), None);
    }
}
