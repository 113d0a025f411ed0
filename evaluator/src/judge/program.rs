//! What is judged: a program, and the tests that it is run on.

use std::sync::Arc;

use bytes::Bytes;
use domain::checker::TokenOptions;
use domain::problem::Limits;

use super::{Executable, Source};

/// A program to judge.
#[derive(Debug, Clone)]
pub struct Program {
    /// As it was handed in, with the problem's files beside it.
    pub source: Arc<Source>,
    /// As it runs.
    pub executable: Executable,
    /// What a run may use.
    pub limits: Limits,
    /// How long a run is watched, in milliseconds of cpu time, where that is longer than it may take: to learn by how
    /// much it is too slow.
    pub watched_ms: Option<u64>,
}

/// One test's data.
#[derive(Debug, Clone)]
pub struct TestData {
    /// Counts from 1.
    pub number: u32,
    /// Whether its outcome may show what was printed.
    pub sample: bool,
    /// Whether it may where the test failed.
    pub full_feedback: bool,
    /// It looks at the program's files and runs nothing.
    pub is_static: bool,
    /// What the program reads.
    pub input: Bytes,
    /// What is expected. It never enters the submission's cell (INV-12).
    pub answer: Bytes,
    /// Arguments of the program.
    pub args: Vec<String>,
    /// Files in the program's working directory.
    pub files: Vec<(String, Bytes)>,
    /// How tokens are compared, where that differs from the rest.
    pub tokens: Option<TokenOptions>,
    /// Arguments of the problem's validators.
    pub validator_args: Vec<String>,
}

impl TestData {
    /// A hidden test with nothing but an input and an answer.
    pub fn new(number: u32, input: Bytes, answer: Bytes) -> Self {
        Self {
            number,
            sample: false,
            full_feedback: false,
            is_static: false,
            input,
            answer,
            args: vec![],
            files: vec![],
            tokens: None,
            validator_args: vec![],
        }
    }
}
