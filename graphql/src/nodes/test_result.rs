//! Results of tests.

use std::sync::Arc;

use async_graphql::{Context, Object, Result, SimpleObject};
use domain::submission::{Feedback, TestOutcome};
use domain::verdict::RunEnd;
use read_model::views::{RevisionView, TestView};

use super::{Verdict, int};
use crate::{Api, Viewer, access, prices};

/// Maximum size of a test's input or answer in its detail, in bytes.
const DETAIL_BYTES_MAX: usize = 4 << 10;

/// The outcome of one test.
#[derive(Debug, Clone)]
pub struct TestResult {
    outcome: Arc<TestOutcome>,
    attempt: u32,
    /// The revision that the test belongs to; `None` if the read model lags behind.
    revision: Option<Arc<RevisionView>>,
}

impl TestResult {
    /// An outcome of this attempt, with its revision.
    pub fn new(
        outcome: Arc<TestOutcome>,
        attempt: u32,
        revision: Option<Arc<RevisionView>>,
    ) -> Self {
        Self { outcome, attempt, revision }
    }

    fn test(&self) -> Option<&TestView> {
        self.revision.as_ref()?.test(self.outcome.number)
    }

    fn feedback(&self) -> Option<&Feedback> {
        self.outcome.feedback.as_ref()
    }
}

#[Object]
impl TestResult {
    /// The test's number in judging order, from 1.
    async fn number(&self) -> i32 {
        int(self.outcome.number)
    }

    /// The number of the attempt that ran the test, as in `Judgement.attempt`.
    async fn attempt(&self) -> i32 {
        int(self.attempt)
    }

    /// The test's name in the package, such as `secret/03-large`; null unless the viewer is a judge
    /// or setter.
    async fn name(&self, ctx: &Context<'_>) -> Option<&str> {
        let test = self.test()?;
        access::may_see_judging(Viewer::of(ctx)).then_some(test.name.as_str())
    }

    /// The test's group; null if only the root group contains it.
    async fn group(&self) -> Option<&str> {
        self.test()?.group.as_deref()
    }

    /// Whether the test's data is hidden from authors.
    async fn hidden(&self) -> bool {
        self.outcome.shown.is_none()
    }

    /// The test's verdict.
    async fn verdict(&self) -> Verdict {
        self.outcome.verdict.into()
    }

    /// The test's score; null if the problem is not scored.
    async fn score(&self) -> Option<f64> {
        self.test()?.score(&self.outcome)
    }

    /// The problem validator's message to the author.
    async fn team_message(&self) -> Option<&str> {
        self.feedback()?.team.as_deref()
    }

    /// The problem validator's message to judges and setters; null for other viewers.
    async fn judge_message(&self, ctx: &Context<'_>) -> Option<&str> {
        let message = self.feedback()?.judge.as_deref()?;
        access::may_see_judging(Viewer::of(ctx)).then_some(message)
    }

    /// The setter's hint for submissions that fail this test.
    async fn hint(&self) -> Option<&str> {
        self.test()?.shown_hint(self.outcome.verdict)
    }

    /// CPU time, in milliseconds.
    async fn time_ms(&self) -> i32 {
        int(self.outcome.time_ms)
    }

    /// Peak memory, in KiB.
    async fn memory_kb(&self) -> i32 {
        int(self.outcome.memory_kib)
    }

    /// The exit code; null unless the program ended by itself.
    async fn exit_code(&self) -> Option<i32> {
        match self.outcome.end {
            Some(RunEnd::Exit { code }) => Some(code),
            _ => None,
        }
    }

    /// The signal that ended the program; null if the sandbox sent it or there was none.
    async fn signal(&self) -> Option<i32> {
        match self.outcome.end {
            Some(RunEnd::Signal { signal }) => Some(signal),
            _ => None,
        }
    }

    /// The test's data and output. Set for samples, and for failed tests when the problem has
    /// `full_feedback`; null otherwise.
    #[graphql(complexity = "prices::TEST_DETAIL + child_complexity")]
    async fn detail(&self, ctx: &Context<'_>) -> Result<Option<TestDetail>> {
        let data = self.test().and_then(|test| test.shown_data(self.outcome.verdict));
        let (Some(shown), Some(data)) = (self.outcome.shown.clone(), data) else {
            return Ok(None);
        };
        let excerpts = &Api::of(ctx).excerpts;
        let input = excerpts.of(data.input.digest, DETAIL_BYTES_MAX).await?;
        let expected = excerpts.of(data.answer.digest, DETAIL_BYTES_MAX).await?;
        Ok(Some(TestDetail {
            truncated: shown.truncated || input.truncated || expected.truncated,
            input: input.text.clone(),
            expected: expected.text.clone(),
            stdout: shown.stdout,
            stderr: shown.stderr,
            checker: shown.checker,
            result: shown.result,
        }))
    }
}

/// The data and output of a test that is not hidden.
#[derive(Debug, Clone, SimpleObject)]
pub struct TestDetail {
    /// The beginning of the input.
    input: String,
    /// The beginning of the expected output.
    expected: String,
    /// The beginning of the program's standard output. Control characters are shown as their
    /// pictures, such as ␀.
    stdout: String,
    /// The beginning of the program's standard error, like `stdout`.
    stderr: String,
    /// The checker's output.
    checker: Option<String>,
    /// For a function problem, the beginning of what the submission returned, as JSON; null if it
    /// returned nothing of the declared type.
    result: Option<String>,
    /// Whether any of these texts was truncated.
    truncated: bool,
}
