//! `assay bench languages`: what each language costs, with its own examples.

use std::time::{Duration, Instant};

use evaluator::judge::Compiler;
use sandbox::{Language, SandboxError};
use serde::Serialize;

use super::{CORE, Common, LeftOut, Measured, Mode, Percentiles, failed, milliseconds, open};
use crate::cmd::print_json;
use crate::config::Config;
use crate::table::table;
use crate::{Exit, Failure};

/// Memory of a run, without the language's own allowance: enough for a greeting in any.
const MEMORY_BYTES: u64 = 256 << 20;
/// Cpu time of a run.
const CPU_MAX: Duration = Duration::from_secs(10);
/// What a run may print.
const OUTPUT_BYTES: u64 = 1 << 20;

/// What each language costs
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Runs of each language
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
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
    languages: Vec<Row>,
    missing: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Row {
    language: String,
    version: String,
    /// From the source to the artifact, in a fresh cell, when the toolchain is in memory.
    compile_ms: f64,
    /// From the request to the outcome of the program that prints `hello`.
    hello_ms: Percentiles,
    /// The most that any of those runs used.
    memory_bytes: u64,
    memory_source: &'static str,
}

pub(crate) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    let (measured, left_out) = open(config, &args.common).await?;
    let mut modes = Vec::new();
    for measured in measured {
        let (mut languages, mut missing) = (Vec::new(), Vec::new());
        for language in measured.languages.all() {
            eprintln!("{}: {}", measured.mode, language.id);
            match measured.sandbox.toolchain(language).await {
                Ok(toolchain) => {
                    let version = toolchain.version.lines().next().unwrap_or_default().to_owned();
                    languages.push(row(&measured, language.id.as_str(), version, args.runs).await?);
                }
                Err(error @ SandboxError::LanguageUnavailable { .. }) => {
                    missing.push(error.to_string());
                }
                Err(error) => return Err(failed(error)),
            }
        }
        modes.push(ModeReport { mode: measured.mode, languages, missing });
        measured.close().await;
    }
    show(&Report { runs: args.runs, modes, left_out }, args.common.json)
}

async fn row(measured: &Measured, id: &str, version: String, runs: u32) -> Result<Row, Failure> {
    let language = measured.language(id)?;
    // Once so that the toolchain is in memory, and once to measure.
    compile(measured, language).await?;
    let (program, compile_ms) = compile(measured, language).await?;
    let limits = language.run_limits(CPU_MAX, MEMORY_BYTES, OUTPUT_BYTES);
    let mut cell = measured.cell(id, &program, &limits).await?;
    let mut command = measured.command(id, limits, &[])?;
    // The runtime is told of the program's own limit, as in judging.
    command.argv = language.run_argv(MEMORY_BYTES);
    let (mut hellos, mut memory_bytes, mut memory_source) = (Vec::new(), 0, "");
    for number in 0..=runs {
        let started = Instant::now();
        let outcome = cell.execute(&command).await.map_err(failed)?;
        let elapsed = started.elapsed();
        if outcome.stdout.trim_ascii_end() != b"hello" {
            let said = String::from_utf8_lossy(&outcome.stderr).into_owned();
            let message = format!("{id}: the example ended by {:?}: {said}", outcome.ended);
            return Err(Failure::new(Exit::JudgeError, message));
        }
        if number > 0 {
            hellos.push(elapsed);
            memory_bytes = outcome.memory_bytes.max(memory_bytes);
            memory_source = match outcome.memory_source {
                sandbox::MemorySource::Cgroup => "cgroup",
                sandbox::MemorySource::PeakRss => "peak_rss",
            };
        }
    }
    measured.cells.retire(cell).await;
    let hello_ms = Percentiles::of(&hellos);
    let language = id.to_owned();
    Ok(Row { language, version, compile_ms, hello_ms, memory_bytes, memory_source })
}

async fn compile(
    measured: &Measured,
    language: &std::sync::Arc<Language>,
) -> Result<(bytes::Bytes, f64), Failure> {
    let compiler = Compiler::new(std::sync::Arc::clone(&measured.cells));
    let started = Instant::now();
    let compiled = compiler.compile(language, &language.examples.hello, Some(CORE)).await;
    let elapsed = milliseconds(started.elapsed());
    let compiled = compiled.map_err(failed)?;
    let artifact = compiled.artifact.ok_or_else(|| {
        let message = format!("{} does not compile its example: {}", language.id, compiled.log);
        Failure::new(Exit::JudgeError, message)
    })?;
    Ok((artifact.0, elapsed))
}

fn show(report: &Report, json: bool) -> Result<Exit, Failure> {
    if json {
        print_json(report)?;
        return Ok(Exit::Done);
    }
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
    Ok(Exit::Done)
}
