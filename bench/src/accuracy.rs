//! `assay-bench accuracy`: the accuracy of times and memory.
//!
//! Time: a program uses 1.000 s of CPU by its own clock, once on an idle machine and once with
//! every other core busy.
//!
//! Memory: a program touches exactly N MiB under different limits. With N plus the largest
//! baseline, it must be accepted. The baseline is the memory of a program that touches nothing, and
//! is largest in the first run of a new cell. With N less 1 %, it must exceed the limit. To show
//! how sharp the limit is, it also runs with N less 1 % plus the median baseline.
//! of what it used when it touched nothing.

use std::fs;
use std::num::Wrapping;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use sandbox::{Ended, Limits};
use serde::Serialize;

use super::{
    Common, Compiled, Measured, Mode, Percentiles, Report, each, failed, milliseconds, percentile,
    show,
};
use assay::config::Config;
use assay::table::table;
use assay::{Exit, Failure};

/// The CPU time that the program uses.
const BURNED: Duration = Duration::from_secs(1);
/// Permitted error of a time on an idle machine: 1 % and 2 ms.
const IDLE_ERROR_MAX: Duration = Duration::from_millis(12);
/// Permitted error with every other core busy: 2 %.
const BUSY_ERROR_MAX: Duration = Duration::from_millis(20);
/// Memory that the programs touch, in MiB.
const TOUCHED_MIB: [u64; 3] = [16, 64, 256];
/// Runs that touch nothing, per cell.
const BASELINE_RUNS: u32 = 10;
/// Number of cells for the baseline: the first run in a cell also pays for reading the program.
const BASELINE_CELLS: u32 = 3;
/// More bytes than any of the programs needs, to measure the need.
const MEMORY_BYTES_MAX: u64 = 1 << 30;
/// The size of a page in bytes; memory is limited in pages.
const PAGE_BYTES: u64 = 4096;

const BURN: &str = "#include <time.h>\nint main(void) {\n    struct timespec now;\n    do clock_gettime(\
                    CLOCK_PROCESS_CPUTIME_ID, &now);\n    while (now.tv_sec < 1);\n    return 0;\n}\n";
const TOUCH: &str = "#include <cstdlib>\n#include <sys/mman.h>\nint main(int, char **words) {\n    size_t bytes = \
                     strtoull(words[1], nullptr, 10) << 20;\n    if (bytes == 0) return 0;\n    void *memory = \
                     mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);\n    \
                     if (memory == MAP_FAILED) return 1;\n    for (size_t at = 0; at < bytes; at += 4096)\n        \
                     static_cast<volatile char *>(memory)[at] = 1;\n    return 0;\n}\n";

/// The accuracy of times and memory
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Runs of each kind
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Serialize)]
struct ModeReport {
    mode: Mode,
    idle: Time,
    /// With a counting thread on every other processor.
    busy: Time,
    busy_processors: usize,
    baseline: Baseline,
    memory: Vec<Memory>,
}

/// Memory of a program that touches nothing, in bytes.
#[derive(Debug, Clone, Copy, Serialize)]
struct Baseline {
    p50: u64,
    max: u64,
}

/// The errors of measured times.
#[derive(Debug, Serialize)]
struct Time {
    runs: u32,
    within: u32,
    error_ms_allowed: f64,
    error_ms: Percentiles,
    error_ms_max: f64,
}

/// The number of runs in which a limit worked.
#[derive(Debug, Serialize)]
struct Memory {
    touched_mib: u64,
    runs: u32,
    /// Runs accepted at N plus page tables plus the largest baseline.
    accepted: u32,
    /// Runs that exceeded a limit of N less 1 %.
    exceeded: u32,
    /// Runs that exceeded a limit of N less 1 % plus the median baseline.
    exceeded_with_baseline: u32,
    /// The maximum memory measured in accepted runs, in bytes.
    measured_bytes_max: u64,
}

pub(crate) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    let measure = async |measured: &Measured| measure(measured, args.runs).await;
    let report = each(config, &args.common, Some(args.runs), measure).await?;
    show(&report, args.common.json, print)
}

async fn measure(measured: &Measured, runs: u32) -> Result<ModeReport, Failure> {
    let mode = measured.mode;
    let program = measured.compile("c", BURN).await?;
    eprintln!("{mode}: {runs} runs of {BURNED:?} of cpu");
    let idle = time(measured, &program, runs, IDLE_ERROR_MAX).await?;
    let burners = Burners::start()?;
    let busy_processors = burners.threads.len();
    eprintln!("{mode}: the same with {busy_processors} other processors busy");
    let busy = time(measured, &program, runs, BUSY_ERROR_MAX).await;
    burners.stop();
    let busy = busy?;
    eprintln!("{mode}: memory");
    let (baseline, memory) = memory(measured, runs).await?;
    Ok(ModeReport { mode, idle, busy, busy_processors, baseline, memory })
}

async fn time(
    measured: &Measured,
    program: &Compiled,
    runs: u32,
    allowed: Duration,
) -> Result<Time, Failure> {
    let limits = Limits { cpu: BURNED * 4, wall: BURNED * 30, ..Limits::default() };
    let mut loaded = measured.load(program, limits, &[]).await?;
    let mut errors = Vec::new();
    for _ in 0..runs {
        let (outcome, _) = loaded.succeed().await?;
        errors.push(outcome.cpu.abs_diff(BURNED));
    }
    loaded.retire().await;
    Ok(Time {
        runs,
        within: count(errors.iter().filter(|&&error| error <= allowed)),
        error_ms_allowed: milliseconds(allowed),
        error_ms: Percentiles::of(&errors),
        error_ms_max: milliseconds(percentile(&errors, 100)),
    })
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}

