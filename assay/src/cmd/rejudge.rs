//! `assay rejudge`

use serde_json::{Value, json};

use super::print_json;
use crate::client::{Client, ServerArgs, check_user_errors};
use crate::config::Config;
use crate::table::table;
use crate::{Exit, Failure};

/// Judge submissions again, compare the verdicts, and apply the new ones
#[derive(Debug, Clone, clap::Subcommand)]
pub(crate) enum Command {
    /// Show what a rejudge would affect, and pin that set of submissions
    Preview(PreviewArgs),
    /// Judge a previewed set again; only judges can see the results
    Create(CreateArgs),
    /// Show a rejudge's progress, and what it would change
    Status(StatusArgs),
    /// Make all verdicts of a rejudge count, atomically
    Apply(ApplyArgs),
    /// Cancel a rejudge that was not applied
    Cancel(EndArgs),
    /// Undo an applied rejudge
    Revert(EndArgs),
}

/// Show what a rejudge would affect, and pin that set of submissions
///
/// Selects submissions that have a verdict and match every given option. The last line printed is
/// the token that `assay rejudge create` takes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct PreviewArgs {
    /// Submissions to this problem, by its slug
    #[arg(long, short)]
    problem: Option<String>,
    /// Submissions by this account
    #[arg(long)]
    author: Option<String>,
    /// Submissions in this language, by its id
    #[arg(long, short)]
    language: Option<String>,
    /// Submissions with this verdict, for example WRONG_ANSWER; may be repeated
    #[arg(long, value_name = "VERDICT")]
    verdict: Vec<String>,
    /// Submissions judged by the evaluator with this name
    #[arg(long, value_name = "NAME")]
    judge: Option<String>,
    /// Submissions received at this time or later, for example 2026-11-23T09:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Submissions received before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// This submission, by its id; may be repeated
    #[arg(long, value_name = "ID")]
    submission: Vec<String>,
    /// The problem revision to judge against
    #[arg(long, value_enum, default_value_t = Against::Newest)]
    against: Against,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Which problem revision a submission is judged against.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Against {
    /// The problem's newest revision
    Newest,
    /// The revision that the submission was first judged against
    Own,
}

/// Judge a previewed set again; only judges can see the results
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct CreateArgs {
    /// The token that `assay rejudge preview` printed
    selection: String,
    /// The reason, for the record
    #[arg(long, short)]
    reason: String,
    /// Return the same rejudge for the same key and input
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Show a rejudge's progress, and what it would change
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct StatusArgs {
    /// The rejudge's id; lists all rejudges if omitted
    id: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Make all verdicts of a rejudge count, atomically
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ApplyArgs {
    /// The rejudge's id
    id: String,
    /// The reason, if it adds to the rejudge's own reason
    #[arg(long, short)]
    reason: Option<String>,
    /// Fail unless the rejudge is at this version; by default its current version
    #[arg(long, value_name = "VERSION")]
    expected_version: Option<i32>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// The rejudge to end
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct EndArgs {
    /// The rejudge's id
    id: String,
    /// The reason
    #[arg(long, short)]
    reason: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

const PREVIEW: &str = "query($selection: RejudgeSelection!) {
  rejudgePreview(selection: $selection) {
    matched byVerdict { verdict count } estimatedSeconds selectionToken missingLanguages { id }
    sample { id number author { login } verdict }
  }
}";

const CREATE: &str = "mutation($input: CreateRejudgeInput!) {
  createRejudge(input: $input) {
    id rejudge { id state version } token userErrors { code message field }
  }
}";

const STATUS: &str = "query($id: ID!, $after: String) {
  rejudge(id: $id) {
    id state reason against version changed failed progress { done total }
    missingLanguages { id }
    steps { state at reason by { login } }
    matrix { from to count }
    changes(first: 100, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes { from to submission { id number author { login } } }
    }
  }
}";

const LIST: &str = "query($after: String) {
  rejudges(first: 100, after: $after) {
    pageInfo { hasNextPage endCursor }
    nodes { id state reason progress { done total } changed createdBy { login } }
  }
}";

const VERSION: &str = "query($id: ID!) { rejudge(id: $id) { version } }";

