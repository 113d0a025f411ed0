//! `assay-bench judge`: the time from source to verdict.
//!
//! Measures three things for each sandbox. The first is a new C++ submission with 50 small tests:
//! its time beyond compilation. The second is a Python submission with 50 tests, relative to 50
//! bare runs of the same interpreter on the same inputs. The third is mixed submissions through an
//! evaluator on embedded stores: the submissions per minute, and the share of CPU time outside the
//! submissions' own.

use std::fs;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::Verdict;
use domain::checker::TokenOptions;
use domain::problem::Limits;
use evaluator::judge::{Checking, JudgingCells, ProblemPrograms, Program, TestData};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use sandbox::{Language, Layout};
use serde::Serialize;

use super::host::{HostProgram, find};
use super::installation::Installation;
use super::{
    CORE, Common, Compiled, Measured, Mode, Percentiles, Report, each, failed, rounded, show,
};
use assay::config::Config;
use assay::table::table;
use assay::{Exit, Failure};

/// Tests per measured submission.
const TESTS: u32 = 50;
/// Rounds per submission; the median is reported.
const ROUNDS: usize = 5;

const CPP: &str = "#include <bits/stdc++.h>\nint main() {\n    long long a, b;\n    std::cin >> a >> b;\n    \
                   std::cout << a + b << '\\n';\n}\n";
const PYTHON: &str = "a, b = map(int, input().split())\nprint(a + b)\n";

/// The time from source to verdict, and submissions per minute
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Mixed submissions to judge; 0 skips this part
    #[arg(long, value_name = "N", default_value_t = 200)]
    submissions: usize,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Serialize)]
struct ModeReport {
    mode: Mode,
    cpp: Cpp,
    python: Option<Python>,
    sustained: Option<Sustained>,
}

/// 50 tests in C++, compiled again in each round.
#[derive(Debug, Serialize)]
struct Cpp {
    tests: u32,
    compile_ms: Percentiles,
    total_ms: Percentiles,
    /// The total time less compilation, in each round.
    overhead_ms: Percentiles,
}

/// 50 tests in Python, after the same number of bare runs.
#[derive(Debug, Serialize)]
struct Python {
    tests: u32,
    /// All bare runs of one round together.
    bare_ms: Percentiles,
    /// All tests of one round together.
    judged_ms: Percentiles,
    /// `judged_ms` relative to `bare_ms`.
    ratio: f64,
    /// The same ratio including the syntax check and setting up the cell, which happen once per
    /// submission.
    ratio_of_submission: f64,
}

/// Mixed submissions, as many at a time as there are slots.
#[derive(Debug, Serialize)]
struct Sustained {
    submissions: usize,
    tests: u64,
    reruns: u64,
    seconds: f64,
    submissions_per_minute: f64,
    /// Number of verdicts that the package's author did not expect.
    unexpected: usize,
    cpu_s: Option<CpuSeconds>,
    /// The share of CPU time that neither the programs nor their compilers used. Unknown if cells
    /// are not children of this process.
    share_outside: Option<f64>,
}

#[derive(Debug, Serialize)]
struct CpuSeconds {
    total: f64,
    programs: f64,
    compilers: f64,
    outside: f64,
}

pub(crate) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    let measure = async |measured: &Measured| {
        let mode = measured.mode;
        eprintln!("{mode}: {TESTS} tests in C++, {ROUNDS} times");
        let cpp = cpp(measured).await?;
        eprintln!("{mode}: {TESTS} tests in Python, {ROUNDS} times");
        let python = python(measured).await?;
        // Cells report their CPU time when they are closed. Wait, or it would count as the
        // evaluator's.
        measured.cells.drained().await;
        let sustained = match args.submissions {
            0 => None,
            count => Some(sustained(config, mode, count).await?),
        };
        Ok(ModeReport { mode, cpp, python, sustained })
    };
    let report = each(config, &args.common, None, measure).await?;
    show(&report, args.common.json, print)
}

fn test(number: u32) -> TestData {
    let (a, b) = (u64::from(number) * 7_919, u64::from(number) * 104_729);
    let (input, answer) = (format!("{a} {b}\n"), format!("{}\n", a + b));
    TestData::new(number, Bytes::from(input), Bytes::from(answer))
}

