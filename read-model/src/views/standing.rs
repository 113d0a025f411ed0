//! How accounts stand with problems.

use std::collections::BTreeMap;

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
    /// Since when each of them is.
    pub accepted_since: BTreeMap<SubmissionId, Micros>,
    /// Since when the first of them is.
    pub solved_at: Option<Micros>,
}

impl SolvedView {
    /// Somebody who has submitted, and solved nothing.
    pub fn new(login: Login, problem: Slug) -> Self {
        Self {
            login,
            problem,
            status: SolvedStatus::Attempted,
            submissions: 0,
            accepted: 0,
            accepted_since: BTreeMap::new(),
            solved_at: None,
        }
    }

    /// The submission is accepted since then, or is not.
    pub fn accept(&mut self, submission: SubmissionId, since: Option<Micros>) {
        match since {
            Some(since) => self.accepted_since.insert(submission, since),
            None => self.accepted_since.remove(&submission),
        };
        self.accepted = self.accepted_since.len() as i64;
        self.solved_at = self.accepted_since.values().min().copied();
        self.status = match self.solved_at {
            Some(_) => SolvedStatus::Solved,
            None => SolvedStatus::Attempted,
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