const APPLY: &str = "mutation($id: ID!, $version: Int!, $reason: String) {
  ended: applyRejudge(id: $id, expectedVersion: $version, reason: $reason) {
    id rejudge { id state version changed failed } token userErrors { code message field }
  }
}";

const CANCEL: &str = "mutation($id: ID!, $reason: String) {
  ended: cancelRejudge(id: $id, reason: $reason) {
    id rejudge { id state version } token userErrors { code message field }
  }
}";

const REVERT: &str = "mutation($id: ID!, $reason: String) {
  ended: revertRejudge(id: $id, reason: $reason) {
    id rejudge { id state version } token userErrors { code message field }
  }
}";

pub(crate) async fn run(config: &Config, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Preview(args) => preview(config, args).await,
        Command::Create(args) => create(config, args).await,
        Command::Status(args) => match &args.id {
            Some(id) => status(&args.server.client(config)?, id, args.json).await,
            None => list(&args.server.client(config)?, args.json).await,
        },
        Command::Apply(args) => apply(config, args).await,
        Command::Cancel(args) => end(config, CANCEL, args).await,
        Command::Revert(args) => end(config, REVERT, args).await,
    }
}

async fn preview(config: &Config, args: PreviewArgs) -> Result<Exit, Failure> {
    let client = args.server.client(config)?;
    let some = |list: &[String]| (!list.is_empty()).then(|| json!(list));
    let selection = json!({
        "problem": args.problem.map(|slug| format!("prb_{slug}")),
        "author": args.author,
        "language": args.language,
        "verdict": some(&args.verdict),
        "judge": args.judge,
        "since": args.since,
        "until": args.until,
        "submissions": some(&args.submission),
        "against": match args.against {
            Against::Newest => "NEWEST",
            Against::Own => "OWN",
        },
    });
    let mut data = client.execute(PREVIEW, json!({ "selection": selection })).await?;
    let preview = data["rejudgePreview"].take();
    if args.json {
        print_json(&preview)?;
        return Ok(Exit::Done);
    }
    let mut rows = table(["verdict", "submissions"]);
    for count in nodes(&preview["byVerdict"]) {
        rows.add_row([text(&count["verdict"]), count["count"].to_string()]);
    }
    println!("{rows}");
    let (matched, seconds) = (&preview["matched"], &preview["estimatedSeconds"]);
    println!("{matched} submissions, about {seconds} s of one slot");
    print_missing(&preview["missingLanguages"]);
    println!("{}", text(&preview["selectionToken"]));
    Ok(Exit::Done)
}

async fn create(config: &Config, args: CreateArgs) -> Result<Exit, Failure> {
    let client = args.server.client(config)?;
    let input = json!({
        "selectionToken": args.selection,
        "reason": args.reason,
        "idempotencyKey": args.idempotency_key,
    });
    let data = client.execute(CREATE, json!({ "input": input })).await?;
    let payload = &data["createRejudge"];
    check_user_errors(payload)?;
    if args.json {
        print_json(payload)?;
    } else {
        println!("{}", text(&payload["id"]));
    }
    Ok(Exit::Done)
}

async fn status(client: &Client, id: &str, json: bool) -> Result<Exit, Failure> {
    let (mut after, mut changes) = (Value::Null, Vec::new());
    let mut rejudge = loop {
        let mut data = client.execute(STATUS, json!({ "id": id, "after": after })).await?;
        let mut rejudge = data["rejudge"].take();
        if rejudge.is_null() {
            return Err(unknown(id));
        }
        let page = &mut rejudge["changes"];
        if let Value::Array(nodes) = page["nodes"].take() {
            changes.extend(nodes);
        }
        if page["pageInfo"]["hasNextPage"] != true {
            break rejudge;
        }
        after = page["pageInfo"]["endCursor"].take();
    };
    rejudge["changes"] = Value::Array(changes);
    if json {
        print_json(&rejudge)?;
    } else {
        print_status(&rejudge);
    }
    Ok(Exit::Done)
}

