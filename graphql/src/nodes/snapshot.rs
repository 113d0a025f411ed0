//! Past states of the service, for auditors.
//!
//! These types are separate from the current ones: a current node links to other current nodes, and
//! an answer about the past must not contain present data. They show what events record,
//! unredacted, but not sources.

mod problem;
mod submission;
mod user;

use async_graphql::connection::{Connection, Edge};
use async_graphql::{Context, ID, Object, Result, SimpleObject};
use domain::Slug;
use read_model::views::Standing as StandingView;
use read_model::{Keyset, Scalar};

use self::problem::ProblemThen;
use self::submission::SubmissionThen;
use self::user::UserThen;
use super::int;
use crate::connection::{Page, Paging, Total, cost, window};
use crate::cursor::ListCursor;
use crate::moment::Moment;
use crate::scalars::{DateTime, PositionScalar};
use crate::{Api, ApiError, GlobalId, prices};

/// The state of the service right after an event of the log.
#[derive(Debug, Clone, Copy)]
pub struct Snapshot(Moment);

impl Snapshot {
    /// The snapshot at a position or a time; exactly one must be given.
    pub(super) async fn of(
        ctx: &Context<'_>,
        at: Option<DateTime>,
        position: Option<PositionScalar>,
    ) -> Result<Self, ApiError> {
        let api = Api::of(ctx);
        match (at, position) {
            (Some(at), None) => Moment::at(api, at.0).await.map(Self),
            (None, Some(position)) => Moment::after(api, position.0).await.map(Self),
            _ => Err(ApiError::bad_input("give either at or position")),
        }
    }
}

/// An account's place in the ranking of accounts that had solved a problem.
#[derive(Debug, Clone, SimpleObject)]
pub struct Standing {
    /// The rank, from 1. Accounts with more solved problems come first; ties go to the earlier
    /// `lastSolvedAt`.
    rank: i32,
    /// The account's login.
    login: String,
    /// The number of problems it had solved.
    solved: i32,
    /// When the verdict that solved the last of them began to count.
    last_solved_at: Option<DateTime>,
}

#[Object]
impl Snapshot {
    /// The position of the last event included; 0 before the first event.
    async fn position(&self) -> PositionScalar {
        PositionScalar(self.0.position())
    }

    /// When that event was recorded; null before the first event.
    async fn at(&self, ctx: &Context<'_>) -> Result<Option<DateTime>> {
        Ok(self.0.recorded_at(Api::of(ctx)).await?.map(DateTime))
    }

    /// A submission; null if it had not been received.
    #[graphql(complexity = "prices::PAST + child_complexity")]
    async fn submission(&self, ctx: &Context<'_>, id: ID) -> Result<Option<SubmissionThen>> {
        let found = self.0.submission(Api::of(ctx), GlobalId::submission(&id)?).await?;
        Ok(found.map(|view| SubmissionThen::new(self.0, view)))
    }

    /// A problem at its newest revision at the time; null if it did not exist.
    #[graphql(complexity = "prices::PAST + child_complexity")]
    async fn problem(&self, ctx: &Context<'_>, slug: String) -> Result<Option<ProblemThen>> {
        let Ok(slug) = slug.parse::<Slug>() else { return Ok(None) };
        Ok(self.0.problem(Api::of(ctx), &slug).await?.map(ProblemThen))
    }

    /// An account; null if it had not been registered.
    #[graphql(complexity = "prices::PAST + child_complexity")]
    async fn user(&self, ctx: &Context<'_>, login: String) -> Result<Option<UserThen>> {
        let Ok(login) = login.parse() else { return Ok(None) };
        let found = self.0.account(Api::of(ctx), &login).await?;
        Ok(found.map(|account| UserThen::new(self.0, account)))
    }

    /// The ranking of accounts that had solved a problem, best first.
    #[graphql(complexity = "prices::PAST + cost(first, last, child_complexity)")]
    async fn standings(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Page<Standing>> {
        let api = Api::of(ctx);
        let paging = Paging { first, after, last, before };
        // At another position, the same place belongs to another account.
        let list = format!("Standing@{}", self.0.position());
        let place = |cursor: &Option<String>| -> Result<Option<usize>, ApiError> {
            cursor.as_deref().map(|cursor| place_of(&list, cursor)).transpose()
        };
        let (after, before) = (place(&paging.after)?, place(&paging.before)?);
        let ranked = self.0.then(api).standings().await.map_err(ApiError::from)?;
        let shown = window(&paging, after, before, ranked.len(), api.limits.page_size)?;
        let total = Total::Known(ranked.len() as u64);
        let (has_previous, has_next) = (shown.start > 0, shown.end < ranked.len());
        let mut page = Connection::with_additional_fields(has_previous, has_next, total);
        let places = ranked.into_iter().enumerate().skip(shown.start).take(shown.len());
        page.edges.extend(places.map(|(place, standing)| {
            Edge::new(cursor_of(&list, place, &standing), Standing::new(place, standing))
        }));
        Ok(page)
    }
}

impl Standing {
    /// `place` counts from 0.
    fn new(place: usize, standing: StandingView) -> Self {
        Self {
            rank: int(place + 1),
            login: standing.login.to_string(),
            solved: int(standing.solved),
            last_solved_at: standing.last_solved_at.map(Into::into),
        }
    }
}

fn cursor_of(list: &str, place: usize, standing: &StandingView) -> ListCursor {
    let value = Scalar::Integer(i64::try_from(place).unwrap_or(i64::MAX));
    ListCursor::new(list, Keyset { value, key: standing.login.to_string() })
}

/// The place that a cursor from [`cursor_of`] encodes.
fn place_of(list: &str, cursor: &str) -> Result<usize, ApiError> {
    let place = match ListCursor::place_in(list, cursor)?.value {
        Scalar::Integer(place) => usize::try_from(place).ok(),
        _ => None,
    };
    place.ok_or_else(|| ApiError::bad_input("the cursor is malformed"))
}
