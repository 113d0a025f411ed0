//! Rejudges: judging submissions again, and the verdicts that would change.

use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use read_model::views::{
    AccountView, RejudgeStep, RejudgeView, SubmissionView, TrialOutcome, TrialView,
    VerdictChangeView,
};
use read_model::{Condition, Direction, Order, PageRequest, Scalar, ViewReaderExt};

use super::judgement::Judgement;
use super::submission::{Progress, Submission, behind};
use super::{LanguageNode, User, Verdict, int};
use crate::connection::{Page, Paging, cost, page};
use crate::cursor::StreamCursor;
use crate::loaders::Key;
use crate::scalars::DateTime;
use crate::{Api, ApiError, GlobalId, prices};

/// The maximum number of pending trials that `missingLanguages` looks at.
const WAITING_MAX: u32 = 100;

/// The state of a rejudge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "read_model::views::RejudgeState")]
pub enum RejudgeState {
    /// Some trials are still running.
    Judging,
    /// All trials have ended; the rejudge can be applied.
    Ready,
    /// The new verdicts count. The rejudge can be reverted.
    Applied,
    /// The rejudge was applied and then reverted.
    Reverted,
    /// The rejudge was cancelled before it was applied.
    Cancelled,
}

/// The outcome of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "TrialOutcome", remote = "TrialOutcome")]
pub enum TrialOutcomeEnum {
    /// The trial has not ended.
    Pending,
    /// The trial found the verdict that counted when it ended.
    Same,
    /// The trial found a different verdict.
    Changed,
    /// No evaluator could judge it; the submission keeps its verdict.
    Failed,
}

/// Which problem revision submissions are judged against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::rejudge::Against")]
pub enum RejudgeAgainst {
    /// The problem's newest revision when the rejudge is created.
    Newest,
    /// The revision that the submission was first judged against.
    Own,
}

/// Selects the submissions to judge again: those that have a verdict and match every given field.
/// At least one field besides `against` must be given.
#[derive(Debug, Clone, InputObject)]
pub struct RejudgeSelection {
    /// Submitted to this problem.
    pub(crate) problem: Option<ID>,
    /// Submitted by the account with this login.
    pub(crate) author: Option<String>,
    /// Written in this language.
    pub(crate) language: Option<ID>,
    /// One of these submissions.
    pub(crate) submissions: Option<Vec<ID>>,
    /// The verdict is one of these.
    pub(crate) verdict: Option<Vec<Verdict>>,
    /// Judged by the evaluator with this name.
    pub(crate) judge: Option<String>,
    /// Received at this time or later.
    pub(crate) since: Option<DateTime>,
    /// Received before this time.
    pub(crate) until: Option<DateTime>,
    /// The problem revision to judge against.
    #[graphql(default_with = "RejudgeAgainst::Newest")]
    pub(crate) against: RejudgeAgainst,
}

/// What a rejudge would affect.
#[derive(Debug, SimpleObject)]
pub struct RejudgePreview {
    /// The number of submissions selected.
    pub(crate) matched: i32,
    /// The number of selected submissions by their current verdict.
    pub(crate) by_verdict: Vec<VerdictCount>,
    /// Up to 10 of the selected submissions, the newest.
    pub(crate) sample: Vec<Submission>,
    /// How long one judging slot would need, in seconds, estimated from the CPU time of the
    /// previous judgements.
    pub(crate) estimated_seconds: i32,
    /// Languages of the selected submissions that no running evaluator judges; their trials would
    /// wait. Empty if no evaluator runs.
    pub(crate) missing_languages: Vec<LanguageNode>,
    /// The token that `createRejudge` takes. It pins this exact set of submissions, regardless of
    /// later submissions and verdicts.
    pub(crate) selection_token: String,
}

/// The number of submissions with a verdict.
#[derive(Debug, Clone, SimpleObject)]
pub struct VerdictCount {
    /// The verdict.
    pub(crate) verdict: Verdict,
    /// The number of submissions that have it.
    pub(crate) count: i32,
}

/// The number of trials with this verdict before and after. The two can be equal.
#[derive(Debug, Clone, SimpleObject)]
pub struct VerdictChange {
    /// The verdict that counted when the trial ended.
    from: Verdict,
    /// The verdict that the trial found.
    to: Verdict,
    /// The number of trials.
    count: i32,
}

impl From<VerdictChangeView> for VerdictChange {
    fn from(view: VerdictChangeView) -> Self {
        let VerdictChangeView { from, to, count } = view;
        Self { from: from.into(), to: to.into(), count: int(count) }
    }
}

/// A step in a rejudge's history.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex, name = "RejudgeStep")]
pub struct RejudgeStepNode {
    /// The state after this step.
    state: RejudgeState,
    /// When the step was taken.
    at: DateTime,
    /// The reason given, if any.
    reason: Option<String>,
    #[graphql(skip)]
    by: domain::Login,
}

#[ComplexObject]
impl RejudgeStepNode {
    /// Who took the step.
    async fn by(&self, ctx: &Context<'_>) -> Result<User> {
        user(ctx, &self.by).await
    }
}

impl From<RejudgeStep> for RejudgeStepNode {
    fn from(step: RejudgeStep) -> Self {
        let RejudgeStep { state, by, at, reason } = step;
        Self { state: state.into(), at: at.into(), reason, by }
    }
}

/// A rejudge: submissions judged again, without effect until the result is applied.
#[derive(Debug, Clone)]
pub struct Rejudge(pub RejudgeView);

