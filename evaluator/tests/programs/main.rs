//! Programs of problems in cells: validators and interactors.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod interaction;
mod judge;
mod memory;
mod operators;
mod races;
mod sources;
mod validators;
