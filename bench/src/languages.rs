//! `assay-bench languages`: the cost of each language, with its own examples.

use std::time::{Duration, Instant};

use sandbox::{Language, MemorySource, SandboxError};
use serde::Serialize;

use super::{Common, Measured, Mode, Percentiles, Report, each, failed, milliseconds, show};
use assay::config::Config;
use assay::table::table;
use assay::{Exit, Failure};

/// Memory limit of a run in bytes, without the language's own allowance; enough for a greeting in
/// any language.
const MEMORY_BYTES: u64 = 256 << 20;
/// CPU time limit of a run.
const CPU_MAX: Duration = Duration::from_secs(10);
/// Maximum output of a run, in bytes.
const OUTPUT_BYTES: u64 = 1 << 20;

/// The cost of each language
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Runs of each language
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Serialize)]
struct ModeReport {
    mode: Mode,
    languages: Vec<Row>,
    missing: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Row {
    language: String,
    version: String,
    /// From the source to the artifact, in a new cell, with the toolchain in memory.
    compile_ms: f64,
    /// From the request to the outcome of the program that prints `hello`.
    hello_ms: Percentiles,
    /// The maximum memory of those runs.
    memory_bytes: u64,
    memory_source: &'static str,
}

pub(crate) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    let measure = async |measured: &Measured| measure(measured, args.runs).await;
    let report = each(config, &args.common, Some(args.runs), measure).await?;
    show(&report, args.common.json, print)
}

async fn measure(measured: &Measured, runs: u32) -> Result<ModeReport, Failure> {
    let mode = measured.mode;
    let (mut languages, mut missing) = (Vec::new(), Vec::new());
    for language in measured.languages.all() {
        eprintln!("{mode}: {}", language.id);
        match measured.sandbox().toolchain(language).await {
            Ok(toolchain) => {
                let version = toolchain.version.lines().next().unwrap_or_default().to_owned();
                languages.push(row(measured, language, version, runs).await?);
            }
            Err(error @ SandboxError::LanguageUnavailable { .. }) => {
                missing.push(error.to_string());
            }
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(ModeReport { mode, languages, missing })
}

async fn row(
    measured: &Measured,
    language: &Language,
    version: String,
    runs: u32,
) -> Result<Row, Failure> {
    let (id, hello) = (language.id.as_str(), &language.examples.hello);
    // Once to load the toolchain into memory, and once to measure.
    measured.compile(id, hello).await?;
    let started = Instant::now();
    let program = measured.compile(id, hello).await?;
    let compile_ms = milliseconds(started.elapsed());
    let limits = language.run_limits(CPU_MAX, MEMORY_BYTES, OUTPUT_BYTES);
    let mut loaded = measured.load(&program, limits, &[]).await?;
    let (mut hellos, mut memory_bytes, mut memory_source) = (Vec::new(), 0, "");
    // The first run warms the cell up and does not count.
    for number in 0..=runs {
        let (outcome, elapsed) = loaded.run().await?;
        if outcome.stdout.trim_ascii_end() != b"hello" {
            let said = String::from_utf8_lossy(&outcome.stderr);
            let message = format!("{id}: the example {}: {said}", outcome.ended);
            return Err(Failure::new(Exit::JudgeError, message));
        }
        if number > 0 {
            hellos.push(elapsed);
            memory_bytes = outcome.memory_bytes.max(memory_bytes);
            memory_source = match outcome.memory_source {
                MemorySource::Cgroup => "cgroup",
                MemorySource::PeakRss => "peak_rss",
            };
        }
    }
    loaded.retire().await;
    let hello_ms = Percentiles::of(&hellos);
    let language = id.to_owned();
    Ok(Row { language, version, compile_ms, hello_ms, memory_bytes, memory_source })
}

fn print(report: &Report<ModeReport>) {
    let heads = ["sandbox", "language", "version", "compiling", "hello (p50 / p95)", "memory"];
    let mut rows = table(heads);
    for ModeReport { mode, languages, missing } in &report.modes {
        for row in languages {
            rows.add_row([
                mode.to_string(),
                row.language.clone(),
                row.version.clone(),
                format!("{:.0} ms", row.compile_ms),
                row.hello_ms.to_string(),
                format!("{} KiB", row.memory_bytes / 1024),
            ]);
        }
        for missing in missing {
            eprintln!("{mode}: {missing}");
        }
    }
    println!("{rows}");
}
