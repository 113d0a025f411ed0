//! `assay test`

use std::path::PathBuf;

use serde_json::Value;

use super::print_json;
use super::run::{execute, exit_of, show_failure, summary};
use crate::client::ServerArgs;
use crate::config::Config;
use crate::{Exit, Failure};

/// Run a program on a problem's samples, and compare the outputs
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The file with the source code
    file: PathBuf,
    /// The problem's slug
    #[arg(long, short)]
    problem: String,
    /// The language's id; by default chosen by the file's extension
    #[arg(long, short)]
    language: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Lines of a comparison that are shown.
const LINES_MAX: usize = 40;

pub(crate) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    let client = args.server.client(config)?;
    let problem = Some(args.problem.as_str());
    let run = execute(&client, &args.file, problem, args.language, &[]).await?;
    if args.json {
        print_json(&run)?;
        return exit_of(&run);
    }
    show_failure(&run).map_err(|error| Failure::of(Exit::Usage, "writing the result", &error))?;
    for case in run["cases"].as_array().into_iter().flatten() {
        let outcome = &case["outcome"];
        if outcome.is_null() {
            continue;
        }
        println!("sample {}: {}", case["number"], summary(outcome));
        if outcome["verdict"] != "ACCEPTED" {
            print!("{}", comparison(text(&case["expected"]), text(&outcome["stdout"])));
            print_more("the program's standard error", &outcome["stderr"]);
            print_more("the checker", &outcome["checker"]);
        }
    }
    exit_of(&run)
}

fn print_more(what: &str, value: &Value) {
    let said = text(value).trim_end();
    if !said.is_empty() {
        println!("{what}: {said}");
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Both texts, line beside line: `-` marks an expected line that was not printed, `+` one that was
/// printed in its place.
fn comparison(expected: &str, printed: &str) -> String {
    let (mut expected, mut printed) = (expected.lines(), printed.lines());
    let mut lines = Vec::new();
    loop {
        match (expected.next(), printed.next()) {
            (None, None) => break,
            (Some(one), Some(other)) if one == other => lines.push(format!("  {one}\n")),
            (one, other) => {
                lines.extend(one.map(|line| format!("- {line}\n")));
                lines.extend(other.map(|line| format!("+ {line}\n")));
            }
        }
    }
    if lines.len() > LINES_MAX {
        let more = lines.len() - LINES_MAX;
        lines.truncate(LINES_MAX);
        lines.push(format!("  … {more} more lines\n"));
    }
    lines.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comparison_shows_what_differs() {
        assert_eq!(comparison("1\n2\n", "1\n3\n4\n"), "  1\n- 2\n+ 3\n+ 4\n");
        assert_eq!(comparison("1\n", ""), "- 1\n");
        let long = "x\n".repeat(LINES_MAX + 5);
        assert!(comparison(&long, &long).ends_with("  … 5 more lines\n"));
    }
}
