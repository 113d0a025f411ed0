//! What became of one test.

use std::sync::Arc;

use async_graphql::{Context, Object, Result, SimpleObject};
use domain::Digest;
use domain::submission::{Feedback, TestOutcome};
use domain::verdict::RunEnd;
use read_model::views::{RevisionView, TestView};

use super::{Verdict, int};
use crate::{Api, Viewer, access};

/// Bytes of a test's input or answer that its detail shows.
const DETAIL_BYTES_MAX: usize = 4 << 10;

/// One test's outcome.
#[derive(Debug, Clone)]
pub struct TestResult {
    outcome: Arc<TestOutcome>,
    /// The revision that it was judged against; `None` while the read model is behind.
    revision: Option<Arc<RevisionView>>,
}

impl TestResult {
    /// An outcome with the revision that it was judged against.
    pub(crate) fn new(outcome: Arc<TestOutcome>, revision: Option<Arc<RevisionView>>) -> Self {
        Self { outcome, revision }
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
    /// Counts from 1, in judging order.
    async fn number(&self) -> i32 {
        int(self.outcome.number)
    }

    /// As the package names it: `secret/03-large`. For those who judge and set problems; null for anybody else.
    async fn name(&self, ctx: &Context<'_>) -> Option<&str> {
        let test = self.test()?;
        access::may_see_judging(Viewer::of(ctx)).then_some(test.name.as_str())
    }

    /// Its test group; null where it is in none but the root.
    async fn group(&self) -> Option<&str> {
        self.test()?.group.as_deref()
    }

    /// Whether its data is kept from authors.
    async fn hidden(&self) -> bool {
        self.outcome.shown.is_none()
    }

    /// What it was found to be.
    async fn verdict(&self) -> Verdict {
        self.outcome.verdict.into()
    }

    /// What it scored; null where the problem is not scored.
    async fn score(&self) -> Option<f64> {
        self.test()?.score(&self.outcome)
    }

    /// What the problem's validator tells the author.
    async fn team_message(&self) -> Option<&str> {
        self.feedback()?.team.as_deref()
    }

    /// What the problem's validator tells those who judge and set problems; null for anybody else.
    async fn judge_message(&self, ctx: &Context<'_>) -> Option<&str> {
        let message = self.feedback()?.judge.as_deref()?;
        access::may_see_judging(Viewer::of(ctx)).then_some(message)
    }

    /// What the problem's setter tells whoever fails this test.
    async fn hint(&self) -> Option<&str> {
        self.test()?.shown_hint(self.outcome.verdict)
    }

    /// Cpu time, in milliseconds.
    async fn time_ms(&self) -> i32 {
        int(self.outcome.time_ms)
    }

    /// Peak memory, in KiB.
    async fn memory_kb(&self) -> i32 {
        int(self.outcome.memory_kib)
    }

    /// Where the program ended by itself.
    async fn exit_code(&self) -> Option<i32> {
        match self.outcome.end {
            Some(RunEnd::Exit { code }) => Some(code),
            _ => None,
        }
    }

    /// Where a signal that we did not send ended it.
    async fn signal(&self) -> Option<i32> {
        match self.outcome.end {
            Some(RunEnd::Signal { signal }) => Some(signal),
            _ => None,
        }
    }

    /// Null for hidden tests. Samples show it, and so do failed tests of which the setter says so.
    async fn detail(&self, ctx: &Context<'_>) -> Result<Option<TestDetail>> {
        let data = self.test().and_then(|test| test.shown_data(self.outcome.verdict));
        let (Some(shown), Some(data)) = (self.outcome.shown.clone(), data) else {
            return Ok(None);
        };
        let (input, more_input) = excerpt(ctx, data.input.digest).await?;
        let (expected, more_expected) = excerpt(ctx, data.answer.digest).await?;
        Ok(Some(TestDetail {
            input,
            expected,
            stdout: shown.stdout,
            stderr: shown.stderr,
            checker: shown.checker,
            truncated: shown.truncated || more_input || more_expected,
        }))
    }
}

/// What a visible test shows.
#[derive(Debug, Clone, SimpleObject)]
pub struct TestDetail {
    /// The beginning of what the program read.
    input: String,
    /// The beginning of what was expected.
    expected: String,
    /// The beginning of what it printed.
    stdout: String,
    /// The beginning of its standard error.
    stderr: String,
    /// What the checker said.
    checker: Option<String>,
    /// Whether anything of it went on.
    truncated: bool,
}

async fn excerpt(ctx: &Context<'_>, digest: Digest) -> Result<(String, bool)> {
    let bytes = Api::loader(ctx).load_one(digest).await?.unwrap_or_default();
    let shown = &bytes[..bytes.len().min(DETAIL_BYTES_MAX)];
    Ok((String::from_utf8_lossy(shown).into_owned(), shown.len() < bytes.len()))
}
