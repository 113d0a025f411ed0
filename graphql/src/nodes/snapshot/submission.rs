//! Past states of submissions.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};
use read_model::views::{SubmissionFold, SubmissionView};

use super::{ProblemThen, UserThen};
use crate::moment::Moment;
use crate::nodes::judgement::{Compile, Judgement, judgement, judgements};
use crate::nodes::submission::{Submission, behind};
use crate::nodes::{GroupResult, SubmissionState, TestResult, Verdict, int};
use crate::scalars::{DateTime, Sha256};
use crate::{Api, GlobalId, prices};

/// A submission in the past.
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
    /// The submission's global id.
    async fn id(&self) -> ID {
        GlobalId::Submission(self.view().id).into()
    }

    /// The submission's number: the log position at which it was received.
    async fn number(&self) -> i32 {
        int(self.view().number)
    }

    /// The problem at that time.
    #[graphql(complexity = "prices::PAST + child_complexity")]
    async fn problem(&self, ctx: &Context<'_>) -> Result<ProblemThen> {
        let slug = &self.view().problem;
        let problem = self.moment.problem(Api::of(ctx), slug).await?;
        Ok(ProblemThen(problem.ok_or_else(|| behind(slug.as_str()))?))
    }

    /// The revision that the submission was first judged against.
    async fn problem_version(&self) -> i32 {
        int(self.view().revision)
    }

    /// The author's account at that time.
    #[graphql(complexity = "prices::PAST + child_complexity")]
    async fn author(&self, ctx: &Context<'_>) -> Result<UserThen> {
        let login = &self.view().author;
        let account = self.moment.account(Api::of(ctx), login).await?;
        Ok(UserThen::new(self.moment, account.ok_or_else(|| behind(login.as_str()))?))
    }

    /// The id of the source's language.
    async fn language(&self) -> ID {
        self.view().language.as_str().into()
    }

    /// The digest of the source.
    async fn source_sha256(&self) -> Sha256 {
        Sha256(self.view().source)
    }

    /// The submission's state at that time.
    async fn state(&self) -> SubmissionState {
        self.view().state.into()
    }

    /// The verdict that counted; null if there was none yet.
    async fn verdict(&self) -> Option<Verdict> {
        self.view().verdict.map(Into::into)
    }

    /// The judgement that counted; null if there was none yet.
    async fn judgement(&self, ctx: &Context<'_>) -> Result<Option<JudgementThen>> {
        Ok(judgement(ctx, &self.node()).await?.map(JudgementThen))
    }

    /// Every judgement up to then, first to last, except those of rejudges that were not applied.
    async fn judgements(&self, ctx: &Context<'_>) -> Result<Vec<JudgementThen>> {
        Ok(judgements(ctx, &self.node()).await?.into_iter().map(JudgementThen).collect())
    }

    /// When the submission was received.
    async fn created_at(&self) -> DateTime {
        self.view().created_at.into()
    }

    /// Since when the verdict counted; null without a verdict.
    async fn judged_at(&self) -> Option<DateTime> {
        self.view().judged_at.map(Into::into)
    }
}

/// One attempt at judging a submission, as far as it had come.
#[derive(Debug, Clone)]
pub struct JudgementThen(Judgement);

#[Object]
impl JudgementThen {
    /// The judgement's global id.
    async fn id(&self) -> ID {
        self.0.global_id()
    }

    /// The id of the rejudge that the judgement was made for; null for the submission's own.
    async fn rejudge(&self) -> Option<ID> {
        self.0.rejudge.map(|id| GlobalId::Rejudge(id).into())
    }

    /// When the judgement's rejudge was applied; null for the submission's own judgements.
    async fn applied_at(&self) -> Option<DateTime> {
        self.0.applied_at.map(Into::into)
    }

    /// The revision that the submission was judged against.
    async fn problem_version(&self) -> i32 {
        int(self.0.revision)
    }

    /// The attempt's number, from 1; each rejudge counts from 1 again.
    async fn attempt(&self) -> i32 {
        int(self.0.view().attempt)
    }

    /// The verdict; null while judging and for an abandoned attempt.
    async fn verdict(&self) -> Option<Verdict> {
        self.0.view().verdict.map(Into::into)
    }

    /// The score; null unless the problem is scored.
    async fn score(&self) -> Option<f64> {
        self.0.view().score
    }

    /// The result of each test group, in judging order.
    async fn groups(&self) -> Vec<GroupResult> {
        self.0.view().groups.iter().cloned().map(Into::into).collect()
    }

    /// The result of compilation; null if there was none yet.
    async fn compile(&self) -> Option<Compile> {
        self.0.view().compile.clone().map(Into::into)
    }

    /// The test results, ordered by number.
    #[graphql(complexity = "prices::TESTS + child_complexity")]
    async fn tests(&self, ctx: &Context<'_>) -> Result<Vec<TestResult>> {
        // A revision never changes.
        self.0.test_results(ctx).await
    }

    /// CPU time of the slowest test, in milliseconds.
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

    /// When an evaluator took the attempt.
    async fn started_at(&self) -> DateTime {
        self.0.view().started_at.into()
    }

    /// When the attempt ended, with or without a verdict.
    async fn finished_at(&self) -> Option<DateTime> {
        self.0.view().finished_at.map(Into::into)
    }
}
