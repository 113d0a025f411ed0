//! Numbers that count up.

use read_model::views::Counter;

use crate::{Missing, Workspace};

/// The next number of a counter, from 1.
pub(super) fn next(name: &str, views: &mut Workspace) -> Result<i64, Missing> {
    let value = views.get::<Counter>(name)?.map_or(0, |counter| counter.value) + 1;
    views.put(Counter { name: name.to_owned(), value });
    Ok(value)
}
