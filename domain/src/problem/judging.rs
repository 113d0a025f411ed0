//! How outputs are judged, and the problem's own programs that help to judge them.

use serde::{Deserialize, Serialize};

use super::test::ProgramFile;
use crate::LanguageId;
use crate::checker::{LineRule, TokenOptions};

/// How outputs are judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "options", rename_all = "snake_case")]
pub enum Checker {
    /// The output is compared with the answer token by token.
    Tokens(TokenOptions),
    /// The output is compared with the answer line by line.
    Lines(LineRule),
    /// The problem's own programs judge the output.
    Programs(Validation),
}

/// A program in a problem's package, such as a validator, an interactor or a grader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackagedProgram {
    /// Its name in the package: `output_validators/check.py`.
    pub name: String,
    /// The language it is written in; `None` if it has its own scripts `build` and `run`.
    pub language: Option<LanguageId>,
    /// All its files.
    pub files: Vec<ProgramFile>,
}

/// Programs that judge outputs, and how they are run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validation {
    /// The validators, in the order they run. All of them must accept the output.
    pub programs: Vec<PackagedProgram>,
    /// How a validator is called, and how it reports its result.
    pub protocol: Protocol,
    /// Whether the validator and the submission exchange data while the submission runs.
    pub interactive: bool,
    /// The maximum number of runs of the submission on one test, 1 for most problems. The validator
    /// writes the input of each further run.
    pub passes: u32,
    /// Resource limits of one run of a validator.
    pub limits: ValidationLimits,
}

/// How a validator is called, and how it reports its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// `input answer feedback_dir/ args… < output`; exit code 42 accepts and 43 rejects.
    Kattis,
    /// `input output answer args…`; exit codes: 0 accepted, 1, 4 and 5 wrong answer, 2 and 8
    /// presentation error, 3 failure of the checker, 7 points. In an interactive problem, a second
    /// program, if there is one, is the checker that runs after the interactor.
    Testlib,
    /// `input output answer args…`; exit code 0 accepts and 1 rejects. The message is read from
    /// standard output.
    Bridged,
}

/// Resource limits of one run of a validator or grader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidationLimits {
    /// CPU time, in milliseconds.
    pub time_ms: u64,
    /// Memory, in KiB.
    pub memory_kib: u64,
    /// Size of each file or stream that it writes, in KiB.
    pub output_kib: u64,
}

impl Default for ValidationLimits {
    /// The typical defaults of the package format, with less memory.
    fn default() -> Self {
        Self { time_ms: 60_000, memory_kib: 1024 * 1024, output_kib: 8 * 1024 }
    }
}

/// Files placed beside submissions before they are compiled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Include {
    /// The submissions' language; `None` for every language. For the same path, the file for one
    /// language replaces the file for every language.
    pub language: Option<LanguageId>,
    /// The files. They take precedence over a submission's files with the same path.
    pub files: Vec<ProgramFile>,
}
