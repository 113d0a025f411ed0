//! Named test cases that every adapter must pass.
//!
//! Each case opens the read model through the resolver, as Assay does, at a URL that no other case
//! uses.
#![allow(clippy::unwrap_used, reason = "a panic is how a case fails")]

mod case;
mod commits;
mod conditions;
mod documents;
mod generations;
mod namespaces;
mod opening;
mod pages;
mod samples;

pub use case::{Case, run};
pub use opening::TestAdapter;

/// Cases for [`ViewReader`](crate::ViewReader) and [`ViewWriter`](crate::ViewWriter).
pub fn view_cases() -> Vec<Case> {
    let documents = [documents::cases(), pages::cases(), conditions::cases()].concat();
    [documents, commits::cases(), namespaces::cases(), generations::cases()].concat()
}
