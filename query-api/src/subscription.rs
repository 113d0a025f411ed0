//! Live status.
//!
//! One contract for all: the first message is a snapshot (or, with `after`, the missed messages in
//! order); then live; every message carries the cursor to resume after; exclusive. Ends when final.

mod events;
mod rejudges;

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{Context, ID, Result, SimpleObject};
use async_stream::try_stream;
use domain::{Event, Position, Recorded, StreamId, SubmissionId};
use event_store::ReadError;
use futures::Stream;
use read_model::views::{RevisionView, SubmissionState, SubmissionView};
use read_model::{Condition, PageRequest, Scalar, ViewReaderExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::rejudges::RejudgeUpdate;
use crate::cursor::StreamCursor;
use crate::hub::Topic;
use crate::nodes::{EventEdge, EventFilter, Submission, TestResult};
use crate::scalars::DateTime;
use crate::{Api, ApiError, Code, GlobalId, Viewer, access};

/// Events that `mySubmissions` reads again for a client that comes back; beyond that it gets a
/// fresh snapshot, and `gap` says so.
const RESUME_EVENTS_MAX: u64 = 50_000;
/// Events read at once of those that the views do not know yet.
const UNPROJECTED_PAGE: u32 = 512;
/// Open submissions in the snapshot of `mySubmissions`.
const SNAPSHOT_SUBMISSIONS_MAX: u32 = 100;

/// One thing that happened to a submission, and what it is now.
#[derive(Debug, Clone, SimpleObject)]
pub struct SubmissionUpdate {
    /// Resume after this.
    cursor: String,
    /// Too many events lie between `after` and now to tell them all: this is a fresh snapshot.
    gap: bool,
    /// When it happened.
    at: DateTime,
    /// The test just finished, if that is what this is.
    test: Option<TestResult>,
    /// The submission then.
    submission: Submission,
}

/// How many subscriptions a socket may still begin.
#[derive(Debug, Clone)]
pub(crate) struct SocketBudget(pub(crate) Arc<Semaphore>);

/// The root of subscriptions.
#[derive(Debug, Default)]
pub struct Subscription;

#[async_graphql::Subscription]
impl Subscription {
    /// One submission, until it has its verdict.
    async fn submission(
        &self,
        ctx: &Context<'_>,
        id: ID,
        after: Option<String>,
    ) -> Result<impl Stream<Item = Result<SubmissionUpdate>> + use<>> {
        let permit = take_place(ctx)?;
        let api = Arc::clone(ctx.data_unchecked::<Arc<Api>>());
        let id = GlobalId::submission(&id)?;
        let after = after.as_deref().map(StreamCursor::decode).transpose()?;
        check_cursor(&api, after).await?;
        let events = read(&api, id).await?;
        let not_found = || ApiError::new(Code::BadUserInput, "there is no such submission");
        let first = SubmissionView::fold(&events[..events.len().min(1)]).ok_or_else(not_found)?;
        if !access::may_see_submissions_of(Viewer::of(ctx), &first.author) {
            return Err(not_found().into());
        }
        Ok(updates_of_one(api, id, after, events, permit))
    }

    /// All of the viewer's submissions; one socket for a whole page.
    async fn my_submissions(
        &self,
        ctx: &Context<'_>,
        after: Option<String>,
    ) -> Result<impl Stream<Item = Result<SubmissionUpdate>> + use<>> {
        let permit = take_place(ctx)?;
        let api = Arc::clone(ctx.data_unchecked::<Arc<Api>>());
        let viewer = Viewer::required(ctx)?.clone();
        let after = after.as_deref().map(StreamCursor::decode).transpose()?;
        check_cursor(&api, after).await?;
        Ok(updates_of_all(api, viewer, after, permit))
    }

    /// One rejudge, until it is applied or cancelled. For judges.
    async fn rejudge(
        &self,
        ctx: &Context<'_>,
        id: ID,
        after: Option<String>,
    ) -> Result<impl Stream<Item = Result<RejudgeUpdate>> + use<>> {
        let permit = take_place(ctx)?;
        let api = Arc::clone(ctx.data_unchecked::<Arc<Api>>());
        let id = GlobalId::rejudge(&id)?;
        let after = after.as_deref().map(StreamCursor::decode).transpose()?;
        check_cursor(&api, after).await?;
        let not_found = || ApiError::new(Code::BadUserInput, "there is no such rejudge");
        if !access::may_rejudge(Viewer::of(ctx)) {
            return Err(not_found().into());
        }
        let head = api.log.info().await.map_err(ApiError::from)?.head;
        let rejudge = rejudges::read(&api, id, head).await?.ok_or_else(not_found)?;
        Ok(rejudges::updates(api, rejudge, head, after, permit))
    }

    /// Events as they happen, or all after a cursor: `cursor` of an edge, here or in `audit.events`. Ends when no later
    /// event can pass the filter. For auditors.
    async fn audit_events(
        &self,
        ctx: &Context<'_>,
        after: Option<String>,
        filter: Option<EventFilter>,
    ) -> Result<impl Stream<Item = Result<EventEdge>> + use<>> {
        let permit = take_place(ctx)?;
        let api = Arc::clone(ctx.data_unchecked::<Arc<Api>>());
        if !access::may_see_log(Viewer::of(ctx)) {
            return Err(ApiError::new(Code::Forbidden, "the log is for auditors").into());
        }
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

fn updates_of_one(
    api: Arc<Api>,
    id: SubmissionId,
    after: Option<StreamCursor>,
    events: Vec<Recorded>,
    permit: Option<OwnedSemaphorePermit>,
) -> impl Stream<Item = Result<SubmissionUpdate>> {
    try_stream! {
        let _permit = permit;
        let mut followed = Followed::default();
        let Some(last) = events.last() else { return };
        let position = last.position;
        for recorded in &events {
            let mut messages = followed.apply(&api, recorded).await?;
            // It ended before this began, and may have been judged again since.
            if followed.is_final() {
                followed.take_rejudged(&api).await?;
                let last = followed.snapshot(recorded, position, false)?;
                messages = vec![last];
            }
            let at_snapshot = after.is_none() && recorded.position == position;
            if at_snapshot {
                yield followed.snapshot(recorded, position, false)?;
            }
            if let Some(after) = after {
                for message in unseen(messages, after) {
                    yield message;
                }
            }
        }
        if followed.is_final() {
            return;
        }
        let mut feed = api.hub.feed(Topic::Submission(id), position);
        loop {
            let recorded = feed.next().await.map_err(ApiError::from)?;
            for message in followed.apply(&api, &recorded).await? {
                yield message;
            }
            if followed.is_final() {
                return;
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
                let mut followed = Followed::default();
                let events = read(&api, id).await?;
                for recorded in events.iter().filter(|recorded| recorded.position <= head) {
                    followed.apply(&api, recorded).await?;
                }
                if let Some(last) = events.iter().rfind(|recorded| recorded.position <= head) {
                    yield followed.snapshot(last, head, gap)?;
                }
                open.insert(id, followed);
            }
        }
        // A partly sent event is read again, to send the rest of it.
        let from = resumable.map_or(head, |after| match after.messages {
            Some(_) => Position(after.position.0 - 1),
            None => after.position,
        });
        let mut feed = api.hub.feed(Topic::Author(viewer.login.clone()), from);
        loop {
            let recorded = feed.next().await.map_err(ApiError::from)?;
            let StreamId::Submission(id) = recorded.stream else { continue };
            let mut followed = match open.remove(&id) {
                Some(followed) => followed,
                None => Followed::before(&api, id, recorded.position).await?,
            };
            let mut messages = followed.apply(&api, &recorded).await?;
            if let Some(after) = resumable {
                messages = unseen(messages, after);
            }
            for message in messages {
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

async fn read(api: &Api, id: SubmissionId) -> Result<Vec<Recorded>, ApiError> {
    let stream = StreamId::Submission(id);
    let events: Result<_, ReadError> =
        event_store::read_stream_whole(api.log.as_ref(), &stream).await;
    Ok(events?)
}

/// A cursor from the future is another installation's, or made up.
async fn check_cursor(api: &Api, after: Option<StreamCursor>) -> Result<(), ApiError> {
    let Some(after) = after else { return Ok(()) };
    let head = api.log.info().await?.head;
    if after.position > head || after.position == Position::START {
        return Err(ApiError::bad_input("the cursor is not of this log"));
    }
    Ok(())
}

fn take_place(ctx: &Context<'_>) -> Result<Option<OwnedSemaphorePermit>, ApiError> {
    let Some(budget) = ctx.data_opt::<SocketBudget>() else { return Ok(None) };
    let permit = Arc::clone(&budget.0).try_acquire_owned();
    permit.map(Some).map_err(|_| {
        ApiError::new(Code::TooMany, "too many subscriptions on this socket; end one first")
    })
}

/// Those that a client that comes back with this cursor has not seen.
fn unseen(mut messages: Vec<SubmissionUpdate>, after: StreamCursor) -> Vec<SubmissionUpdate> {
    messages.retain(|message| {
        StreamCursor::decode(&message.cursor).is_ok_and(|cursor| {
            !after.covers(cursor.position, cursor.messages.map_or(u32::MAX, |sent| sent - 1))
        })
    });
    messages
}

/// A submission as its events have it so far. No database is asked for it (INV-13).
#[derive(Debug, Default)]
struct Followed {
    view: Option<SubmissionView>,
    revision: Option<RevisionView>,
}

impl Followed {
    /// The submission as it was before this position.
    async fn before(api: &Api, id: SubmissionId, position: Position) -> Result<Self, ApiError> {
        let mut followed = Self::default();
        for recorded in read(api, id).await?.iter().filter(|it| it.position < position) {
            followed.apply(api, recorded).await?;
        }
        Ok(followed)
    }

    fn is_final(&self) -> bool {
        self.view.as_ref().is_some_and(|view| view.state == SubmissionState::Judged)
    }

    /// Takes on what rejudges found that are applied. The views tell which those are, and the log what
    /// they do not know yet.
    async fn take_rejudged(&mut self, api: &Api) -> Result<(), ApiError> {
        let Some(view) = &mut self.view else { return Ok(()) };
        let mut position = api.freshness.reached().await?;
        if let Some(known) = api.reader.one::<SubmissionView>(&view.id.to_string()).await? {
            view.take_rejudged(known.verdicts);
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
            events.iter().for_each(|recorded| view.hear_of_rejudge(recorded));
        }
    }

    /// The messages that an event makes: one, or one for each test it tells of.
    async fn apply(
        &mut self,
        api: &Api,
        recorded: &Recorded,
    ) -> Result<Vec<SubmissionUpdate>, ApiError> {
        match (&mut self.view, &recorded.event) {
            (Some(view), _) => view.evolve(recorded),
            (view, Event::SubmissionReceived(received)) => {
                *view = Some(SubmissionView::new(received, recorded));
            }
            (None, _) => return Ok(vec![]),
        }
        let position = recorded.position;
        let Event::TestsJudged(judged) = &recorded.event else {
            return Ok(self.snapshot(recorded, position, false).into_iter().collect());
        };
        self.load_revision(api).await?;
        let last = judged.outcomes.len();
        let numbered = (1..).zip(&judged.outcomes);
        numbered
            .map(|(sent, outcome)| {
                let messages = (sent as usize != last).then_some(sent);
                let cursor = StreamCursor { position, messages }.encode();
                let test = Some(TestResult::new(outcome, self.revision.as_ref()));
                Ok(SubmissionUpdate { cursor, test, ..self.snapshot(recorded, position, false)? })
            })
            .collect()
    }

    fn snapshot(
        &self,
        recorded: &Recorded,
        position: Position,
        gap: bool,
    ) -> Result<SubmissionUpdate, ApiError> {
        let view = self.view.clone();
        let view = view.ok_or_else(|| ApiError::new(Code::Internal, "the stream has no begin"))?;
        Ok(SubmissionUpdate {
            cursor: StreamCursor::behind(position).encode(),
            gap,
            at: DateTime(recorded.recorded_at),
            test: None,
            submission: view.into(),
        })
    }

    /// Test groups and samples never change within a revision, so they are asked for once.
    async fn load_revision(&mut self, api: &Api) -> Result<(), ApiError> {
        if self.revision.is_none()
            && let Some(view) = &self.view
        {
            let key = RevisionView::key_of(&view.problem, view.revision);
            self.revision = api.reader.one::<RevisionView>(&key).await?;
        }
        Ok(())
    }
}
