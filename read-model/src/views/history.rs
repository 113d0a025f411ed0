//! What was so from a position of the log on, until the next document of the same: the memory behind
//! questions about any moment.
//!
//! Only what cannot be folded from one stream is here. Each change is a document of its own, with its
//! position in the key, so that the newest up to a position is one step in the index of keys. They are never changed,
//! and their number grows with the log.

use domain::{Difficulty, Login, Slug, SubmissionId};
use serde::{Deserialize, Serialize};

use super::{ProblemView, RejudgedView, SolvedStatus, SolvedView, Tally};
use crate::{Collection, Micros, View};

/// How an account stood with a problem. One for each change of the status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusSince {
    /// The account.
    pub login: Login,
    /// The problem.
    pub problem: Slug,
    /// The event that made it so.
    pub position: i64,
    /// How far it had come.
    pub status: SolvedStatus,
}

/// How a problem was doing. One for each submission, and for each verdict that changed the counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatisticsSince {
    /// The problem.
    pub problem: Slug,
    /// The event that made it so.
    pub position: i64,
    /// When that was recorded.
    pub at: Micros,
    /// How many submissions were received.
    pub submissions: i64,
    /// How many submissions were accepted.
    pub accepted: i64,
    /// How many accounts had an accepted submission.
    pub solvers: i64,
}

/// How hard a problem was meant to be. One for each change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DifficultySince {
    /// The problem.
    pub problem: Slug,
    /// The event that made it so.
    pub position: i64,
    /// How hard.
    pub difficulty: Difficulty,
}

/// What rejudges had found of a submission that counted. One for each time that a rejudge of it was applied or
/// reverted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejudgedSince {
    /// The submission.
    pub submission: SubmissionId,
    /// The event that made it so.
    pub position: i64,
    /// In the order they were applied.
    pub rejudged: Vec<RejudgedView>,
}

impl StatusSince {
    /// From this position on.
    pub fn new(position: i64, solved: &SolvedView) -> Self {
        let SolvedView { login, problem, status, .. } = solved.clone();
        Self { login, problem, position, status }
    }
}

impl StatisticsSince {
    /// From this position on.
    pub fn new(position: i64, at: Micros, problem: &ProblemView) -> Self {
        Self {
            problem: problem.slug.clone(),
            position,
            at,
            submissions: problem.submissions,
            accepted: problem.accepted,
            solvers: problem.solvers,
        }
    }
}

impl DifficultySince {
    /// From this position on.
    pub fn new(position: i64, problem: &ProblemView) -> Self {
        Self { problem: problem.slug.clone(), position, difficulty: problem.difficulty }
    }
}

impl RejudgedSince {
    /// From this position on.
    pub fn new(position: i64, tally: &Tally) -> Self {
        let rejudged = tally.verdicts.rejudged.clone();
        Self { submission: tally.submission, position, rejudged }
    }
}

/// A key by which what one thing was is found by position: no other index is needed.
pub(crate) fn history_key(of: impl std::fmt::Display, position: i64) -> String {
    format!("{of}/{position:020}")
}

impl View for StatusSince {
    const COLLECTION: Collection = Collection { name: "status_history", schema: 6, indexes: &[] };

    fn key(&self) -> String {
        history_key(SolvedView::key_of(&self.login, &self.problem), self.position)
    }
}

impl View for StatisticsSince {
    const COLLECTION: Collection =
        Collection { name: "statistics_history", schema: 6, indexes: &[&["at"]] };

    fn key(&self) -> String {
        history_key(&self.problem, self.position)
    }
}

impl View for DifficultySince {
    const COLLECTION: Collection =
        Collection { name: "difficulty_history", schema: 6, indexes: &[] };

    fn key(&self) -> String {
        history_key(&self.problem, self.position)
    }
}

impl View for RejudgedSince {
    const COLLECTION: Collection = Collection { name: "rejudged_history", schema: 6, indexes: &[] };

    fn key(&self) -> String {
        history_key(self.submission, self.position)
    }
}
