//! The ranking of accounts by solved problems, as it is now.

use async_graphql::{Context, Object, Result};
use read_model::views::{AccountView, SolvesView};
use read_model::{Condition, Direction, Order, Scalar};

use super::submission::behind;
use super::{User, int};
use crate::Api;
use crate::connection::{Page, Paging, page};
use crate::loaders::{Count, Key};
use crate::scalars::DateTime;

/// The field that ranks accounts.
const RANK_KEY: &str = "rank_key";

/// An account's place in the ranking.
#[derive(Debug, Clone)]
pub struct UserStanding {
    solves: SolvesView,
    rank: u64,
}

impl From<SolvesView> for UserStanding {
    fn from(solves: SolvesView) -> Self {
        Self { solves, rank: 0 }
    }
}

#[Object]
impl UserStanding {
    /// The rank, from 1. Accounts with more solved problems come first, then those that solved
    /// their last one earlier. Accounts that are equal in both share a rank.
    async fn rank(&self) -> i32 {
        int(self.rank)
    }

    /// The account.
    async fn user(&self, ctx: &Context<'_>) -> Result<User> {
        let login = &self.solves.login;
        let account = Api::loader(ctx).load_one(Key::<AccountView>::new(login)).await?;
        Ok(account.ok_or_else(|| behind(login.as_str()))?.into())
    }

    /// The number of problems that it has solved.
    async fn solved(&self) -> i32 {
        int(self.solves.solved_at.len())
    }

    /// When the verdict that solved the last of them began to count.
    async fn last_solved_at(&self) -> Option<DateTime> {
        self.solves.solved_at.last().copied().map(Into::into)
    }
}

/// A page of the ranking, best first.
///
/// # Errors
/// If the paging is invalid, or the views do not respond.
pub async fn standings(ctx: &Context<'_>, paging: Paging) -> Result<Page<UserStanding>> {
    let best_first = Order { field: Some(RANK_KEY), direction: Direction::Ascending };
    // Accounts that have solved nothing have no rank.
    let ranked = Condition::AtLeast(RANK_KEY, Scalar::Text(String::new()));
    let conditions = vec![ranked.clone()];
    let mut page = page::<SolvesView, UserStanding>(ctx, paging, conditions, best_first).await?;
    let keys: Vec<String> =
        page.edges.iter().filter_map(|edge| edge.node.solves.rank_key.clone()).collect();
    let Some(first) = keys.first() else { return Ok(page) };
    let first = Scalar::Text(first.clone());
    let above = vec![ranked, Condition::Below(RANK_KEY, first.clone())];
    let above = Api::count(ctx, Count::of::<SolvesView>(above)).await?;
    let equal = vec![Condition::Equals(RANK_KEY, first)];
    let equal = Api::count(ctx, Count::of::<SolvesView>(equal)).await?;
    for (edge, rank) in page.edges.iter_mut().zip(ranks(&keys, above, equal)) {
        edge.node.rank = rank;
    }
    Ok(page)
}

/// The ranks of accounts with these keys, which follow each other. `above` accounts are better than
/// the first of them, and `equal` accounts, itself included, have the same key.
fn ranks(keys: &[String], above: u64, equal: u64) -> Vec<u64> {
    let shown = keys.iter().take_while(|key| Some(*key) == keys.first()).count();
    // How many accounts of the first's key are on earlier pages.
    let earlier = equal.saturating_sub(shown as u64);
    let mut ranks: Vec<u64> = Vec::with_capacity(keys.len());
    for (place, key) in keys.iter().enumerate() {
        ranks.push(match place.checked_sub(1) {
            None => above + 1,
            Some(last) if keys[last] == *key => ranks[last],
            Some(_) => above + earlier + place as u64 + 1,
        });
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_accounts_share_a_rank() {
        let keys = |text: &str| text.chars().map(|key| key.to_string()).collect::<Vec<_>>();
        assert_eq!(ranks(&keys("abc"), 0, 1), [1, 2, 3]);
        assert_eq!(ranks(&keys("abbc"), 0, 1), [1, 2, 2, 4]);
        // Two others with the same key are on the page before.
        assert_eq!(ranks(&keys("aab"), 10, 4), [11, 11, 15]);
        assert!(ranks(&[], 0, 0).is_empty());
    }
}
