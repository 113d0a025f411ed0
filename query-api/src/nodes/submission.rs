//! Submissions and their judgements.

use async_graphql::{ComplexObject, Context, ID, InputObject, Object, Result, SimpleObject};
use domain::submission::AbandonReason;
use domain::{StreamId, TrialId};
use read_model::views::{
    AccountView, CompileView, JudgementView, ProblemView, RejudgeView, RejudgedView, RevisionView,
    SubmissionView, TrialView,
};
use read_model::{Condition, Direction, Micros, Order, Scalar};

use super::event::{Events, Receipt, first_event, timeline};
use super::{
    GroupResult, LanguageNode, Problem, Rejudge, SubmissionState, TestResult, User, Verdict, int,
};
use crate::connection::cost;
use crate::cursor::StreamCursor;
use crate::loaders::Key;
use crate::scalars::{DateTime, Sha256};
use crate::{Api, ApiError, Code, GlobalId, Viewer, access};

/// The order of lists of submissions.
pub(crate) const NEWEST_FIRST: Order =
    Order { field: Some("number"), direction: Direction::Descending };

/// A program that was handed in, and what became of it.
#[derive(Debug, Clone)]
pub struct Submission(pub SubmissionView);

impl From<SubmissionView> for Submission {
    fn from(view: SubmissionView) -> Self {
        Self(view)
    }
}

#[Object]
impl Submission {
    /// Opaque and global.
    pub async fn id(&self) -> ID {
        GlobalId::Submission(self.0.id).into()
    }

    /// Short, human, per installation; what people quote. It is the log position at which the
    /// submission was received.
    async fn number(&self) -> i32 {
        int(self.0.number)
    }

    /// What it is to solve, at its newest revision.
    async fn problem(&self, ctx: &Context<'_>) -> Result<Problem> {
        let key = Key::<ProblemView>::new(&self.0.problem);
        let problem = Api::loader(ctx).load_one(key).await?;
        let problem = problem.ok_or_else(|| behind(&self.0.problem.to_string()))?;
        Ok(problem.into())
    }

    /// The revision it was judged against at first; a rejudge may have been against another.
    async fn problem_version(&self) -> i32 {
        int(self.0.revision)
    }

    /// Who handed it in.
    async fn author(&self, ctx: &Context<'_>) -> Result<User> {
        let key = Key::<AccountView>::new(&self.0.author);
        let account = Api::loader(ctx).load_one(key).await?;
        let account = account.ok_or_else(|| behind(&self.0.author.to_string()))?;
        Ok(account.into())
    }

    /// What it is written in.
    async fn language(&self, ctx: &Context<'_>) -> LanguageNode {
        LanguageNode::of(Api::of(ctx), &self.0.language)
    }

    /// As handed in.
    async fn source(&self, ctx: &Context<'_>) -> Result<String> {
        let source = Api::loader(ctx).load_one(self.0.source).await?;
        Ok(String::from_utf8_lossy(&source.unwrap_or_default()).into_owned())
    }

    /// Of the source.
    async fn source_sha256(&self) -> Sha256 {
        Sha256(self.0.source)
    }

    /// Where it stands.
    async fn state(&self) -> SubmissionState {
        self.0.state.into()
    }

    /// The verdict that counts.
    async fn verdict(&self) -> Option<Verdict> {
        self.0.verdict.map(Into::into)
    }

    /// How far it has come.
    async fn progress(&self) -> Progress {
        let judgement = self.0.judgements.last().filter(|judgement| judgement.abandoned.is_none());
        Progress {
            done: int(judgement.map_or(0, |judgement| judgement.tests.len())),
            total: judgement.map(|judgement| int(judgement.tests_total)),
            waiting: (self.0.state == read_model::views::SubmissionState::Queued)
                .then_some(self.0.number),
        }
    }

    /// The judgement that counts now.
    async fn judgement(&self, ctx: &Context<'_>) -> Result<Option<Judgement>> {
        judgement(ctx, &self.0).await
    }

    /// Every judgement, first to last; a rejudge that is applied adds one and never rewrites.
    async fn judgements(&self, ctx: &Context<'_>) -> Result<Vec<Judgement>> {
        judgements(ctx, &self.0).await
    }

    /// When it was received.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// Since when the verdict counts.
    async fn judged_at(&self) -> Option<DateTime> {
        self.0.judged_at.map(Into::into)
    }

