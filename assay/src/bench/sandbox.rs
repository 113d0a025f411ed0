//! `assay bench sandbox`: what a cell adds to one run.
//!
//! The floor is a bare fork, exec and wait of a static program that does nothing, by this process. The
//! same bytes run in a cell of each sandbox, in turns with the floor, so that a busy moment of the machine
//! falls on all of them. What a cell adds is its time, from the request to the outcome as this process
//! sees them, less the floor at the same percentile.

use std::process::Stdio;
use std::time::{Duration, Instant};

use sandbox::{Cell, CellSpec, Execution, Limits};
use serde::Serialize;

use super::host::HostProgram;
use super::{Common, LeftOut, Measured, Mode, Percentiles, failed, open};
use crate::cmd::print_json;
use crate::config::Config;
use crate::table::table;
use crate::{Exit, Failure};

/// A program that does nothing.
const TRIVIAL: &str = "int main(void) { return 0; }\n";
/// Cells that are prepared one after the other, at least.
const PREPARATIONS_MIN: usize = 30;
/// Runs before those that count.
const UNCOUNTED: usize = 10;

/// What a cell adds to one run of a trivial program
///
/// In turns, a static program that does nothing is run bare and in a cell of each sandbox.
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
    /// From request to outcome, the floor included.
    wall_ms: Percentiles,
    runs: u32,
    preparations: usize,
}

struct Lane {
    measured: Measured,
    cell: Cell,
    command: Execution,
    walls: Vec<Duration>,
    prepares: Vec<Duration>,
    closes: Vec<Duration>,
}

pub(crate) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    let (measured, left_out) = open(config, &args.common).await?;
    let first = measured.first().expect("one sandbox is open at least");
    let program = first.compile("c", TRIVIAL).await?;
    let host = HostProgram::new("trivial", &program)?;
    let mut lanes = Vec::new();
    for measured in measured {
        eprintln!("{}: preparing cells", measured.mode);
        let limits = Limits::default();
        let (prepares, closes) = prepare(&measured, PREPARATIONS_MIN).await?;
        let cell = measured.cell("c", &program, &limits).await?;
        let command = measured.command("c", limits, &[])?;
        lanes.push(Lane { measured, cell, command, walls: vec![], prepares, closes });
    }
    eprintln!("running {} times", args.runs);
    let mut floor = Vec::new();
    for number in 0..UNCOUNTED + args.runs as usize {
        let counts = number >= UNCOUNTED;
        let bare = host.run(&[host.path().display().to_string()], Stdio::null())?;
        floor.extend(counts.then_some(bare));
        for lane in &mut lanes {
            let started = Instant::now();
            let outcome = lane.cell.execute(&lane.command).await.map_err(failed)?;
            let wall = started.elapsed();
            if !outcome.ended.is_success() {
                let message =
                    format!("{}: the program ended by {:?}", lane.measured.mode, outcome.ended);
                return Err(Failure::new(Exit::JudgeError, message));
            }
            lane.walls.extend(counts.then_some(wall));
        }
    }
    let floor_ms = Percentiles::of(&floor);
    let mut modes = Vec::new();
    for lane in lanes {
        lane.measured.cells.retire(lane.cell).await;
        let wall_ms = Percentiles::of(&lane.walls);
        modes.push(ModeReport {
            mode: lane.measured.mode,
            added_ms: wall_ms.above(floor_ms),
            prepare_ms: Percentiles::of(&lane.prepares),
            close_ms: Percentiles::of(&lane.closes),
            wall_ms,
            runs: args.runs,
            preparations: lane.prepares.len(),
        });
        lane.measured.close().await;
    }
    show(&Report { runs: args.runs, floor_ms, modes, left_out }, args.common.json)
}

/// How long cells take to be prepared and closed, one right after the other.
async fn prepare(
    measured: &Measured,
    count: usize,
) -> Result<(Vec<Duration>, Vec<Duration>), Failure> {
    let spec = CellSpec::run(measured.language("c")?, &Limits::default());
    let (mut prepares, mut closes) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let started = Instant::now();
        let cell = measured.sandbox.prepare(&spec).await.map_err(failed)?;
        prepares.push(started.elapsed());
        let started = Instant::now();
        cell.close().await.map_err(failed)?;
        closes.push(started.elapsed());
    }
    Ok((prepares, closes))
}

fn show(report: &Report, json: bool) -> Result<Exit, Failure> {
    if json {
        print_json(report)?;
        return Ok(Exit::Done);
    }
    println!("bare fork, exec and wait: {} (p50 / p95 of {})", report.floor_ms, report.runs);
    let mut rows = table(["sandbox", "added to a run", "preparing a cell", "closing it"]);
    for ModeReport { mode, added_ms, prepare_ms, close_ms, .. } in &report.modes {
        let figures = [added_ms, prepare_ms, close_ms].map(ToString::to_string);
        rows.add_row([vec![mode.to_string()], figures.to_vec()].concat());
    }
    println!("{rows}");
    Ok(Exit::Done)
}
