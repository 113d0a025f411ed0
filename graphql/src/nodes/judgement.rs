//! Judgements: attempts at judging a submission or a trial.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use domain::submission::{AbandonReason, TestOutcome};
use domain::{Slug, SubmissionId, TrialId};
use read_model::Micros;
use read_model::views::{
    CompileView, JudgementFold, JudgementView, OutcomesView, RejudgeView, RejudgedView,
    RevisionView, SubmissionState, SubmissionView, TrialView,
};

use super::submission::{Submission, behind};
use super::{GroupResult, Rejudge, TestResult, Verdict, int};
use crate::loaders::Key;
use crate::scalars::DateTime;
use crate::{Api, GlobalId, JudgementId, Viewer, access, prices};

/// The judgement of a submission that counts.
pub(super) async fn judgement(
    ctx: &Context<'_>,
    submission: &Submission,
) -> Result<Option<Judgement>> {
    let view = submission.view();
    if let Some(rejudged) = view.verdicts.rejudged.last() {
        return Ok(Some(Judgement::of_rejudge(ctx, view, rejudged).await?));
    }
    if view.state == SubmissionState::Cancelled {
        return Ok(None);
    }
    match (submission, view.attempts) {
        (_, 0) => Ok(None),
        (Submission::Folded(fold), _) => {
            let last = fold.judgements.last().cloned();
            Ok(last.map(|it| Judgement::of(view, Source::Folded(it))))
        }
        (Submission::Stored(_), attempt) => {
            let attempts = load(ctx, &view.id.to_string(), [attempt]).await?;
            Ok(attempts
                .into_iter()
                .next()
                .map(|it| Judgement::of(view, Source::Stored(Box::new(it)))))
        }
    }
}

/// Every judgement of a submission, first to last: its own, then those of applied rejudges.
pub(super) async fn judgements(
    ctx: &Context<'_>,
    submission: &Submission,
) -> Result<Vec<Judgement>> {
    let view = submission.view();
    let sources: Vec<Source> = match submission {
        Submission::Folded(fold) => fold.judgements.iter().cloned().map(Source::Folded).collect(),
        Submission::Stored(_) => {
            own_attempts(ctx, view).await?.into_iter().map(Box::new).map(Source::Stored).collect()
        }
    };
    let mut judgements: Vec<Judgement> =
        sources.into_iter().map(|source| Judgement::of(view, source)).collect();
    for rejudged in &view.verdicts.rejudged {
        judgements.push(Judgement::of_rejudge(ctx, view, rejudged).await?);
    }
    Ok(judgements)
}

/// Every attempt of a submission's own judging, as the views have it.
pub(super) async fn own_attempts(
    ctx: &Context<'_>,
    submission: &SubmissionView,
) -> Result<Vec<JudgementView>> {
    load(ctx, &submission.id.to_string(), 1..=submission.attempts).await
}

/// The numbers of a submission's attempts that ended without a verdict.
pub(super) async fn abandoned_attempts(
    ctx: &Context<'_>,
    submission: &Submission,
) -> Result<Vec<u32>> {
    Ok(match submission {
        Submission::Folded(fold) => {
            let attempts = fold.judgements.iter().map(|it| &it.judgement);
            attempts.filter(|it| it.has_no_verdict()).map(|it| it.attempt).collect()
        }
        Submission::Stored(view) => {
            let attempts = own_attempts(ctx, view).await?.into_iter();
            attempts.filter(|it| it.has_no_verdict()).map(|it| it.attempt).collect()
        }
    })
}

async fn load(
    ctx: &Context<'_>,
    judged: &str,
    attempts: impl IntoIterator<Item = u32>,
) -> Result<Vec<JudgementView>> {
    let keys = attempts.into_iter().map(|it| JudgementView::key_of(judged, it));
    let keys: Vec<Key<JudgementView>> = keys.map(Key::new).collect();
    let mut found = Api::loader(ctx).load_many(keys.iter().cloned()).await?;
    keys.iter().map(|key| found.remove(key).ok_or_else(|| behind(judged).into())).collect()
}

/// The failure's details, if the attempt was abandoned because of a failure.
pub(super) fn failure(reason: &AbandonReason) -> Option<&str> {
    match reason {
        AbandonReason::Failed { detail } => Some(detail),
        AbandonReason::Superseded | AbandonReason::ShutDown => None,
    }
}