/// Compiles the program and loads it into a cell. Also returns how long compiling took.
async fn set_up(
    measured: &Measured,
    language: &str,
    text: &str,
) -> Result<(JudgingCells, Duration), Failure> {
    let started = Instant::now();
    let Compiled { source, executable } = measured.compile(language, text).await?;
    let elapsed = started.elapsed();
    let program = Program { source, executable, limits: Limits::default(), watched_ms: None };
    let problem_programs = ProblemPrograms::of(Checking::Tokens(TokenOptions::default()));
    let judging_cells =
        JudgingCells::set_up(&measured.cells, program, Arc::new(problem_programs)).await;
    Ok((judging_cells.map_err(failed)?, elapsed))
}

async fn judge(judging_cells: &mut JudgingCells, number: u32) -> Result<(), Failure> {
    let judged = judging_cells.judge(&test(number), Some(CORE)).await.map_err(failed)?;
    match judged.outcome.verdict {
        Verdict::Accepted => Ok(()),
        verdict => {
            let message = format!("the test program got {verdict} on test {number}");
            Err(Failure::new(Exit::JudgeError, message))
        }
    }
}

async fn cpp(measured: &Measured) -> Result<Cpp, Failure> {
    let (mut compiles, mut total_times, mut overheads) = (Vec::new(), Vec::new(), Vec::new());
    // The first round warms the machine up and does not count.
    for round in 0..=ROUNDS {
        let started = Instant::now();
        let (mut judging_cells, compile) = set_up(measured, "cpp", CPP).await?;
        for number in 1..=TESTS {
            judge(&mut judging_cells, number).await?;
        }
        let total = started.elapsed();
        judging_cells.tear_down().await;
        if round > 0 {
            compiles.push(compile);
            total_times.push(total);
            overheads.push(total - compile);
        }
    }
    Ok(Cpp {
        tests: TESTS,
        compile_ms: Percentiles::of(&compiles),
        total_ms: Percentiles::of(&total_times),
        overhead_ms: Percentiles::of(&overheads),
    })
}

/// `None` if the host has no interpreter to compare with.
async fn python(measured: &Measured) -> Result<Option<Python>, Failure> {
    let language = measured.language("python3")?;
    let host = HostProgram::new(&language.source, PYTHON.as_bytes())?;
    let Some(argv) = bare_command(language, &host) else { return Ok(None) };
    let inputs = (1..=TESTS).map(|number| HostProgram::new("input", &test(number).input));
    let inputs = inputs.collect::<Result<Vec<_>, Failure>>()?;
    let (mut bare_times, mut judged_times, mut total_times) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let started = Instant::now();
        let (mut judging_cells, _) = set_up(measured, "python3", PYTHON).await?;
        let once = started.elapsed();
        let mut bare = Duration::ZERO;
        for input in &inputs {
            let input = fs::File::open(input.path()).map_err(failed)?;
            bare += host.run(&argv, Stdio::from(input))?;
        }
        // Run one after the other, as a submission's tests do. When alternating with bare runs, a
        // third of the tests waited 10 to 20 ms without using CPU time.
        let started = Instant::now();
        for number in 1..=TESTS {
            judge(&mut judging_cells, number).await?;
        }
        let judged = started.elapsed();
        judging_cells.tear_down().await;
        if round > 0 {
            bare_times.push(bare);
            judged_times.push(judged);
            total_times.push(once + judged);
        }
    }
    let (bare_ms, judged_ms) = (Percentiles::of(&bare_times), Percentiles::of(&judged_times));
    Ok(Some(Python {
        tests: TESTS,
        bare_ms,
        judged_ms,
        ratio: rounded(judged_ms.p50 / bare_ms.p50),
        ratio_of_submission: rounded(Percentiles::of(&total_times).p50 / bare_ms.p50),
    }))
}

/// The command that runs the program with the host's interpreter and the host's file.
pub(super) fn bare_command(language: &Language, host: &HostProgram) -> Option<Vec<String>> {
    let layout = Layout::single(language);
    let mut argv = language.run_argv(Limits::default().memory_kib * 1024, &layout);
    let main = format!("/{}", layout.main);
    for word in argv.iter_mut().filter(|word| word.ends_with(&main)) {
        *word = host.path().display().to_string();
    }
    argv[0] = find(&argv[0])?.display().to_string();
    Some(argv)
}

