//! Live status.
//!
//! All subscriptions follow one contract. The first message is a snapshot or, with `after`, the
//! first message after that cursor; missed messages come in order, then live ones. Every message
//! carries the cursor to resume after, which excludes that message. The stream ends at a final
//! state.

mod events;
mod missed;
mod rejudges;
mod runs;

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{Context, ID, Result, SimpleObject};
use async_stream::try_stream;
use domain::{Event, Position, Recorded, StreamId, SubmissionId, Version};
use futures::Stream;
use graphql::cursor::{RunCursor, StreamCursor};
use graphql::nodes::{EventEdge, EventFilter, Submission, TestResult};
use graphql::{Api, ApiError, Code, DateTime, GlobalId, STREAM_PAGE, Topic, Viewer, access};
use read_model::views::{RevisionView, SubmissionFold, SubmissionView};
use read_model::{Condition, PageRequest, Scalar, ViewReaderExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::missed::missed;
use self::rejudges::RejudgeUpdate;
use self::runs::RunUpdate;

/// Maximum number of events that `mySubmissions` reads again when a client resumes. A client
/// further behind gets a new snapshot with `gap` set.
const RESUME_EVENTS_MAX: u64 = 50_000;
/// Events read at once from the part of the log that the views have not reached.
const UNPROJECTED_PAGE: u32 = 512;
/// Maximum number of open submissions in the snapshot of `mySubmissions`.
const SNAPSHOT_SUBMISSIONS_MAX: u32 = 100;

/// A change to a submission, and the submission after it.
#[derive(Debug, Clone, SimpleObject)]
pub struct SubmissionUpdate {
    /// Pass this as `after` to resume after this update.
    cursor: String,
    /// Whether too many events lie between `after` and now to send each; this is then a new
    /// snapshot.
    gap: bool,
    /// When the change was recorded.
    at: DateTime,
    /// The test that has just finished; null for other changes.
    test: Option<TestResult>,
    /// The submission after the change.
    submission: Submission,
}

/// The number of subscriptions that the socket may still begin.
#[derive(Debug, Clone)]
pub(crate) struct SocketBudget(pub(crate) Arc<Semaphore>);

/// The root of subscriptions.
#[derive(Debug, Default)]
pub struct Subscription;

#[async_graphql::Subscription]
impl Subscription {
    /// Follows one submission until it has its verdict.
    async fn submission(
        &self,
        ctx: &Context<'_>,
        id: ID,
        after: Option<String>,
    ) -> Result<impl Stream<Item = Result<SubmissionUpdate>> + use<>> {
        let permit = take_permit(ctx)?;
        let api = Arc::clone(ctx.data_unchecked::<Arc<Api>>());
        let id = GlobalId::submission(&id)?;
        let after = after.as_deref().map(StreamCursor::decode).transpose()?;
        check_cursor(&api, after).await?;
        let not_found = || ApiError::no_such("submission");
        let newest = api.hub.folds.newest(id).await?.ok_or_else(not_found)?;
        if !access::may_see_submissions_of(Viewer::of(ctx), &newest.summary.author) {
            return Err(not_found().into());
        }
        Ok(updates_of_one(api, newest, after, permit))
    }

    /// Follows all of the viewer's submissions; one subscription serves a whole page.
    async fn my_submissions(
        &self,
        ctx: &Context<'_>,
        after: Option<String>,
    ) -> Result<impl Stream<Item = Result<SubmissionUpdate>> + use<>> {
        let permit = take_permit(ctx)?;
        let api = Arc::clone(ctx.data_unchecked::<Arc<Api>>());
        let viewer = Viewer::required(ctx)?.clone();
        let after = after.as_deref().map(StreamCursor::decode).transpose()?;
        check_cursor(&api, after).await?;
        Ok(updates_of_all(api, viewer, after, permit))
    }

    /// Follows one of the viewer's runs until it has ended.
    async fn run(
        &self,
        ctx: &Context<'_>,
        id: ID,
        after: Option<String>,
    ) -> Result<impl Stream<Item = Result<RunUpdate>> + use<>> {
        let permit = take_permit(ctx)?;
        let api = Arc::clone(ctx.data_unchecked::<Arc<Api>>());
        let id = GlobalId::run(&id)?;
        let after = after.as_deref().map(RunCursor::decode).transpose()?;
        let known = runs::read(&api, id).await?;
        let known = known
            .filter(|run| access::may_see_runs_of(Viewer::of(ctx), &run.request.author))
            .ok_or_else(|| ApiError::no_such("run"))?;
        if after.is_some_and(|after| after.run != id || after.version.0 > known.events.len() as u64)
        {
            return Err(ApiError::bad_input("the cursor does not belong to this run").into());
        }
        Ok(runs::updates(api, id, after, permit))
    }

    /// Follows one rejudge until it is applied or cancelled. For judges.
    async fn rejudge(
        &self,
        ctx: &Context<'_>,
        id: ID,
        after: Option<String>,
    ) -> Result<impl Stream<Item = Result<RejudgeUpdate>> + use<>> {
        let permit = take_permit(ctx)?;
        let api = Arc::clone(ctx.data_unchecked::<Arc<Api>>());
        let id = GlobalId::rejudge(&id)?;
        let after = after.as_deref().map(StreamCursor::decode).transpose()?;
        check_cursor(&api, after).await?;
        let not_found = || ApiError::no_such("rejudge");
        if !access::may_rejudge(Viewer::of(ctx)) {
            return Err(not_found().into());
        }
        let head = api.log.info().await.map_err(ApiError::from)?.head;
        let rejudge = rejudges::read(&api, id, head).await?.ok_or_else(not_found)?;
        Ok(rejudges::updates(api, rejudge, head, after, permit))
    }

    /// Events as they happen, or all events after a cursor: the `cursor` of an edge, from here or
    /// from `audit.events`. Ends when no later event can pass the filter. For auditors.
    async fn audit_events(
        &self,
        ctx: &Context<'_>,
        after: Option<String>,
        filter: Option<EventFilter>,
    ) -> Result<impl Stream<Item = Result<EventEdge>> + use<>> {
        let permit = take_permit(ctx)?;
        let api = Arc::clone(ctx.data_unchecked::<Arc<Api>>());
        access::require(ctx, access::may_see_log, "auditors")?;
        let filter = filter.unwrap_or_default().try_into()?;
        let after = after.as_deref().map(StreamCursor::decode).transpose()?;
        check_cursor(&api, after).await?;
        let after = match after {
            Some(after) => after.position,
            None => api.log.info().await.map_err(ApiError::from)?.head,
        };
        Ok(events::updates(api, after, filter, permit))
    }
}

/// A submission's updates: from `newest` on or, for a client that resumes, everything after its
/// cursor.
fn updates_of_one(
    api: Arc<Api>,
    newest: Arc<SubmissionFold>,
    after: Option<StreamCursor>,
    permit: Option<OwnedSemaphorePermit>,
) -> impl Stream<Item = Result<SubmissionUpdate>> {
    try_stream! {
        let _permit = permit;
        let (id, known) = (newest.summary.id, newest.last.version);
        let mut followed = match after {
            None => Followed::from(newest),
            Some(_) => Followed::default(),
        };
        if after.is_none() {
            if followed.is_final() {
                followed.take_rejudged(&api).await?;
            }
            yield followed.snapshot(followed.position()?, false)?;
        }
        let mut feed = api.hub.feed_of_submission(id, followed.version());
        while !followed.is_final() {
            let recorded = feed.next().await.map_err(ApiError::from)?;
            let mut messages = followed.apply(&api, &recorded).await?;
            // The submission was already final when this subscription began, and may have been
            // rejudged since.
            if followed.is_final() && recorded.version <= known {
                followed.take_rejudged(&api).await?;
                messages = Messages::Snapshot(recorded.position);
            }
            while let Some(message) = messages.next(&followed, after)? {
                yield message;
            }
        }
    }
}

fn updates_of_all(
    api: Arc<Api>,
    viewer: Viewer,
    after: Option<StreamCursor>,
    permit: Option<OwnedSemaphorePermit>,
) -> impl Stream<Item = Result<SubmissionUpdate>> {
    try_stream! {
        let _permit = permit;
        let head = api.log.info().await.map_err(ApiError::from)?.head;
        let resumable = after.filter(|after| head.0 - after.position.0 <= RESUME_EVENTS_MAX);
        let gap = after.is_some() && resumable.is_none();
        let mut open: HashMap<SubmissionId, Followed> = HashMap::new();
        if resumable.is_none() {
            for id in open_submissions(&api, &viewer, head).await? {
                let followed = Followed::before(&api, id, head.next()).await?;
                if followed.state.is_some() {
                    yield followed.snapshot(head, gap)?;
                }
                open.insert(id, followed);
            }
        }
        // Read a partly sent event again, to send the rest of it.
        let from = resumable.map_or(head, |after| match after.messages {
            Some(_) => Position(after.position.0 - 1),
            None => after.position,
        });
        let (missed, from) = match resumable {
            Some(_) => missed(&api, &viewer.login, from).await?,
            None => (vec![], from),
        };
        let mut missed = missed.into_iter();
        let mut feed = api.hub.feed(Topic::Author(viewer.login.clone()), from);
        loop {
            let recorded = match missed.next() {
                Some(recorded) => recorded,
                None => feed.next().await.map_err(ApiError::from)?,
            };
            let StreamId::Submission(id) = recorded.stream else { continue };
            let mut followed = match open.remove(&id) {
                Some(followed) => followed,
                None => Followed::before(&api, id, recorded.position).await?,
            };
            let mut messages = followed.apply(&api, &recorded).await?;
            while let Some(message) = messages.next(&followed, resumable)? {
                yield message;
            }
            if !followed.is_final() {
                open.insert(id, followed);
            }
        }
    }
}

/// The viewer's submissions without a verdict, at this position or a little later.
async fn open_submissions(
    api: &Api,
    viewer: &Viewer,
    head: Position,
) -> Result<Vec<SubmissionId>, ApiError> {
    api.freshness.wait_for(head).await?;
    let open = ["QUEUED", "COMPILING", "RUNNING"].map(|state| Scalar::Text(state.to_owned()));
    let conditions = vec![
        Condition::Equals("author", Scalar::Text(viewer.login.to_string())),
        Condition::AnyOf("state", open.to_vec()),
    ];
    let request = PageRequest { conditions, ..PageRequest::all(SNAPSHOT_SUBMISSIONS_MAX) };
    let found = api.reader.views::<SubmissionView>(&request).await?;
    Ok(found.items.into_iter().map(|(_, submission)| submission.id).collect())
}

/// Refuses a cursor beyond the end of the log: it is from another installation or forged.
async fn check_cursor(api: &Api, after: Option<StreamCursor>) -> Result<(), ApiError> {
    let Some(after) = after else { return Ok(()) };
    let head = api.log.info().await?.head;
    if after.position > head || after.position == Position::START {
        return Err(ApiError::bad_input("the cursor does not belong to this log"));
    }
    Ok(())
}

fn take_permit(ctx: &Context<'_>) -> Result<Option<OwnedSemaphorePermit>, ApiError> {
    let Some(budget) = ctx.data_opt::<SocketBudget>() else { return Ok(None) };
    let permit = Arc::clone(&budget.0).try_acquire_owned();
    permit.map(Some).map_err(|_| {
        ApiError::new(Code::TooMany, "too many subscriptions on this socket; end one first")
    })
}

/// A submission folded from its events so far. Its state never comes from a database (INV-13).
#[derive(Debug, Default)]
struct Followed {
    state: Option<Arc<SubmissionFold>>,
    revision: Option<Arc<RevisionView>>,
}

impl From<Arc<SubmissionFold>> for Followed {
    fn from(state: Arc<SubmissionFold>) -> Self {
        Self { state: Some(state), revision: None }
    }
}

impl Followed {
    /// The submission before the event at this position.
    async fn before(api: &Api, id: SubmissionId, position: Position) -> Result<Self, ApiError> {
        let mut followed = Self::default();
        loop {
            let from = followed.version().next();
            let page = api.log.read_stream(&StreamId::Submission(id), from, STREAM_PAGE).await?;
            for recorded in &page {
                if recorded.position >= position {
                    return Ok(followed);
                }
                followed.advance(api, recorded).await;
            }
            if page.len() < STREAM_PAGE as usize {
                return Ok(followed);
            }
        }
    }

    fn is_final(&self) -> bool {
        self.state.as_ref().is_some_and(|it| it.summary.state.is_final())
    }

    /// The version of the last event applied.
    fn version(&self) -> Version {
        self.state.as_ref().map_or(Version::NONE, |state| state.last.version)
    }

    /// The position of the last event applied.
    fn position(&self) -> Result<Position, ApiError> {
        Ok(self.known()?.last.position)
    }

    fn known(&self) -> Result<&Arc<SubmissionFold>, ApiError> {
        let none = || ApiError::new(Code::Internal, "the stream does not begin with its reception");
        self.state.as_ref().ok_or_else(none)
    }

    /// Adds the verdicts of applied rejudges: those that the views have, and those in the log that
    /// the views have not reached.
    async fn take_rejudged(&mut self, api: &Api) -> Result<(), ApiError> {
        let Some(state) = &mut self.state else { return Ok(()) };
        let summary = &mut Arc::make_mut(state).summary;
        let mut position = api.freshness.reached().await?;
        if let Some(known) = api.reader.one::<SubmissionView>(&summary.id.to_string()).await? {
            summary.take_rejudged(known.verdicts.rejudged);
        }
        let start = position;
        loop {
            let events = api.log.read_all(position, UNPROJECTED_PAGE).await?;
            let Some(last) = events.last() else { return Ok(()) };
            position = last.position;
            if position.0 - start.0 > RESUME_EVENTS_MAX {
                let message = format!("the read model is at {start}, far behind {position}");
                return Err(ApiError::new(Code::NotCaughtUp, message));
            }
            events.iter().for_each(|recorded| summary.apply_rejudge_event(recorded));
        }
    }

    async fn advance(&mut self, api: &Api, recorded: &Recorded) {
        self.state = match &self.state {
            Some(state) => Some(api.hub.folds.after(state, recorded).await),
            None => SubmissionFold::received(recorded).map(Arc::new),
        };
    }

    /// Applies an event. Returns its messages: one, or one for each test outcome in the event.
    async fn apply(&mut self, api: &Api, recorded: &Arc<Recorded>) -> Result<Messages, ApiError> {
        self.advance(api, recorded).await;
        if self.state.is_none() {
            return Ok(Messages::None);
        }
        let Event::TestsJudged(_) = &recorded.event else {
            return Ok(Messages::Snapshot(recorded.position));
        };
        self.load_revision(api).await?;
        Ok(Messages::Tests(Arc::clone(recorded), 0))
    }

    fn snapshot(&self, position: Position, gap: bool) -> Result<SubmissionUpdate, ApiError> {
        let state = self.known()?;
        Ok(SubmissionUpdate {
            cursor: StreamCursor::behind(position).encode(),
            gap,
            at: state.last.recorded_at.into(),
            test: None,
            submission: Arc::clone(state).into(),
        })
    }

    /// A revision never changes, so it is loaded once.
    async fn load_revision(&mut self, api: &Api) -> Result<(), ApiError> {
        if self.revision.is_none()
            && let Some(state) = &self.state
        {
            let SubmissionView { problem, revision, .. } = &state.summary;
            self.revision = api.revisions.get(problem, *revision).await?;
        }
        Ok(())
    }
}

/// The messages of one event that are left to send. Each is built when it is sent.
#[derive(Debug)]
enum Messages {
    /// No messages.
    None,
    /// The submission after the event at this position.
    Snapshot(Position),
    /// One message for each outcome from this index on.
    Tests(Arc<Recorded>, usize),
}

impl Messages {
    /// The next message that a client with this cursor has not received.
    fn next(
        &mut self,
        followed: &Followed,
        after: Option<StreamCursor>,
    ) -> Result<Option<SubmissionUpdate>, ApiError> {
        let seen = |position, index| after.is_some_and(|after| after.covers(position, index));
        loop {
            match self {
                Self::None => return Ok(None),
                Self::Snapshot(position) => {
                    let position = *position;
                    *self = Self::None;
                    if !seen(position, u32::MAX) {
                        return followed.snapshot(position, false).map(Some);
                    }
                }
                Self::Tests(recorded, index) => {
                    let Event::TestsJudged(judged) = &recorded.event else { return Ok(None) };
                    let Some(outcome) = judged.outcomes.get(*index) else { return Ok(None) };
                    *index += 1;
                    let is_last = *index == judged.outcomes.len();
                    let messages = (!is_last).then_some(*index as u32);
                    let cursor = StreamCursor { position: recorded.position, messages };
                    if seen(cursor.position, cursor.messages.map_or(u32::MAX, |sent| sent - 1)) {
                        continue;
                    }
                    let revision = followed.revision.clone();
                    let outcome = Arc::new(outcome.clone());
                    let test = Some(TestResult::new(outcome, judged.attempt, revision));
                    let update = followed.snapshot(recorded.position, false)?;
                    return Ok(Some(SubmissionUpdate { cursor: cursor.encode(), test, ..update }));
                }
            }
        }
    }
}
