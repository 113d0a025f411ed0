//! `assay run`

use std::io::{Read, Write, stderr, stdin, stdout};
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::StreamExt;
use serde_json::{Value, json};

use super::print_json;
use super::submit::{language_of, read_text};
use crate::client::{Client, ServerArgs, check_user_errors};
use crate::config::Config;
use crate::{Exit, Failure};

/// Run a program on the server, on input of your own
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The file with the source code
    file: PathBuf,
    /// The slug of the problem whose limits apply
    #[arg(long, short)]
    problem: Option<String>,
    /// The language's id; by default chosen by the file's extension
    #[arg(long, short)]
    language: Option<String>,
    /// Use this file as the input instead of standard input; may be given up to 10 times
    #[arg(long, short, value_name = "FILE")]
    input: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

const RUN: &str = "mutation($input: RunInput!) {
  run(input: $input) { run { id } userErrors { code message field } }
}";

/// The fields requested for each update.
const UPDATES: &str = "subscription($id: ID!, $after: String) {
  run(id: $id, after: $after) {
    cursor
    run {
      id state failure compile { ok log }
      cases {
        number input expected referenceVerdict
        outcome { verdict stdout stderr truncated checker timeMs memoryKb exitCode signal }
      }
    }
  }
}";

/// Failed connections in a row before giving up on the server.
const TRIES_MAX: u32 = 10;
const RETRY_DELAY: Duration = Duration::from_millis(500);

pub(crate) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    let inputs = match args.input.as_slice() {
        [] => vec![standard_input()?],
        files => files.iter().map(|file| read_text(file)).collect::<Result<_, _>>()?,
    };
    let client = args.server.client(config)?;
    let (problem, language) = (args.problem.as_deref(), args.language);
    let run = execute(&client, &args.file, problem, language, &inputs).await?;
    if args.json {
        print_json(&run)?;
    } else {
        show(&run).map_err(|error| Failure::of(Exit::Usage, "writing the output", &error))?;
    }
    exit_of(&run)
}

fn standard_input() -> Result<String, Failure> {
    let mut input = String::new();
    stdin()
        .read_to_string(&mut input)
        .map_err(|error| Failure::of(Exit::Usage, "reading standard input", &error))?;
    Ok(input)
}

/// Runs a program on these inputs, or on the problem's samples if there are none. Returns the run
/// once it has ended.
pub(super) async fn execute(
    client: &Client,
    file: &Path,
    problem: Option<&str>,
    language: Option<String>,
    inputs: &[String],
) -> Result<Value, Failure> {
    let source = read_text(file)?;
    let language = match language {
        Some(language) => language,
        None => language_of(client, file).await?,
    };
    let input = json!({
        "problem": problem.map(|slug| format!("prb_{slug}")),
        "language": language,
        "source": source,
        "inputs": inputs,
    });
    let data = client.execute(RUN, json!({ "input": input })).await?;
    let payload = &data["run"];
    check_user_errors(payload)?;
    follow(client, payload["run"]["id"].as_str().unwrap_or_default()).await
}

/// Follows a run to its end. Resumes when the connection breaks.
async fn follow(client: &Client, id: &str) -> Result<Value, Failure> {
    let (mut cursor, mut last, mut tries) = (Value::Null, Value::Null, 0);
    loop {
        let broken = match client.subscribe(UPDATES, json!({ "id": id, "after": cursor })).await {
            Ok(mut stream) => loop {
                match stream.next().await {
                    Some(Ok(mut data)) => {
                        let update = &mut data["run"];
                        cursor = update["cursor"].take();
                        last = update["run"].take();
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

/// Prints what the program printed, and how it ended to standard error.
fn show(run: &Value) -> std::io::Result<()> {
    show_failure(run)?;
    for case in run["cases"].as_array().into_iter().flatten() {
        let outcome = &case["outcome"];
        if outcome.is_null() {
            continue;
        }
        write!(stdout(), "{}", text(&outcome["stdout"]))?;
        stdout().flush()?;
        write!(stderr(), "{}", text(&outcome["stderr"]))?;
        writeln!(stderr(), "input {}: {}", case["number"], summary(outcome))?;
        if outcome["verdict"] == "WRONG_ANSWER" {
            writeln!(stderr(), "the reference solution prints:\n{}", text(&case["expected"]))?;
        }
        if let Some(verdict) = case["referenceVerdict"].as_str() {
            let hint = "the input may be invalid";
            writeln!(stderr(), "the reference solution fails on it ({verdict}); {hint}")?;
        }
    }
    Ok(())
}

/// Prints to standard error why the program did not run, if it did not.
pub(super) fn show_failure(run: &Value) -> std::io::Result<()> {
    if run["compile"]["ok"] == false {
        writeln!(stderr(), "the program does not compile\n{}", text(&run["compile"]["log"]))?;
    }
    if let Some(failure) = run["failure"].as_str() {
        writeln!(stderr(), "the judge could not run the program: {failure}")?;
    }
    Ok(())
}

/// How the program ended, and what it used.
pub(super) fn summary(outcome: &Value) -> String {
    let end = match (&outcome["verdict"], &outcome["exitCode"], &outcome["signal"]) {
        (_, _, signal) if signal.is_number() => format!("ended by signal {signal}"),
        (_, code, _) if code.as_i64().is_some_and(|code| code != 0) => format!("exit code {code}"),
        (Value::String(verdict), _, _) => verdict.clone(),
        _ => "ended well".to_owned(),
    };
    let cut = if outcome["truncated"] == true { ", output cut" } else { "" };
    format!("{end}, {} ms, {} KiB{cut}", outcome["timeMs"], outcome["memoryKb"])
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The exit code for a run that has ended.
pub(super) fn exit_of(run: &Value) -> Result<Exit, Failure> {
    if run["state"] == "ABANDONED" {
        return Ok(Exit::JudgeError);
    }
    let is_good = |case: &Value| {
        let outcome = &case["outcome"];
        outcome.is_object() && (outcome["verdict"].is_null() || outcome["verdict"] == "ACCEPTED")
    };
    let all_good = run["cases"].as_array().is_some_and(|cases| cases.iter().all(is_good));
    Ok(if all_good { Exit::Done } else { Exit::NotAccepted })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_says_whether_every_case_ended_well() {
        let run = |verdict: Value| {
            json!({ "state": "FINISHED", "cases": [
            { "outcome": { "verdict": null } }, { "outcome": { "verdict": verdict } },
        ] })
        };
        assert_eq!(exit_of(&run(Value::Null)).unwrap(), Exit::Done);
        assert_eq!(exit_of(&run(json!("ACCEPTED"))).unwrap(), Exit::Done);
        assert_eq!(exit_of(&run(json!("WRONG_ANSWER"))).unwrap(), Exit::NotAccepted);
        let unfinished = json!({ "state": "FINISHED", "cases": [{ "outcome": null }] });
        assert_eq!(exit_of(&unfinished).unwrap(), Exit::NotAccepted);
        assert_eq!(exit_of(&json!({ "state": "ABANDONED" })).unwrap(), Exit::JudgeError);
    }
}
