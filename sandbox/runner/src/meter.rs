//! Limits and measures a run from outside, with the cell's cgroup if there is one.
//!
//! Control files are opened once, before the runner is sealed in, and used through those
//! descriptors. One cgroup serves all runs of a cell. Counters that can be reset are reset before
//! each run; the others are read before and after it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use runner::message::CgroupPlan;

/// The buffer size for control files, in bytes; every file read here is shorter.
const CONTROL_FILE_BYTES_MAX: usize = 4096;

/// A memory limit that every cgroup accepts, in bytes.
const MEMORY_BYTES_MIN: u64 = 16 << 20;

/// The directory of a container's own cgroup.
const OWN_CGROUP: &str = "/sys/fs/cgroup";

/// The limits and counters of the cell's programs.
#[derive(Default)]
pub(crate) struct Meter {
    /// A process joins the cgroup by writing `0` to each of these.
    joins: Vec<File>,
    /// The directory of a version 2 cgroup, in which the kernel can start a process.
    directory: Option<File>,
    memory: Option<Memory>,
    processes: Option<Setting>,
    cpu: Option<Counter>,
    out_of_memory: Option<Counter>,
    /// The memory now in use, if the cgroup covers the whole cell and cannot be limited for each
    /// run.
    held: Option<Held>,
    /// Whether `cpu` includes the runner's own processor time, which is then subtracted.
    shared_with_runner: bool,
}

/// The counters at the beginning of a run, or of a part of it.
#[derive(Clone)]
pub(crate) struct Mark {
    cpu: Duration,
    out_of_memory: u64,
    held_bytes: u64,
}

impl Meter {
    /// Opens a cgroup that the host has made for this cell.
    pub(crate) fn controlling(plan: &CgroupPlan) -> io::Result<Self> {
        match plan {
            CgroupPlan::None => Ok(Self::default()),
            CgroupPlan::V1 { memory, pids, cpuacct } => {
                Self::controlling_v1(memory.as_deref(), pids.as_deref(), cpuacct.as_deref())
            }
            CgroupPlan::V2 { directory } => Self::controlling_v2(Path::new(directory)),
        }
    }

    fn controlling_v1(
        memory: Option<&str>,
        pids: Option<&str>,
        cpuacct: Option<&str>,
    ) -> io::Result<Self> {
        let mut meter = Self::default();
        for directory in [memory, pids, cpuacct].into_iter().flatten() {
            meter.joins.push(writable(&Path::new(directory).join("cgroup.procs"))?);
        }
        if let Some(directory) = memory.map(Path::new) {
            meter.memory = Some(Memory {
                limit: Setting::open(&directory.join("memory.limit_in_bytes"))?,
                with_swap: Setting::open(&directory.join("memory.memsw.limit_in_bytes")).ok(),
                peak: Peak::open(&directory.join("memory.max_usage_in_bytes"), "0")?,
            });
            meter.out_of_memory = Some(Counter::open(
                &directory.join("memory.oom_control"),
                Format::Field("oom_kill"),
            )?);
        }
        if let Some(directory) = pids.map(Path::new) {
            meter.processes = Some(Setting::open(&directory.join("pids.max"))?);
        }
        if let Some(directory) = cpuacct.map(Path::new) {
            meter.cpu = Some(Counter::open(&directory.join("cpuacct.usage"), Format::Nanoseconds)?);
        }
        Ok(meter)
    }

    fn controlling_v2(directory: &Path) -> io::Result<Self> {
        let memory = match Setting::open(&directory.join("memory.max")) {
            Ok(limit) => Some(Memory {
                limit,
                with_swap: None,
                // Kernels before 6.12 cannot reset it; resident sizes are used instead.
                peak: Peak::open(&directory.join("memory.peak"), "reset").unwrap_or_default(),
            }),
            Err(_) => None,
        };
        Ok(Self {
            joins: vec![writable(&directory.join("cgroup.procs"))?],
            directory: Some(File::open(directory)?),
            memory,
            processes: Setting::open(&directory.join("pids.max")).ok(),
            cpu: Counter::open(
                &directory.join("cpu.stat"),
                Format::MicrosecondsField("usage_usec"),
            )
            .ok(),
            out_of_memory: Counter::open(
                &directory.join("memory.events"),
                Format::Field("oom_kill"),
            )
            .ok(),
            held: None,
            shared_with_runner: false,
        })
    }

