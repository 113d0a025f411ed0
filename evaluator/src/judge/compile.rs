//! From source to artifact, at most once for the same source, toolchain and flags.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::Digest;
use moka::future::Cache;
use sandbox::{CellPath, CellSpec, Ended, Execution, Language, RefusalKind, Sandbox, SandboxError};

use super::Fault;

/// Bytes of artifacts kept for the same program to come again.
const CACHE_BYTES_MAX: u64 = 256 << 20;
/// Bytes of compiler messages that a verdict shows.
const LOG_BYTES_MAX: usize = 16 << 10;

/// What compiling led to.
#[derive(Debug, Clone)]
pub struct Compilation {
    /// The program to run; `None` when there is none.
    pub artifact: Option<Artifact>,
    /// What the compiler said, shortened.
    pub log: String,
    /// Whether it said more.
    pub truncated: bool,
    /// Cpu time it took.
    pub cpu: Duration,
}

/// A program that can be run.
#[derive(Debug, Clone)]
pub struct Artifact(pub Bytes);

/// Compiles in cells, and remembers.
#[derive(Debug)]
pub struct Compiler {
    sandbox: Arc<dyn Sandbox>,
    cache: Cache<Digest, Compilation>,
}

impl Compiler {
    /// A compiler that has seen nothing yet.
    pub fn new(sandbox: Arc<dyn Sandbox>) -> Self {
        let cache = Cache::builder()
            .max_capacity(CACHE_BYTES_MAX)
            .weigher(|_, compilation: &Compilation| {
                let artifact = compilation.artifact.as_ref().map_or(0, |it| it.0.len());
                u32::try_from(artifact + compilation.log.len()).unwrap_or(u32::MAX)
            })
            .build();
        Self { sandbox, cache }
    }

    /// Compiles a program. What the compiler has against it is no fault but a [`Compilation`]
    /// without an artifact.
    ///
    /// # Errors
    /// When the sandbox failed.
    pub async fn compile(
        &self,
        language: &Arc<Language>,
        text: &str,
    ) -> Result<Compilation, Fault> {
        // The toolchain's digest covers the commands and their flags.
        let toolchain = self.sandbox.toolchain(language).await?;
        let key = Digest::of(format!("{}\0{text}", toolchain.digest).as_bytes());
        if let Some(compilation) = self.cache.get(&key).await {
            return Ok(compilation);
        }
        let compilation = self.compile_anew(language, text).await?;
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
    ) -> Result<Compilation, Fault> {
        let mut cell = self.sandbox.prepare(&CellSpec::compile(language)).await?;
        let source = Bytes::copy_from_slice(text.as_bytes());
        cell.put(&CellPath::work(&language.source)?, source, false).await?;
        let mut messages = Messages::default();
        let mut cpu = Duration::ZERO;
        for step in &language.compile {
            let execution = Execution::new(step.clone(), language.compile_limits()).keeping();
            let outcome = cell.execute(&execution).await?;
            cpu += outcome.cpu;
            messages.add(&outcome.stderr);
            messages.add(&outcome.stdout);
            if !outcome.ended.is_success() {
                messages.add_reason(outcome.ended);
                cell.close().await?;
                return Ok(messages.into_compilation(None, cpu));
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
            Err(error) => return Err(error.into()),
        };
        cell.close().await?;
        Ok(messages.into_compilation(artifact, cpu))
    }
}

/// What compilers say, up to a limit.
#[derive(Default)]
struct Messages {
    text: Vec<u8>,
    truncated: bool,
}

impl Messages {
    fn add(&mut self, bytes: &[u8]) {
        let room = LOG_BYTES_MAX.saturating_sub(self.text.len());
        self.truncated |= bytes.len() > room;
        self.text.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Says why a compiler ended that did not end by itself.
    fn add_reason(&mut self, ended: Ended) {
        let reason = match ended {
            Ended::Exited { .. } => return,
            Ended::Signaled { signal } => format!("the compiler crashed with signal {signal}\n"),
            Ended::CpuLimit | Ended::WallLimit => "compiling took too long\n".to_owned(),
            Ended::MemoryLimit => "compiling used too much memory\n".to_owned(),
            Ended::OutputLimit => "the compiler printed too much\n".to_owned(),
            Ended::FileLimit => "the compiled program is too large\n".to_owned(),
        };
        // The reason matters more than the last of the messages.
        let keep = LOG_BYTES_MAX.saturating_sub(reason.len() + 1);
        self.truncated |= self.text.len() > keep;
        self.text.truncate(keep);
        if !self.text.is_empty() && !self.text.ends_with(b"\n") {
            self.text.push(b'\n');
        }
        self.text.extend_from_slice(reason.as_bytes());
    }

    fn into_compilation(self, artifact: Option<Artifact>, cpu: Duration) -> Compilation {
        let log = String::from_utf8_lossy(&self.text).into_owned();
        Compilation { artifact, log, truncated: self.truncated, cpu }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_survives_a_flood_of_messages() {
        let mut messages = Messages::default();
        messages.add(&vec![b'x'; 3 * LOG_BYTES_MAX]);
        messages.add_reason(Ended::CpuLimit);
        let compilation = messages.into_compilation(None, Duration::ZERO);
        assert!(compilation.truncated);
        assert!(compilation.log.len() <= LOG_BYTES_MAX);
        assert!(compilation.log.ends_with("\ncompiling took too long\n"));
    }
}
