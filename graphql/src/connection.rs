//! Relay connections over pages of views.

use std::ops::Range;

use async_graphql::connection::{Connection, Edge};
use async_graphql::{Context, Object, OutputType};
use read_model::{Condition, Order, PageRequest, View, ViewReaderExt};

use crate::cursor::{ListCursor, list_name};
use crate::loaders::Count;
use crate::{Api, ApiError, prices};

/// Nodes on a page if the client gives no size.
const PAGE_SIZE_DEFAULT: usize = 20;

/// The arguments that every connection takes.
#[derive(Debug, Clone, Default)]
pub struct Paging {
    /// The number of nodes from the start.
    pub first: Option<i32>,
    /// The cursor to start after.
    pub after: Option<String>,
    /// The number of nodes from the end.
    pub last: Option<i32>,
    /// The cursor to end before.
    pub before: Option<String>,
}

/// A total that is counted only if the client asks for it.
#[derive(Debug)]
pub enum Total {
    /// A total that is already known.
    Known(u64),
    /// The number of views that meet conditions.
    Counted(Count),
}

#[Object]
impl Total {
    /// The number of nodes on all pages.
    #[graphql(complexity = "prices::COUNT")]
    async fn total_count(&self, ctx: &Context<'_>) -> async_graphql::Result<u64> {
        match self {
            Self::Known(total) => Ok(*total),
            Self::Counted(count) => Ok(Api::count(ctx, count.clone()).await?),
        }
    }
}

/// A page of nodes with its cursors.
pub type Page<N> = Connection<ListCursor, N, Total>;

/// One page of the views that meet the conditions, as nodes.
pub async fn page<V: View, N: OutputType + From<V>>(
    ctx: &Context<'_>,
    paging: Paging,
    conditions: Vec<Condition>,
    order: Order,
) -> Result<Page<N>, ApiError> {
    let api = Api::of(ctx);
    let list = list_name(&N::type_name(), order);
    let request = request(&paging, &list, conditions.clone(), order, api.limits.page_size)?;
    let found = api.reader.views::<V>(&request).await?;
    let (before, after) = (request.after.is_some(), request.before.is_some());
    let (has_previous, has_next) =
        if request.from_end { (found.has_more, after) } else { (before, found.has_more) };
    let total = Total::Counted(Count::of::<V>(conditions));
    let mut connection = Connection::with_additional_fields(has_previous, has_next, total);
    let edges = found.items.into_iter();
    let edges = edges.map(|(place, view)| Edge::new(ListCursor::new(&list, place), view.into()));
    connection.edges.extend(edges);
    Ok(connection)
}

/// The cost of a connection: the number of nodes requested, or the default page size, times the
/// cost of a node.
pub fn cost(first: Option<i32>, last: Option<i32>, of_node: usize) -> usize {
    let nodes = first.or(last).map_or(PAGE_SIZE_DEFAULT, |size| usize::try_from(size).unwrap_or(0));
    nodes.max(1).saturating_mul(of_node)
}

fn request(
    paging: &Paging,
    list: &str,
    conditions: Vec<Condition>,
    order: Order,
    size_max: usize,
) -> Result<PageRequest, ApiError> {
    let (limit, from_end) = size(paging, size_max)?;
    let place = |cursor: &Option<String>| -> Result<_, ApiError> {
        cursor.as_deref().map(|cursor| ListCursor::place_in(list, cursor)).transpose()
    };
    let (after, before) = (place(&paging.after)?, place(&paging.before)?);
    Ok(PageRequest { conditions, order, after, before, from_end, limit })
}

/// The indexes on the page between two places, out of `count` nodes that are already in memory.
pub fn window(
    paging: &Paging,
    after: Option<usize>,
    before: Option<usize>,
    count: usize,
    size_max: usize,
) -> Result<Range<usize>, ApiError> {
    let (size, from_end) = size(paging, size_max)?;
    let end = before.unwrap_or(count).min(count);
    let start = after.map_or(0, |after| after.saturating_add(1)).min(end);
    let size = (size as usize).min(end - start);
    Ok(if from_end { end - size..end } else { start..start + size })
}

/// The maximum number of nodes on the page, and whether the page is at the end of the list.
fn size(paging: &Paging, size_max: usize) -> Result<(u32, bool), ApiError> {
    let (size, from_end) = match (paging.first, paging.last) {
        (Some(_), Some(_)) => {
            return Err(ApiError::bad_input("give first or last, not both"));
        }
        (Some(size), None) => (size, false),
        (None, Some(size)) => (size, true),
        (None, None) => (PAGE_SIZE_DEFAULT as i32, false),
    };
    let limit = u32::try_from(size)
        .ok()
        .filter(|size| *size as usize <= size_max)
        .ok_or_else(|| ApiError::bad_input(format!("a page has 0 to {size_max} nodes")))?;
    Ok((limit, from_end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paging(first: Option<i32>, last: Option<i32>) -> Paging {
        Paging { first, last, ..Paging::default() }
    }

    #[test]
    fn page_arguments_are_checked() {
        let ask = |paging| request(&paging, "", vec![], Order::KEY, 100);
        assert_eq!(ask(paging(None, None)).unwrap().limit, 20);
        assert_eq!(ask(paging(Some(100), None)).unwrap().limit, 100);
        assert!(ask(paging(None, Some(5))).unwrap().from_end);
        assert!(ask(paging(Some(101), None)).is_err());
        assert!(ask(paging(Some(-1), None)).is_err());
        assert!(ask(paging(Some(1), Some(1))).is_err());
        assert!(ask(Paging { after: Some("x".to_owned()), ..Paging::default() }).is_err());
    }

    #[test]
    fn a_window_lies_between_its_places() {
        let of_ten = |paging, after, before| window(&paging, after, before, 10, 100).unwrap();
        assert_eq!(of_ten(paging(Some(3), None), None, None), 0..3);
        assert_eq!(of_ten(paging(Some(3), None), Some(7), None), 8..10);
        assert_eq!(of_ten(paging(None, Some(3)), None, None), 7..10);
        assert_eq!(of_ten(paging(None, Some(3)), Some(0), Some(3)), 1..3);
        assert_eq!(of_ten(paging(Some(3), None), Some(9), Some(2)), 2..2);
        assert_eq!(of_ten(paging(Some(3), None), Some(usize::MAX), None), 10..10);
        assert!(window(&paging(Some(101), None), None, None, 10, 100).is_err());
    }
}