/// One attempt at judging a submission.
#[derive(Debug, Clone)]
pub struct Judgement {
    /// The submission that was judged.
    submission: SubmissionId,
    problem: Slug,
    /// The revision that the submission was judged against.
    pub(super) revision: u32,
    source: Source,
    pub(super) rejudge: Option<domain::RejudgeId>,
    pub(super) applied_at: Option<Micros>,
}

/// The source of an attempt and its outcomes.
#[derive(Debug, Clone)]
enum Source {
    /// The views, which keep the outcomes in separate documents.
    Stored(Box<JudgementView>),
    /// The log, with the outcomes.
    Folded(Arc<JudgementFold>),
}

impl Judgement {
    fn of(judged: &SubmissionView, source: Source) -> Self {
        let (submission, problem) = (judged.id, judged.problem.clone());
        let revision = judged.revision;
        Self { submission, problem, revision, source, rejudge: None, applied_at: None }
    }

    /// The last attempt at judging a trial, if there is one.
    pub(super) async fn of_trial(ctx: &Context<'_>, trial: &TrialView) -> Result<Option<Self>> {
        let judged = &trial.judged;
        if judged.attempts == 0 {
            return Ok(None);
        }
        let id = TrialId { rejudge: trial.rejudge, submission: judged.id }.to_string();
        let last = load(ctx, &id, [judged.attempts]).await?.into_iter().next();
        Ok(last.map(|last| Self {
            rejudge: Some(trial.rejudge),
            ..Self::of(judged, Source::Stored(Box::new(last)))
        }))
    }

    /// The judgement that an applied rejudge adds to a submission.
    async fn of_rejudge(
        ctx: &Context<'_>,
        submission: &SubmissionView,
        rejudged: &RejudgedView,
    ) -> Result<Self> {
        let id = TrialId { rejudge: rejudged.rejudge, submission: submission.id };
        let trial = Api::loader(ctx).load_one(Key::<TrialView>::new(id)).await?;
        let judgement = match &trial {
            Some(trial) => Self::of_trial(ctx, trial).await?,
            None => None,
        };
        let judgement = judgement.ok_or_else(|| behind(&id.to_string()))?;
        Ok(Self { applied_at: Some(rejudged.applied_at), ..judgement })
    }

    /// The attempt's view.
    pub(super) fn view(&self) -> &JudgementView {
        match &self.source {
            Source::Stored(view) => view,
            Source::Folded(fold) => &fold.judgement,
        }
    }

    async fn outcomes(&self, ctx: &Context<'_>) -> Result<Vec<Arc<TestOutcome>>> {
        let judgement = match &self.source {
            Source::Folded(fold) => return Ok(fold.outcomes.clone()),
            Source::Stored(judgement) => judgement,
        };
        let keys: Vec<Key<OutcomesView>> = judgement.outcome_keys().map(Key::new).collect();
        let mut found = Api::loader(ctx).load_many(keys.iter().cloned()).await?;
        let pages = keys.iter().filter_map(|key| found.remove(key));
        Ok(pages.flat_map(|page| page.outcomes).map(Arc::new).collect())
    }

    /// The judgement with this id, for a viewer who may see the submission; `None` if there is no
    /// such attempt, or if only judges may see it.
    pub async fn with_id(
        ctx: &Context<'_>,
        submission: &SubmissionView,
        id: JudgementId,
    ) -> Result<Option<Self>> {
        let is_own = id.rejudge.is_none() && (1..=submission.attempts).contains(&id.attempt);
        let applied = submission.verdicts.rejudged.iter().find(|it| Some(it.rejudge) == id.rejudge);
        let judged = match id.rejudge {
            None if is_own => submission.id.to_string(),
            Some(rejudge) if applied.is_some() || access::may_rejudge(Viewer::of(ctx)) => {
                TrialId { rejudge, submission: submission.id }.to_string()
            }
            _ => return Ok(None),
        };
        let key = JudgementView::key_of(&judged, id.attempt);
        let found = Api::loader(ctx).load_one(Key::<JudgementView>::new(key)).await?;
        let Some(found) = found else { return Ok(None) };
        let mut judgement = Self::of(submission, Source::Stored(Box::new(found)));
        if let Some(rejudge) = id.rejudge {
            let trial = TrialId { rejudge, submission: submission.id };
            let trial = Api::loader(ctx).load_one(Key::<TrialView>::new(trial)).await?;
            judgement.revision = trial.map_or(judgement.revision, |it| it.judged.revision);
            judgement.rejudge = Some(rejudge);
            judgement.applied_at = applied.map(|it| it.applied_at);
        }
        Ok(Some(judgement))
    }

