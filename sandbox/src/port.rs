use std::{fmt::Debug, sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::{Cell, Language, SandboxError};

/// The port: makes sealed cells on this machine or another.
///
/// Adapters differ only in how they seal a cell and start the runner in it. A cell promises the same with each, which
/// `tests/conformance` checks.
#[async_trait]
pub trait Sandbox: Send + Sync + Debug {
    /// The adapter's name: `native` or `docker`.
    fn name(&self) -> &'static str;

    /// A fresh sealed cell. It serves one submission and is never reused (INV-11).
    async fn prepare(&self, spec: &CellSpec) -> Result<Cell, SandboxError>;

    /// A fresh sealed cell whose programs can talk to those of `other`; see [`link`](crate::link()).
    async fn prepare_beside(&self, spec: &CellSpec, other: &mut Cell)
    -> Result<Cell, SandboxError>;

    /// Finds each language's compiler or interpreter by running its version probe in a cell. A language without one
    /// yields [`SandboxError::LanguageUnavailable`]. Results are cached.
    async fn toolchains(
        &self,
        languages: &[Arc<Language>],
    ) -> Result<Vec<Result<Toolchain, SandboxError>>, SandboxError>;

    /// Like [`toolchains`](Self::toolchains), for one language.
    async fn toolchain(&self, language: &Arc<Language>) -> Result<Toolchain, SandboxError> {
        let mut answers = self.toolchains(std::slice::from_ref(language)).await?;
        answers.pop().expect("there is an answer for each language")
    }

    /// Reports which protections are in force, weaker than possible, or missing, with cures.
    async fn examine(&self) -> Vec<Finding>;

    /// Empties the pools and removes what the adapter made outside its cells. Does not wait for cells that are still
    /// open.
    async fn shutdown(&self);
}

/// The size of a cell. It caps everything that runs in the cell; each execution's own limits apply in addition.
#[derive(Clone, Debug)]
pub struct CellSpec {
    /// The language whose toolchain the cell needs.
    pub language: Arc<Language>,
    /// What it is for.
    pub purpose: Purpose,
    /// Memory of all the program's processes together, in bytes.
    pub memory_bytes_max: u64,
    /// Processes and threads alive at once.
    pub processes_max: u32,
    /// Size of each writable area, in bytes.
    pub disk_bytes_max: u64,
}

impl CellSpec {
    /// A cell for compiling, sized by the language's own allowances.
    #[must_use]
    pub fn compile(language: &Arc<Language>) -> Self {
        let limits = language.compile_limits();
        Self {
            language: Arc::clone(language),
            purpose: Purpose::Compile,
            memory_bytes_max: limits.memory_bytes,
            processes_max: limits.processes,
            disk_bytes_max: limits.file_bytes.saturating_mul(2),
        }
    }

    /// A cell for running tests under these limits.
    #[must_use]
    pub fn run(language: &Arc<Language>, limits: &crate::Limits) -> Self {
        Self {
            language: Arc::clone(language),
            purpose: Purpose::Run,
            memory_bytes_max: limits.memory_bytes,
            processes_max: limits.processes,
            disk_bytes_max: limits.file_bytes,
        }
    }
}

/// What a cell is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash)]
pub enum Purpose {
    /// Compiling a source into an artifact. Such a cell never holds test data.
    Compile,
    /// Running an artifact, a checker or an interactor.
    Run,
}

/// Identifies the compiler or interpreter that a submission was judged with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Toolchain {
    /// What the probe printed.
    pub version: String,
    /// SHA-256, in hexadecimal, of everything that determines the toolchain's behaviour: the language's commands and
    /// support files, the probe's output and the image.
    pub digest: String,
    /// The image's id; `None` if cells do not come from an image.
    pub image: Option<String>,
    /// How long the probe took: a hint at the cost of starting this toolchain.
    pub probe: Duration,
}

/// One finding about a sandbox, for the operator.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// How serious it is.
    pub level: Level,
    /// The subject examined: `cgroups`, `users`, `engine`, ...
    pub subject: String,
    /// The finding in words.
    pub detail: String,
    /// What the operator can do about it, if anything.
    pub cure: Option<String>,
}

/// How serious a finding is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub enum Level {
    /// In force as designed.
    InForce,
    /// Works, but is weaker than it could be.
    Weaker,
    /// Does not work.
    Missing,
}

impl Finding {
    pub(crate) fn in_force(subject: &str, detail: impl Into<String>) -> Self {
        Self {
            level: Level::InForce,
            subject: subject.to_owned(),
            detail: detail.into(),
            cure: None,
        }
    }

    pub(crate) fn weaker(
        subject: &str,
        detail: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self {
            level: Level::Weaker,
            subject: subject.to_owned(),
            detail: detail.into(),
            cure: Some(cure.into()),
        }
    }

    pub(crate) fn missing(
        subject: &str,
        detail: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self {
            level: Level::Missing,
            subject: subject.to_owned(),
            detail: detail.into(),
            cure: Some(cure.into()),
        }
    }
}