async fn sustained(config: &Config, mode: Mode, count: usize) -> Result<Sustained, Failure> {
    let mut installation = Installation::start(config, mode).await?;
    let samples = installation.import_samples(|_| true).await?;
    eprintln!("{mode}: {count} submissions, of {} different ones", samples.len());
    let (started, cpu_before) = (Instant::now(), cpu()?);
    let mut submitted = Vec::new();
    for (number, sample) in samples.iter().cycle().take(count).enumerate() {
        // Make each submission different, so that none is found compiled.
        let source = format!("{}{}", sample.source, "\n".repeat(1 + number / samples.len()));
        let id = installation.submit(&sample.problem, &sample.language, &source).await?;
        submitted.push((id, sample));
    }
    for done in (0..count).step_by(count.div_ceil(10)).skip(1).chain([count]) {
        installation.judged(done).await?;
        eprintln!("{mode}: {done} judged after {:.1} s", started.elapsed().as_secs_f64());
    }
    let elapsed = started.elapsed();
    let as_expected = submitted.iter().filter(|(id, sample)| {
        installation.verdict(id).is_some_and(|verdict| sample.expected.contains(&verdict))
    });
    let unexpected = count - as_expected.count();
    let figures = installation.figures();
    let (tests, reruns) = (figures.tests(), figures.reruns());
    let (programs, compilers) = (figures.programs_cpu(), figures.compilers_cpu());
    // Closed cells have reported their CPU time to this process.
    installation.stop().await?;
    let total = cpu()?.saturating_sub(cpu_before);
    let outside = total.saturating_sub(programs + compilers);
    let cpu_s = mode.has_own_children().then(|| CpuSeconds {
        total: rounded(total.as_secs_f64()),
        programs: rounded(programs.as_secs_f64()),
        compilers: rounded(compilers.as_secs_f64()),
        outside: rounded(outside.as_secs_f64()),
    });
    Ok(Sustained {
        submissions: count,
        tests,
        reruns,
        seconds: rounded(elapsed.as_secs_f64()),
        submissions_per_minute: rounded(count as f64 * 60.0 / elapsed.as_secs_f64()),
        unexpected,
        share_outside: cpu_s.as_ref().map(|_| rounded(outside.as_secs_f64() / total.as_secs_f64())),
        cpu_s,
    })
}

/// CPU time of this process and of its children that have ended.
fn cpu() -> Result<Duration, Failure> {
    let mut sum = Duration::ZERO;
    for who in [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN] {
        let usage = getrusage(who).map_err(failed)?;
        sum += duration(usage.user_time()) + duration(usage.system_time());
    }
    Ok(sum)
}

fn duration(time: TimeVal) -> Duration {
    let seconds = Duration::from_secs(u64::try_from(time.tv_sec()).unwrap_or_default());
    seconds + Duration::from_micros(u64::try_from(time.tv_usec()).unwrap_or_default())
}

fn print(report: &Report<ModeReport>) {
    let mut rows = table(["sandbox", "what", "figure"]);
    for ModeReport { mode, cpp, python, sustained } in &report.modes {
        let mut row = |what: &str, figure: String| {
            rows.add_row([mode.to_string(), what.to_owned(), figure]);
        };
        row("C++, 50 tests: compiling", cpp.compile_ms.to_string());
        row("C++, 50 tests: source to verdict", cpp.total_ms.to_string());
        row("C++, 50 tests: beyond compiling", cpp.overhead_ms.to_string());
        if let Some(python) = python {
            row("Python, 50 bare runs", python.bare_ms.to_string());
            row("Python, 50 tests", python.judged_ms.to_string());
            row("Python, tests over bare runs", format!("{:.3}", python.ratio));
            let ratio = format!("{:.3}", python.ratio_of_submission);
            row("Python, submission over bare runs", ratio);
        }
        if let Some(sustained) = sustained {
            let Sustained { submissions, submissions_per_minute, share_outside, .. } = sustained;
            let what = format!("{submissions} mixed submissions: a minute");
            row(&what, format!("{submissions_per_minute:.1}"));
            if let Some(share) = share_outside {
                row("cpu outside programs and compilers", format!("{:.1} %", share * 100.0));
            }
            row("unexpected verdicts", sustained.unexpected.to_string());
            row("tests run again", sustained.reruns.to_string());
        }
    }
    println!("{rows}");
}
