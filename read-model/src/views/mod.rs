//! The views, and how one event changes one of them.

mod account;
mod problem;
mod revision;
mod scoring;
mod standing;
mod submission;

pub use account::AccountView;
pub use problem::{Counter, ProblemView, TagView};
pub use revision::{RevisionView, TestData, TestView};
pub use scoring::{GroupView, ScoringView};
pub use standing::{SolvedStatus, SolvedView, Tally};
pub use submission::{CompileView, JudgementView, SubmissionState, SubmissionView};
