//! History views: each document is valid from a position of the log until the next document of the
//! same subject. They answer queries about past moments.
//!
//! Only facts that cannot be folded from one stream are here. Each change is a separate document
//! with its position in the key, so that the newest one up to a position is one index lookup.
//! Documents are never changed, and their number grows with the log.

use domain::{Difficulty, Login, Slug, SubmissionId};
use serde::{Deserialize, Serialize};

use super::{RejudgedView, SolvedStatus, SolvedView, Tally};
use crate::{Collection, Micros, View};

/// An account's status for a problem. One document per change of the status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusSince {
    /// The account.
    pub login: Login,
    /// The problem.
    pub problem: Slug,
    /// Position of the event that caused the change.
    pub position: i64,
    /// The status from then on; `None` if every submission to the problem was cancelled.
    pub status: Option<SolvedStatus>,
}

/// A problem's statistics. One document per submission, and per verdict that changed the counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatisticsSince {
    /// The problem.
    pub problem: Slug,
    /// Position of the event that caused the change.
    pub position: i64,
    /// When that event was recorded.
    pub at: Micros,
    /// Number of submissions.
    pub submissions: i64,
    /// Number of accepted submissions.
    pub accepted: i64,
    /// Number of accounts with an accepted submission.
    pub solvers: i64,
}

/// A problem's difficulty. One document per change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DifficultySince {
    /// The problem.
    pub problem: Slug,
    /// Position of the event that caused the change.
    pub position: i64,
    /// The difficulty from then on.
    pub difficulty: Difficulty,
}

/// The applied rejudges of a submission. One document each time a rejudge is applied or reverted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejudgedSince {
    /// The submission.
    pub submission: SubmissionId,
    /// Position of the event that caused the change.
    pub position: i64,
    /// The rejudges in effect, in the order of application.
    pub rejudged: Vec<RejudgedView>,
}

impl StatusSince {
    /// The state from this position on.
    pub fn new(position: i64, solved: &SolvedView) -> Self {
        let SolvedView { login, problem, .. } = solved.clone();
        let status = (solved.submissions > 0).then_some(solved.status);
        Self { login, problem, position, status }
    }
}

impl RejudgedSince {
    /// The state from this position on.
    pub fn new(position: i64, tally: &Tally) -> Self {
        let rejudged = tally.verdicts.rejudged.clone();
        Self { submission: tally.submission, position, rejudged }
    }
}

/// A key that sorts the documents of one subject by position, so that no other index is needed.
pub(crate) fn history_key(of: impl std::fmt::Display, position: i64) -> String {
    format!("{of}/{position:020}")
}

impl View for StatusSince {
    const COLLECTION: Collection = Collection { name: "status_history", schema: 8, indexes: &[] };

    fn key(&self) -> String {
        history_key(SolvedView::key_of(&self.login, &self.problem), self.position)
    }
}

impl View for StatisticsSince {
    const COLLECTION: Collection =
        Collection { name: "statistics_history", schema: 8, indexes: &[&["at"]] };

    fn key(&self) -> String {
        history_key(&self.problem, self.position)
    }
}

impl View for DifficultySince {
    const COLLECTION: Collection =
        Collection { name: "difficulty_history", schema: 8, indexes: &[] };

    fn key(&self) -> String {
        history_key(&self.problem, self.position)
    }
}

impl View for RejudgedSince {
    const COLLECTION: Collection = Collection { name: "rejudged_history", schema: 8, indexes: &[] };

    fn key(&self) -> String {
        history_key(self.submission, self.position)
    }
}