    /// Observes the cgroup of the whole cell, which a container engine has made.
    pub(crate) fn observing() -> Self {
        let own = Path::new(OWN_CGROUP);
        let first = |candidates: [(&str, Format); 2]| {
            candidates
                .into_iter()
                .find_map(|(file, format)| Counter::open(&own.join(file), format).ok())
        };
        Self {
            cpu: first([
                ("cpuacct/cpuacct.usage", Format::Nanoseconds),
                ("cpu.stat", Format::MicrosecondsField("usage_usec")),
            ]),
            out_of_memory: first([
                ("memory/memory.oom_control", Format::Field("oom_kill")),
                ("memory.events", Format::Field("oom_kill")),
            ]),
            held: Held::V1.open(own).or_else(|| Held::V2.open(own)),
            shared_with_runner: true,
            ..Self::default()
        }
    }

    /// Whether memory is limited and measured for the program alone.
    pub(crate) fn limits_memory(&self) -> bool {
        self.memory.is_some()
    }

    /// Whether processes are limited for the program alone.
    pub(crate) fn limits_processes(&self) -> bool {
        self.processes.is_some()
    }

    /// Whether a cgroup counts processor time.
    pub(crate) fn measures_cpu(&self) -> bool {
        self.cpu.is_some()
    }

    /// Whether the counters cover the whole cell, including the runner.
    pub(crate) fn is_shared_with_runner(&self) -> bool {
        self.shared_with_runner
    }

    /// Sets limits and resets counters for a run that begins now.
    pub(crate) fn begin(&mut self, memory_bytes: u64, processes: u32) -> io::Result<Mark> {
        // Read the counters first, so that a standby process that the new limit kills counts as out
        // of memory.
        let mark = Mark {
            cpu: self.cpu_total().unwrap_or_default(),
            out_of_memory: self.out_of_memory_total(),
            held_bytes: self.held_total(),
        };
        if let Some(memory) = &mut self.memory {
            // The cgroup may be charged for cached files and names of earlier runs, and for a
            // standby process. Version 1 refuses a limit below memory that it cannot reclaim. Then
            // a higher limit is set, and the peak shows whether the run exceeded its own.
            memory.set(memory_bytes).or_else(|_| memory.set(memory_bytes.max(MEMORY_BYTES_MIN)))?;
            memory.peak.reset()?;
        }
        if let Some(limit) = &mut self.processes {
            limit.set(processes.into())?;
        }
        Ok(mark)
    }

    /// Starts counting again, in a run that goes on. Memory that it already holds still counts.
    pub(crate) fn begin_again(&self, mark: &Mark) -> io::Result<Mark> {
        if let Some(memory) = &self.memory {
            memory.peak.reset()?;
        }
        Ok(Mark {
            cpu: self.cpu_total().unwrap_or_default(),
            out_of_memory: self.out_of_memory_total(),
            held_bytes: mark.held_bytes,
        })
    }

    /// Puts the calling process into the cgroup.
    pub(crate) fn join(&self) -> io::Result<()> {
        self.joins.iter().try_for_each(|mut procs| procs.write_all(b"0"))
    }

    /// Whether there is a cgroup that processes can join.
    pub(crate) fn has_cgroup(&self) -> bool {
        !self.joins.is_empty()
    }

