//! Programs of a problem's at work in native cells: validators, interactors.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod interaction;
mod judge;
mod memory;
mod operators;
mod races;
mod sources;
mod validators;
