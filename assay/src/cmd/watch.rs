//! `assay watch`

use futures::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::submission_id;
use crate::client::{Client, ServerArgs};
use crate::config::Config;
use crate::{Exit, Failure};

/// Watch a submission live
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The submission's id or number
    #[arg(value_name = "ID|NUMBER")]
    id: String,
    /// Resume after this cursor
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
    /// Print each update as a line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// The fields requested for each update.
const UPDATES: &str = "subscription($id: ID!, $after: String) {
  submission(id: $id, after: $after) {
    cursor gap at
    test { number verdict timeMs memoryKb }
    submission {
      id number state verdict progress { done total queuePosition }
      judgement { timeMs memoryKb compile { ok log } }
    }
  }
}";

/// Failed connections in a row before giving up on the server.
const TRIES_MAX: u32 = 10;
const RETRY_DELAY: std::time::Duration = std::time::Duration::from_millis(500);

pub(crate) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    let client = args.server.client(config)?;
    let id = submission_id(&client, args.id).await?;
    let last = follow(&client, &id, args.after, args.json).await?;
    exit_of(&last)
}

/// Follows a submission until it is judged or cancelled, and shows its progress. Resumes when the connection breaks.
/// Returns the last state.
pub(crate) async fn follow(
    client: &Client,
    id: &str,
    after: Option<String>,
    json: bool,
) -> Result<Value, Failure> {
    let bar = if json { ProgressBar::hidden() } else { progress_bar() };
    let outcome = updates(client, id, after, |update| {
        if json {
            println!("{update}");
        }
        show(&bar, &update["submission"]);
    });
    let last = outcome.await;
    bar.finish_and_clear();
    let last = last?;
    if !json {
        print_summary(&last);
    }
    Ok(last)
}

/// Passes every update to `seen`, and resumes after the last one when the connection breaks.
/// Returns the submission's final state.
pub async fn updates(
    client: &Client,
    id: &str,
    after: Option<String>,
    mut seen: impl FnMut(&Value),
) -> Result<Value, Failure> {
    let mut cursor = after;
    let mut last = Value::Null;
    let mut tries = 0;
    loop {
        let variables = json!({ "id": id, "after": cursor });
        let broken = match client.subscribe(UPDATES, variables).await {
            Ok(mut stream) => loop {
                match stream.next().await {
                    Some(Ok(data)) => {
                        let update = &data["submission"];
                        seen(update);
                        cursor = update["cursor"].as_str().map(str::to_owned);
                        last = update["submission"].clone();
                        tries = 0;
                    }
                    Some(Err(failure)) => break failure,
                    None => return Ok(last),
                }
            },
            Err(failure) => failure,
        };
        tries += 1;
        if broken.exit != Exit::Network || tries > TRIES_MAX {
            return Err(broken);
        }
        tokio::time::sleep(RETRY_DELAY).await;
    }
}

/// The exit code for a final state.
pub(crate) fn exit_of(submission: &Value) -> Result<Exit, Failure> {
    Ok(match submission["verdict"].as_str() {
        Some("ACCEPTED") => Exit::Done,
        Some("JUDGE_ERROR") => Exit::JudgeError,
        _ => Exit::NotAccepted,
    })
}

pub(crate) fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix:28} {bar:24} {pos:>3}/{len:3} {msg}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    // A bar of length zero would be shown full.
    ProgressBar::no_length().with_style(style)
}

pub(crate) fn show(bar: &ProgressBar, submission: &Value) {
    let progress = &submission["progress"];
    if let Some(total) = progress["total"].as_u64() {
        bar.set_length(total);
    }
    bar.set_position(progress["done"].as_u64().unwrap_or(0));
    let state = submission["verdict"].as_str().or(submission["state"].as_str());
    bar.set_message(state.unwrap_or_default().to_owned());
}

fn print_summary(submission: &Value) {
    let judgement = &submission["judgement"];
    // A cancelled submission has no verdict.
    let verdict = submission["verdict"].as_str().or(submission["state"].as_str()).unwrap_or("?");
    let number = &submission["number"];
    let id = submission["id"].as_str().unwrap_or_default();
    match (judgement["timeMs"].as_u64(), judgement["memoryKb"].as_u64()) {
        (Some(time), Some(memory)) if memory > 0 => {
            println!("#{number} {id} {verdict}  {time} ms  {memory} KiB");
        }
        _ => println!("#{number} {id} {verdict}"),
    }
    if judgement["compile"]["ok"] == false {
        println!("{}", judgement["compile"]["log"].as_str().unwrap_or_default());
    }
}
