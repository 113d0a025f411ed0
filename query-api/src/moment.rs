//! The world as the log had it: one moment, and what was so then.
//!
//! What stands in one stream is folded from that stream, up to the moment. What many streams count together is looked
//! up in the views' history. Nothing here reads what is so today, but for what never changes.

use domain::{Login, Position, Recorded, Slug, StreamId, SubmissionId, Version};
use jiff::Timestamp;
use read_model::views::{AccountView, ProblemView, SubmissionFold};
use read_model::{Then, ViewReaderExt, positions_around};

use crate::{Api, ApiError};

/// Events of one read of a stream.
const STREAM_PAGE: u32 = 256;

/// A position of the log that exists, and that the views have reached.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    position: Position,
}

impl Moment {
    /// Right after the event at this position; with 0, before everything.
    ///
    /// # Errors
    /// When the log has not come so far.
    pub(crate) async fn after(api: &Api, position: Position) -> Result<Self, ApiError> {
        let known = *api.log.head().borrow();
        if position > known {
            let head = api.log.info().await?.head;
            if position > head {
                return Err(ApiError::bad_input(format!("the log ends at {head}")));
            }
        }
        api.freshness.wait_for(position).await?;
        Ok(Self { position })
    }

    /// Right after the last event that was recorded not after this time.
    ///
    /// # Errors
    /// When a store does not answer.
    pub(crate) async fn at(api: &Api, at: Timestamp) -> Result<Self, ApiError> {
        // Microseconds are as fine as the log's clock.
        let at = Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at);
        let (before, after) = positions_around(api.reader.as_ref(), at.into()).await?;
        let mut reached = before.unwrap_or(Position::START);
        let mut beyond = match after {
            Some(after) => after,
            None => api.log.info().await?.head.next(),
        };
        while beyond.0 - reached.0 > 1 {
            let middle = Position(reached.0 + (beyond.0 - reached.0) / 2);
            match recorded_at(api, middle).await? {
                Some(recorded_at) if recorded_at <= at => reached = middle,
                _ => beyond = middle,
            }
        }
        Self::after(api, reached).await
    }

    /// Its position.
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    /// When the event at its position was recorded; `None` before everything.
    ///
    /// # Errors
    /// When the log does not answer.
    pub(crate) async fn recorded_at(&self, api: &Api) -> Result<Option<Timestamp>, ApiError> {
        recorded_at(api, self.position).await
    }

    /// What the views' history says of it.
    pub(crate) fn then<'a>(&self, api: &'a Api) -> Then<'a> {
        Then::new(api.reader.as_ref(), self.position)
    }

    /// A submission as it stood.
    ///
    /// # Errors
    /// When a store does not answer.
    pub(crate) async fn submission(
        &self,
        api: &Api,
        id: SubmissionId,
    ) -> Result<Option<SubmissionFold>, ApiError> {
        let events = self.stream(api, &StreamId::Submission(id)).await?;
        let rejudged = self.then(api).rejudged(id).await?;
        Ok(SubmissionFold::of(&events).map(|fold| fold.with_rejudged(rejudged)))
    }

    /// A problem at the revision that was its newest, with its counters.
    ///
    /// # Errors
    /// When a store does not answer.
    pub(crate) async fn problem(
        &self,
        api: &Api,
        slug: &Slug,
    ) -> Result<Option<ProblemView>, ApiError> {
        let events = self.stream(api, &StreamId::Problem(slug.clone())).await?;
        // Its number is given once.
        let today = api.reader.one::<ProblemView>(slug.as_str()).await?;
        let number = today.map_or(0, |problem| problem.number);
        let statistics = self.then(api).statistics(slug).await?;
        Ok(ProblemView::fold(number, &events, statistics.as_ref()))
    }

    /// An account with the roles that it had.
    ///
    /// # Errors
    /// When a store does not answer.
    pub(crate) async fn account(
        &self,
        api: &Api,
        login: &Login,
    ) -> Result<Option<AccountView>, ApiError> {
        let events = self.stream(api, &StreamId::Account(login.clone())).await?;
        Ok(AccountView::fold(&events))
    }

    /// A stream up to the moment.
    async fn stream(&self, api: &Api, stream: &StreamId) -> Result<Vec<Recorded>, ApiError> {
        let mut events: Vec<Recorded> = Vec::new();
        loop {
            let from = Version(events.len() as u64 + 1);
            let page = api.log.read_stream(stream, from, STREAM_PAGE).await?;
            let read = page.len();
            events.extend(page.into_iter().take_while(|it| it.position <= self.position));
            let whole = from.0 - 1 + read as u64;
            if read < STREAM_PAGE as usize || (events.len() as u64) < whole {
                return Ok(events);
            }
        }
    }
}

/// When the event at this position was recorded; `None` where there is none.
async fn recorded_at(api: &Api, position: Position) -> Result<Option<Timestamp>, ApiError> {
    let Some(before) = position.0.checked_sub(1) else { return Ok(None) };
    let found = api.log.read_all(Position(before), 1).await?;
    Ok(found.first().map(|recorded| recorded.recorded_at))
}
