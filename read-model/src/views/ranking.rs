//! The ranking by solved problems, now and at any position of the log.
//!
//! Accounts are assigned to pages in the order in which they first solved something. A page's
//! history is a sequence of segments, each with the standings at its start and every change since.
//! So reading a page at any position takes one document, and the changes take about twice their own
//! size.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use domain::Login;
use serde::{Deserialize, Serialize};

use super::history_key;
use crate::{Collection, Micros, View};

/// Number of accounts on a page.
const PAGE_ACCOUNTS: i64 = 256;
/// Maximum number of changes in a segment. One event never changes more accounts of a page than the
/// page has.
const SEGMENT_CHANGES_MAX: usize = 256;

/// The values that rank an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredStanding", into = "StoredStanding")]
pub struct Standing {
    /// The account.
    pub login: Login,
    /// Number of problems that it has solved.
    pub solved: i64,
    /// When it solved the last of them; `None` if it has solved none.
    pub last_solved_at: Option<Micros>,
}

/// Stored without field names, because a page holds hundreds.
type StoredStanding = (Login, i64, Option<Micros>);

impl From<StoredStanding> for Standing {
    fn from((login, solved, last_solved_at): StoredStanding) -> Self {
        Self { login, solved, last_solved_at }
    }
}

impl From<Standing> for StoredStanding {
    fn from(standing: Standing) -> Self {
        (standing.login, standing.solved, standing.last_solved_at)
    }
}

/// Sorts standings by most solved, then earliest last solve, then login. Drops those without a
/// solved problem.
pub fn rank(mut standings: Vec<Standing>) -> Vec<Standing> {
    standings.retain(|standing| standing.solved > 0);
    standings.sort_by(|a, b| {
        (Reverse(a.solved), a.last_solved_at, &a.login).cmp(&(
            Reverse(b.solved),
            b.last_solved_at,
            &b.login,
        ))
    });
    standings
}

/// The times at which an account solved its problems.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SolvesView {
    /// The account.
    pub login: Login,
    /// The account's page of the ranking.
    pub page: i64,
    /// One time per solved problem, earliest first.
    pub solved_at: Vec<Micros>,
    /// Sorts accounts as [`rank`] does; `None` if the account has solved nothing.
    pub rank_key: Option<String>,
}

impl SolvesView {
    /// A new entry for the `number`th account (from 1) to solve something.
    pub fn new(login: Login, number: i64) -> Self {
        Self { login, page: (number - 1) / PAGE_ACCOUNTS, solved_at: vec![], rank_key: None }
    }

    /// Adds a solved problem.
    pub fn solve(&mut self, at: Micros) {
        let place = self.solved_at.partition_point(|earlier| *earlier <= at);
        self.solved_at.insert(place, at);
        self.set_rank_key();
    }

    /// Removes the problem that was solved at this time.
    pub fn unsolve(&mut self, at: Micros) {
        if let Ok(place) = self.solved_at.binary_search(&at) {
            self.solved_at.remove(place);
            self.set_rank_key();
        }
    }

    fn set_rank_key(&mut self) {
        let fewer = u64::MAX - self.solved_at.len() as u64;
        let last = self.solved_at.last();
        self.rank_key = last.map(|last| format!("{fewer:020}/{:020}", last.0.max(0)));
    }

    /// The account's standing.
    pub fn standing(&self) -> Standing {
        Standing {
            login: self.login.clone(),
            solved: self.solved_at.len() as i64,
            last_solved_at: self.solved_at.last().copied(),
        }
    }
}

impl View for SolvesView {
    const COLLECTION: Collection =
        Collection { name: "solves", schema: 8, indexes: &[&["rank_key"]] };

    fn key(&self) -> String {
        self.login.to_string()
    }
}

/// The history of a ranking page over a range of positions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RankingSegment {
    /// The page's number.
    pub page: i64,
    /// The segment's first position.
    pub position: i64,
    /// Whether this is the page's newest segment.
    pub is_open: bool,
    /// The standings at the start of the segment.
    pub standings: Vec<Arc<Standing>>,
    /// Changed standings with the position of the change, in order.
    pub changes: Vec<(i64, Arc<Standing>)>,
}

impl RankingSegment {
    /// The first segment of a page.
    pub fn first(page: i64, position: i64) -> Self {
        Self { page, position, is_open: true, standings: vec![], changes: vec![] }
    }

