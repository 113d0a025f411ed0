//! Judging: turns a program, limits and tests into outcomes. Needs only a sandbox.

mod calls;
mod cells;
mod checking;
mod compile;
mod executable;
mod function;
mod grader;
mod input;
mod interaction;
mod judged;
mod jvm;
mod materials;
mod messages;
mod near_limit;
mod output_checker;
mod program;
mod run;
mod source;
mod static_check;
mod text;
mod validator;

use sandbox::SandboxError;

pub use calls::Calls;
pub use cells::Cells;
pub use checking::{Checking, ProblemPrograms, executable, language_of};
pub use compile::{Compilation, Compiler};
pub use executable::{Artifact, ArtifactFile, Executable, Start};
pub use grader::grade;
pub use input::{InputValidators, InputVerdict};
pub use judged::Judged;
pub use materials::{MaterialError, Materials, fetch_files, fetch_test};
pub use output_checker::{OutputChecker, OutputVerdict};
pub use program::{Program, TestData};
pub use run::JudgingCells;
pub(crate) use run::excerpt;
pub use source::{Source, SourceError};
pub use validator::Validators;

/// We could not judge. This is never the author's fault, and not a verdict.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The sandbox failed.
    #[error("the sandbox failed")]
    Sandbox(#[from] SandboxError),
    /// A program of the problem failed.
    #[error("{program} failed: {detail}")]
    Program {
        /// Its name in the package.
        program: String,
        /// What went wrong.
        detail: String,
    },
    /// Data of the problem could not be fetched.
    #[error(transparent)]
    Material(#[from] MaterialError),
}
