//! Submissions.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, ID, InputObject, Object, Result, SimpleObject};
use domain::StreamId;
use read_model::views::{AccountView, ProblemView, SubmissionFold, SubmissionView};
use read_model::{Condition, Direction, Micros, Order, PageRequest, Scalar, ViewReaderExt};

use super::event::{Events, Receipt, first_event, timeline};
use super::judgement::{
    Judgement, abandoned_attempts, failure, judgement, judgements, own_attempts,
};
use super::percentile::{Percentile, percentile};
use super::{LanguageNode, Problem, SubmissionState, User, Verdict, int, visible};
use crate::connection::cost;
use crate::cursor::StreamCursor;
use crate::loaders::{Key, Queued};
use crate::scalars::{DateTime, Sha256};
use crate::{Api, ApiError, Code, GlobalId, Viewer, access, prices};

/// The order of lists of submissions.
pub(crate) const NEWEST_FIRST: Order =
    Order { field: Some("number"), direction: Direction::Descending };

/// A submitted program and its verdict.
#[derive(Debug, Clone)]
pub enum Submission {
    /// The submission from the views.
    Stored(Arc<SubmissionView>),
    /// The submission from the log.
    Folded(Arc<SubmissionFold>),
}

impl From<SubmissionView> for Submission {
    fn from(view: SubmissionView) -> Self {
        Self::Stored(Arc::new(view))
    }
}

impl From<Arc<SubmissionFold>> for Submission {
    fn from(fold: Arc<SubmissionFold>) -> Self {
        Self::Folded(fold)
    }
}

impl Submission {
    pub(super) fn view(&self) -> &SubmissionView {
        match self {
            Self::Stored(view) => view,
            Self::Folded(fold) => &fold.summary,
        }
    }
}

#[Object]
impl Submission {
    /// The submission's global id.
    pub async fn id(&self) -> ID {
        GlobalId::Submission(self.view().id).into()
    }

    /// A short number that people can quote, unique in the installation. It is the log position at
    /// which the submission was received, so the first number is not 1, and numbers have gaps.
    async fn number(&self) -> i32 {
        int(self.view().number)
    }

    /// The problem, at its newest revision; null if the viewer may no longer see it.
    async fn problem(&self, ctx: &Context<'_>) -> Result<Option<Problem>> {
        let key = Key::<ProblemView>::new(&self.view().problem);
        let problem = Api::loader(ctx).load_one(key).await?;
        let problem = problem.ok_or_else(|| behind(&self.view().problem.to_string()))?;
        Ok(visible(ctx, Some(problem)).map(Problem::from))
    }

    /// The revision that the submission was first judged against; a rejudge may use another.
    async fn problem_version(&self) -> i32 {
        int(self.view().revision)
    }

    /// The submission's author.
    async fn author(&self, ctx: &Context<'_>) -> Result<User> {
        let key = Key::<AccountView>::new(&self.view().author);
        let account = Api::loader(ctx).load_one(key).await?;
        let account = account.ok_or_else(|| behind(&self.view().author.to_string()))?;
        Ok(account.into())
    }

    /// The language of the source.
    async fn language(&self, ctx: &Context<'_>) -> LanguageNode {
        LanguageNode::of(Api::of(ctx), &self.view().language)
    }

    /// The submitted source; null if the installation shows it to nobody but judges.
    #[graphql(complexity = "prices::SOURCE")]
    async fn source(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let policy = Api::of(ctx).sources;
        if !access::may_see_source(policy, Viewer::of(ctx), &self.view().author) {
            return Ok(None);
        }
        let source = Api::loader(ctx).load_one(self.view().source).await?;
        Ok(Some(String::from_utf8_lossy(&source.unwrap_or_default()).into_owned()))
    }

    /// The digest of the source.
    async fn source_sha256(&self) -> Sha256 {
        Sha256(self.view().source)
    }

    /// The submission's current state.
    async fn state(&self) -> SubmissionState {
        self.view().state.into()
    }

    /// The verdict that counts; null if there is none yet.
    async fn verdict(&self) -> Option<Verdict> {
        self.view().verdict.map(Into::into)
    }

