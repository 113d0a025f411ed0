//! Warms the machine up, so that the first program of a language runs like any later one:
//! toolchains are in the page cache, precompiled files exist, and cells of the right kind are
//! ready.

use std::sync::Arc;

use bytes::Bytes;
use domain::Verdict;
use domain::checker::TokenOptions;
use domain::problem::Limits;
use sandbox::Language;
use tokio::time::Instant;

use crate::judge::{
    Checking, Executable, Fault, JudgingCells, ProblemPrograms, Program, Source, Start, TestData,
};
use crate::tools::Tools;

/// CPU time limit of an example, in milliseconds, on a machine with a cold disk cache.
const TIME_MS: u64 = 10_000;

/// Runs each language once, one after the other. Each takes a slot like a submission, so a
/// submission waits for at most one of them. Failures are only logged here; they will occur again
/// when a submission uses the language.
pub(crate) async fn warm_up(tools: &Tools, languages: &[Arc<Language>]) {
    let started = Instant::now();
    for language in languages {
        let slot = tools.slots.acquire().await;
        if let Err(error) = run_once(tools, language, slot.core()).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(language = %language.id, error, "warming up failed");
        }
    }
    let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::debug!(languages = languages.len(), elapsed_ms, "warmed up");
}

/// Compiles and runs the language's example, with generous limits for a first run.
async fn run_once(tools: &Tools, language: &Arc<Language>, core: Option<u32>) -> Result<(), Fault> {
    let source = Source::single(language, &language.examples.hello);
    let compilation = tools.compiler.compile(&source, core).await?;
    let Some(artifact) = compilation.artifact else {
        tracing::warn!(language = %language.id, log = compilation.log, "the example does not compile");
        return Ok(());
    };
    let start = Start::Language(source.layout.clone());
    let program = Program {
        source: Arc::new(source),
        executable: Executable { language: Arc::clone(language), start, artifact },
        limits: Limits { time_ms: TIME_MS, ..Limits::default() },
        watched_ms: None,
    };
    let problem_programs = ProblemPrograms::of(Checking::Tokens(TokenOptions::default()));
    let mut judging_cells =
        JudgingCells::set_up(&tools.cells, program, Arc::new(problem_programs)).await?;
    let test = TestData::new(1, Bytes::new(), Bytes::from_static(b"hello"));
    let judged = judging_cells.judge(&test, core).await?;
    judging_cells.tear_down().await;
    if judged.outcome.verdict != Verdict::Accepted {
        let verdict = judged.outcome.verdict;
        tracing::warn!(language = %language.id, %verdict, "the example was not accepted");
    }
    Ok(())
}
