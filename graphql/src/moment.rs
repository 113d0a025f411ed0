//! The past: the state of the log's objects at one position.
//!
//! The state of one stream is folded from its events up to that position. Counts over many streams
//! come from the views' history. Nothing here reads current state, except values that never change.

use domain::{Login, Position, Recorded, Slug, StreamId, SubmissionId, Version};
use jiff::Timestamp;
use read_model::views::{AccountView, ProblemView, SubmissionFold};
use read_model::{Then, ViewReaderExt, positions_around};

use crate::{Api, ApiError};

/// Events read from a stream at once.
const STREAM_PAGE: u32 = 256;

/// A position that exists in the log and that the views have reached.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    position: Position,
}

impl Moment {
    /// The moment right after the event at this position; 0 means before the first event.
    ///
    /// # Errors
    /// If the log does not reach that far.
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

    /// The moment right after the last event recorded at or before this time.
    ///
    /// # Errors
    /// If a store does not respond.
    pub(crate) async fn at(api: &Api, at: Timestamp) -> Result<Self, ApiError> {
        // The log's clock counts microseconds.
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

    /// The moment's position in the log.
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    /// The time at which the event at this position was recorded; `None` for position 0.
    ///
    /// # Errors
    /// If the log does not respond.
    pub(crate) async fn recorded_at(&self, api: &Api) -> Result<Option<Timestamp>, ApiError> {
        recorded_at(api, self.position).await
    }

    /// Reads the views' history at this moment.
    pub(crate) fn then<'a>(&self, api: &'a Api) -> Then<'a> {
        Then::new(api.reader.as_ref(), self.position)
    }

    /// A submission's state at this moment.
    ///
    /// # Errors
    /// If a store does not respond.
    pub(crate) async fn submission(
        &self,
        api: &Api,
        id: SubmissionId,
    ) -> Result<Option<SubmissionFold>, ApiError> {
        let events = self.stream(api, &StreamId::Submission(id)).await?;
        let rejudged = self.then(api).rejudged(id).await?;
        Ok(SubmissionFold::of(&events).map(|fold| fold.with_rejudged(rejudged)))
    }

    /// A problem at its newest revision of the time, with its counters.
    ///
    /// # Errors
    /// If a store does not respond.
    pub(crate) async fn problem(
        &self,
        api: &Api,
        slug: &Slug,
    ) -> Result<Option<ProblemView>, ApiError> {
        let events = self.stream(api, &StreamId::Problem(slug.clone())).await?;
        // A problem's number never changes.
        let today = api.reader.one::<ProblemView>(slug.as_str()).await?;
        let number = today.map_or(0, |problem| problem.number);
        let statistics = self.then(api).statistics(slug).await?;
        Ok(ProblemView::fold(number, &events, statistics.as_ref()))
    }

    /// An account with the roles it had.
    ///
    /// # Errors
    /// If a store does not respond.
    pub(crate) async fn account(
        &self,
        api: &Api,
        login: &Login,
    ) -> Result<Option<AccountView>, ApiError> {
        let events = self.stream(api, &StreamId::Account(login.clone())).await?;
        Ok(AccountView::fold(&events))
    }

    /// The events of a stream up to this moment.
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

/// The time at which the event at this position was recorded; `None` if there is no such event.
async fn recorded_at(api: &Api, position: Position) -> Result<Option<Timestamp>, ApiError> {
    let Some(before) = position.0.checked_sub(1) else { return Ok(None) };
    let found = api.log.read_all(Position(before), 1).await?;
    Ok(found.first().map(|recorded| recorded.recorded_at))
}