    /// The progress of judging.
    async fn progress(&self) -> Progress {
        let view = self.view();
        let attempt = view.attempt.as_ref().filter(|attempt| !attempt.abandoned);
        Progress {
            done: int(attempt.map_or(0, |attempt| attempt.tests_done)),
            total: attempt.map(|attempt| int(attempt.tests_total)),
            waiting: (view.state == read_model::views::SubmissionState::Queued)
                .then_some(view.number),
        }
    }

    /// The judgement that counts; null if there is none yet.
    async fn judgement(&self, ctx: &Context<'_>) -> Result<Option<Judgement>> {
        judgement(ctx, self).await
    }

    /// Every judgement, first to last. An applied rejudge adds one and never rewrites earlier ones.
    async fn judgements(&self, ctx: &Context<'_>) -> Result<Vec<Judgement>> {
        judgements(ctx, self).await
    }

    /// How the submission compares with all accepted ones to the same problem in the same language;
    /// null unless it is accepted.
    async fn percentile(&self, ctx: &Context<'_>) -> Result<Option<Percentile>> {
        percentile(ctx, self.view()).await
    }

    /// When the submission was received.
    async fn created_at(&self) -> DateTime {
        self.view().created_at.into()
    }

    /// Since when the verdict counts; null without a verdict.
    async fn judged_at(&self) -> Option<DateTime> {
        self.view().judged_at.map(Into::into)
    }

    /// The receipt, with which the author can prove that the submission was received.
    #[graphql(complexity = "prices::PROOF + child_complexity")]
    async fn receipt(&self, ctx: &Context<'_>) -> Result<Option<Receipt>> {
        let stream = StreamId::Submission(self.view().id);
        Ok(first_event(Api::of(ctx), &stream).await?.map(Receipt))
    }

    /// The submission's events, in order. Details for judges are shown only to judges and setters.
    #[graphql(complexity = "prices::EVENTS + cost(first, None, child_complexity)")]
    async fn timeline(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<Events> {
        let viewer = Viewer::of(ctx);
        let is_whole = access::may_see_judging(viewer) || access::may_see_log(viewer);
        let stream = StreamId::Submission(self.view().id);
        let hidden = match is_whole {
            true => None,
            false => Some(abandoned_attempts(ctx, self).await?),
        };
        Ok(timeline(Api::of(ctx), stream, first, after, hidden.as_deref()).await?)
    }

    /// The cursor from which to resume the live stream after this snapshot.
    async fn cursor(&self) -> String {
        let position = u64::try_from(self.view().position).unwrap_or(0);
        StreamCursor::behind(domain::Position(position)).encode()
    }
}

/// A submission that could not be judged, without anything private to its author.
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

    /// The revision of the problem that the submission was judged against.
    async fn problem_version(&self) -> i32 {
        int(self.0.revision)
    }

    /// The language of the source.
    async fn language(&self, ctx: &Context<'_>) -> LanguageNode {
        LanguageNode::of(Api::of(ctx), &self.0.language)
    }

    /// When the submission was received.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// One reason per failed attempt, first to last: the failure, its test and its output.
    async fn reasons(&self, ctx: &Context<'_>) -> Result<Vec<String>> {
        let attempts = own_attempts(ctx, &self.0).await?;
        let reasons = attempts.iter().filter_map(|it| it.abandoned.as_ref());
        Ok(reasons.filter_map(failure).map(str::to_owned).collect())
    }
}

/// The error if a view that another view refers to is missing, because it lags behind.
pub(super) fn behind(what: &str) -> ApiError {
    ApiError::new(Code::NotCaughtUp, format!("the read model has not reached {what} yet"))
}

/// The progress of a submission or a rejudge.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct Progress {
    /// The number of tests or trials judged.
    done: i32,
    /// The total number; null until an evaluator takes the submission.
    total: Option<i32>,
    #[graphql(skip)]
    waiting: Option<i64>,
}

impl Progress {
    /// The progress of something that is not queued.
    pub(super) fn new(done: i32, total: i32) -> Self {
        Self { done, total: Some(total), waiting: None }
    }
}