    /// What its author keeps of its reception, and can prove with it.
    async fn receipt(&self, ctx: &Context<'_>) -> Result<Option<Receipt>> {
        let stream = StreamId::Submission(self.0.id);
        Ok(first_event(Api::of(ctx), &stream).await?.map(Receipt))
    }

    /// Everything that happened to it, in order. What is told to those who judge is shown to them only.
    #[graphql(complexity = "cost(first, None, child_complexity)")]
    async fn timeline(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<Events> {
        let viewer = Viewer::of(ctx);
        let is_whole = access::may_see_judging(viewer) || access::may_see_log(viewer);
        let stream = StreamId::Submission(self.0.id);
        let abandoned = self.0.judgements.iter().filter(|it| it.abandoned.is_some());
        let abandoned: Vec<u32> = abandoned.map(|it| it.attempt).collect();
        let abandoned = (!is_whole).then_some(abandoned.as_slice());
        Ok(timeline(Api::of(ctx), stream, first, after, abandoned).await?)
    }

    /// Where to resume the live stream from this snapshot.
    async fn cursor(&self) -> String {
        let position = u64::try_from(self.0.position).unwrap_or(0);
        StreamCursor::behind(domain::Position(position)).encode()
    }
}

/// What failed, where an attempt was abandoned because of it.
fn failure(reason: &AbandonReason) -> Option<&str> {
    match reason {
        AbandonReason::Failed { detail } => Some(detail),
        AbandonReason::Superseded | AbandonReason::ShutDown => None,
    }
}

/// A submission that could not be judged, without anything that is its author's.
#[derive(Debug, Clone)]
pub struct JudgeError(SubmissionView);

impl From<SubmissionView> for JudgeError {
    fn from(view: SubmissionView) -> Self {
        Self(view)
    }
}

#[Object]
impl JudgeError {
    /// The submission's number.
    async fn number(&self) -> i32 {
        int(self.0.number)
    }

    /// The revision of the problem that it was to be judged against.
    async fn problem_version(&self) -> i32 {
        int(self.0.revision)
    }

    /// What the submission is written in.
    async fn language(&self, ctx: &Context<'_>) -> LanguageNode {
        LanguageNode::of(Api::of(ctx), &self.0.language)
    }

    /// When the submission was received.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// Of each attempt that failed, first to last: what failed, on which test, and what it said.
    async fn reasons(&self) -> Vec<&str> {
        let reasons = self.0.judgements.iter().filter_map(|it| it.abandoned.as_ref());
        reasons.filter_map(failure).collect()
    }
}

/// The judgement of a submission that counts.
pub(super) async fn judgement(
    ctx: &Context<'_>,
    submission: &SubmissionView,
) -> Result<Option<Judgement>> {
    match submission.verdicts.rejudged.last() {
        Some(rejudged) => Ok(Some(Judgement::of_rejudge(ctx, submission, rejudged).await?)),
        None => Ok(submission.judgement().map(|judgement| Judgement::of(submission, judgement))),
    }
}

/// Every judgement of a submission, first to last.
pub(super) async fn judgements(
    ctx: &Context<'_>,
    submission: &SubmissionView,
) -> Result<Vec<Judgement>> {
    let own = submission.judgements.iter().map(|judgement| Judgement::of(submission, judgement));
    let mut judgements: Vec<Judgement> = own.collect();
    for rejudged in &submission.verdicts.rejudged {
        judgements.push(Judgement::of_rejudge(ctx, submission, rejudged).await?);
    }
    Ok(judgements)
}

/// A view that another view names is not there yet: it lags behind.
pub(super) fn behind(what: &str) -> ApiError {
    ApiError::new(Code::NotCaughtUp, format!("the read model has not reached {what} yet"))
}

/// How far something has come.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct Progress {
    /// Tests judged, or trials.
    done: i32,
    /// Of how many; null before an evaluator took the submission.
    total: Option<i32>,
    #[graphql(skip)]
    waiting: Option<i64>,
}

impl Progress {
    /// Of something that waits for nothing.
    pub(super) fn new(done: i32, total: i32) -> Self {
        Self { done, total: Some(total), waiting: None }
    }
}

#[ComplexObject]
impl Progress {
    /// How many wait before it, itself included. Zero once started.
    async fn queue_position(&self, ctx: &Context<'_>) -> Result<i32> {
        let Some(number) = self.waiting else { return Ok(0) };
        let ahead = [
            Condition::Equals("state", Scalar::Text("QUEUED".to_owned())),
            Condition::Below("number", Scalar::Integer(number)),
        ];
        let collection = <SubmissionView as read_model::View>::COLLECTION;
        let ahead = Api::of(ctx).reader.count(&collection, &ahead).await;
        Ok(int(ahead.map_err(ApiError::from)? + 1))
    }
}