    pub(super) fn global_id(&self) -> ID {
        let attempt = self.view().attempt;
        let (submission, rejudge) = (self.submission, self.rejudge);
        GlobalId::Judgement(JudgementId { submission, rejudge, attempt }).into()
    }

    pub(super) async fn test_results(&self, ctx: &Context<'_>) -> Result<Vec<TestResult>> {
        // Otherwise an author who can make the evaluator fail could inspect tests without a
        // verdict.
        if self.view().has_no_verdict() && !access::may_see_judging(Viewer::of(ctx)) {
            return Ok(vec![]);
        }
        let key = RevisionView::key_of(&self.problem, self.revision);
        let revision = Api::loader(ctx).load_one(Key::<RevisionView>::new(key)).await?;
        let revision = revision.map(Arc::new);
        let outcomes = self.outcomes(ctx).await?.into_iter();
        let attempt = self.view().attempt;
        Ok(outcomes.map(|outcome| TestResult::new(outcome, attempt, revision.clone())).collect())
    }
}

#[Object]
impl Judgement {
    /// The judgement's global id.
    pub async fn id(&self) -> ID {
        self.global_id()
    }

    /// The rejudge that the judgement was made for; null for the submission's own, and unless the
    /// viewer is a judge.
    async fn rejudge(&self, ctx: &Context<'_>) -> Result<Option<Rejudge>> {
        let Some(id) = self.rejudge.filter(|_| access::may_rejudge(Viewer::of(ctx))) else {
            return Ok(None);
        };
        Ok(Api::loader(ctx).load_one(Key::<RejudgeView>::new(id)).await?.map(Rejudge::from))
    }

    /// When the judgement's rejudge was applied; null for the submission's own judgements.
    async fn applied_at(&self) -> Option<DateTime> {
        self.applied_at.map(Into::into)
    }

    /// The revision that the submission was judged against.
    async fn problem_version(&self) -> i32 {
        int(self.revision)
    }

    /// The attempt's number, from 1; each rejudge counts from 1 again.
    async fn attempt(&self) -> i32 {
        int(self.view().attempt)
    }

    /// The verdict; null while judging and for an abandoned attempt.
    async fn verdict(&self) -> Option<Verdict> {
        self.view().verdict.map(Into::into)
    }

    /// The score; null unless the problem is scored.
    async fn score(&self) -> Option<f64> {
        self.view().score
    }

    /// The result of each test group, in judging order.
    async fn groups(&self) -> Vec<GroupResult> {
        self.view().groups.iter().cloned().map(Into::into).collect()
    }

    /// The result of compilation; null if there is none yet.
    async fn compile(&self) -> Option<Compile> {
        self.view().compile.clone().map(Into::into)
    }

    /// The test results, ordered by number. Those of an abandoned attempt are shown only to judges
    /// and setters.
    #[graphql(complexity = "prices::TESTS + child_complexity")]
    async fn tests(&self, ctx: &Context<'_>) -> Result<Vec<TestResult>> {
        self.test_results(ctx).await
    }

    /// CPU time of the slowest test, in milliseconds.
    async fn time_ms(&self) -> Option<i32> {
        self.view().time_ms.map(int)
    }

    /// Memory of the largest test, in KiB.
    async fn memory_kb(&self) -> Option<i32> {
        self.view().memory_kib.map(int)
    }

    /// The evaluator's name.
    async fn judge(&self) -> &str {
        &self.view().evaluator
    }

    /// Why the attempt ended without a verdict. Judges and setters also see the failure, its test
    /// and its output.
    async fn abandoned(&self, ctx: &Context<'_>) -> Option<String> {
        if self.view().cancelled {
            return Some("the submission was cancelled".to_owned());
        }
        let reason = self.view().abandoned.as_ref()?;
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

    /// When an evaluator took the attempt.
    async fn started_at(&self) -> DateTime {
        self.view().started_at.into()
    }

    /// When the attempt ended, with or without a verdict.
    async fn finished_at(&self) -> Option<DateTime> {
        self.view().finished_at.map(Micros::into)
    }
}

/// The result of compilation.
#[derive(Debug, Clone, SimpleObject)]
pub struct Compile {
    /// Whether compilation produced a program.
    ok: bool,
    /// The compiler's output.
    log: String,
    /// Whether the output was truncated.
    truncated: bool,
    /// CPU time of compilation, in milliseconds.
    time_ms: i32,
}

impl From<CompileView> for Compile {
    fn from(view: CompileView) -> Self {
        let CompileView { ok, log, truncated, time_ms } = view;
        Self { ok, log, truncated, time_ms: int(time_ms) }
    }
}
