#![doc = include_str!("../README.md")]

pub mod account;
pub mod aggregate;
pub mod checker;
pub mod digest;
pub mod event;
pub mod function;
pub mod grading;
pub mod identity;
pub mod problem;
pub mod record;
pub mod rejudge;
pub mod run;
pub mod submission;
pub mod text;
pub mod verdict;
pub mod webhook;

pub use account::Role;
pub use aggregate::Aggregate;
pub use digest::Digest;
pub use event::Event;
pub use identity::{
    InvalidIdentity, LanguageId, Login, RejudgeId, RunId, Slug, SubmissionId, TrialId, WebhookId,
};
pub use problem::Difficulty;
pub use record::{
    Actor, Checkpoint, EventId, Metadata, NewEvent, Position, Recorded, StreamId, Version,
};
pub use verdict::Verdict;
