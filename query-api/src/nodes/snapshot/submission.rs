//! Submissions as they stood.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};
use read_model::views::{SubmissionFold, SubmissionView};

use super::{ProblemThen, UserThen};
use crate::moment::Moment;
use crate::nodes::judgement::{Compile, Judgement, judgement, judgements};
use crate::nodes::submission::{Submission, behind};
use crate::nodes::{GroupResult, SubmissionState, TestResult, Verdict, int};
use crate::scalars::{DateTime, Sha256};
use crate::{Api, GlobalId};

/// A submission as it stood.
#[derive(Debug, Clone)]
pub struct SubmissionThen {
    moment: Moment,
    fold: Arc<SubmissionFold>,
}

impl SubmissionThen {
    pub(super) fn new(moment: Moment, fold: SubmissionFold) -> Self {
        Self { moment, fold: Arc::new(fold) }
    }

    fn view(&self) -> &SubmissionView {
        &self.fold.summary
    }

    fn node(&self) -> Submission {
        Submission::from(Arc::clone(&self.fold))
    }
}

#[Object]
impl SubmissionThen {
    /// Of the submission.
    async fn id(&self) -> ID {
        GlobalId::Submission(self.view().id).into()
    }

    /// The position at which it was received.
    async fn number(&self) -> i32 {
        int(self.view().number)
    }

    /// What it is to solve, as it was.
    async fn problem(&self, ctx: &Context<'_>) -> Result<ProblemThen> {
        let slug = &self.view().problem;
        let problem = self.moment.problem(Api::of(ctx), slug).await?;
        Ok(ProblemThen(problem.ok_or_else(|| behind(slug.as_str()))?))
    }

    /// The revision it was judged against at first.
    async fn problem_version(&self) -> i32 {
        int(self.view().revision)
    }

    /// Who handed it in, as it was.
    async fn author(&self, ctx: &Context<'_>) -> Result<UserThen> {
        let login = &self.view().author;
        let account = self.moment.account(Api::of(ctx), login).await?;
        Ok(UserThen::new(self.moment, account.ok_or_else(|| behind(login.as_str()))?))
    }

    /// The id of the language it is written in.
    async fn language(&self) -> ID {
        self.view().language.as_str().into()
    }

    /// Of the source.
    async fn source_sha256(&self) -> Sha256 {
        Sha256(self.view().source)
    }

    /// Where it stood.
    async fn state(&self) -> SubmissionState {
        self.view().state.into()
    }

    /// The verdict that counted.
    async fn verdict(&self) -> Option<Verdict> {
        self.view().verdict.map(Into::into)
    }

    /// The judgement that counted.
    async fn judgement(&self, ctx: &Context<'_>) -> Result<Option<JudgementThen>> {
        Ok(judgement(ctx, &self.node()).await?.map(JudgementThen))
    }

    /// Every judgement that there was, first to last, but for those of rejudges that were not applied.
    async fn judgements(&self, ctx: &Context<'_>) -> Result<Vec<JudgementThen>> {
        Ok(judgements(ctx, &self.node()).await?.into_iter().map(JudgementThen).collect())
    }

    /// When it was received.
    async fn created_at(&self) -> DateTime {
        self.view().created_at.into()
    }

    /// Since when the verdict counted.
    async fn judged_at(&self) -> Option<DateTime> {
        self.view().judged_at.map(Into::into)
    }
}

/// One attempt at judging a submission, as far as it had come.
#[derive(Debug, Clone)]
pub struct JudgementThen(Judgement);

#[Object]
impl JudgementThen {
    /// Opaque.
    async fn id(&self) -> ID {
        self.0.global_id()
    }

    /// The id of the rejudge that it was made for; null for the submission's own.
    async fn rejudge(&self) -> Option<ID> {
        self.0.rejudge.map(|id| GlobalId::Rejudge(id).into())
    }

    /// When the rejudge that it was made for was applied; null for the submission's own.
    async fn applied_at(&self) -> Option<DateTime> {
        self.0.applied_at.map(Into::into)
    }

    /// The revision it was judged against.
    async fn problem_version(&self) -> i32 {
        int(self.0.revision)
    }

    /// Counts from 1, in each rejudge anew.
    async fn attempt(&self) -> i32 {
        int(self.0.view().attempt)
    }

    /// Null while it went on, and when it was abandoned.
    async fn verdict(&self) -> Option<Verdict> {
        self.0.view().verdict.map(Into::into)
    }

    /// Scored problems only.
    async fn score(&self) -> Option<f64> {
        self.0.view().score
    }

    /// What each test group came to, in judging order.
    async fn groups(&self) -> Vec<GroupResult> {
        self.0.view().groups.iter().cloned().map(Into::into).collect()
    }

    /// How compiling went.
    async fn compile(&self) -> Option<Compile> {
        self.0.view().compile.clone().map(Into::into)
    }

    /// By number.
    async fn tests(&self, ctx: &Context<'_>) -> Result<Vec<TestResult>> {
        // A revision never changes.
        self.0.test_results(ctx).await
    }

    /// Cpu time of the slowest test, in milliseconds.
    async fn time_ms(&self) -> Option<i32> {
        self.0.view().time_ms.map(int)
    }

    /// Memory of the largest test, in KiB.
    async fn memory_kb(&self) -> Option<i32> {
        self.0.view().memory_kib.map(int)
    }

    /// The evaluator's name.
    async fn judge(&self) -> &str {
        &self.0.view().evaluator
    }

    /// When an evaluator took it.
    async fn started_at(&self) -> DateTime {
        self.0.view().started_at.into()
    }

    /// When it ended, either way.
    async fn finished_at(&self) -> Option<DateTime> {
        self.0.view().finished_at.map(Into::into)
    }
}
