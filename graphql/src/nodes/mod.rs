//! The types of the GraphQL schema.

mod activity;
mod audit;
mod audit_export;
mod event;
mod judge;
pub(crate) mod judgement;
mod language;
mod limits;
mod node;
mod percentile;
mod problem;
mod problem_access;
mod problem_choice;
mod problem_search;
mod rate_limit;
mod rejudge;
mod run;
mod scoring;
mod signature;
mod snapshot;
mod solution;
mod standings;
mod statement;
mod stuck;
pub(crate) mod submission;
mod submission_order;
mod system;
mod test_result;
mod user;
mod visible_event;
mod webhook;

pub use self::audit::Audit;
pub use self::audit_export::{AuditExport, audit_exports, export_filter};
pub use activity::{ActivityDay, LanguageUse, SolvedProblem};
pub use event::{Event, EventCursor, EventEdge, EventFilter, Receipt};
pub use judge::Judge;
pub use judgement::Judgement;
pub use language::LanguageNode;
pub use limits::{Limits, TimeLimitKind, TimeLimitOrigin};
pub use node::Node;
pub use percentile::Percentile;
pub use problem::{Problem, ProblemFilter, ProblemOrder, ProblemOrderField, SolvedStatusEnum, Tag};
pub use problem_access::{ProblemVisibility, TextRuleEnum, visible};
pub use problem_choice::{daily_problem, random_problem};
pub use rate_limit::RateLimit;
pub use rejudge::{Rejudge, RejudgeChange, RejudgePreview, RejudgeSelection, VerdictCount};
pub use run::Run;
pub use scoring::{GroupResult, Objective, Scoring, ScoringGroup};
pub use snapshot::{Snapshot, Standing};
pub use solution::Solution;
pub use standings::{UserStanding, standings};
pub use statement::{Attachment, Statement};
pub use submission::{Submission, SubmissionFilter};
pub use submission_order::{SubmissionOrder, SubmissionOrderField};
pub use system::System;
pub use test_result::TestResult;
pub use user::{AccessToken, LinkedIdentity, Session, User, UserFilter};
pub use webhook::Webhook;

use async_graphql::Enum;

/// How hard a problem is, by its setter's estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Difficulty")]
pub enum Difficulty {
    /// For beginners.
    Easy,
    /// For experienced programmers.
    Medium,
    /// As hard as the last problem of a contest.
    Hard,
}

/// The result of judging a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Verdict")]
pub enum Verdict {
    /// Correct, within the limits.
    Accepted,
    /// The output is wrong.
    WrongAnswer,
    /// The right words with wrong whitespace, on a problem where whitespace matters.
    PresentationError,
    /// The program ran too long.
    TimeLimitExceeded,
    /// The program used too much memory.
    MemoryLimitExceeded,
    /// The program wrote too much output.
    OutputLimitExceeded,
    /// The program crashed or exited with a failure.
    RuntimeError,
    /// The source does not compile.
    CompileError,
    /// Some points but not all; only on scored problems.
    Partial,
    /// The judge failed, not the submission. Attempts are retried before this verdict is given.
    JudgeError,
}

/// A role of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Role")]
pub enum Role {
    /// May submit.
    User,
    /// May write problems.
    Setter,
    /// May see every submission.
    Judge,
    /// May see every event.
    Auditor,
    /// May do everything.
    Admin,
}

/// The state of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "read_model::views::SubmissionState")]
pub enum SubmissionState {
    /// Waiting for an evaluator.
    Queued,
    /// An evaluator is compiling it.
    Compiling,
    /// Its tests are running.
    Running,
    /// It has a verdict.
    Judged,
    /// It was cancelled before it had a verdict, and will have none.
    Cancelled,
}

/// The direction of an ordering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum OrderDirection {
    /// Smallest first.
    Asc,
    /// Largest first.
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

/// Converts to a GraphQL `Int`, which has 32 bits. A larger number becomes the largest `Int`.
pub fn int<T: TryInto<i32>>(number: T) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}
