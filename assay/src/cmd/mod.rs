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
use serde_json::json;

use crate::client::Client;
use crate::{Exit, Failure};

/// Prints data as JSON, for programs.
pub fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::of(Exit::JudgeError, "writing JSON", &error))?;
    println!("{text}");
    Ok(())
}

/// The id of a submission that is given by its id or by its number, with or without `#`.
async fn submission_id(client: &Client, given: String) -> Result<String, Failure> {
    let digits = given.strip_prefix('#').unwrap_or(&given);
    let Ok(number) = digits.parse::<u32>() else { return Ok(given) };
    let query = "query($number: Int!) { submission(number: $number) { id } }";
    let data = client.execute(query, json!({ "number": number })).await?;
    let id = data["submission"]["id"].as_str().map(str::to_owned);
    id.ok_or_else(|| Failure::new(Exit::Usage, format!("there is no submission #{number}")))
}
