//! The first program of a language finds the machine as the hundredth does: toolchains in the page
//! cache, what is compiled ahead compiled, cells of the right kind ready.

use std::sync::Arc;
use std::time::Instant;

use sandbox::Language;

use crate::judge::Fault;
use crate::session::Tools;

/// Runs each language once, one after the other. Each takes one slot for as long as that lasts and waits
/// its turn for it, so a submission waits for one of these at most. What fails here will fail, and be
/// told, where it matters.
pub(crate) async fn warm_up(tools: &Tools, languages: &[Arc<Language>]) {
    let started = Instant::now();
    for language in languages {
        let _slot = tools.slots.acquire().await;
        if let Err(error) = run_once(tools, language).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(language = %language.id, error, "warming up failed");
        }
    }
    let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::debug!(languages = languages.len(), elapsed_ms, "warmed up");
}

/// Starts the toolchain once, which is what costs most on a machine whose disk has read nothing yet.
async fn run_once(tools: &Tools, language: &Arc<Language>) -> Result<(), Fault> {
    tools.cells.sandbox().toolchain(language).await?;
    Ok(())
}
