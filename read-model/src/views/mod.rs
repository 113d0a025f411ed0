//! The views, and how an event changes a document.

mod account;
mod activity;
mod history;
mod judgement;
mod parked;
mod problem;
mod ranking;
mod rejudge;
mod revision;
mod scoring;
mod standing;
mod submission;
mod submission_fold;
mod verdicts;
mod webhook;

pub use account::AccountView;
pub use activity::{
    ActivityView, CountedView, DistributionView, Histogram, LanguageUseView, Measured,
    TrialMeasuredView,
};
pub(crate) use history::history_key;
pub use history::{DifficultySince, RejudgedSince, StatisticsSince, StatusSince};
pub use judgement::{CompileView, JudgementView, OUTCOMES_PER_PAGE, OutcomesView};
pub use parked::ParkedView;
pub use problem::{Counter, ProblemView, TagView, shuffle_of};
pub use ranking::{RankingSegment, SolvesView, Standing, rank};
pub use rejudge::{
    RejudgeState, RejudgeStep, RejudgeView, TrialOutcome, TrialView, VerdictChangeView,
};
pub use revision::{RevisionView, TestData, TestView};
pub use scoring::{GroupView, ScoringView};
pub use standing::{SolvedStatus, SolvedView, Tally};
pub use submission::{AttemptView, SUMMARY_BYTES_MAX, SubmissionState, SubmissionView};
pub use submission_fold::{EventPlace, JudgementFold, SubmissionFold};
pub use verdicts::{RejudgedView, VerdictSince, VerdictStack};
pub use webhook::{
    DeadLetterView, WEBHOOK_CHECKPOINTS, WebhookState, WebhookView, webhook_checkpoint,
};
