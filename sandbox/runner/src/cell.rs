//! The state of the cell.

use runner::message::Facts;

use crate::cores::Cores;
use crate::link::Link;
use crate::meter::Meter;
use crate::seccomp::Filter;
use crate::signals::Signals;
use crate::standby::Standby;

/// The runner's state once it is sealed in.
pub(crate) struct Cell {
    pub(crate) meter: Meter,
    pub(crate) signals: Signals,
    /// The filter for each program, in addition to the one that the runner has installed for the
    /// whole cell.
    pub(crate) filter: Option<Filter>,
    pub(crate) program_uid: u32,
    pub(crate) own_uid: bool,
    pub(crate) cores: Cores,
    /// The core of the last command. The next command most likely has the same.
    pub(crate) last_core: Option<u32>,
    pub(crate) standby: Option<Standby>,
    /// The link of the next command to a command of another cell.
    pub(crate) link: Option<Link>,
}

impl Cell {
    pub(crate) fn facts(&self) -> Facts {
        Facts {
            own_uid: self.own_uid,
            memory_cgroup: self.meter.limits_memory(),
            pids_cgroup: self.meter.limits_processes(),
            cpu_cgroup: self.meter.measures_cpu(),
            seccomp: self.filter.is_some(),
            cores: self.cores.count(),
        }
    }
}
