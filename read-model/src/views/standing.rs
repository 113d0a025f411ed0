//! How accounts stand with problems.

use domain::{Login, Slug, SubmissionId};
use serde::{Deserialize, Serialize};

use super::VerdictStack;
use crate::{Collection, View};

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
}

impl SolvedView {
    /// Somebody who has submitted, and solved nothing.
    pub fn new(login: Login, problem: Slug) -> Self {
        Self { login, problem, status: SolvedStatus::Attempted, submissions: 0, accepted: 0 }
    }

    /// Counts accepted submissions up or down.
    pub fn count(&mut self, accepted: i64) {
        self.accepted += accepted;
        self.status = match self.accepted {
            0 => SolvedStatus::Attempted,
            _ => SolvedStatus::Solved,
        };
    }

    /// The key of an account's standing with a problem.
    pub fn key_of(login: &Login, problem: &Slug) -> String {
        format!("{login}/{problem}")
    }
}

impl View for SolvedView {
    const COLLECTION: Collection =
        Collection { name: "solved", schema: 3, indexes: &[&["login", "status"]] };

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
    const COLLECTION: Collection = Collection { name: "tallies", schema: 3, indexes: &[] };

    fn key(&self) -> String {
        self.submission.to_string()
    }
}
