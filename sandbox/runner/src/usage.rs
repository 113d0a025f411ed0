//! Measures what a program's processes use, without cgroups.

use std::fs::{self, DirEntry};
use std::io;
use std::time::Duration;

use nix::unistd::{SysconfVar, sysconf};

use crate::sys;

/// What the program's processes have used, according to `wait4` and `/proc`.
#[derive(Default)]
pub(crate) struct Usage {
    /// Processor time of the processes that have been waited for.
    pub(crate) reaped_cpu: Duration,
    /// Processor time of the others, at the last sample.
    living_cpu: Duration,
    /// Processor time that does not count any more.
    earlier_cpu: Duration,
    /// The most memory seen in use, in bytes.
    pub(crate) memory_bytes_max: u64,
}

impl Usage {
    /// Adds a process that has been waited for.
    pub(crate) fn add(&mut self, reaped: &sys::Reaped) {
        self.reaped_cpu += reaped.cpu;
        self.memory_bytes_max = self.memory_bytes_max.max(reaped.rss_bytes_max);
    }

    /// The processor time of all processes.
    pub(crate) fn cpu(&self) -> Duration {
        (self.reaped_cpu + self.living_cpu).saturating_sub(self.earlier_cpu)
    }

    /// Counts from here on.
    pub(crate) fn begin_again(&mut self) {
        self.earlier_cpu = self.reaped_cpu + self.living_cpu;
        self.memory_bytes_max = 0;
    }

    /// Samples every process of the cell except the runner.
    pub(crate) fn sample(&mut self) {
        let mut private_pages = 0;
        let mut shared_pages_max = 0;
        let mut ticks = 0;
        for usage in processes().filter_map(usage_of) {
            private_pages += usage.resident_pages.saturating_sub(usage.shared_pages);
            shared_pages_max = shared_pages_max.max(usage.shared_pages);
            ticks += usage.cpu_ticks;
        }
        let ticks_per_s = u64::try_from(sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100))
            .unwrap_or(100);
        self.living_cpu = Duration::from_millis(ticks * 1000 / ticks_per_s.max(1));
        let page_bytes =
            u64::try_from(sysconf(SysconfVar::PAGE_SIZE).ok().flatten().unwrap_or(4096))
                .unwrap_or(4096);
        self.memory_bytes_max =
            self.memory_bytes_max.max((private_pages + shared_pages_max) * page_bytes);
    }
}

/// What one process uses, and the processor time of the children it waited for.
struct ProcessUsage {
    resident_pages: u64,
    shared_pages: u64,
    cpu_ticks: u64,
}

/// Every process of the cell except the runner.
pub(crate) fn processes() -> impl Iterator<Item = u32> {
    let pid = |entry: io::Result<DirEntry>| entry.ok()?.file_name().to_str()?.parse().ok();
    fs::read_dir("/proc").into_iter().flatten().filter_map(pid).filter(|pid| *pid != 1)
}

fn usage_of(pid: u32) -> Option<ProcessUsage> {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut pages = statm.split(' ').skip(1).map(|field| field.trim().parse::<u64>());
    // The process name may contain any character, so count the fields after its closing
    // parenthesis. The 12th to the 15th are the times of the process and of the children it waited
    // for.
    let times = stat
        .rsplit_once(')')?
        .1
        .split(' ')
        .skip(12)
        .take(4)
        .map(|field| field.parse::<u64>().unwrap_or(0));
    Some(ProcessUsage {
        resident_pages: pages.next()?.ok()?,
        shared_pages: pages.next()?.ok()?,
        cpu_ticks: times.sum(),
    })
}