/// One attempt at judging a submission.
#[derive(Debug, Clone)]
pub struct Judgement {
    /// The submission; of a trial, as if it had been handed in for that only.
    pub(super) submission: SubmissionView,
    pub(super) judgement: JudgementView,
    pub(super) rejudge: Option<domain::RejudgeId>,
    pub(super) applied_at: Option<Micros>,
}

impl Judgement {
    fn of(submission: &SubmissionView, judgement: &JudgementView) -> Self {
        // The other attempts are not needed here, and they are the bulk of it.
        let submission = SubmissionView { judgements: vec![], ..submission.clone() };
        let judgement = judgement.clone();
        Self { submission, judgement, rejudge: None, applied_at: None }
    }

    /// How a trial was judged: as far as it has come, if it has begun.
    pub(super) fn of_trial(trial: &TrialView) -> Option<Self> {
        let judgement = Self::of(&trial.judged, trial.judged.judgement()?);
        Some(Self { rejudge: Some(trial.rejudge), ..judgement })
    }

    /// What an applied rejudge adds to a submission.
    async fn of_rejudge(
        ctx: &Context<'_>,
        submission: &SubmissionView,
        rejudged: &RejudgedView,
    ) -> Result<Self> {
        let id = TrialId { rejudge: rejudged.rejudge, submission: submission.id };
        let trial = Api::loader(ctx).load_one(Key::<TrialView>::new(id)).await?;
        let judgement = trial.as_ref().and_then(Self::of_trial);
        let judgement = judgement.ok_or_else(|| behind(&id.to_string()))?;
        Ok(Self { applied_at: Some(rejudged.applied_at), ..judgement })
    }

    pub(super) fn global_id(&self) -> ID {
        let submission = GlobalId::Submission(self.submission.id);
        let attempt = self.judgement.attempt;
        match self.rejudge {
            Some(rejudge) => format!("{submission}.{}.{attempt}", GlobalId::Rejudge(rejudge)),
            None => format!("{submission}.{attempt}"),
        }
        .into()
    }

    pub(super) async fn test_results(&self, ctx: &Context<'_>) -> Result<Vec<TestResult>> {
        // An author who could make us fail could look at tests without a verdict.
        if self.judgement.abandoned.is_some() && !access::may_see_judging(Viewer::of(ctx)) {
            return Ok(vec![]);
        }
        let key = RevisionView::key_of(&self.submission.problem, self.submission.revision);
        let revision = Api::loader(ctx).load_one(Key::<RevisionView>::new(key)).await?;
        let outcomes = self.judgement.tests.iter();
        Ok(outcomes.map(|outcome| TestResult::new(outcome, revision.as_ref())).collect())
    }
}

#[Object]
impl Judgement {
    /// Opaque.
    async fn id(&self) -> ID {
        self.global_id()
    }

    /// The rejudge that it was made for; null for the submission's own, and for whoever is no judge.
    async fn rejudge(&self, ctx: &Context<'_>) -> Result<Option<Rejudge>> {
        let Some(id) = self.rejudge.filter(|_| access::may_rejudge(Viewer::of(ctx))) else {
            return Ok(None);
        };
        Ok(Api::loader(ctx).load_one(Key::<RejudgeView>::new(id)).await?.map(Rejudge::from))
    }

    /// When the rejudge that it was made for was applied; null for the submission's own.
    async fn applied_at(&self) -> Option<DateTime> {
        self.applied_at.map(Into::into)
    }

    /// The revision it was judged against.
    async fn problem_version(&self) -> i32 {
        int(self.submission.revision)
    }

    /// Counts from 1, in each rejudge anew.
    async fn attempt(&self) -> i32 {
        int(self.judgement.attempt)
    }

    /// Null while it goes on, and when it was abandoned.
    async fn verdict(&self) -> Option<Verdict> {
        self.judgement.verdict.map(Into::into)
    }

    /// Scored problems only.
    async fn score(&self) -> Option<f64> {
        self.judgement.score
    }

    /// What each test group came to, in judging order.
    async fn groups(&self) -> Vec<GroupResult> {
        self.judgement.groups.iter().cloned().map(Into::into).collect()
    }

    /// How compiling went.
    async fn compile(&self) -> Option<Compile> {
        self.judgement.compile.clone().map(Into::into)
    }

