//! Function problems in cells: what is called, with fresh state in each case, and how each end is
//! judged. The toolchains are those of the image, which `scripts/test` unpacks.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod judge;
mod problems;
mod traps;