    /// The number of pages for this number of accounts.
    pub fn pages(accounts: i64) -> i64 {
        (accounts + PAGE_ACCOUNTS - 1) / PAGE_ACCOUNTS
    }

    /// The key of a page's newest segment.
    pub fn open_key(page: i64) -> String {
        format!("{page}/open")
    }

    /// Records an account's new standing. If one event changes an account twice, only the last
    /// change is kept.
    pub fn change(&mut self, position: i64, standing: Standing) {
        let of_this_event = self.changes.iter_mut().rev().take_while(|(at, _)| *at == position);
        match of_this_event.map(|(_, it)| it).find(|it| it.login == standing.login) {
            Some(same) => *same = Arc::new(standing),
            None => self.changes.push((position, Arc::new(standing))),
        }
    }

    /// If the segment is full, returns it closed together with its successor from this position;
    /// otherwise returns it unchanged.
    pub fn turn(mut self, position: i64) -> (Option<Self>, Self) {
        if self.changes.len() < SEGMENT_CHANGES_MAX {
            return (None, self);
        }
        let standings = self.at(position).into_iter().map(Arc::new).collect();
        let next = Self { page: self.page, position, is_open: true, standings, changes: vec![] };
        self.is_open = false;
        (Some(self), next)
    }

    /// The page's standings after this position, which must not be before the segment's first.
    pub fn at(&self, position: i64) -> Vec<Standing> {
        let changed = self.changes.iter().filter(|(since, _)| *since <= position);
        let standings = self.standings.iter().chain(changed.map(|(_, standing)| standing));
        let newest: BTreeMap<&Login, &Arc<Standing>> =
            standings.map(|standing| (&standing.login, standing)).collect();
        newest.into_values().map(|standing| Standing::clone(standing)).collect()
    }
}

impl View for RankingSegment {
    const COLLECTION: Collection = Collection { name: "rankings", schema: 8, indexes: &[] };

    fn key(&self) -> String {
        match self.is_open {
            true => Self::open_key(self.page),
            false => history_key(self.page, self.position),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(login: &str, solved: i64, at: i64) -> Standing {
        Standing { login: login.parse().unwrap(), solved, last_solved_at: Some(Micros(at)) }
    }

    #[test]
    fn ranking_is_by_count_then_time_then_login() {
        let ranked = rank(vec![
            standing("late", 2, 9),
            standing("none", 0, 1),
            standing("zoe", 2, 5),
            standing("ada", 2, 5),
            standing("most", 3, 10),
        ]);
        let logins: Vec<_> = ranked.iter().map(|it| it.login.as_str()).collect();
        assert_eq!(logins, ["most", "ada", "zoe", "late"]);
    }

    #[test]
    fn an_unsolved_problem_is_removed_from_the_solved_times() {
        let mut solves = SolvesView::new("ada".parse().unwrap(), 257);
        assert_eq!(solves.page, 1);
        for at in [5, 3, 9, 5] {
            solves.solve(Micros(at));
        }
        assert_eq!(solves.standing(), standing("ada", 4, 9));
        solves.unsolve(Micros(9));
        solves.unsolve(Micros(5));
        assert_eq!(solves.solved_at, [Micros(3), Micros(5)]);
    }

    /// Wherever segments are closed, every position gives the result of all changes up to it.
    #[test]
    fn a_page_is_found_again_at_every_position() {
        let (mut segments, mut open) = (vec![], RankingSegment::first(0, 1));
        let mut expected: Vec<BTreeMap<Login, Standing>> = vec![BTreeMap::new()];
        for position in 1..=1_000 {
            let mut now = expected.last().unwrap().clone();
            // One event may change an account twice, or many accounts.
            for step in 0..=position % 3 {
                let login = format!("account-{}", position * (step / 2 + 1) % 40);
                let standing = standing(&login, position, step);
                now.insert(standing.login.clone(), standing.clone());
                let (closed, mut next) = open.turn(position);
                next.change(position, standing);
                segments.extend(closed);
                open = next;
            }
            expected.push(now);
        }
        segments.push(open);
        assert!(segments.len() > 3);
        assert!(segments.iter().all(|it| it.changes.len() <= SEGMENT_CHANGES_MAX));
        for (position, expected) in (0..).zip(expected) {
            let newest = segments.iter().rfind(|it| it.position <= position);
            let found = newest.map_or(vec![], |segment| segment.at(position));
            assert_eq!(found, expected.into_values().collect::<Vec<_>>(), "{position}");
        }
    }
}
