//! `assay submit`

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{print_json, watch};
use crate::client::{Client, ServerArgs, check_user_errors};
use crate::config::Config;
use crate::{Exit, Failure};

/// Submit a program
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
    /// Wait for the verdict and show progress
    #[arg(long, short)]
    watch: bool,
    /// Return the same submission for the same key and program
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

const SUBMIT: &str = "mutation($input: SubmitInput!) {
  submit(input: $input) {
    submission { id number state cursor } replayed userErrors { code message field }
  }
}";

pub(crate) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    let source = read_text(&args.file)?;
    let client = args.server.client(config)?;
    let language = match args.language {
        Some(language) => language,
        None => language_of(&client, &args.file).await?,
    };
    let input = json!({
        "problem": format!("prb_{}", args.problem),
        "language": language,
        "source": source,
        "idempotencyKey": args.idempotency_key,
    });
    let data = client.execute(SUBMIT, json!({ "input": input })).await?;
    let payload = &data["submit"];
    check_user_errors(payload)?;
    let submission = &payload["submission"];
    let id = submission["id"].as_str().unwrap_or_default();
    if args.watch {
        let last = watch::follow(&client, id, None, args.json).await?;
        return watch::exit_of(&last);
    }
    if args.json {
        print_json(payload)?;
    } else {
        println!("{id}");
    }
    Ok(Exit::Done)
}

/// The content of a text file.
pub(super) fn read_text(file: &Path) -> Result<String, Failure> {
    let text = std::fs::read(file).map_err(|error| {
        Failure::of(Exit::Usage, &format!("reading {}", file.display()), &error)
    })?;
    String::from_utf8(text)
        .map_err(|_| Failure::new(Exit::Usage, format!("{} is not UTF-8 text", file.display())))
}

/// The id of the language that has the file's extension.
pub(super) async fn language_of(client: &Client, file: &Path) -> Result<String, Failure> {
    let extension = file.extension().and_then(|it| it.to_str()).unwrap_or_default();
    let data = client.execute("{ languages { id extensions } }", json!({})).await?;
    let languages = data["languages"].as_array().cloned().unwrap_or_default();
    let found = languages.iter().find(|language| {
        language["extensions"].as_array().is_some_and(|all| all.iter().any(|it| it == extension))
    });
    found.and_then(|language| language["id"].as_str()).map(str::to_owned).ok_or_else(|| {
        let message =
            format!("no language has the extension {extension:?}; choose one with --language");
        Failure::new(Exit::Usage, message)
    })
}
