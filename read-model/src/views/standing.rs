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
    /// Since when the verdict counts that solved it; `None` where it is not solved.
    pub solved_at: Option<Micros>,
}

impl SolvedView {
    /// Somebody who has submitted, and solved nothing.
    pub fn new(login: Login, problem: Slug) -> Self {
        let status = SolvedStatus::Attempted;
        Self { login, problem, status, submissions: 0, accepted: 0, solved_at: None }
    }

    /// Counts an accepted submission up or down. `at` is since when its verdict counts.
    pub fn count(&mut self, accepted: i64, at: Option<Micros>) {
        self.accepted += accepted;
        if self.accepted > 0 {
            self.status = SolvedStatus::Solved;
            self.solved_at = self.solved_at.or(at);
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
        Collection { name: "solved", schema: 4, indexes: &[&["login", "status"]] };

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
    const COLLECTION: Collection = Collection { name: "tallies", schema: 4, indexes: &[] };

    fn key(&self) -> String {
        self.submission.to_string()
    }
}
