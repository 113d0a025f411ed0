//! `assay audit as-of`

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::client::ServerArgs;
use crate::cmd::print_json;
use crate::config::Config;
use crate::table::table;
use crate::{Exit, Failure};

/// Show a submission, a problem, an account or the standings at an earlier time
///
/// Queries a server, as an auditor.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    moment: MomentArgs,
    #[command(subcommand)]
    subject: Subject,
}

/// The time to show.
#[derive(Debug, Clone, clap::Args)]
#[group(required = true, multiple = false)]
struct MomentArgs {
    /// Right after the event at this position of the log
    #[arg(long, value_name = "N")]
    position: Option<u64>,
    /// Right after the last event recorded at or before this time, for example 2026-11-23T09:00:00Z
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Subject {
    /// A submission, by its id
    Submission(OneArgs),
    /// A problem, by its slug
    Problem(OneArgs),
    /// An account, by its login
    User(OneArgs),
    /// The accounts that had solved the most problems
    Standings(StandingsArgs),
}

/// The object to show.
#[derive(Debug, Clone, clap::Args)]
struct OneArgs {
    /// The id, slug or login
    name: String,
    #[command(flatten)]
    how: How,
}

/// The part of the standings to show.
#[derive(Debug, Clone, clap::Args)]
struct StandingsArgs {
    /// The number of places to show, from the first
    #[arg(long, value_name = "N", default_value_t = 20)]
    first: u32,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, Clone, clap::Args)]
struct How {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

const SUBMISSION: &str = "query($position: Position, $at: DateTime, $name: ID!) {
  audit { asOf(position: $position, at: $at) { position at it: submission(id: $name) {
    id number problem { slug } problemVersion author { login } language sourceSha256
    state verdict createdAt judgedAt
    judgements { id rejudge appliedAt attempt verdict score timeMs memoryKb judge finishedAt }
  } } }
}";

const PROBLEM: &str = "query($position: Position, $at: DateTime, $name: String!) {
  audit { asOf(position: $position, at: $at) { position at it: problem(slug: $name) {
    slug number version sha256 title difficulty tags createdAt updatedAt
    stats { submissions accepted solvers acceptance }
  } } }
}";

const USER: &str = "query($position: Position, $at: DateTime, $name: String!) {
  audit { asOf(position: $position, at: $at) { position at it: user(login: $name) {
    login roles createdAt solved { difficulty solved total } problems { problem status }
  } } }
}";

const STANDINGS: &str = "query($position: Position, $at: DateTime, $first: Int!) {
  audit { asOf(position: $position, at: $at) { position at it: standings(first: $first) {
    totalCount nodes { rank login solved lastSolvedAt }
  } } }
}";

pub(super) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    let (query, how, mut variables) = match args.subject {
        Subject::Submission(it) => (SUBMISSION, it.how, json!({ "name": it.name })),
        Subject::Problem(it) => (PROBLEM, it.how, json!({ "name": it.name })),
        Subject::User(it) => (USER, it.how, json!({ "name": it.name })),
        Subject::Standings(it) => (STANDINGS, it.how, json!({ "first": it.first })),
    };
    variables["position"] = json!(args.moment.position.map(|position| position.to_string()));
    variables["at"] = json!(args.moment.at.map(|at| at.to_string()));
    let mut answer = how.server.client(config)?.execute(query, variables).await?;
    let mut snapshot = answer["audit"]["asOf"].take();
    if snapshot.is_null() {
        return Err(Failure::new(Exit::Auth, "only auditors can read the log"));
    }
    if snapshot["it"].is_null() {
        let position = snapshot["position"].as_str().unwrap_or("?");
        return Err(Failure::new(Exit::Usage, format!("it did not exist at position {position}")));
    }
    if how.json {
        print_json(&snapshot)?;
        return Ok(Exit::Done);
    }
    let (position, at) = (text(&snapshot["position"]), text(&snapshot["at"]));
    println!("After position {position}, recorded at {at}");
    let it = snapshot["it"].take();
    match it["nodes"].as_array() {
        Some(nodes) => print_standings(nodes),
        None => print_fields(&it),
    }
    Ok(Exit::Done)
}

fn print_standings(nodes: &[Value]) {
    let mut rows = table(["rank", "login", "solved", "last solved at"]);
    for node in nodes {
        let field = |name: &str| text(&node[name]);
        rows.add_row([field("rank"), field("login"), field("solved"), field("lastSolvedAt")]);
    }
    println!("{rows}");
}

/// One row per field; for a list, one row per element.
fn print_fields(it: &Value) {
    let mut rows = table(["field", "value"]);
    for (name, value) in it.as_object().into_iter().flatten() {
        match value.as_array() {
            Some(elements) => elements.iter().for_each(|element| {
                rows.add_row([name.clone(), text(element)]);
            }),
            None => {
                rows.add_row([name.clone(), text(value)]);
            }
        }
    }
    println!("{rows}");
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            fields
                .map(|(name, value)| format!("{name} {}", text(value)))
                .collect::<Vec<_>>()
                .join(", ")
        }
        other => other.to_string(),
    }
}
