//! The input of judging: a program, and the tests to run it on.

use std::sync::Arc;

use bytes::Bytes;
use domain::checker::TokenOptions;
use domain::problem::Limits;

use super::{Executable, Source};

/// A program to judge.
#[derive(Debug, Clone)]
pub struct Program {
    /// The submitted source, with the problem's files.
    pub source: Arc<Source>,
    /// The compiled program.
    pub executable: Executable,
    /// The limits of each run.
    pub limits: Limits,
    /// If set, a run is watched for this CPU time, in milliseconds, even if the limit is shorter:
    /// to measure how much too slow it is.
    pub watched_ms: Option<u64>,
}

/// The data of one test.
#[derive(Debug, Clone)]
pub struct TestData {
    /// The test's number, from 1.
    pub number: u32,
    /// Whether the outcome may show what the program printed.
    pub sample: bool,
    /// Whether the outcome may show it if the test failed.
    pub full_feedback: bool,
    /// Whether the test only checks the program's files and runs nothing.
    pub is_static: bool,
    /// The program's standard input.
    pub input: Bytes,
    /// The expected output. It is never written to the submission's cell (INV-12).
    pub answer: Bytes,
    /// Arguments of the program.
    pub args: Vec<String>,
    /// Files in the program's working directory.
    pub files: Vec<(String, Bytes)>,
    /// How tokens are compared, if this differs from the problem's other tests.
    pub tokens: Option<TokenOptions>,
    /// Arguments of the problem's validators.
    pub validator_args: Vec<String>,
}

impl TestData {
    /// A hidden test that has only an input and an answer.
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
