//! Rejudges: who judged what again, and what would change.

use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use read_model::views::{
    AccountView, RejudgeStep, RejudgeView, SubmissionView, TrialOutcome, TrialView,
    VerdictChangeView,
};
use read_model::{Condition, Direction, Order, Scalar};

use super::judgement::Judgement;
use super::submission::{Progress, Submission, behind};
use super::{User, Verdict, int};
use crate::connection::{Page, Paging, cost, page};
use crate::cursor::StreamCursor;
use crate::loaders::Key;
use crate::scalars::DateTime;
use crate::{Api, GlobalId};

/// Where a rejudge stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "read_model::views::RejudgeState")]
pub enum RejudgeState {
    /// Some trials have not ended.
    Judging,
    /// All have; it can be applied.
    Ready,
    /// What its trials found counts.
    Applied,
    /// It did.
    Reverted,
    /// It never will.
    Cancelled,
}

/// What a trial came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "TrialOutcome", remote = "TrialOutcome")]
pub enum TrialOutcomeEnum {
    /// It goes on.
    Pending,
    /// The verdict that counted when it ended.
    Same,
    /// Another.
    Changed,
    /// No evaluator could judge it: the submission keeps its verdict.
    Failed,
}

/// Which revision a submission is judged against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::rejudge::Against")]
pub enum RejudgeAgainst {
    /// Its problem's newest when the rejudge is created.
    Newest,
    /// The one it was judged against at first.
    Own,
}

/// Which submissions to judge again: those that have a verdict and meet all that is given. Something must be.
#[derive(Debug, Clone, InputObject)]
pub struct RejudgeSelection {
    /// To this problem.
    pub(crate) problem: Option<ID>,
    /// By this login.
    pub(crate) author: Option<String>,
    /// In this language.
    pub(crate) language: Option<ID>,
    /// One of these.
    pub(crate) submissions: Option<Vec<ID>>,
    /// With one of these verdicts.
    pub(crate) verdict: Option<Vec<Verdict>>,
    /// Judged by the evaluator of this name.
    pub(crate) judge: Option<String>,
    /// Received then or later.
    pub(crate) since: Option<DateTime>,
    /// Received before.
    pub(crate) until: Option<DateTime>,
    /// Which revision each is judged against.
    #[graphql(default_with = "RejudgeAgainst::Newest")]
    pub(crate) against: RejudgeAgainst,
}

/// What a rejudge would touch.
#[derive(Debug, SimpleObject)]
pub struct RejudgePreview {
    /// How many submissions.
    pub(crate) matched: i32,
    /// Their verdicts that count now.
    pub(crate) by_verdict: Vec<VerdictCount>,
    /// The newest of them.
    pub(crate) sample: Vec<Submission>,
    /// How long one slot would take, by the processor time that they took before.
    pub(crate) estimated_seconds: i32,
    /// What `createRejudge` takes: pins this exact set, whatever is submitted or judged meanwhile.
    pub(crate) selection_token: String,
}

/// How many submissions have a verdict.
#[derive(Debug, Clone, SimpleObject)]
pub struct VerdictCount {
    /// Which.
    pub(crate) verdict: Verdict,
    /// How many.
    pub(crate) count: i32,
}

/// How many trials went from one verdict to another, or stayed.
#[derive(Debug, Clone, SimpleObject)]
pub struct VerdictChange {
    /// What counted when the trial ended.
    from: Verdict,
    /// What the trial found.
    to: Verdict,
    /// How many.
    count: i32,
}

impl From<VerdictChangeView> for VerdictChange {
    fn from(view: VerdictChangeView) -> Self {
        let VerdictChangeView { from, to, count } = view;
        Self { from: from.into(), to: to.into(), count: int(count) }
    }
}

/// Who brought a rejudge where it stands, when and why.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex, name = "RejudgeStep")]
pub struct RejudgeStepNode {
    /// Where to.
    state: RejudgeState,
    /// When.
    at: DateTime,
    /// Why, where they said so.
    reason: Option<String>,
    #[graphql(skip)]
    by: domain::Login,
}

#[ComplexObject]
impl RejudgeStepNode {
    /// Who.
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

/// Submissions judged again beside what counts, until somebody applies what was found.
#[derive(Debug, Clone)]
pub struct Rejudge(pub RejudgeView);

impl From<RejudgeView> for Rejudge {
    fn from(view: RejudgeView) -> Self {
        Self(view)
    }
}

#[Object]
impl Rejudge {
    /// Opaque and global.
    pub async fn id(&self) -> ID {
        GlobalId::Rejudge(self.0.id).into()
    }

    /// Where it stands.
    async fn state(&self) -> RejudgeState {
        self.0.state.into()
    }

    /// Why it was created.
    async fn reason(&self) -> &str {
        &self.0.reason
    }

    /// Which revision each submission is judged against.
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

    /// How it came to where it stands, from its creation on.
    async fn steps(&self) -> Vec<RejudgeStepNode> {
        self.0.steps.iter().cloned().map(Into::into).collect()
    }

    /// How many trials have ended.
    async fn progress(&self) -> Progress {
        Progress::new(int(self.0.ended), int(self.0.trials))
    }

    /// How many found another verdict than counted when they ended.
    async fn changed(&self) -> i32 {
        int(self.0.changed)
    }

    /// How many no evaluator could judge. Their submissions keep their verdicts.
    async fn failed(&self) -> i32 {
        int(self.0.failed)
    }

    /// From verdict to verdict: what to read before applying.
    async fn matrix(&self) -> Vec<VerdictChange> {
        self.0.matrix.iter().copied().map(Into::into).collect()
    }

    /// Its trials, in the order in which their submissions were received.
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

    /// What `expectedVersion` takes.
    async fn version(&self) -> i32 {
        int(self.0.version)
    }

    /// Its place in the log.
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
    /// The submission, as it counts.
    async fn submission(&self, ctx: &Context<'_>) -> Result<Submission> {
        let id = self.0.judged.id;
        let submission = Api::loader(ctx).load_one(Key::<SubmissionView>::new(id)).await?;
        Ok(submission.ok_or_else(|| behind(&id.to_string()))?.into())
    }

    /// What it came to.
    async fn outcome(&self) -> TrialOutcomeEnum {
        self.0.outcome.into()
    }

    /// The verdict that counted when the trial ended; null while it goes on.
    async fn from(&self) -> Option<Verdict> {
        self.0.before.map(Into::into)
    }

    /// What the trial found; null while it goes on.
    async fn to(&self) -> Option<Verdict> {
        self.0.judged.verdict.map(Into::into)
    }

    /// How it was judged again; null before an evaluator took it.
    async fn after(&self, ctx: &Context<'_>) -> Result<Option<Judgement>> {
        Judgement::of_trial(ctx, &self.0).await
    }
}

async fn user(ctx: &Context<'_>, login: &domain::Login) -> Result<User> {
    let account = Api::loader(ctx).load_one(Key::<AccountView>::new(login)).await?;
    Ok(account.ok_or_else(|| behind(login.as_str()))?.into())
}
