//! The machine's physical cores. Two hardware threads of one core slow each other, so a program that is pinned gets a
//! whole core.

use std::fs;

use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    unistd::Pid,
};

/// Where the kernel tells of processors.
const PROCESSORS: &str = "/sys/devices/system/cpu";

/// Cores this process may use: for each, the hardware threads of it that it may use.
pub(crate) struct Cores(Vec<CpuSet>);

impl Cores {
    pub(crate) fn of_this_machine() -> Self {
        let Ok(allowed) = sched_getaffinity(Pid::from_raw(0)) else { return Self(Vec::new()) };
        Self(group(&allowed, |processor| {
            let path = format!("{PROCESSORS}/cpu{processor}/topology/core_cpus_list");
            fs::read_to_string(path).unwrap_or_else(|_| processor.to_string())
        }))
    }

    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    /// Pins the calling process, and all that it becomes and starts.
    pub(crate) fn pin(&self, core: Option<u32>) -> nix::Result<()> {
        let Some(core) = core else { return Ok(()) };
        match self.0.get(core as usize % self.0.len().max(1)) {
            Some(threads) => sched_setaffinity(Pid::from_raw(0), threads),
            None => Ok(()),
        }
    }
}

/// Puts processors together whose `siblings` read the same.
fn group(allowed: &CpuSet, siblings: impl Fn(usize) -> String) -> Vec<CpuSet> {
    let mut cores: Vec<(String, CpuSet)> = Vec::new();
    for processor in (0..CpuSet::count()).filter(|&it| allowed.is_set(it).unwrap_or(false)) {
        let name = siblings(processor);
        let at = cores.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            cores.push((name, CpuSet::new()));
            cores.len() - 1
        });
        // Fails only past the last processor a set can hold, which the loop does not reach.
        let _ = cores[at].1.set(processor);
    }
    cores.into_iter().map(|(_, threads)| threads).collect()
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
        // Cores are 0+4, 1+5, 2+6, and processor 4 and 6 are somebody else's.
        let cores = group(&allowed, |processor| format!("{},{}", processor % 4, processor % 4 + 4));
        let threads: Vec<Vec<usize>> = cores
            .iter()
            .map(|core| (0..8).filter(|&it| core.is_set(it).expect("in range")).collect())
            .collect();
        assert_eq!(threads, [vec![0], vec![1, 5], vec![2]]);
    }
}
