//! `assay-bench verify`: the time to verify a package with many submissions, and the benefit of a
//! second job.

use std::fmt::Write;
use std::path::Path;
use std::time::Instant;
use std::{fs, io};

use serde::Serialize;

use super::{Common, Mode, Report, failed, rounded, show};
use assay::config::Config;
use assay::languages::{open_languages, package_options};
use assay::table::table;
use assay::verify::{Extent, Verifier};
use assay::{Exit, Failure};

/// Verifying a package with many submissions, with one job and with several
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Submissions of the package
    #[arg(long, value_name = "N", default_value_t = 30)]
    submissions: usize,
    /// Tests of the package
    #[arg(long, value_name = "N", default_value_t = 60)]
    tests: usize,
    /// Number of these submissions that exceed the time limit
    #[arg(long, value_name = "N", default_value_t = 0)]
    slow: usize,
    /// Judge every submission on every test
    #[arg(long)]
    all: bool,
    /// Maximum number of jobs to measure
    #[arg(long, value_name = "N", default_value_t = 2)]
    jobs: usize,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Serialize)]
struct ModeReport {
    mode: Mode,
    submissions: usize,
    /// The number of these submissions that exceed the time limit.
    slow: usize,
    tests: usize,
    /// Whether every submission was judged on every test.
    all: bool,
    /// The runs, with one job and more.
    runs: Vec<Run>,
}

#[derive(Debug, Serialize)]
struct Run {
    jobs: usize,
    seconds: f64,
    /// Speed relative to one job.
    speed_up: f64,
}

pub(crate) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    let folder = tempfile::tempdir().map_err(failed)?;
    let package = folder.path().join("manysums");
    write_package(&package, args.submissions, args.slow, args.tests).map_err(failed)?;
    let extent = if args.all { Extent::All } else { Extent::Decided };
    let wanted =
        if args.common.modes.is_empty() { &[Mode::Native][..] } else { &args.common.modes };
    let mut modes = Vec::new();
    for &mode in wanted {
        let mut runs: Vec<Run> = Vec::new();
        for jobs in 1..=args.jobs.max(1) {
            // Use a new sandbox each time, so that no program is compiled before the measurement.
            let sandbox = sandbox::resolve(&mode.config(&config.sandbox)).map_err(failed)?;
            let languages = open_languages(config)?;
            let verifier =
                Verifier::new(sandbox, languages, package_options(config)?, jobs, extent);
            let started = Instant::now();
            let reports = verifier.verify(&package).await?;
            let seconds = rounded(started.elapsed().as_secs_f64());
            verifier.close().await;
            if let Some(report) = reports.iter().find(|report| !report.is_green()) {
                report.print();
                return Err(Failure::new(
                    Exit::JudgeError,
                    "the test package's submissions did not get their expected verdicts",
                ));
            }
            let first = runs.first().map_or(seconds, |run| run.seconds);
            runs.push(Run { jobs, seconds, speed_up: rounded(first / seconds) });
        }
        let Args { submissions, slow, tests, all, .. } = args;
        modes.push(ModeReport { mode, submissions, slow, tests, all, runs });
    }
    show(&Report { runs: None, modes, left_out: vec![] }, args.common.json, print)
}

/// Half of the submissions are in C++ and half in Python. All differ, so that none is compiled
/// twice. The last ones never end on any test.
fn write_package(folder: &Path, submissions: usize, slow: usize, tests: usize) -> io::Result<()> {
    let below = |name: &str| folder.join(name);
    for name in [
        "data/secret",
        "problem_statement",
        "submissions/accepted",
        "submissions/time_limit_exceeded",
        "submissions/wrong_answer",
    ] {
        fs::create_dir_all(below(name))?;
    }
    fs::write(below("problem.yaml"), "name: Many Sums\nlimits: { time_limit: 2 }\n")?;
    fs::write(below("problem_statement/problem.en.md"), "Add two numbers.\n")?;
    fs::create_dir_all(below("input_validators"))?;
    fs::write(
        below("input_validators/validate.py"),
        "import re, sys\nsys.exit(42 if re.fullmatch(r'\\d+ \\d+\\n', sys.stdin.read()) else 1)\n",
    )?;
    for number in 1..=tests {
        let (a, b) = (number * 7_919, number * 104_729);
        fs::write(below(&format!("data/secret/{number:03}.in")), format!("{a} {b}\n"))?;
        fs::write(below(&format!("data/secret/{number:03}.ans")), format!("{}\n", a + b))?;
    }
    for number in 0..submissions {
        let (never_ends, wrong) = (number + slow >= submissions, number % 5 == 4);
        let kind = match (never_ends, wrong) {
            (true, _) => "time_limit_exceeded",
            (_, true) => "wrong_answer",
            _ => "accepted",
        };
        let extra = usize::from(wrong);
        let mut text = String::new();
        let extension = if number % 2 == 0 {
            let rest = if never_ends { "for (volatile int i = 0;; i = i + 1) {}" } else { "" };
            let _ = write!(
                text,
                "// {number}\n#include <iostream>\nint main() {{ {rest} long long a, b; std::cin >> a >> b; std::cout << \
                 a + b + {extra} << '\\n'; }}\n"
            );
            "cpp"
        } else {
            let rest = if never_ends { "while True: pass\n" } else { "" };
            let _ = write!(
                text,
                "# {number}\n{rest}a, b = map(int, input().split())\nprint(a + b + {extra})\n"
            );
            "py"
        };
        fs::write(below(&format!("submissions/{kind}/s{number:03}.{extension}")), text)?;
    }
    Ok(())
}

fn print(report: &Report<ModeReport>) {
    let mut rows = table([
        "sandbox",
        "submissions x tests",
        "beyond the limit",
        "judged",
        "jobs",
        "seconds",
        "times as fast",
    ]);
    for mode in &report.modes {
        for run in &mode.runs {
            rows.add_row([
                mode.mode.to_string(),
                format!("{} x {}", mode.submissions, mode.tests),
                mode.slow.to_string(),
                if mode.all { "all tests" } else { "until decided" }.to_owned(),
                run.jobs.to_string(),
                run.seconds.to_string(),
                run.speed_up.to_string(),
            ]);
        }
    }
    println!("{rows}");
}
