//! Runs of a program on its author's own inputs or on a problem's samples.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use domain::run::{
    CASES_MAX, CaseOutcome, ReferenceRun, RunCase as Case, RunState as State, SHOWN_BYTES_MAX,
};
use domain::submission::Compiled;
use domain::verdict::RunEnd;
use domain::{Digest, RunId};
use event_store::StoredRun;
use read_model::views::ProblemView;

use super::submission::behind;
use super::{LanguageNode, Problem, Verdict, int, visible};
use crate::cursor::RunCursor;
use crate::loaders::Key;
use crate::scalars::DateTime;
use crate::{Api, ApiError, GlobalId, Viewer, access, prices};

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "RunState", remote = "domain::run::RunPhase")]
pub enum RunPhase {
    /// Waiting for an evaluator.
    Queued,
    /// An evaluator is compiling the program.
    Compiling,
    /// The program is running.
    Running,
    /// Every case has ended, or the program did not compile.
    Finished,
    /// The judge failed, and the run was given up.
    Abandoned,
}

/// A program run on its author's own inputs, or on the samples of a problem. It is kept for a
/// limited time, is in no list, and counts for nothing. Only its author sees it.
#[derive(Debug, Clone)]
pub struct Run {
    stored: Arc<StoredRun>,
    state: State,
}

impl From<Arc<StoredRun>> for Run {
    fn from(stored: Arc<StoredRun>) -> Self {
        let state = stored.state();
        Self { stored, state }
    }
}

impl Run {
    /// The run in an earlier state.
    pub fn at(stored: Arc<StoredRun>, state: State) -> Self {
        Self { stored, state }
    }

    /// The run with this id, if the viewer may see it.
    ///
    /// # Errors
    /// If the store does not respond.
    pub async fn load(ctx: &Context<'_>, id: RunId) -> Result<Option<Self>, Arc<ApiError>> {
        let stored = Api::loader(ctx).load_one(id).await?;
        let viewer = Viewer::of(ctx);
        let stored = stored.filter(|it| access::may_see_runs_of(viewer, &it.request.author));
        Ok(stored.map(Self::from))
    }
}

#[Object]
impl Run {
    /// The run's global id.
    pub async fn id(&self) -> ID {
        GlobalId::Run(self.stored.request.run).into()
    }

    /// The problem whose limits and samples were used; null if the run is for no problem, or the
    /// viewer may no longer see the problem.
    async fn problem(&self, ctx: &Context<'_>) -> Result<Option<Problem>> {
        let Some(problem) = &self.stored.request.problem else { return Ok(None) };
        let found = Api::loader(ctx).load_one(Key::<ProblemView>::new(&problem.slug)).await?;
        let found = found.ok_or_else(|| behind(&problem.slug.to_string()))?;
        Ok(visible(ctx, Some(found)).map(Problem::from))
    }

    /// The language of the source.
    async fn language(&self, ctx: &Context<'_>) -> LanguageNode {
        LanguageNode::of(Api::of(ctx), &self.stored.request.language)
    }

    /// The source code.
    #[graphql(complexity = "prices::SOURCE")]
    async fn source(&self) -> &str {
        &self.stored.request.source
    }

    /// The run's current state.
    async fn state(&self) -> RunPhase {
        self.state.phase.into()
    }

    /// The result of compiling; null until then.
    async fn compile(&self) -> Option<RunCompilation> {
        self.state.compiled.clone().map(RunCompilation::from)
    }

    /// One for each input or sample, in order.
    #[graphql(complexity = "CASES_MAX * child_complexity")]
    async fn cases(&self) -> Vec<RunCase> {
        let numbered = (1..).zip(&self.stored.request.cases);
        let case = |(number, case): (u32, &Case)| {
            let outcome = self.state.outcomes.iter().find(|outcome| outcome.number == number);
            RunCase { number, case: case.clone(), outcome: outcome.cloned() }
        };
        numbered.map(case).collect()
    }

    /// Why the judge failed; null unless the run was abandoned.
    async fn failure(&self) -> Option<&str> {
        let abandoned = self.state.phase == domain::run::RunPhase::Abandoned;
        self.state.failure.as_deref().filter(|_| abandoned)
    }

    /// When the run was asked for.
    async fn created_at(&self) -> DateTime {
        DateTime(self.stored.requested_at)
    }

    /// From when on the run does not exist any longer.
    async fn expires_at(&self) -> DateTime {
        DateTime(self.stored.expires_at)
    }

    /// The cursor from which to resume the live stream after this snapshot.
    async fn cursor(&self) -> String {
        RunCursor { run: self.stored.request.run, version: self.state.version }.encode()
    }
}

