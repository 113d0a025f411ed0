//! The machine's physical cores. Two hardware threads of one core slow each other down, so a pinned
//! program gets a whole core.

use std::fs;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use crate::sys;

/// The kernel's directory about processors.
const PROCESSORS: &str = "/sys/devices/system/cpu";

/// Cores this process may use.
pub(crate) struct Cores {
    /// The processors of all these cores; empty if the kernel does not report them.
    all: CpuSet,
    cores: Vec<Core>,
}

/// One core: its hardware threads that this process may use.
struct Core {
    threads: CpuSet,
    count: u32,
}

impl Cores {
    pub(crate) fn of_this_machine() -> Self {
        let all = sched_getaffinity(Pid::from_raw(0)).unwrap_or_default();
        let cores = group(&all, |processor| {
            let path = format!("{PROCESSORS}/cpu{processor}/topology/core_cpus_list");
            fs::read_to_string(path).unwrap_or_else(|_| processor.to_string())
        });
        Self { all, cores }
    }

    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.cores.len()).unwrap_or(u32::MAX)
    }

    /// The number of processors that a program pinned to `core` may use. Its processor time grows
    /// at most this many times as fast as wall time.
    pub(crate) fn processors(&self, core: Option<u32>) -> u32 {
        match core.and_then(|core| self.of(core)) {
            Some(core) => core.count,
            None if self.cores.is_empty() => sys::processors(),
            None => self.cores.iter().map(|core| core.count).sum(),
        }
    }

    /// Pins the calling process and its descendants to a core. `None` allows all cores again.
    pub(crate) fn pin(&self, core: Option<u32>) -> nix::Result<()> {
        match core.and_then(|core| self.of(core)) {
            Some(core) => sched_setaffinity(Pid::from_raw(0), &core.threads),
            None if self.cores.is_empty() => Ok(()),
            None => sched_setaffinity(Pid::from_raw(0), &self.all),
        }
    }

    fn of(&self, core: u32) -> Option<&Core> {
        self.cores.get(core as usize % self.cores.len().max(1))
    }
}

/// Groups processors by the text that `siblings` returns for them.
fn group(allowed: &CpuSet, siblings: impl Fn(usize) -> String) -> Vec<Core> {
    let mut cores: Vec<(String, Core)> = Vec::new();
    for processor in (0..CpuSet::count()).filter(|&it| allowed.is_set(it).unwrap_or(false)) {
        let name = siblings(processor);
        let at = cores.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            cores.push((name, Core { threads: CpuSet::new(), count: 0 }));
            cores.len() - 1
        });
        let core = &mut cores[at].1;
        // Only fails for a processor that does not fit in a set, which the loop never reaches.
        let _ = core.threads.set(processor);
        core.count += 1;
    }
    cores.into_iter().map(|(_, core)| core).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardware_threads_of_one_core_stay_together() {
        let mut allowed = CpuSet::new();
        for processor in [0, 1, 2, 5] {
            allowed.set(processor).expect("sets hold more than that");
        }
        // Cores are 0+4, 1+5, 2+6, and this process may not use processors 4 and 6.
        let cores = group(&allowed, |processor| format!("{},{}", processor % 4, processor % 4 + 4));
        let threads: Vec<Vec<usize>> = cores
            .iter()
            .map(|core| (0..8).filter(|&it| core.threads.is_set(it).expect("in range")).collect())
            .collect();
        assert_eq!(threads, [vec![0], vec![1, 5], vec![2]]);
        assert_eq!(Cores { all: allowed, cores }.processors(Some(4)), 2);
    }
}