    /// By number. Those of an attempt that was abandoned are for those who judge and set problems: it came to no verdict.
    async fn tests(&self, ctx: &Context<'_>) -> Result<Vec<TestResult>> {
        self.test_results(ctx).await
    }

    /// Cpu time of the slowest test, in milliseconds.
    async fn time_ms(&self) -> Option<i32> {
        self.judgement.time_ms.map(int)
    }

    /// Memory of the largest test, in KiB.
    async fn memory_kb(&self) -> Option<i32> {
        self.judgement.memory_kib.map(int)
    }

    /// The evaluator's name.
    async fn judge(&self) -> &str {
        &self.judgement.evaluator
    }

    /// Why it ended without a verdict. Those who judge and set problems see what failed, on which test, and what it said.
    async fn abandoned(&self, ctx: &Context<'_>) -> Option<String> {
        let reason = self.judgement.abandoned.as_ref()?;
        let detail = failure(reason).filter(|_| access::may_see_judging(Viewer::of(ctx)));
        Some(match (reason, detail) {
            (AbandonReason::Superseded, _) => "another evaluator took over".to_owned(),
            (AbandonReason::ShutDown, _) => "the evaluator was shut down".to_owned(),
            (AbandonReason::Failed { .. }, None) => "the evaluator failed".to_owned(),
            (AbandonReason::Failed { .. }, Some(detail)) => {
                format!("the evaluator failed: {detail}")
            }
        })
    }

    /// When an evaluator took it.
    async fn started_at(&self) -> DateTime {
        self.judgement.started_at.into()
    }

    /// When it ended, either way.
    async fn finished_at(&self) -> Option<DateTime> {
        self.judgement.finished_at.map(Micros::into)
    }
}

/// How compiling went.
#[derive(Debug, Clone, SimpleObject)]
pub struct Compile {
    /// Whether there was a program to run.
    ok: bool,
    /// What the compiler said.
    log: String,
    /// Whether it said more.
    truncated: bool,
    /// Cpu time it took, in milliseconds.
    time_ms: i32,
}

impl From<CompileView> for Compile {
    fn from(view: CompileView) -> Self {
        let CompileView { ok, log, truncated, time_ms } = view;
        Self { ok, log, truncated, time_ms: int(time_ms) }
    }
}

/// What a submission must be to be listed.
#[derive(Debug, Clone, Default, InputObject)]
pub struct SubmissionFilter {
    /// To this problem.
    problem: Option<ID>,
    /// By this login.
    author: Option<String>,
    /// In this language.
    language: Option<ID>,
    /// Standing at one of these.
    state: Option<Vec<SubmissionState>>,
    /// With one of these verdicts.
    verdict: Option<Vec<Verdict>>,
    /// Received then or later.
    since: Option<DateTime>,
    /// Received before.
    until: Option<DateTime>,
}

impl SubmissionFilter {
    pub(crate) fn conditions(self, _ctx: &Context<'_>) -> Result<Vec<Condition>, ApiError> {
        let mut conditions = Vec::new();
        if let Some(problem) = self.problem {
            let slug = GlobalId::problem(&problem)?;
            conditions.push(Condition::Equals("problem", Scalar::Text(slug.to_string())));
        }
        if let Some(author) = self.author {
            conditions.push(Condition::Equals("author", Scalar::Text(author)));
        }
        if let Some(language) = self.language {
            conditions.push(Condition::Equals("language", Scalar::Text(language.0)));
        }
        if let Some(states) = self.state {
            let states = states.into_iter().map(read_model::views::SubmissionState::from);
            let states = states.map(|state| Scalar::Text(state.as_str().to_owned()));
            conditions.push(Condition::AnyOf("state", states.collect()));
        }
        if let Some(verdicts) = self.verdict {
            let verdicts = verdicts.into_iter().map(|verdict| stored(verdict.into()));
            conditions.push(Condition::AnyOf("verdict", verdicts.collect()));
        }
        if let Some(since) = self.since {
            conditions.push(Condition::AtLeast("created_at", micros(&since)));
        }
        if let Some(until) = self.until {
            conditions.push(Condition::Below("created_at", micros(&until)));
        }
        Ok(conditions)
    }
}

/// A verdict as documents hold it.
pub(crate) fn stored(verdict: domain::Verdict) -> Scalar {
    match serde_json::to_value(verdict) {
        Ok(serde_json::Value::String(name)) => Scalar::Text(name),
        _ => Scalar::Null,
    }
}

fn micros(time: &DateTime) -> Scalar {
    Scalar::Integer(Micros::from(time.0).0)
}
