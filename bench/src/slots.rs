//! `assay-bench slots`: the time until a slot is free after a misbehaving program.

use std::time::{Duration, Instant};

use bytes::Bytes;
use sandbox::{Ended, Limits};
use serde::Serialize;

use super::{
    Common, Measured, Mode, NOTHING, OUTPUT_FLOOD, Report, each, failed, milliseconds, show,
};
use assay::config::Config;
use assay::table::table;
use assay::{Exit, Failure};

/// Size of the input that is never read, in bytes.
const INPUT_BYTES: usize = 100_000_000;

/// A program that is hard to clean up after.
struct Case {
    name: &'static str,
    source: &'static str,
    input_bytes: usize,
    cpu: Duration,
    wall: Duration,
}

const SECOND: Duration = Duration::from_secs(1);

const CASES: [Case; 4] = [
    Case {
        name: "output flood",
        source: OUTPUT_FLOOD,
        input_bytes: 0,
        cpu: SECOND,
        wall: Duration::from_secs(4),
    },
    Case {
        name: "100 MB of input never read",
        source: "#include <unistd.h>\nint main(void) { for (;;) pause(); }\n",
        input_bytes: INPUT_BYTES,
        cpu: SECOND,
        wall: SECOND,
    },
    Case {
        name: "10,000 processes",
        source: "#include <unistd.h>\nint main(void) {\n    for (int i = 0; i < 10000; i++) if (fork() == 0) for (;;) \
                 pause();\n    return 0;\n}\n",
        input_bytes: 0,
        cpu: Duration::from_secs(4),
        wall: Duration::from_secs(8),
    },
    Case {
        name: "1,000,000 files",
        source: "#include <fcntl.h>\n#include <stdio.h>\n#include <unistd.h>\nint main(void) {\n    char name[16];\n    \
                 for (int i = 0; i < 1000000; i++) {\n        sprintf(name, \"%d\", i);\n        int file = open(name, \
                 O_CREAT | O_WRONLY, 0600);\n        if (file >= 0) close(file);\n    }\n    return 0;\n}\n",
        input_bytes: 0,
        cpu: Duration::from_secs(10),
        wall: Duration::from_secs(20),
    },
];

/// The time until a slot is free after a misbehaving program
///
/// A cell is usable again once it reports the outcome: then every process of the program is dead
/// and every file is removed. A slot is free for another submission once the cell is closed.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Runs of each program
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Serialize)]
struct ModeReport {
    mode: Mode,
    cases: Vec<CaseReport>,
}

#[derive(Debug, Serialize)]
struct CaseReport {
    name: &'static str,
    /// The distinct ways in which runs ended.
    ended: Vec<String>,
    /// From the request until a program that exits at once has received the same input: the time
    /// before the program starts.
    handing_in_ms: Vec<f64>,
    /// From the program's end, by itself or by a limit, until the cell can run the next program.
    /// Computed as the run's time, less the program's own time and the minimum of `handing_in_ms`;
    /// includes returning the output.
    usable_ms: Vec<f64>,
    /// From that end until the cell is closed and nothing of it is left.
    free_ms: Vec<f64>,
    handing_in_ms_max: f64,
    usable_ms_max: f64,
    free_ms_max: f64,
}

pub(crate) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    let measure = async |measured: &Measured| {
        let mode = measured.mode;
        let mut cases = Vec::new();
        for case in &CASES {
            eprintln!("{mode}: {}", case.name);
            cases.push(measure(measured, case, args.runs).await?);
        }
        Ok(ModeReport { mode, cases })
    };
    let report = each(config, &args.common, Some(args.runs), measure).await?;
    show(&report, args.common.json, print)
}

async fn measure(measured: &Measured, case: &Case, runs: u32) -> Result<CaseReport, Failure> {
    let program = measured.compile("c", case.source).await?;
    let next = measured.compile("c", NOTHING).await?;
    let limits = Limits { cpu: case.cpu, wall: case.wall, ..Limits::default() };
    let input = Bytes::from(vec![b'7'; case.input_bytes]);
    let mut ended = Vec::new();
    let (mut handing_in, mut beside, mut closing) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs {
        let mut loaded = measured.load(&program, limits, &[]).await?;
        loaded.command.stdin = input.clone();
        let (outcome, elapsed) = loaded.run().await?;
        beside.push(elapsed.saturating_sub(outcome.wall));
        let name = name(outcome.ended);
        if !ended.contains(&name) {
            ended.push(name);
        }
        // That the cell is usable is not only said.
        let mut next = measured.load_into(loaded.cell, &next, Limits::default(), &[]).await?;
        next.command.stdin = input.clone();
        let (outcome, elapsed) = next.succeed().await?;
        handing_in.push(elapsed.saturating_sub(outcome.wall));
        let started = Instant::now();
        next.cell.close().await.map_err(failed)?;
        closing.push(started.elapsed());
    }
    let before = handing_in.iter().min().copied().unwrap_or_default();
    let usable: Vec<_> = beside.iter().map(|elapsed| elapsed.saturating_sub(before)).collect();
    let free: Vec<_> =
        usable.iter().zip(closing).map(|(usable, closing)| *usable + closing).collect();
    let in_ms = |times: Vec<Duration>| times.into_iter().map(milliseconds).collect::<Vec<_>>();
    let (handing_in_ms, usable_ms, free_ms) = (in_ms(handing_in), in_ms(usable), in_ms(free));
    let max = |times: &[f64]| times.iter().copied().fold(0.0, f64::max);
    Ok(CaseReport {
        name: case.name,
        ended,
        handing_in_ms_max: max(&handing_in_ms),
        usable_ms_max: max(&usable_ms),
        free_ms_max: max(&free_ms),
        handing_in_ms,
        usable_ms,
        free_ms,
    })
}

fn name(ended: Ended) -> String {
    match ended {
        Ended::Exited { code } => format!("exit {code}"),
        Ended::Signaled { signal } => format!("signal {signal}"),
        Ended::CpuLimit => "cpu limit".to_owned(),
        Ended::WallLimit => "wall limit".to_owned(),
        Ended::MemoryLimit => "memory limit".to_owned(),
        Ended::OutputLimit => "output limit".to_owned(),
        Ended::FileLimit => "file limit".to_owned(),
    }
}

fn print(report: &Report<ModeReport>) {
    let mut rows = table([
        "sandbox",
        "program",
        "ended by",
        "handing in, at most",
        "usable again, at most",
        "free, at most",
    ]);
    for ModeReport { mode, cases } in &report.modes {
        for case in cases {
            rows.add_row([
                mode.to_string(),
                case.name.to_owned(),
                case.ended.join(", "),
                format!("{:.1} ms", case.handing_in_ms_max),
                format!("{:.1} ms", case.usable_ms_max),
                format!("{:.1} ms", case.free_ms_max),
            ]);
        }
    }
    println!("{rows}");
}
