//! The views, and how one event changes one of them.

mod account;
mod problem;
mod standing;
mod submission;

pub use account::AccountView;
pub use problem::{Counter, ProblemView, RevisionView, SampleTest, TagView};
pub use standing::{SolvedStatus, SolvedView, Tally};
pub use submission::{CompileView, JudgementView, SubmissionState, SubmissionView};