fn print_status(rejudge: &Value) {
    let (done, total) = (&rejudge["progress"]["done"], &rejudge["progress"]["total"]);
    let (state, version) = (text(&rejudge["state"]), &rejudge["version"]);
    println!("{state}, version {version}: {done} of {total} trials have ended");
    print_missing(&rejudge["missingLanguages"]);
    for step in nodes(&rejudge["steps"]) {
        let (state, by, at) = (text(&step["state"]), text(&step["by"]["login"]), text(&step["at"]));
        let reason = step["reason"].as_str().map(|reason| format!(": {reason}"));
        println!("  {at}  {state} by {by}{}", reason.unwrap_or_default());
    }
    let mut matrix = table(["from", "to", "submissions"]);
    for cell in nodes(&rejudge["matrix"]) {
        matrix.add_row([text(&cell["from"]), text(&cell["to"]), cell["count"].to_string()]);
    }
    println!("{matrix}");
    println!("{} changed, {} failed", rejudge["changed"], rejudge["failed"]);
    let mut changes = table(["#", "submission", "author", "from", "to"]);
    for change in nodes(&rejudge["changes"]) {
        let submission = &change["submission"];
        changes.add_row([
            submission["number"].to_string(),
            text(&submission["id"]),
            text(&submission["author"]["login"]),
            text(&change["from"]),
            text(&change["to"]),
        ]);
    }
    println!("{changes}");
}

/// Says which languages trials wait for.
fn print_missing(languages: &Value) {
    let ids: Vec<_> = nodes(languages).iter().map(|language| text(&language["id"])).collect();
    if !ids.is_empty() {
        println!("no running evaluator judges {}; these trials wait", ids.join(", "));
    }
}

async fn list(client: &Client, json: bool) -> Result<Exit, Failure> {
    let (mut after, mut rejudges) = (Value::Null, Vec::new());
    loop {
        let mut data = client.execute(LIST, json!({ "after": after })).await?;
        let page = &mut data["rejudges"];
        if let Value::Array(nodes) = page["nodes"].take() {
            rejudges.extend(nodes);
        }
        if page["pageInfo"]["hasNextPage"] != true {
            break;
        }
        after = page["pageInfo"]["endCursor"].take();
    }
    if json {
        print_json(&rejudges)?;
        return Ok(Exit::Done);
    }
    let mut rows = table(["rejudge", "state", "trials", "ended", "changed", "by", "reason"]);
    for rejudge in &rejudges {
        rows.add_row([
            text(&rejudge["id"]),
            text(&rejudge["state"]),
            rejudge["progress"]["total"].to_string(),
            rejudge["progress"]["done"].to_string(),
            rejudge["changed"].to_string(),
            text(&rejudge["createdBy"]["login"]),
            text(&rejudge["reason"]),
        ]);
    }
    println!("{rows}");
    Ok(Exit::Done)
}

async fn apply(config: &Config, args: ApplyArgs) -> Result<Exit, Failure> {
    let client = args.server.client(config)?;
    let version = match args.expected_version {
        Some(version) => json!(version),
        None => {
            let mut data = client.execute(VERSION, json!({ "id": args.id })).await?;
            let version = data["rejudge"]["version"].take();
            if version.is_null() {
                return Err(unknown(&args.id));
            }
            version
        }
    };
    let variables = json!({ "id": args.id, "version": version, "reason": args.reason });
    ended(&client, APPLY, variables, args.json).await
}

async fn end(config: &Config, mutation: &str, args: EndArgs) -> Result<Exit, Failure> {
    let variables = json!({ "id": args.id, "reason": args.reason });
    ended(&args.server.client(config)?, mutation, variables, args.json).await
}

async fn ended(
    client: &Client,
    mutation: &str,
    variables: Value,
    json: bool,
) -> Result<Exit, Failure> {
    let data = client.execute(mutation, variables).await?;
    let payload = &data["ended"];
    check_user_errors(payload)?;
    if json {
        print_json(payload)?;
    } else {
        // The read model may lag behind the change.
        println!("{}", payload["rejudge"]["state"].as_str().unwrap_or("done"));
    }
    Ok(Exit::Done)
}

fn unknown(id: &str) -> Failure {
    let message = format!("there is no rejudge {id}, or you may not see it; sign in as a judge");
    Failure::new(Exit::Usage, message)
}

fn nodes(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("-").to_owned()
}
