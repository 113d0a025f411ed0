//! The status of accounts for problems.

use domain::{Login, Slug, SubmissionId};
use serde::{Deserialize, Serialize};

use super::VerdictStack;
use crate::{Collection, Micros, View};

/// An account's status for a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SolvedStatus {
    /// It has submitted.
    Attempted,
    /// It has an accepted submission.
    Solved,
}

/// The record of one account for one problem it submitted to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SolvedView {
    /// The account.
    pub login: Login,
    /// The problem.
    pub problem: Slug,
    /// The status.
    pub status: SolvedStatus,
    /// Number of submissions.
    pub submissions: i64,
    /// Number of accepted submissions.
    pub accepted: i64,
    /// The times since which their verdicts count, earliest first; up to [`SINCE_MAX`].
    pub accepted_since: Vec<Micros>,
    /// The earliest of those times; `None` if the problem is not solved.
    pub solved_at: Option<Micros>,
}

/// Maximum number of times kept per account and problem.
const SINCE_MAX: usize = 256;

impl SolvedView {
    /// A record with zero counters of an account that has attempted the problem.
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

    /// Replaces the time since which a submission is accepted. `None` means that it was, or is, not
    /// accepted.
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

    /// The key for an account and a problem.
    pub fn key_of(login: &Login, problem: &Slug) -> String {
        format!("{login}/{problem}")
    }
}

impl View for SolvedView {
    const COLLECTION: Collection = Collection {
        name: "solved",
        schema: 8,
        indexes: &[&["login", "status"], &["login", "solved_at"]],
    };

    fn key(&self) -> String {
        Self::key_of(&self.login, &self.problem)
    }
}

/// How a submission is counted, so that a changed verdict can replace it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// The submission.
    pub submission: SubmissionId,
    /// Its author.
    pub author: Login,
    /// Its problem.
    pub problem: Slug,
    /// The submission's verdicts; the topmost is counted.
    pub verdicts: VerdictStack,
}

impl View for Tally {
    const COLLECTION: Collection = Collection { name: "tallies", schema: 8, indexes: &[] };

    fn key(&self) -> String {
        self.submission.to_string()
    }
}
