//! The types of the graph.

mod audit;
mod event;
pub(crate) mod judgement;
mod language;
mod limits;
mod node;
mod problem;
mod rejudge;
mod scoring;
mod snapshot;
mod statement;
pub(crate) mod submission;
mod system;
mod test_result;
mod user;
mod webhook;

pub use self::audit::Audit;
pub use event::{Event, EventCursor, EventEdge, EventFilter, Receipt};
pub use language::LanguageNode;
pub use limits::{Limits, TimeLimitKind, TimeLimitOrigin};
pub use node::Node;
pub use problem::{Problem, ProblemFilter, ProblemOrder, ProblemOrderField, SolvedStatusEnum, Tag};
pub use rejudge::{Rejudge, RejudgeChange, RejudgePreview, RejudgeSelection, VerdictCount};
pub use scoring::{GroupResult, Objective, Scoring, ScoringGroup};
pub use snapshot::{Snapshot, Standing};
pub use statement::{Attachment, Statement};
pub use submission::{Submission, SubmissionFilter};
pub use system::{Health, System};
pub use test_result::TestResult;
pub use user::{AccessToken, User};
pub use webhook::Webhook;

use async_graphql::Enum;

/// How hard a problem is meant to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Difficulty")]
pub enum Difficulty {
    /// For a first week.
    Easy,
    /// For a practised hand.
    Medium,
    /// For a contest's end.
    Hard,
}

/// What a program was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Verdict")]
pub enum Verdict {
    /// Right, within the limits.
    Accepted,
    /// It printed something else.
    WrongAnswer,
    /// The right words with the wrong space between them, where space matters.
    PresentationError,
    /// It took too long.
    TimeLimitExceeded,
    /// It used too much memory.
    MemoryLimitExceeded,
    /// It printed or wrote too much.
    OutputLimitExceeded,
    /// It crashed, or said that it failed.
    RuntimeError,
    /// It did not compile.
    CompileError,
    /// Scored problems only: some points, not all.
    Partial,
    /// Our fault, never the author's; retried, and shown as such.
    JudgeError,
}

/// What an account may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Role")]
pub enum Role {
    /// Submits.
    User,
    /// Writes problems.
    Setter,
    /// Sees every submission.
    Judge,
    /// Sees every event.
    Auditor,
    /// Everything.
    Admin,
}

/// Where a submission stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "read_model::views::SubmissionState")]
pub enum SubmissionState {
    /// It waits for an evaluator.
    Queued,
    /// An evaluator has it and compiles.
    Compiling,
    /// Its tests are run.
    Running,
    /// It has a verdict.
    Judged,
}

/// Up or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum OrderDirection {
    /// The least first.
    Asc,
    /// The greatest first.
    Desc,
}

impl From<OrderDirection> for read_model::Direction {
    fn from(direction: OrderDirection) -> Self {
        match direction {
            OrderDirection::Asc => Self::Ascending,
            OrderDirection::Desc => Self::Descending,
        }
    }
}

/// Whole numbers of the graph are 32 bits; what is larger is shown as the largest.
pub(crate) fn int<T: TryInto<i32>>(number: T) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}
