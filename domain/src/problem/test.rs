//! One test: its input and expected answer.

use serde::{Deserialize, Serialize};

use crate::Digest;
use crate::checker::TokenOptions;

/// A reference to a blob in the blob store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobRef {
    /// Digest of the blob's content, which is its name in the store.
    pub digest: Digest,
    /// Size of the blob, in bytes.
    pub bytes: u64,
}

/// One test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Test {
    /// Its name in the package: `secret/03-large`.
    pub name: String,
    /// Index of its group in [`Grading::groups`](crate::grading::Grading::groups).
    pub group: u32,
    /// Whether it is a sample. Samples are shown to everyone; other tests are hidden.
    pub sample: bool,
    /// The program's input.
    pub input: BlobRef,
    /// The answer that the checker compares with. Never enters the submission's cell (INV-12).
    pub answer: BlobRef,
    /// Arguments of the program.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Files in the program's working directory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<ProgramFile>,
    /// How tokens are compared in this test, instead of the problem's token options.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<TokenOptions>,
    /// Arguments of the problem's validators.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub validator_args: Vec<String>,
    /// The test's own points, if it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<f64>,
    /// Whether the author of a submission that fails the test sees as much as for a sample.
    #[serde(default, skip_serializing_if = "is_false")]
    pub full_feedback: bool,
    /// A hint for the author of a submission that fails the test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Whether the test only checks the submission's files, without running the submission.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_static: bool,
}

/// A file that is part of a program, or is placed beside one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramFile {
    /// Relative path, with `/` as the separator.
    pub path: String,
    /// The file's content.
    pub content: BlobRef,
    /// Whether the file is executable.
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

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(value: &bool) -> bool {
    !value
}
