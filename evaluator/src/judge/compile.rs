//! From source to artifact, at most once for the same source, toolchain and flags.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::Digest;
use moka::future::Cache;
use sandbox::{Cell, CellPath, CellSpec, Execution, Language, RefusalKind, SandboxError};

use super::messages::Messages;
use super::{Cells, Fault};

/// Bytes of artifacts kept for the same program to come again.
const CACHE_BYTES_MAX: u64 = 256 << 20;
/// What an entry costs besides its bytes, so that empty ones are bounded too.
const ENTRY_BYTES: usize = 256;

/// What compiling led to.
#[derive(Debug, Clone)]
pub struct Compilation {
    /// The program to run; `None` when there is none.
    pub artifact: Option<Artifact>,
    /// What the compiler said, shortened.
    pub log: String,
    /// Whether it said more.
    pub truncated: bool,
    /// Cpu time it took, when it was done.
    pub cpu: Duration,
    /// Whether it was done now, and not remembered.
    pub fresh: bool,
}

/// A program that can be run.
#[derive(Debug, Clone)]
pub struct Artifact(pub Bytes);

/// Compiles in cells, and remembers.
///
/// What it remembers cannot be poisoned by a submission. An entry is made here and nowhere else, from
/// what a cell of our own gave back: a regular file, read by the cell's runner, never through a link.
/// It stands under a digest of everything that decides it: the whole source, and the toolchain's digest,
/// which covers the version, the image, the commands and their flags. So whoever gets to an entry has
/// handed in the very program that made it, and would have had the same artifact made again. Entries
/// live in this process's memory, where nothing else can write.
#[derive(Debug)]
pub struct Compiler {
    cells: Arc<Cells>,
    cache: Cache<Digest, Compilation>,
}

impl Compiler {
    /// A compiler that has seen nothing yet.
    pub fn new(cells: Arc<Cells>) -> Self {
        let cache = Cache::builder()
            .max_capacity(CACHE_BYTES_MAX)
            .weigher(|_, compilation: &Compilation| {
                let artifact = compilation.artifact.as_ref().map_or(0, |it| it.0.len());
                u32::try_from(artifact + compilation.log.len() + ENTRY_BYTES).unwrap_or(u32::MAX)
            })
            .build();
        Self { cells, cache }
    }

    /// Compiles a program, on this core where one is named. What the compiler has against it is no
    /// fault but a [`Compilation`] without an artifact.
    ///
    /// # Errors
    /// When the sandbox failed.
    pub async fn compile(
        &self,
        language: &Arc<Language>,
        text: &str,
        core: Option<u32>,
    ) -> Result<Compilation, Fault> {
        let toolchain = self.cells.sandbox().toolchain(language).await?;
        let key = key(language.id.as_str(), &toolchain.digest, text);
        if let Some(compilation) = self.cache.get(&key).await {
            return Ok(Compilation { fresh: false, ..compilation });
        }
        let compilation = self.compile_anew(language, text, core).await?;
        // A limit may have been met because the machine was busy; the next time may go better.
        if compilation.artifact.is_some() {
            self.cache.insert(key, compilation.clone()).await;
        }
        Ok(compilation)
    }

    async fn compile_anew(
        &self,
        language: &Arc<Language>,
        text: &str,
        core: Option<u32>,
    ) -> Result<Compilation, Fault> {
        let mut cell = self.cells.prepare(&CellSpec::compile(language)).await?;
        let compiled = compile_in(&mut cell, language, text, core).await;
        self.cells.retire(cell).await;
        Ok(compiled?)
    }
}

async fn compile_in(
    cell: &mut Cell,
    language: &Arc<Language>,
    text: &str,
    core: Option<u32>,
) -> Result<Compilation, SandboxError> {
    let source = Bytes::copy_from_slice(text.as_bytes());
    cell.put(&CellPath::work(&language.source)?, source, false).await?;
    let mut messages = Messages::default();
    let mut cpu = Duration::ZERO;
    for step in &language.compile {
        let execution = Execution::new(step.clone(), language.compile_limits()).keeping();
        let outcome = cell.execute(&Execution { core, ..execution }).await?;
        cpu += outcome.cpu;
        messages.add(&outcome.stderr);
        messages.add(&outcome.stdout);
        if !outcome.ended.is_success() {
            messages.add_reason(outcome.ended);
            return Ok(compilation(messages, None, cpu));
        }
    }
    let path = CellPath::work(&language.artifact)?;
    let artifact = match cell.get(&path, language.compile_limits().file_bytes).await {
        Ok(bytes) => Some(Artifact(bytes)),
        // The compiler said that all was well, and left no regular file to run.
        Err(SandboxError::File {
            kind: RefusalKind::NotFound | RefusalKind::NotRegular | RefusalKind::TooLarge,
            detail,
            ..
        }) => {
            messages.add(format!("no program was made: {detail}\n").as_bytes());
            None
        }
        Err(error) => return Err(error),
    };
    Ok(compilation(messages, artifact, cpu))
}

fn compilation(messages: Messages, artifact: Option<Artifact>, cpu: Duration) -> Compilation {
    let (log, truncated) = messages.into_log();
    Compilation { artifact, log, truncated, cpu, fresh: true }
}

/// The name of a compilation: everything that decides what comes out of it. Each part is preceded by
/// its length, so that no two programs share a name.
fn key(language: &str, toolchain: &str, text: &str) -> Digest {
    let mut parts = Vec::with_capacity(text.len() + 128);
    for part in [language, toolchain, text] {
        parts.extend_from_slice(&(part.len() as u64).to_le_bytes());
        parts.extend_from_slice(part.as_bytes());
    }
    Digest::of(&parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_decides_an_artifact_is_in_its_name() {
        let name = key("cpp", "t", "int main;");
        assert_eq!(name, key("cpp", "t", "int main;"));
        assert_ne!(name, key("c", "t", "int main;"));
        assert_ne!(name, key("cpp", "u", "int main;"));
        assert_ne!(name, key("cpp", "t", "int main; "));
        assert_ne!(key("cpp", "ti", "nt main;"), name);
    }
}