    /// The cgroup's directory, if the kernel can start a process in it.
    pub(crate) fn cgroup(&self) -> Option<BorrowedFd<'_>> {
        self.directory.as_ref().map(AsFd::as_fd)
    }

    /// Processor time since the mark; `None` when no cgroup counts it.
    pub(crate) fn cpu_since(&self, mark: &Mark) -> Option<Duration> {
        Some(self.cpu_total()?.saturating_sub(mark.cpu))
    }

    /// Whether the kernel's out-of-memory killer has killed a process since the mark.
    pub(crate) fn ran_out_of_memory_since(&self, mark: &Mark) -> bool {
        self.out_of_memory_total() > mark.out_of_memory
    }

    /// The peak since the run began, in bytes; `None` if no cgroup measures it.
    pub(crate) fn memory_peak(&self) -> Option<u64> {
        self.memory.as_ref()?.peak.read()
    }

    /// How much more memory the cell holds than at the mark, in bytes: memory of processes and
    /// files in memory. 0 if the cgroup itself limits memory, or if no cgroup counts it.
    pub(crate) fn held_since(&self, mark: &Mark) -> u64 {
        self.held_total().saturating_sub(mark.held_bytes)
    }

    fn held_total(&self) -> u64 {
        self.held.as_ref().map_or(0, Held::read)
    }

    fn cpu_total(&self) -> Option<Duration> {
        let total = Duration::from_nanos(self.cpu.as_ref()?.read().ok()?);
        Some(if self.shared_with_runner { total.saturating_sub(own_cpu()) } else { total })
    }

    fn out_of_memory_total(&self) -> u64 {
        self.out_of_memory.as_ref().and_then(|counter| counter.read().ok()).unwrap_or(0)
    }
}

/// The runner's own processor time.
fn own_cpu() -> Duration {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else { return Duration::ZERO };
    let micros = [usage.user_time(), usage.system_time()]
        .map(|time| time.tv_sec() * 1_000_000 + time.tv_usec());
    Duration::from_micros(micros.iter().sum::<i64>().try_into().unwrap_or(0))
}

/// The memory limit, with its related files.
struct Memory {
    limit: Setting,
    /// Version 1 limits memory plus swap in a second file, which must not be below the first.
    with_swap: Option<Setting>,
    peak: Peak,
}

impl Memory {
    fn set(&mut self, bytes: u64) -> io::Result<()> {
        let Some(with_swap) = &mut self.with_swap else { return self.limit.set(bytes) };
        if self.limit.last.is_none_or(|last| bytes < last) {
            self.limit.set(bytes)?;
            with_swap.set(bytes)
        } else {
            with_swap.set(bytes)?;
            self.limit.set(bytes)
        }
    }
}

/// A limit that is only written when it changes.
struct Setting {
    file: File,
    last: Option<u64>,
}

impl Setting {
    fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: writable(path)?, last: None })
    }

    fn set(&mut self, value: u64) -> io::Result<()> {
        if self.last != Some(value) {
            self.file.write_all_at(value.to_string().as_bytes(), 0)?;
            self.last = Some(value);
        }
        Ok(())
    }
}

/// A peak that can be reset. Without a file there is no peak.
#[derive(Default)]
struct Peak {
    file: Option<File>,
    reset: &'static str,
}

impl Peak {
    fn open(path: &Path, reset: &'static str) -> io::Result<Self> {
        let peak =
            Self { file: Some(OpenOptions::new().read(true).write(true).open(path)?), reset };
        peak.reset()?;
        Ok(peak)
    }

    fn reset(&self) -> io::Result<()> {
        self.file.as_ref().map_or(Ok(()), |file| file.write_all_at(self.reset.as_bytes(), 0))
    }

    fn read(&self) -> Option<u64> {
        read_control(self.file.as_ref()?).ok()?.trim().parse().ok()
    }
}

/// The format of a counter in its file.
enum Format {
    /// The file is one number, in nanoseconds.
    Nanoseconds,
    /// The number is after this name on its line.
    Field(&'static str),
    /// The same, with a number in microseconds.
    MicrosecondsField(&'static str),
}

/// Memory that cannot be reclaimed like cached files: memory of processes, files in memory, and
/// kernel memory for them, such as in sockets and pipes.
struct Held {
    file: File,
    fields: &'static [&'static str],
    /// The file for kernel memory, if it is separate.
    kernel: Option<File>,
}

impl Held {
    const V1: HeldIn = HeldIn {
        path: "memory/memory.stat",
        fields: &["total_rss", "total_shmem"],
        kernel: Some("memory/memory.kmem.usage_in_bytes"),
    };
    const V2: HeldIn =
        HeldIn { path: "memory.stat", fields: &["anon", "shmem", "kernel"], kernel: None };

