//! `assay bench slots`: how soon a slot is free after programs that misbehave.

use std::time::{Duration, Instant};

use bytes::Bytes;
use sandbox::{Ended, Limits};
use serde::Serialize;

use super::{Common, LeftOut, Measured, Mode, failed, milliseconds, open};
use crate::cmd::print_json;
use crate::config::Config;
use crate::table::table;
use crate::{Exit, Failure};

/// A program that does nothing: the next one in the cell.
const NEXT: &str = "int main(void) { return 0; }\n";
/// Bytes of the input that is never read.
const INPUT_BYTES: usize = 100_000_000;

/// What a program does that is hard to clean up after.
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
        source: "#include <unistd.h>\nstatic char page[65536];\nint main(void) { for (;;) write(1, page, \
                 sizeof page); }\n",
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

/// How soon a slot is free after programs that misbehave
///
/// A cell is usable again when the outcome is told: then every process of the program is dead and every
/// file is gone. A slot is free for another submission when the cell is closed, too.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Runs of each program
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Serialize)]
struct Report {
    runs: u32,
    modes: Vec<ModeReport>,
    left_out: Vec<LeftOut>,
}

#[derive(Debug, Serialize)]
struct ModeReport {
    mode: Mode,
    cases: Vec<CaseReport>,
}

#[derive(Debug, Serialize)]
struct CaseReport {
    name: &'static str,
    ended: Vec<String>,
    /// From the program's end, by itself or by a limit, until the cell runs the next program. What it
    /// takes to hand in the input and to give back the output is in it.
    usable_ms: Vec<f64>,
    /// From that end until the cell is closed and nothing of it is left.
    free_ms: Vec<f64>,
    usable_ms_max: f64,
    free_ms_max: f64,
}

pub(crate) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    let (measured, left_out) = open(config, &args.common).await?;
    let mut modes = Vec::new();
    for measured in measured {
        let mut cases = Vec::new();
        for case in &CASES {
            eprintln!("{}: {}", measured.mode, case.name);
            cases.push(measure(&measured, case, args.runs).await?);
        }
        modes.push(ModeReport { mode: measured.mode, cases });
        measured.close().await;
    }
    show(&Report { runs: args.runs, modes, left_out }, args.common.json)
}

async fn measure(measured: &Measured, case: &Case, runs: u32) -> Result<CaseReport, Failure> {
    let (program, next) =
        (measured.compile("c", case.source).await?, measured.compile("c", NEXT).await?);
    let limits = Limits { cpu: case.cpu, wall: case.wall, ..Limits::default() };
    let input = Bytes::from(vec![b'7'; case.input_bytes]);
    let (mut ended, mut usable, mut free) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs {
        let mut cell = measured.cell("c", &program, &limits).await?;
        let command = measured.command("c", limits, &[])?.with_stdin(input.clone());
        let started = Instant::now();
        let outcome = cell.execute(&command).await.map_err(failed)?;
        let until_usable = started.elapsed().saturating_sub(outcome.wall);
        // That it is usable is not only said.
        let artifact = &measured.language("c")?.artifact;
        let path = sandbox::CellPath::program(artifact).map_err(failed)?;
        cell.put(&path, next.clone(), true).await.map_err(failed)?;
        let after = cell.execute(&measured.command("c", Limits::default(), &[])?).await;
        let after = after.map_err(failed)?.ended;
        if !after.is_success() {
            let message = format!("after {}, a clean program ended by {after:?}", case.name);
            return Err(Failure::new(Exit::JudgeError, message));
        }
        let started = Instant::now();
        cell.close().await.map_err(failed)?;
        ended.push(name(outcome.ended));
        usable.push(milliseconds(until_usable));
        free.push(milliseconds(until_usable + started.elapsed()));
    }
    let max = |times: &[f64]| times.iter().copied().fold(0.0, f64::max);
    let (usable_ms_max, free_ms_max) = (max(&usable), max(&free));
    ended.dedup();
    let (usable_ms, free_ms) = (usable, free);
    Ok(CaseReport { name: case.name, ended, usable_ms, free_ms, usable_ms_max, free_ms_max })
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

fn show(report: &Report, json: bool) -> Result<Exit, Failure> {
    if json {
        print_json(report)?;
        return Ok(Exit::Done);
    }
    let mut rows =
        table(["sandbox", "program", "ended by", "usable again, at most", "free, at most"]);
    for ModeReport { mode, cases } in &report.modes {
        for case in cases {
            rows.add_row([
                mode.to_string(),
                case.name.to_owned(),
                case.ended.join(", "),
                format!("{:.1} ms", case.usable_ms_max),
                format!("{:.1} ms", case.free_ms_max),
            ]);
        }
    }
    println!("{rows}");
    Ok(Exit::Done)
}
