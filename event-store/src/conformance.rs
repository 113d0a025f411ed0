//! Named test cases that every adapter must pass.
//!
//! Each case opens the store through the resolver, as Assay does, at a URL that no other case uses.
#![allow(clippy::unwrap_used, reason = "a panic is how a case fails")]

mod archive;
mod blobs;
mod case;
mod credentials;
mod exports;
mod log;
mod log_and_queue;
mod log_reading;
mod opening;
mod queue;
mod queue_leases;
mod queue_turns;
mod queue_workers;
mod restore;
mod runs;
mod samples;
mod sign_in;
mod tree;

pub use case::{Case, LogUrls, run};
pub use opening::TestAdapters;

/// Cases for [`EventLog`](crate::EventLog), alone and with its queue.
pub fn log_cases() -> Vec<Case<LogUrls>> {
    [log::cases(), log_reading::cases(), log_and_queue::cases()].concat()
}

/// Cases for an [`Archive`](crate::Archive) of any log.
pub fn archive_cases() -> Vec<Case<LogUrls>> {
    archive::cases()
}

/// Cases for a [`Restoration`](crate::Restoration) into any log.
pub fn restore_cases() -> Vec<Case<LogUrls>> {
    restore::cases()
}

/// Cases for [`WorkQueue`](crate::WorkQueue).
pub fn queue_cases() -> Vec<Case<LogUrls>> {
    [queue::cases(), queue_leases::cases(), queue_turns::cases(), queue_workers::cases()].concat()
}

/// Cases for [`Runs`](crate::Runs).
pub fn runs_cases() -> Vec<Case<LogUrls>> {
    runs::cases()
}

/// Cases for [`Blobs`](crate::Blobs).
pub fn blobs_cases() -> Vec<Case> {
    blobs::cases()
}

/// Cases for [`Credentials`](crate::Credentials).
pub fn credentials_cases() -> Vec<Case> {
    [credentials::cases(), sign_in::cases()].concat()
}

/// Cases for [`Exports`](crate::Exports).
pub fn exports_cases() -> Vec<Case> {
    exports::cases()
}

/// Cases for [`TreeStore`](crate::TreeStore).
pub fn tree_cases() -> Vec<Case> {
    tree::cases()
}
