use std::{fmt::Debug, sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::{Cell, Language, SandboxError};

/// The port: something that can seal cells on this machine or another.
///
/// Adapters differ only in how they seal a cell and start the runner in it; what a cell promises is the same, and
/// `tests/conformance.rs` holds every adapter to it.
#[async_trait]
pub trait Sandbox: Send + Sync + Debug {
    /// `native` or `docker`.
    fn name(&self) -> &'static str;

    /// A fresh sealed cell. It serves one submission and is never reused (INV-11).
    async fn prepare(&self, spec: &CellSpec) -> Result<Cell, SandboxError>;

    /// A fresh sealed cell, whose programs can talk to those of another one: see [`link`](crate::link()).
    async fn prepare_beside(&self, spec: &CellSpec, other: &mut Cell)
    -> Result<Cell, SandboxError>;

    /// For each language the compiler or interpreter that cells have, found by running the language's version probe in
    /// one; [`SandboxError::LanguageUnavailable`] where there is none. Answers are remembered.
    async fn toolchains(
        &self,
        languages: &[Arc<Language>],
    ) -> Result<Vec<Result<Toolchain, SandboxError>>, SandboxError>;

    /// The same for one.
    async fn toolchain(&self, language: &Arc<Language>) -> Result<Toolchain, SandboxError> {
        let mut answers = self.toolchains(std::slice::from_ref(language)).await?;
        answers.pop().expect("there is an answer for each language")
    }

    /// What is in force, what is weaker than it could be, and what is missing, with cures.
    async fn examine(&self) -> Vec<Finding>;

    /// Empties pools and removes what the adapter made outside its cells. Cells still open are not waited for.
    async fn shutdown(&self);
}

/// What a cell must be able to hold. These bound everything that ever runs in it; each execution's limits bound it
/// further.
#[derive(Clone, Debug)]
pub struct CellSpec {
    /// Whose toolchain the cell sees.
    pub language: Arc<Language>,
    /// What it is for.
    pub purpose: Purpose,
    /// Memory of all the program's processes together.
    pub memory_bytes_max: u64,
    /// Processes and threads alive at once.
    pub processes_max: u32,
    /// Size of each writable area.
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
    /// Turning a source into an artifact. No test data ever enters such a cell.
    Compile,
    /// Running an artifact, a checker or an interactor.
    Run,
}

/// What identifies the compiler or interpreter a submission was judged with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Toolchain {
    /// What the probe printed, first line first.
    pub version: String,
    /// SHA-256, in hexadecimal, over everything here that decides what the toolchain does: the language's definition,
    /// the probe's text and the image.
    pub digest: String,
    /// The image's id, where cells come from images.
    pub image: Option<String>,
    /// How long the probe took: a hint of what starting this toolchain costs.
    pub probe: Duration,
}

/// One thing worth telling an operator.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What was looked at: `cgroup`, `user namespaces`, `engine`, ...
    pub subject: String,
    /// What was found.
    pub detail: String,
    /// What to do about it, when something can be done.
    pub cure: Option<String>,
}

/// How a finding weighs.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub enum Level {
    /// In force as designed.
    InForce,
    /// Works, but holds less than it could.
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