#[ComplexObject]
impl Progress {
    /// The place among the waiting submissions in the order in which they were received, counted from
    /// 1; zero once started. Accounts take turns, so submissions are not judged exactly in this
    /// order.
    #[graphql(complexity = "prices::COUNT")]
    async fn queue_position(&self, ctx: &Context<'_>) -> Result<i32> {
        let Some(number) = self.waiting else { return Ok(0) };
        Ok(int(Api::loader(ctx).load_one(Queued(number)).await?.unwrap_or_default()))
    }
}

/// A filter for lists of submissions.
#[derive(Debug, Clone, Default, InputObject)]
pub struct SubmissionFilter {
    /// Submissions to this problem.
    problem: Option<ID>,
    /// Submissions by this login.
    author: Option<String>,
    /// Submissions in this language.
    language: Option<ID>,
    /// Submissions in one of these states.
    state: Option<Vec<SubmissionState>>,
    /// Submissions with one of these verdicts.
    verdict: Option<Vec<Verdict>>,
    /// Submissions received at or after this time.
    since: Option<DateTime>,
    /// Submissions received before this time.
    until: Option<DateTime>,
}

impl SubmissionFilter {
    /// The conditions that views must meet.
    ///
    /// # Errors
    /// If an id is not one of its kind, or the views do not respond.
    pub async fn conditions(self, ctx: &Context<'_>) -> Result<Vec<Condition>, ApiError> {
        let mut conditions = Vec::new();
        if let Some(problem) = self.problem {
            let slug = GlobalId::problem(&problem)?;
            conditions.push(Condition::Equals("problem", Scalar::Text(slug.to_string())));
        }
        if let Some(author) = self.author {
            conditions.push(Condition::Equals("author", Scalar::Text(author)));
        }
        if let Some(language) = self.language {
            let language = GlobalId::language(&language)?;
            conditions.push(Condition::Equals("language", Scalar::Text(language.to_string())));
        }
        if let Some(states) = self.state {
            let states = states.into_iter().map(read_model::views::SubmissionState::from);
            let states = states.map(|state| Scalar::Text(state.as_str().to_owned()));
            conditions.push(one_of("state", states.collect()));
        }
        if let Some(verdicts) = self.verdict {
            let verdicts = verdicts.into_iter().map(|verdict| stored(verdict.into()));
            conditions.push(one_of("verdict", verdicts.collect()));
        }
        // Later submissions have higher numbers, so a time becomes a number: lists are ordered by
        // number, and one range of an index is then the whole list.
        if let Some(since) = self.since {
            conditions.push(match first_received_since(ctx, &since).await? {
                Some(number) => Condition::AtLeast("number", Scalar::Integer(number)),
                None => Condition::AnyOf("number", vec![]),
            });
        }
        if let Some(until) = self.until {
            conditions.push(match first_received_since(ctx, &until).await? {
                Some(number) => Condition::LessThan("number", Scalar::Integer(number)),
                None => Condition::Below("created_at", micros(&until)),
            });
        }
        Ok(conditions)
    }
}

/// The number of the first submission received at or after this time; `None` if there is none yet.
async fn first_received_since(ctx: &Context<'_>, time: &DateTime) -> Result<Option<i64>, ApiError> {
    let conditions = vec![Condition::AtLeast("created_at", micros(time))];
    let order = Order { field: Some("created_at"), direction: Direction::Ascending };
    let request = PageRequest { conditions, order, ..PageRequest::all(1) };
    let found = Api::of(ctx).reader.views::<SubmissionView>(&request).await?;
    Ok(found.items.first().map(|(_, submission)| submission.number))
}

/// The field has one of these values. Stores find a single value in an index and keep its order.
fn one_of(field: &'static str, mut values: Vec<Scalar>) -> Condition {
    match values.len() {
        1 => Condition::Equals(field, values.remove(0)),
        _ => Condition::AnyOf(field, values),
    }
}

/// A verdict as stored in documents.
pub(crate) fn stored(verdict: domain::Verdict) -> Scalar {
    match serde_json::to_value(verdict) {
        Ok(serde_json::Value::String(name)) => Scalar::Text(name),
        _ => Scalar::Null,
    }
}

fn micros(time: &DateTime) -> Scalar {
    Scalar::Integer(Micros::from(time.0).0)
}
