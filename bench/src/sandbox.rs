//! `assay-bench sandbox`: the overhead of a cell on one run.
//!
//! The floor is a bare fork, exec and wait of a static program that does nothing, by this process.
//! The same binary runs in a cell of each sandbox, alternating with the floor, so that a busy
//! moment of the machine affects all of them. The overhead is the time from the request to the
//! outcome as seen by this process, less the floor at the same percentile.

use std::process::Stdio;
use std::time::{Duration, Instant};

use sandbox::{CellSpec, Limits};
use serde::Serialize;

use super::host::HostProgram;
use super::{
    Common, LeftOut, Loaded, Measured, Mode, NOTHING, Percentiles, failed, show, together,
};
use assay::config::Config;
use assay::table::table;
use assay::{Exit, Failure};

/// Number of cells prepared, one after the other.
const PREPARATIONS: usize = 30;
/// Warm-up runs, which do not count.
const UNCOUNTED: usize = 10;

/// The overhead of a cell on one run of a trivial program
///
/// A static program that does nothing runs bare and in a cell of each sandbox, alternating.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Runs of each kind
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Serialize)]
struct Report {
    runs: u32,
    floor_ms: Percentiles,
    modes: Vec<ModeReport>,
    left_out: Vec<LeftOut>,
}

#[derive(Debug, Serialize)]
struct ModeReport {
    mode: Mode,
    added_ms: Percentiles,
    prepare_ms: Percentiles,
    close_ms: Percentiles,
    /// From the request to the outcome, including the floor.
    wall_ms: Percentiles,
    runs: u32,
    preparations: usize,
}

struct Lane<'a> {
    loaded: Loaded<'a>,
    walls: Vec<Duration>,
    prepares: Vec<Duration>,
    closes: Vec<Duration>,
}

pub(crate) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    let runs = args.runs;
    let in_turns = async |all: &[Measured]| measure(all, runs).await;
    let ((floor_ms, modes), left_out) = together(config, &args.common, in_turns).await?;
    show(&Report { runs, floor_ms, modes, left_out }, args.common.json, print)
}

async fn measure(all: &[Measured], runs: u32) -> Result<(Percentiles, Vec<ModeReport>), Failure> {
    let program = all[0].compile("c", NOTHING).await?;
    let host = HostProgram::new("trivial", &program.executable.artifact.files[0].bytes)?;
    let mut lanes = Vec::new();
    for measured in all {
        eprintln!("{}: preparing cells", measured.mode);
        let (prepares, closes) = prepare(measured).await?;
        let loaded = measured.load(&program, Limits::default(), &[]).await?;
        lanes.push(Lane { loaded, walls: vec![], prepares, closes });
    }
    eprintln!("running {runs} times");
    let mut floor = Vec::new();
    for number in 0..UNCOUNTED + runs as usize {
        let counts = number >= UNCOUNTED;
        let bare = host.run(&[host.path().display().to_string()], Stdio::null())?;
        floor.extend(counts.then_some(bare));
        for lane in &mut lanes {
            let (_, wall) = lane.loaded.succeed().await?;
            lane.walls.extend(counts.then_some(wall));
        }
    }
    let floor_ms = Percentiles::of(&floor);
    let mut modes = Vec::new();
    for lane in lanes {
        let wall_ms = Percentiles::of(&lane.walls);
        modes.push(ModeReport {
            mode: lane.loaded.measured.mode,
            added_ms: wall_ms.above(floor_ms),
            prepare_ms: Percentiles::of(&lane.prepares),
            close_ms: Percentiles::of(&lane.closes),
            wall_ms,
            runs,
            preparations: lane.prepares.len(),
        });
        lane.loaded.retire().await;
    }
    Ok((floor_ms, modes))
}

/// The times to prepare and to close cells, one after the other.
async fn prepare(measured: &Measured) -> Result<(Vec<Duration>, Vec<Duration>), Failure> {
    let spec = CellSpec::run(measured.language("c")?, &Limits::default());
    let (mut prepares, mut closes) = (Vec::new(), Vec::new());
    for _ in 0..PREPARATIONS {
        let started = Instant::now();
        let cell = measured.sandbox().prepare(&spec).await.map_err(failed)?;
        prepares.push(started.elapsed());
        let started = Instant::now();
        cell.close().await.map_err(failed)?;
        closes.push(started.elapsed());
    }
    Ok((prepares, closes))
}

fn print(report: &Report) {
    println!("bare fork, exec and wait: {} (p50 / p95 of {})", report.floor_ms, report.runs);
    let mut rows = table(["sandbox", "added to a run", "preparing a cell", "closing it"]);
    for ModeReport { mode, added_ms, prepare_ms, close_ms, .. } in &report.modes {
        let figures = [added_ms, prepare_ms, close_ms].map(ToString::to_string);
        rows.add_row([vec![mode.to_string()], figures.to_vec()].concat());
    }
    println!("{rows}");
}