impl From<RejudgeView> for Rejudge {
    fn from(view: RejudgeView) -> Self {
        Self(view)
    }
}

#[Object]
impl Rejudge {
    /// The global id; opaque.
    pub async fn id(&self) -> ID {
        GlobalId::Rejudge(self.0.id).into()
    }

    /// The rejudge's state.
    async fn state(&self) -> RejudgeState {
        self.0.state.into()
    }

    /// Why it was created.
    async fn reason(&self) -> &str {
        &self.0.reason
    }

    /// The problem revision that submissions are judged against.
    async fn against(&self) -> RejudgeAgainst {
        self.0.against.into()
    }

    /// Who created it.
    async fn created_by(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        match self.0.steps.first() {
            Some(step) => Ok(Some(user(ctx, &step.by).await?)),
            None => Ok(None),
        }
    }

    /// The rejudge's history, from its creation on.
    async fn steps(&self) -> Vec<RejudgeStepNode> {
        self.0.steps.iter().cloned().map(Into::into).collect()
    }

    /// How many trials have ended, of all trials.
    async fn progress(&self) -> Progress {
        Progress::new(int(self.0.ended), int(self.0.trials))
    }

    /// The number of trials whose verdict differs from the one that counted when they ended.
    async fn changed(&self) -> i32 {
        int(self.0.changed)
    }

    /// The number of trials that no evaluator could judge. Their submissions keep their verdicts.
    async fn failed(&self) -> i32 {
        int(self.0.failed)
    }

    /// Languages of waiting trials that no running evaluator judges, from the first 100 trials that
    /// have not ended. Empty if no evaluator runs.
    #[graphql(complexity = "prices::COUNT + child_complexity")]
    async fn missing_languages(&self, ctx: &Context<'_>) -> Result<Vec<LanguageNode>> {
        if self.0.state != read_model::views::RejudgeState::Judging {
            return Ok(vec![]);
        }
        let pending = Scalar::Text(TrialOutcome::Pending.as_str().to_owned());
        let conditions = vec![
            Condition::Equals("rejudge", Scalar::Text(self.0.id.to_string())),
            Condition::Equals("outcome", pending),
        ];
        let order = Order { field: Some("number"), direction: Direction::Ascending };
        let request = PageRequest { conditions, order, ..PageRequest::all(WAITING_MAX) };
        let api = Api::of(ctx);
        let trials = api.reader.views::<TrialView>(&request).await.map_err(ApiError::from)?;
        let languages = trials.items.into_iter().map(|(_, trial)| trial.judged.language);
        Ok(LanguageNode::missing(api, languages.collect()).await?)
    }

    /// Trials counted by verdict before and after. Read this before applying the rejudge.
    async fn matrix(&self) -> Vec<VerdictChange> {
        self.0.matrix.iter().copied().map(Into::into).collect()
    }

    /// The rejudge's trials, in the order in which the submissions were received; by default only
    /// those with a changed verdict.
    #[graphql(complexity = "cost(first, None, child_complexity)")]
    async fn changes(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        #[graphql(default = true)] changed_only: bool,
    ) -> Result<Page<RejudgeChange>> {
        let mut conditions =
            vec![Condition::Equals("rejudge", Scalar::Text(self.0.id.to_string()))];
        if changed_only {
            let changed = Scalar::Text(TrialOutcome::Changed.as_str().to_owned());
            conditions.push(Condition::Equals("outcome", changed));
        }
        let order = Order { field: Some("number"), direction: Direction::Ascending };
        let paging = Paging { first, after, ..Paging::default() };
        Ok(page::<TrialView, RejudgeChange>(ctx, paging, conditions, order).await?)
    }

    /// The rejudge's version, which `expectedVersion` takes.
    async fn version(&self) -> i32 {
        int(self.0.version)
    }

    /// A cursor right after the last event that changed the rejudge.
    async fn cursor(&self) -> String {
        let position = u64::try_from(self.0.position).unwrap_or(0);
        StreamCursor::behind(domain::Position(position)).encode()
    }
}

/// A trial: one submission judged again.
#[derive(Debug, Clone)]
pub struct RejudgeChange(pub TrialView);

impl From<TrialView> for RejudgeChange {
    fn from(view: TrialView) -> Self {
        Self(view)
    }
}

#[Object]
impl RejudgeChange {
    /// The submission, with the verdict that counts.
    async fn submission(&self, ctx: &Context<'_>) -> Result<Submission> {
        let id = self.0.judged.id;
        let submission = Api::loader(ctx).load_one(Key::<SubmissionView>::new(id)).await?;
        Ok(submission.ok_or_else(|| behind(&id.to_string()))?.into())
    }

    /// The trial's outcome.
    async fn outcome(&self) -> TrialOutcomeEnum {
        self.0.outcome.into()
    }

    /// The verdict that counted when the trial ended; null until then.
    async fn from(&self) -> Option<Verdict> {
        self.0.before.map(Into::into)
    }

    /// The verdict that the trial found; null until it ends.
    async fn to(&self) -> Option<Verdict> {
        self.0.judged.verdict.map(Into::into)
    }

    /// The new judgement; null until an evaluator takes the trial.
    async fn after(&self, ctx: &Context<'_>) -> Result<Option<Judgement>> {
        Judgement::of_trial(ctx, &self.0).await
    }
}

async fn user(ctx: &Context<'_>, login: &domain::Login) -> Result<User> {
    let account = Api::loader(ctx).load_one(Key::<AccountView>::new(login)).await?;
    Ok(account.ok_or_else(|| behind(login.as_str()))?.into())
}
