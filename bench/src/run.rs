//! `assay-bench run`: the time from asking for a run on an own input until its result is stored.
//!
//! Measures two things for each sandbox, through an evaluator on embedded stores. The first is one
//! run at a time of a small Python program, relative to bare runs of the machine's own interpreter.
//! Each program is new, so that it is not found compiled. The second is many users who ask at once.

use std::process::Stdio;
use std::time::{Duration, Instant};

use domain::run::{RunCase, RunPhase, RunRequest};
use event_store::{NewRun, Stores};
use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use uuid::Uuid;

use super::host::HostProgram;
use super::installation::Installation;
use super::judge::bare_command;
use super::{Common, Measured, Mode, Percentiles, Report, each, failed, rounded, show};
use assay::config::Config;
use assay::table::table;
use assay::{Exit, Failure};

const PYTHON: &str = "a, b = map(int, input().split())\nprint(a + b)\n";
const INPUT: &str = "20 22\n";
/// How long runs are kept; more than the measurement takes.
const KEEP: SignedDuration = SignedDuration::from_hours(1);

/// The time from asking for a run on an own input to its result
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Runs that are measured one after the other
    #[arg(long, value_name = "N", default_value_t = 50)]
    runs: u32,
    /// Users who ask for a run at the same time
    #[arg(long, value_name = "N", default_value_t = 50)]
    users: u32,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Serialize)]
struct ModeReport {
    mode: Mode,
    /// Bare runs; `None` if the host has no interpreter to compare with.
    bare_ms: Option<Percentiles>,
    run_ms: Percentiles,
    /// The medians of `run_ms` and `bare_ms`, divided.
    ratio: Option<f64>,
    users: u32,
    /// The time of each user's run if all ask at once.
    at_once_ms: Percentiles,
}

pub(crate) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    let (runs, users) = (args.runs.max(1), args.users.max(1));
    let measure = async |measured: &Measured| {
        let mode = measured.mode;
        eprintln!("{mode}: {runs} runs one after the other, then {users} at once");
        let language = measured.language("python3")?;
        let host = HostProgram::new(&language.source, PYTHON.as_bytes())?;
        let bare = bare_command(language, &host);
        let input = HostProgram::new("input", INPUT.as_bytes())?;
        let installation = Installation::start(config, mode).await?;
        let stores = installation.stores();
        let (mut bare_times, mut run_times) = (Vec::new(), Vec::new());
        // The first round warms the machine up and does not count.
        for round in 0..=runs {
            if let Some(argv) = &bare {
                let input = std::fs::File::open(input.path()).map_err(failed)?;
                let bare = host.run(argv, Stdio::from(input))?;
                bare_times.extend((round > 0).then_some(bare));
            }
            let elapsed = one(stores, "ada", &format!("one {round}")).await?;
            run_times.extend((round > 0).then_some(elapsed));
        }
        let names: Vec<String> = (0..users).map(|number| format!("user-{number}")).collect();
        let at_once = try_join_all(names.iter().map(|name| one(stores, name, name))).await?;
        installation.stop().await?;
        let bare_ms = (!bare_times.is_empty()).then(|| Percentiles::of(&bare_times));
        let run_ms = Percentiles::of(&run_times);
        let ratio = bare_ms.map(|bare| rounded(run_ms.p50 / bare.p50));
        let at_once_ms = Percentiles::of(&at_once);
        Ok(ModeReport { mode, bare_ms, run_ms, ratio, users, at_once_ms })
    };
    let report = each(config, &args.common, Some(runs), measure).await?;
    show(&report, args.common.json, print)
}

/// The time from asking for a run until its last event is stored. `note` makes the program new.
async fn one(stores: &Stores, author: &str, note: &str) -> Result<Duration, Failure> {
    let request = RunRequest {
        run: Uuid::now_v7().into(),
        author: author.parse().map_err(failed)?,
        problem: None,
        language: "python3".parse().map_err(failed)?,
        source: format!("{PYTHON}# {note}\n"),
        cases: vec![RunCase::Own { input: INPUT.to_owned() }],
    };
    let (id, requested_at) = (request.run, Timestamp::now());
    let new = NewRun { request, requested_at, expires_at: requested_at + KEEP, open_max: 2 };
    let mut changes = stores.runs.changes(id);
    let started = Instant::now();
    stores.runs.create(&new).await.map_err(failed)?;
    loop {
        changes.mark_unchanged();
        let stored = stores.runs.read(id, requested_at).await.map_err(failed)?;
        let state = stored.map(|stored| stored.state()).unwrap_or_default();
        if state.is_final() {
            let elapsed = started.elapsed();
            let is_right = state.phase == RunPhase::Finished
                && state.outcomes.iter().all(|it| it.shown.stdout == "42\n")
                && state.outcomes.len() == 1;
            let wrong = || Failure::new(Exit::JudgeError, format!("a wrong result: {state:?}"));
            return if is_right { Ok(elapsed) } else { Err(wrong()) };
        }
        changes.changed().await.map_err(failed)?;
    }
}

fn print(report: &Report<ModeReport>) {
    let mut rows = table(["sandbox", "what", "figure"]);
    for ModeReport { mode, bare_ms, run_ms, ratio, users, at_once_ms } in &report.modes {
        let mut row = |what: &str, figure: String| {
            rows.add_row([mode.to_string(), what.to_owned(), figure]);
        };
        if let Some(bare_ms) = bare_ms {
            row("Python, bare runs", bare_ms.to_string());
        }
        row("Python, from asking to the result", run_ms.to_string());
        if let Some(ratio) = ratio {
            row("runs over bare runs", format!("{ratio:.3}"));
        }
        row(&format!("{users} users at once"), at_once_ms.to_string());
    }
    println!("{rows}");
}
