//! What an account has done: solved problems, submissions per day and per language.

use async_graphql::{Context, Object, Result, SimpleObject};
use domain::Login;
use read_model::views::{ActivityView, LanguageUseView, ProblemView, SolvedView};
use read_model::{Condition, Direction, Keyset, Order, PageRequest, Scalar, View, ViewReaderExt};

use super::submission::behind;
use super::{LanguageNode, Problem, int};
use crate::connection::{Page, Paging, page};
use crate::loaders::Key;
use crate::scalars::{Date, DateTime};
use crate::{Api, ApiError, Viewer, access};

/// The years that a calendar can have.
const YEARS: std::ops::RangeInclusive<i16> = 1970..=9999;
/// The most documents that are read for one account: a year of days, or all languages.
const DOCUMENTS_MAX: u32 = 366;

/// A problem that an account has solved.
#[derive(Debug, Clone)]
pub struct SolvedProblem(SolvedView);

impl From<SolvedView> for SolvedProblem {
    fn from(view: SolvedView) -> Self {
        Self(view)
    }
}

#[Object]
impl SolvedProblem {
    /// The problem, at its newest revision; null if it is in none of the viewer's lists.
    async fn problem(&self, ctx: &Context<'_>) -> Result<Option<Problem>> {
        let problem = Api::loader(ctx).load_one(Key::<ProblemView>::new(&self.0.problem)).await?;
        let problem = problem.ok_or_else(|| behind(self.0.problem.as_str()))?;
        let is_shown = access::may_find_problem(Viewer::of(ctx), &problem.access);
        Ok(is_shown.then(|| problem.into()))
    }

    /// Since when it counts as solved: the time of the earliest accepted verdict that counts.
    async fn solved_at(&self) -> Option<DateTime> {
        self.0.solved_at.map(Into::into)
    }
}

/// The submissions of an account on one day, UTC.
#[derive(Debug, Clone, SimpleObject)]
pub struct ActivityDay {
    /// The day on which the submissions were received.
    date: Date,
    /// The number of submissions.
    submissions: i32,
    /// The number of those that are accepted.
    accepted: i32,
}

/// The submissions of an account in one language.
#[derive(Debug, Clone, SimpleObject)]
pub struct LanguageUse {
    /// The language.
    language: LanguageNode,
    /// The number of submissions.
    submissions: i32,
    /// The number of those that are accepted.
    accepted: i32,
}

/// A page of the problems that an account has solved, newest first.
pub(super) async fn solved_problems(
    ctx: &Context<'_>,
    login: &Login,
    paging: Paging,
) -> Result<Page<SolvedProblem>, ApiError> {
    let conditions = vec![
        Condition::Equals("login", Scalar::Text(login.to_string())),
        Condition::Equals("status", Scalar::Text("SOLVED".to_owned())),
    ];
    let newest_first = Order { field: Some("solved_at"), direction: Direction::Descending };
    page::<SolvedView, SolvedProblem>(ctx, paging, conditions, newest_first).await
}

/// The days of a year on which an account has submitted, in order.
pub(super) async fn calendar(
    ctx: &Context<'_>,
    login: &Login,
    year: i32,
) -> Result<Vec<ActivityDay>, ApiError> {
    let known = i16::try_from(year).ok().filter(|year| YEARS.contains(year));
    let Some(year) = known else {
        let (first, last) = (YEARS.start(), YEARS.end());
        return Err(ApiError::bad_input(format!("a calendar has a year from {first} to {last}")));
    };
    // `.` sorts directly after `-`.
    let (after, before) = (format!("{login}/{year:04}-"), format!("{login}/{year:04}."));
    let days: Vec<ActivityView> = between(ctx, &after, &before).await?;
    let days = days.into_iter().map(|day| ActivityDay {
        date: Date(day.day),
        submissions: int(day.submissions),
        accepted: int(day.accepted),
    });
    Ok(days.collect())
}

/// The languages in which an account has submitted, the most used first.
pub(super) async fn languages(
    ctx: &Context<'_>,
    login: &Login,
) -> Result<Vec<LanguageUse>, ApiError> {
    // `0` sorts directly after `/`.
    let (after, before) = (format!("{login}/"), format!("{login}0"));
    let mut used: Vec<LanguageUseView> = between(ctx, &after, &before).await?;
    used.sort_by_key(|used| std::cmp::Reverse(used.submissions));
    let used = used.into_iter().map(|used| LanguageUse {
        language: LanguageNode::of(Api::of(ctx), &used.language),
        submissions: int(used.submissions),
        accepted: int(used.accepted),
    });
    Ok(used.collect())
}

/// The views whose keys are between these two, ordered by key.
async fn between<V: View>(
    ctx: &Context<'_>,
    after: &str,
    before: &str,
) -> Result<Vec<V>, ApiError> {
    let place = |key: &str| Some(Keyset { value: Scalar::Null, key: key.to_owned() });
    let (after, before) = (place(after), place(before));
    let request = PageRequest { after, before, ..PageRequest::all(DOCUMENTS_MAX) };
    let found = Api::of(ctx).reader.views::<V>(&request).await?;
    Ok(found.items.into_iter().map(|(_, view)| view).collect())
}
