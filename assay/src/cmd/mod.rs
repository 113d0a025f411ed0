//! The commands, one per file.

pub(crate) mod account;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod cancel;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod images;
pub(crate) mod judge;
pub(crate) mod keys;
pub(crate) mod log;
pub mod problem;
pub(crate) mod rejudge;
pub(crate) mod replay;
pub(crate) mod restore;
pub(crate) mod run;
pub(crate) mod serve;
pub(crate) mod submit;
pub(crate) mod sweep;
pub(crate) mod test;
pub(crate) mod views;
pub mod watch;
pub(crate) mod webhook;

use serde::Serialize;

use crate::{Exit, Failure};

/// Prints data as JSON, for programs.
pub fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::of(Exit::JudgeError, "writing JSON", &error))?;
    println!("{text}");
    Ok(())
}
