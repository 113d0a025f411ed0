//! Judging proper: a program, limits and tests in; outcomes out. Needs only a sandbox.

mod cells;
mod compile;
mod messages;
mod near_limit;
mod run;

use std::sync::Arc;

use domain::problem::{Checker, Limits};
use sandbox::{Language, SandboxError};

pub use cells::Cells;
pub use compile::{Artifact, Compilation, Compiler};
pub use run::{Bench, Judged, TestData};

/// A program to judge.
#[derive(Debug, Clone)]
pub struct Program {
    /// What it is written in.
    pub language: Arc<Language>,
    /// The whole text: the submitted code between the problem's snippets.
    pub text: String,
    /// What a run may use.
    pub limits: Limits,
    /// How outputs are compared.
    pub checker: Checker,
}

/// We could not judge. Never the author's fault, and no verdict.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The sandbox failed.
    #[error("the sandbox failed")]
    Sandbox(#[from] SandboxError),
}