/// The result of compiling a run's program.
#[derive(Debug, Clone, SimpleObject)]
pub struct RunCompilation {
    /// Whether the program compiled.
    ok: bool,
    /// The compiler's messages.
    log: String,
    /// Whether `log` was truncated.
    truncated: bool,
    /// CPU time of the compiler, in milliseconds.
    time_ms: i32,
}

impl From<Compiled> for RunCompilation {
    fn from(compiled: Compiled) -> Self {
        let Compiled { ok, log, truncated, time_ms, .. } = compiled;
        Self { ok, log, truncated, time_ms: int(time_ms) }
    }
}

/// One execution of a run's program.
#[derive(Debug, Clone)]
pub struct RunCase {
    number: u32,
    case: Case,
    outcome: Option<CaseOutcome>,
}

impl RunCase {
    fn reference(&self) -> Option<&ReferenceRun> {
        self.outcome.as_ref()?.reference.as_ref()
    }
}

#[Object]
impl RunCase {
    /// The case's number, from 1.
    async fn number(&self) -> i32 {
        int(self.number)
    }

    /// Whether this is a sample of the problem.
    async fn sample(&self) -> bool {
        matches!(self.case, Case::Sample { .. })
    }

    /// The program's input; of a sample up to 64 KiB.
    #[graphql(complexity = "prices::RUN_TEXT")]
    async fn input(&self, ctx: &Context<'_>) -> Result<String> {
        match &self.case {
            Case::Own { input } => Ok(input.clone()),
            Case::Sample { input, .. } => beginning(ctx, *input).await,
        }
    }

    /// The answer, up to 64 KiB: that of the sample, or what the problem's reference solution
    /// printed on an own input. Null if the reference solution has not run, has failed, or does not
    /// exist.
    #[graphql(complexity = "prices::RUN_TEXT")]
    async fn expected(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        match &self.case {
            Case::Own { .. } => Ok(self.reference().and_then(|reference| match reference {
                ReferenceRun::Answered { answer, .. } => Some(answer.clone()),
                ReferenceRun::Failed { .. } => None,
            })),
            Case::Sample { answer, .. } => beginning(ctx, *answer).await.map(Some),
        }
    }

    /// The verdict of the problem's reference solution on an own input, if it failed; null if it
    /// ended well or did not run. If it failed, the input is probably invalid.
    async fn reference_verdict(&self) -> Option<Verdict> {
        match self.reference()? {
            ReferenceRun::Answered { .. } => None,
            ReferenceRun::Failed { verdict } => Some((*verdict).into()),
        }
    }

    /// What the program did; null until it has ended on this case.
    async fn outcome(&self) -> Option<RunOutcome> {
        self.outcome.clone().map(RunOutcome::from)
    }
}

/// What a run's program did on one case.
#[derive(Debug, Clone, SimpleObject)]
pub struct RunOutcome {
    /// The checker's verdict if the answer is known. If not, the verdict that follows from how the
    /// program ended; null if it ended well.
    verdict: Option<Verdict>,
    /// The beginning of the program's standard output, up to 64 KiB. Control characters are shown
    /// as their pictures, such as ␀.
    stdout: String,
    /// The beginning of the program's standard error, like `stdout`.
    stderr: String,
    /// Whether `stdout` or `stderr` was truncated.
    truncated: bool,
    /// The checker's message.
    checker: Option<String>,
    /// For a function problem, the beginning of what the submission returned, as JSON; null if it
    /// returned nothing of the declared type.
    result: Option<String>,
    /// CPU time, in milliseconds.
    time_ms: i32,
    /// Peak memory, in KiB.
    memory_kb: i32,
    /// The exit code; null unless the program ended by itself.
    exit_code: Option<i32>,
    /// The signal that ended the program; null if the sandbox sent it or there was none.
    signal: Option<i32>,
}

impl From<CaseOutcome> for RunOutcome {
    fn from(outcome: CaseOutcome) -> Self {
        let CaseOutcome { verdict, end, time_ms, memory_kib, shown, .. } = outcome;
        let (exit_code, signal) = match end {
            Some(RunEnd::Exit { code }) => (Some(code), None),
            Some(RunEnd::Signal { signal }) => (None, Some(signal)),
            _ => (None, None),
        };
        Self {
            verdict: verdict.map(Verdict::from),
            stdout: shown.stdout,
            stderr: shown.stderr,
            truncated: shown.truncated,
            checker: shown.checker,
            result: shown.result,
            time_ms: int(time_ms),
            memory_kb: int(memory_kib),
            exit_code,
            signal,
        }
    }
}

/// The beginning of a blob.
async fn beginning(ctx: &Context<'_>, digest: Digest) -> Result<String> {
    let excerpt = Api::of(ctx).excerpts.of(digest, SHOWN_BYTES_MAX).await?;
    Ok(excerpt.text.clone())
}