async fn memory(measured: &Measured, runs: u32) -> Result<(Baseline, Vec<Memory>), Failure> {
    let program = measured.compile("cpp", TOUCH).await?;
    let ends = |limit: u64, touched_mib: u64, runs: u32| {
        touch(measured, &program, limit, touched_mib, runs)
    };
    let mut used = Vec::new();
    for _ in 0..BASELINE_CELLS {
        let ends = ends(MEMORY_BYTES_MAX, 0, BASELINE_RUNS).await?;
        used.extend(ends.into_iter().map(|(_, bytes)| bytes));
    }
    let pages = |percent| percentile(&used, percent).next_multiple_of(PAGE_BYTES);
    let baseline = Baseline { p50: pages(50), max: pages(100) };
    let mut memory = Vec::new();
    for touched_mib in TOUCHED_MIB {
        let touched = touched_mib << 20;
        let less = touched - touched / 100;
        // The page tables also count as the program's memory: eight bytes per page of 4 KiB.
        let page_tables = touched / 512;
        let accepted = ends(touched + page_tables + baseline.max, touched_mib, runs).await?;
        let below = ends(less, touched_mib, runs).await?;
        let below_both = ends(less + baseline.p50, touched_mib, runs).await?;
        let exceeded = |ends: &[(Ended, u64)]| {
            count(ends.iter().filter(|(ended, _)| *ended == Ended::MemoryLimit))
        };
        memory.push(Memory {
            touched_mib,
            runs,
            accepted: count(accepted.iter().filter(|(ended, _)| ended.is_success())),
            exceeded: exceeded(&below),
            exceeded_with_baseline: exceeded(&below_both),
            measured_bytes_max: accepted.iter().map(|(_, bytes)| *bytes).max().unwrap_or_default(),
        });
    }
    Ok((baseline, memory))
}

/// The number of runs that ended as expected, and their memory.
async fn touch(
    measured: &Measured,
    program: &Compiled,
    memory_bytes: u64,
    touched_mib: u64,
    runs: u32,
) -> Result<Vec<(Ended, u64)>, Failure> {
    let limits = Limits { memory_bytes, ..Limits::default() };
    let mut loaded = measured.load(program, limits, &[&touched_mib.to_string()]).await?;
    let mut ends = Vec::new();
    for _ in 0..runs {
        let (outcome, _) = loaded.run().await?;
        ends.push((outcome.ended, outcome.memory_bytes));
    }
    loaded.retire().await;
    Ok(ends)
}

/// One thread on every processor except those of the first core, where the measured programs run.
struct Burners {
    enough: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Burners {
    fn start() -> Result<Self, Failure> {
        let allowed = sched_getaffinity(Pid::from_raw(0)).map_err(failed)?;
        let allowed = (0..CpuSet::count()).filter(|&it| allowed.is_set(it).unwrap_or(false));
        let processors: Vec<usize> = allowed.collect();
        let siblings = |processor: &usize| {
            let folder = format!("/sys/devices/system/cpu/cpu{processor}/topology");
            fs::read_to_string(folder + "/core_cpus_list").unwrap_or_else(|_| processor.to_string())
        };
        let first = processors.first().map(siblings);
        let enough = Arc::new(AtomicBool::new(false));
        let others = processors.into_iter().filter(|it| Some(siblings(it)) != first);
        let threads = others.map(|processor| {
            let enough = Arc::clone(&enough);
            std::thread::spawn(move || burn(processor, &enough))
        });
        let threads = threads.collect();
        Ok(Self { enough, threads })
    }

    fn stop(self) {
        self.enough.store(true, Ordering::Relaxed);
        for thread in self.threads {
            // The thread only counts, so it cannot fail.
            let _ = thread.join();
        }
    }
}

fn burn(processor: usize, enough: &AtomicBool) {
    let mut only = CpuSet::new();
    // An unpinned thread still keeps the machine busy.
    let _ = only.set(processor).and_then(|()| sched_setaffinity(Pid::from_raw(0), &only));
    let mut count = Wrapping(0u64);
    while !enough.load(Ordering::Relaxed) {
        count = std::hint::black_box(count + Wrapping(1));
    }
}

fn print(report: &Report<ModeReport>) {
    let mut rows = table(["sandbox", "what", "as it should be", "figures"]);
    for ModeReport { mode, idle, busy, baseline, memory, .. } in &report.modes {
        for (what, time) in [("1 s of cpu, idle", idle), ("1 s of cpu, others busy", busy)] {
            rows.add_row([
                mode.to_string(),
                format!("{what}: within {} ms", time.error_ms_allowed),
                format!("{} of {}", time.within, time.runs),
                format!("off by {}, at most {} ms", time.error_ms, time.error_ms_max),
            ]);
        }
        for memory in memory {
            let (mib, runs) = (memory.touched_mib, memory.runs);
            let (p50, max) = (baseline.p50 / 1024, baseline.max / 1024);
            for (what, right) in [
                (
                    format!("{mib} MiB within that, its page tables and {max} KiB: accepted"),
                    memory.accepted,
                ),
                (format!("{mib} MiB within 1 % less: past it"), memory.exceeded),
                (
                    format!("{mib} MiB within 1 % less and {p50} KiB: past it"),
                    memory.exceeded_with_baseline,
                ),
            ] {
                let figures = format!("measured {} KiB", memory.measured_bytes_max / 1024);
                rows.add_row([mode.to_string(), what, format!("{right} of {runs}"), figures]);
            }
        }
    }
    println!("{rows}");
}
