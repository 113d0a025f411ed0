//! Reads the state at a position of the log from the history views.

use std::collections::BTreeMap;

use domain::{Difficulty, Login, Position, Slug, SubmissionId};
use futures::future::try_join_all;

use crate::views::{
    Counter, DifficultySince, RankingSegment, RejudgedSince, SolvedStatus, Standing,
    StatisticsSince, StatusSince, history_key, rank,
};
use crate::{
    Direction, Keyset, Micros, Order, PageRequest, ReadError, Scalar, View, ViewReader,
    ViewReaderExt, WHOLE_PAGE,
};

/// Sorts after every key.
const AFTER_EVERY_KEY: &str = "\u{10ffff}";
/// Separates the first part of a key from its position.
const SEPARATOR: char = '/';
/// The character right after the separator.
const AFTER_SEPARATOR: char = '0';

/// The state after a position of the log. The views must have read that far.
#[derive(Debug, Clone, Copy)]
pub struct Then<'a> {
    reader: &'a dyn ViewReader,
    position: i64,
}

impl<'a> Then<'a> {
    /// The state after this position.
    pub fn new(reader: &'a dyn ViewReader, position: Position) -> Self {
        Self { reader, position: i64::try_from(position.0).unwrap_or(i64::MAX) }
    }

    /// A problem's statistics; `None` if it had no submissions.
    ///
    /// # Errors
    /// When the views cannot be read.
    pub async fn statistics(&self, problem: &Slug) -> Result<Option<StatisticsSince>, ReadError> {
        self.newest(problem.as_str()).await
    }

    /// The applied rejudges of a submission; `None` if none had been applied or reverted yet.
    ///
    /// # Errors
    /// When the views cannot be read.
    pub async fn rejudged(&self, id: SubmissionId) -> Result<Option<RejudgedSince>, ReadError> {
        self.newest(&id.to_string()).await
    }

    /// An account's status for every problem that it had submitted to.
    ///
    /// # Errors
    /// When the views cannot be read.
    pub async fn statuses(&self, login: &Login) -> Result<BTreeMap<Slug, SolvedStatus>, ReadError> {
        let of_this = PageRequest {
            after: Some(key(format!("{login}{SEPARATOR}"))),
            before: Some(key(format!("{login}{AFTER_SEPARATOR}"))),
            ..PageRequest::all(WHOLE_PAGE)
        };
        let changes = self.all::<StatusSince>(of_this).await?.into_iter();
        // The changes of one problem are in log order.
        let until = changes.filter(|change| change.position <= self.position);
        let newest: BTreeMap<_, _> = until.map(|change| (change.problem, change.status)).collect();
        Ok(newest.into_iter().filter_map(|(problem, status)| Some((problem, status?))).collect())
    }

    /// Every problem's difficulty.
    ///
    /// # Errors
    /// When the views cannot be read.
    pub async fn difficulties(&self) -> Result<BTreeMap<Slug, Difficulty>, ReadError> {
        let changes = self.all::<DifficultySince>(PageRequest::all(WHOLE_PAGE)).await?.into_iter();
        let until = changes.filter(|change| change.position <= self.position);
        Ok(until.map(|change| (change.problem, change.difficulty)).collect())
    }

    /// The ranking of all accounts that had solved something, best first.
    ///
    /// # Errors
    /// When the views cannot be read.
    pub async fn standings(&self) -> Result<Vec<Standing>, ReadError> {
        let ranked = self.reader.one::<Counter>(Counter::RANKED).await?;
        let pages = ranked.map_or(0, |ranked| RankingSegment::pages(ranked.value));
        let newest: Vec<String> = (0..pages).map(RankingSegment::open_key).collect();
        let newest = self.reader.many::<RankingSegment>(&newest).await?;
        let segments =
            try_join_all((0..pages).zip(newest).map(async |(page, newest)| match newest {
                Some(newest) if newest.position <= self.position => Ok(Some(newest)),
                _ => self.newest(&page.to_string()).await,
            }));
        let segments = segments.await?.into_iter().flatten();
        Ok(rank(segments.flat_map(|segment| segment.at(self.position)).collect()))
    }

    /// The newest document up to the position, among keys that consist of this part and a position.
    async fn newest<V: View>(&self, first: &str) -> Result<Option<V>, ReadError> {
        let request = PageRequest {
            after: Some(key(format!("{first}{SEPARATOR}"))),
            before: Some(key(history_key(first, self.position.saturating_add(1)))),
            from_end: true,
            ..PageRequest::all(1)
        };
        let page = self.reader.views::<V>(&request).await?;
        Ok(page.items.into_iter().next().map(|(_, view)| view))
    }

    /// All documents, page by page, ordered by key.
    async fn all<V: View>(&self, mut request: PageRequest) -> Result<Vec<V>, ReadError> {
        let mut views = Vec::new();
        loop {
            let page = self.reader.views::<V>(&request).await?;
            request.after = page.items.last().map(|(place, _)| place.clone());
            views.extend(page.items.into_iter().map(|(_, view)| view));
            if !page.has_more {
                return Ok(views);
            }
        }
    }
}

/// Two nearby positions of the log: one recorded at or before this time, the other after it. `None`
/// where no view has such a position.
///
/// # Errors
/// When the views cannot be read.
pub async fn positions_around(
    reader: &dyn ViewReader,
    at: Micros,
) -> Result<(Option<Position>, Option<Position>), ReadError> {
    let order = Order { field: Some("at"), direction: Direction::Ascending };
    let all = PageRequest { order, ..PageRequest::all(1) };
    let place = Keyset { value: Scalar::Integer(at.0), key: AFTER_EVERY_KEY.to_owned() };
    let place = Some(place);
    let before = PageRequest { before: place.clone(), from_end: true, ..all.clone() };
    let after = PageRequest { after: place, ..all };
    let first = async |request| {
        let page = reader.views::<StatisticsSince>(&request).await?;
        let position = page.items.into_iter().next().map(|(_, view)| view.position);
        Ok::<_, ReadError>(position.map(|position| Position(position.unsigned_abs())))
    };
    Ok((first(before).await?, first(after).await?))
}

/// A keyset for an order by key.
fn key(key: String) -> Keyset {
    Keyset { value: Scalar::Null, key }
}
