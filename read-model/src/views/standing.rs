//! How accounts stand with problems.

use domain::{Login, Slug, SubmissionId};
use serde::{Deserialize, Serialize};

use super::VerdictStack;
use crate::{Collection, Micros, View};

/// How far an account has come with a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SolvedStatus {
    /// It has submitted.
    Attempted,
    /// It has an accepted submission.
    Solved,
}

/// One account's standing with one problem it submitted to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SolvedView {
    /// The account.
    pub login: Login,
    /// The problem.
    pub problem: Slug,
    /// How far it has come.
    pub status: SolvedStatus,
    /// How many submissions were received.
    pub submissions: i64,
    /// How many submissions are accepted.
    pub accepted: i64,
    /// Since when their verdicts count, the earliest first; not of more than [`SINCE_MAX`].
    pub accepted_since: Vec<Micros>,
    /// The earliest of all; `None` where it is not solved.
    pub solved_at: Option<Micros>,
}

/// Accepted submissions of one account to one problem whose times are kept.
const SINCE_MAX: usize = 256;

impl SolvedView {
    /// Somebody who has submitted, and solved nothing.
    pub fn new(login: Login, problem: Slug) -> Self {
        Self {
            login,
            problem,
            status: SolvedStatus::Attempted,
            submissions: 0,
            accepted: 0,
            accepted_since: vec![],
            solved_at: None,
        }
    }

    /// A submission that was accepted since one time is since another; or is no more, or was not before.
    pub fn count(&mut self, was: Option<Micros>, is: Option<Micros>) {
        if let Some(was) = was {
            self.accepted -= 1;
            if let Ok(place) = self.accepted_since.binary_search(&was) {
                self.accepted_since.remove(place);
            }
        }
        if let Some(is) = is {
            self.accepted += 1;
            let place = self.accepted_since.partition_point(|earlier| *earlier <= is);
            self.accepted_since.insert(place, is);
            self.accepted_since.truncate(SINCE_MAX);
        }
        if self.accepted > 0 {
            self.status = SolvedStatus::Solved;
            self.solved_at = self.accepted_since.first().copied().or(self.solved_at);
        } else {
            self.status = SolvedStatus::Attempted;
            self.solved_at = None;
        }
    }

    /// The key of an account's standing with a problem.
    pub fn key_of(login: &Login, problem: &Slug) -> String {
        format!("{login}/{problem}")
    }
}

impl View for SolvedView {
    const COLLECTION: Collection =
        Collection { name: "solved", schema: 6, indexes: &[&["login", "status"]] };

    fn key(&self) -> String {
        Self::key_of(&self.login, &self.problem)
    }
}

/// What a submission counts for, so that another verdict can be counted instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// The submission.
    pub submission: SubmissionId,
    /// Its author.
    pub author: Login,
    /// Its problem.
    pub problem: Slug,
    /// The topmost is counted.
    pub verdicts: VerdictStack,
}

impl View for Tally {
    const COLLECTION: Collection = Collection { name: "tallies", schema: 6, indexes: &[] };

    fn key(&self) -> String {
        self.submission.to_string()
    }
}
