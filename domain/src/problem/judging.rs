//! How outputs are judged, and the programs of a problem's own that take part in it.

use serde::{Deserialize, Serialize};

use super::ProgramFile;
use crate::LanguageId;
use crate::checker::{LineRule, TokenOptions};

/// How outputs are judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "options", rename_all = "snake_case")]
pub enum Checker {
    /// Token by token.
    Tokens(TokenOptions),
    /// Line by line.
    Lines(LineRule),
    /// By programs of the problem's.
    Programs(Validation),
}

/// A program that comes with a problem: a validator, an interactor, a grader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackagedProgram {
    /// As the package names it: `output_validators/check.py`.
    pub name: String,
    /// `None`: it has scripts of its own, `build` and `run`.
    pub language: Option<LanguageId>,
    /// All of it.
    pub files: Vec<ProgramFile>,
}

/// Programs that judge outputs, and how they are to be run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validation {
    /// All of them must accept. An interactive problem has one.
    pub programs: Vec<PackagedProgram>,
    /// What they are given, and how they answer.
    pub protocol: Protocol,
    /// They talk with the submission while it runs.
    pub interactive: bool,
    /// How often the submission may be run on one test, each time with the input that the validator
    /// wrote; 1 for most problems.
    pub passes: u32,
    /// What one run of a validator may use.
    pub limits: ValidationLimits,
}

/// What a validator is given, and how it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// `input answer feedback_dir/ args… < output`; exit code 42 accepts and 43 rejects.
    Kattis,
    /// `input output answer args…`; exit codes 0 accepted, 1 wrong, 2 or 8 presentation, 3 failure, 4 and 5 wrong,
    /// 7 points. An interactor then has a checker after it, where there is a second program.
    Testlib,
    /// `input output answer args…`; exit code 0 accepts and 1 rejects; the message is on standard output.
    Bridged,
}

/// What one run of a validator or grader may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidationLimits {
    /// Cpu time, in milliseconds.
    pub time_ms: u64,
    /// Memory, in KiB.
    pub memory_kib: u64,
    /// What it may write to one file or stream, in KiB.
    pub output_kib: u64,
}

impl Default for ValidationLimits {
    /// What the package format calls the typical defaults, with less memory.
    fn default() -> Self {
        Self { time_ms: 60_000, memory_kib: 1024 * 1024, output_kib: 8 * 1024 }
    }
}

/// Files that are put beside every submission before it is compiled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Include {
    /// Those in this language, whose files come before those for all; `None` for all.
    pub language: Option<LanguageId>,
    /// The files. One of the submission's with the same name gives way.
    pub files: Vec<ProgramFile>,
}

/// Whether later tests run after one has failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Every test is run.
    #[default]
    Continue,
    /// The first failure ends the attempt.
    Stop,
}
