use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::{Cell, CellSpec, Language, SandboxError};

/// The port: makes sealed cells on this machine or another.
///
/// Adapters differ only in how they seal a cell and start the runner in it. A cell promises the
/// same with each, which `tests/conformance` checks.
#[async_trait]
pub trait Sandbox: Send + Sync + Debug {
    /// The adapter's name: `native` or `docker`.
    fn name(&self) -> &'static str;

    /// A fresh sealed cell. It serves one submission and is never reused (INV-11).
    async fn prepare(&self, spec: &CellSpec) -> Result<Cell, SandboxError>;

    /// A fresh sealed cell whose programs can talk to those of `other`; see
    /// [`link`](crate::link()).
    async fn prepare_beside(&self, spec: &CellSpec, other: &mut Cell)
    -> Result<Cell, SandboxError>;

    /// Finds each language's compiler or interpreter by running its version probe in a cell. A
    /// language without one yields [`SandboxError::LanguageUnavailable`]. Results are cached.
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

    /// Empties the pools and removes what the adapter made outside its cells. Does not wait for
    /// cells that are still open.
    async fn shutdown(&self);
}

/// Identifies the compiler or interpreter that a submission was judged with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolchain {
    /// What the probe printed.
    pub version: String,
    /// SHA-256, in hexadecimal, of everything that determines the toolchain's behaviour: the
    /// language's commands and support files, the probe's output and the image.
    pub digest: String,
    /// The image's id; `None` if cells do not come from an image.
    pub image: Option<String>,
    /// How long the probe took: a hint at the cost of starting this toolchain.
    pub probe: Duration,
}

/// One finding about a sandbox, for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