    fn read(&self) -> u64 {
        let text = read_control(&self.file).unwrap_or_default();
        let kernel =
            self.kernel.as_ref().and_then(|file| read_control(file).ok()?.trim().parse().ok());
        self.fields.iter().filter_map(|name| field(&text, name)).sum::<u64>() + kernel.unwrap_or(0)
    }
}

/// Where a cgroup version reports held memory.
struct HeldIn {
    path: &'static str,
    fields: &'static [&'static str],
    kernel: Option<&'static str>,
}

impl HeldIn {
    fn open(&self, cgroup: &Path) -> Option<Held> {
        let file = File::open(cgroup.join(self.path)).ok()?;
        let kernel = self.kernel.and_then(|path| File::open(cgroup.join(path)).ok());
        Some(Held { file, fields: self.fields, kernel })
    }
}

/// The number after a name, on the line that begins with it.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

/// A counter that only grows.
struct Counter {
    file: File,
    format: Format,
}

impl Counter {
    fn open(path: &Path, format: Format) -> io::Result<Self> {
        let counter = Self { file: File::open(path)?, format };
        counter.read()?;
        Ok(counter)
    }

    fn read(&self) -> io::Result<u64> {
        let text = read_control(&self.file)?;
        match self.format {
            Format::Nanoseconds => text.trim().parse().ok(),
            Format::Field(name) => field(&text, name),
            Format::MicrosecondsField(name) => field(&text, name).map(|micros| micros * 1000),
        }
        .ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, format!("unexpected content: {text:?}"))
        })
    }
}

fn read_control(file: &File) -> io::Result<String> {
    let mut bytes = [0; CONTROL_FILE_BYTES_MAX];
    let count = file.read_at(&mut bytes, 0)?;
    Ok(String::from_utf8_lossy(&bytes[..count]).into_owned())
}

fn writable(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).open(path)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    /// A directory with the files of a cgroup. Ordinary files do not behave like control files, but
    /// they keep what is written to them.
    fn cgroup(name: &str, files: &[(&str, &str)]) -> PathBuf {
        let directory =
            std::env::temp_dir().join(format!("assay-meter-{name}-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("a temporary directory");
        for (file, content) in files {
            fs::write(directory.join(file), content).expect("written");
        }
        directory
    }

    #[test]
    fn version_2_is_read_and_written() {
        let directory = cgroup(
            "v2",
            &[
                ("cgroup.procs", ""),
                ("memory.max", "max\n"),
                ("memory.peak", "0\n"),
                ("memory.events", "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n"),
                ("pids.max", "max\n"),
                ("cpu.stat", "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\n"),
            ],
        );
        let text = directory.to_string_lossy().into_owned();
        let mut meter =
            Meter::controlling(&CgroupPlan::V2 { directory: text }).expect("all files are there");
        assert!(meter.limits_memory() && meter.limits_processes() && meter.measures_cpu());
        let mark = meter.begin(1 << 20, 7).expect("limits can be set");
        let written = |file: &str| fs::read_to_string(directory.join(file)).expect("a file");
        assert!(
            written("memory.max").starts_with("1048576") && written("pids.max").starts_with('7')
        );
        assert!(written("memory.peak").starts_with("reset"));
        fs::write(directory.join("cpu.stat"), "usage_usec 4500\n").expect("written");
        fs::write(directory.join("memory.events"), "oom 4\noom_kill 3\n").expect("written");
        fs::write(directory.join("memory.peak"), "65536\n").expect("written");
        assert_eq!(meter.cpu_since(&mark), Some(Duration::from_millis(3)));
        assert!(meter.ran_out_of_memory_since(&mark));
        assert_eq!(meter.memory_peak(), Some(65536));
        fs::remove_dir_all(&directory).expect("removed");
    }

    #[test]
    fn version_2_without_controllers_still_counts_processor_time() {
        let directory = cgroup("bare", &[("cgroup.procs", ""), ("cpu.stat", "usage_usec 0\n")]);
        let text = directory.to_string_lossy().into_owned();
        let meter =
            Meter::controlling(&CgroupPlan::V2 { directory: text }).expect("enough is there");
        assert!(!meter.limits_memory() && !meter.limits_processes() && meter.measures_cpu());
        fs::remove_dir_all(&directory).expect("removed");
    }
}
