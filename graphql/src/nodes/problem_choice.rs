//! Problems chosen by chance and by date. Every problem has a fixed place in an order that is as good
//! as random; a choice is a place in this order.

use std::collections::BTreeSet;

use async_graphql::Context;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use read_model::views::{ProblemView, shuffle_of};
use read_model::{
    Condition, Direction, Keyset, Micros, Order, PageRequest, Scalar, ViewReader, ViewReaderExt,
};
use uuid::Uuid;

use super::problem::ProblemFilter;
use super::problem_search::listed;
use crate::{Api, ApiError};

/// Problems behind a random place of which one is chosen, so that a problem with a long gap before it
/// is not chosen much more often than others.
const CANDIDATES_MAX: u32 = 16;

/// One of the problems that the filter selects, chosen at random.
///
/// # Errors
/// If the filter is invalid or a store does not respond.
pub async fn random_problem(
    ctx: &Context<'_>,
    filter: ProblemFilter,
) -> Result<Option<ProblemView>, ApiError> {
    let conditions = filter.conditions(ctx).await?;
    let (place, choice) = Uuid::new_v4().as_u64_pair();
    let place = i64::try_from(place >> 1).unwrap_or(i64::MAX);
    let reader = Api::of(ctx).reader.as_ref();
    let mut found = from_place(reader, conditions, place, CANDIDATES_MAX).await?;
    let count = found.len().max(1) as u64;
    let index = usize::try_from(choice % count).unwrap_or(0);
    Ok((index < found.len()).then(|| found.swap_remove(index)))
}

/// The problem of a day, by UTC: of the problems that were in lists before the day began and still
/// are, the first one from the date's place on.
///
/// # Errors
/// If the date is after tomorrow, or a store does not respond.
pub async fn daily_problem(
    ctx: &Context<'_>,
    date: Option<Date>,
) -> Result<Option<ProblemView>, ApiError> {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let date = date.unwrap_or(today);
    if date > today.saturating_add(1.day()) {
        return Err(ApiError::bad_input("the problems of days after tomorrow are not chosen yet"));
    }
    let day = date.to_zoned(TimeZone::UTC);
    let begins = day.map_err(|_| ApiError::bad_input("the date is out of range"))?.timestamp();
    let conditions =
        vec![listed(), Condition::Below("listed_since", Scalar::Integer(Micros::from(begins).0))];
    let place = shuffle_of(&date.to_string());
    let found = from_place(Api::of(ctx).reader.as_ref(), conditions, place, 1).await?;
    Ok(found.into_iter().next())
}

/// The problems from this place on, up to a number. The order begins again after its end.
async fn from_place(
    reader: &dyn ViewReader,
    conditions: Vec<Condition>,
    place: i64,
    limit: u32,
) -> Result<Vec<ProblemView>, ApiError> {
    let order = Order { field: Some("shuffle"), direction: Direction::Ascending };
    let start = Keyset { value: Scalar::Integer(place), key: String::new() };
    let mut found: Vec<ProblemView> = Vec::new();
    for after in [Some(start), None] {
        let request = PageRequest {
            conditions: conditions.clone(),
            order,
            after,
            ..PageRequest::all(limit - found.len() as u32)
        };
        if request.limit > 0 {
            let known: BTreeSet<_> = found.iter().map(|it| it.slug.clone()).collect();
            let page = reader.views::<ProblemView>(&request).await?.items.into_iter();
            found.extend(page.map(|(_, it)| it).filter(|it| !known.contains(&it.slug)));
        }
    }
    Ok(found)
}
