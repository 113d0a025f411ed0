//! One test: what goes in, and what is expected.

use serde::{Deserialize, Serialize};

use super::is_false;
use crate::Digest;
use crate::checker::TokenOptions;

/// Bytes kept in the blob store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobRef {
    /// Their name.
    pub digest: Digest,
    /// How many there are.
    pub bytes: u64,
}

/// One test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Test {
    /// As the package names it: `secret/03-large`.
    pub name: String,
    /// Its group's place in [`Grading::groups`].
    pub group: u32,
    /// A sample is shown to everyone; every other test is hidden.
    pub sample: bool,
    /// What the program reads.
    pub input: BlobRef,
    /// What the checker compares with. Never enters the submission's cell (INV-12).
    pub answer: BlobRef,
    /// Arguments of the program.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Files in the program's working directory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<ProgramFile>,
    /// How tokens are compared, where that differs from the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<TokenOptions>,
    /// Arguments of the problem's validators.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub validator_args: Vec<String>,
    /// What it is worth, where it says so itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<f64>,
    /// The author of a submission that fails it is shown what a sample shows.
    #[serde(default, skip_serializing_if = "is_false")]
    pub full_feedback: bool,
    /// For the author of a submission that fails it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// It looks at the submission's files and runs nothing of them.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_static: bool,
}

/// A file that is put beside a program, or is part of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramFile {
    /// Relative, with `/` between names.
    pub path: String,
    /// What is in it.
    pub content: BlobRef,
    /// Whether it can be executed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub executable: bool,
}

impl Test {
    /// A hidden test in the root group.
    pub fn new(name: &str, input: BlobRef, answer: BlobRef) -> Self {
        Self {
            name: name.to_owned(),
            group: 0,
            sample: false,
            input,
            answer,
            args: vec![],
            files: vec![],
            tokens: None,
            validator_args: vec![],
            points: None,
            full_feedback: false,
            hint: None,
            is_static: false,
        }
    }
}
