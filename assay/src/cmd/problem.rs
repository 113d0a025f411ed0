//! `assay problem`

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::print_json;
use crate::client::{Client, ServerArgs, check_user_errors};
use crate::table::table;
use crate::{Exit, Failure, pack};

/// Import and list problems
#[derive(Debug, Clone, clap::Subcommand)]
pub(crate) enum Command {
    /// Make problems, or revisions of them, from packages: folders or zip archives
    Import(Import),
    /// List the problems of a server
    List(List),
}

/// Make problems, or revisions of them, from packages: folders or zip archives
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Import {
    /// Folders or zip archives
    #[arg(required = true, value_name = "PATH")]
    packages: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// List the problems of a server
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct List {
    /// Part of the title or slug
    #[arg(long)]
    search: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

const IMPORT: &str = "mutation($package: Sha256!) {
  importProblem(input: { package: $package }) {
    problem { id number slug title version } revised userErrors { code message field }
  }
}";

const LIST: &str = "query($after: String, $search: String) {
  problems(first: 100, after: $after, filter: { search: $search }) {
    pageInfo { hasNextPage endCursor }
    nodes { number slug title difficulty tags { slug } version stats { submissions acceptance } }
  }
}";

pub(crate) async fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Import(args) => import(args).await,
        Command::List(args) => list(args).await,
    }
}

/// Every package is tried; what is wrong with any of them is told in the end.
async fn import(args: Import) -> Result<Exit, Failure> {
    let client = args.server.client()?;
    let mut imported = Vec::new();
    let mut failed: Option<Failure> = None;
    for path in &args.packages {
        match import_path(&client, path).await {
            Ok(payload) => {
                if !args.json {
                    print_imported(&payload);
                }
                imported.push(payload);
            }
            Err(failure) => {
                eprintln!("{}: {failure}", path.display());
                failed.get_or_insert(failure);
            }
        }
    }
    if args.json {
        print_json(&imported)?;
    }
    Ok(failed.map_or(Exit::Done, |failure| failure.exit))
}

async fn import_path(client: &Client, path: &Path) -> Result<Value, Failure> {
    let reading = |error| Failure::of(Exit::Usage, "reading the package", &error);
    let archive = if path.is_dir() {
        pack::pack(path).map_err(reading)?
    } else {
        std::fs::read(path).map_err(reading)?
    };
    import_archive(client, archive).await
}

/// Uploads and imports a package; returns the payload.
pub(crate) async fn import_archive(client: &Client, archive: Vec<u8>) -> Result<Value, Failure> {
    let digest = client.upload(archive).await?;
    let mut data = client.execute(IMPORT, json!({ "package": digest })).await?;
    let payload = data["importProblem"].take();
    check_user_errors(&payload)?;
    Ok(payload)
}

fn print_imported(payload: &Value) {
    let problem = &payload["problem"];
    let slug = problem["slug"].as_str().unwrap_or("?");
    let what = if payload["revised"] == true { "imported" } else { "unchanged" };
    println!("{slug}: {what}, revision {}", problem["version"]);
}

async fn list(args: List) -> Result<Exit, Failure> {
    let client = args.server.client()?;
    let mut problems = Vec::new();
    let mut after = Value::Null;
    loop {
        let variables = json!({ "after": after, "search": args.search });
        let mut data = client.execute(LIST, variables).await?;
        let page = &mut data["problems"];
        if let Value::Array(nodes) = page["nodes"].take() {
            problems.extend(nodes);
        }
        if page["pageInfo"]["hasNextPage"] != true {
            break;
        }
        after = page["pageInfo"]["endCursor"].take();
    }
    if args.json {
        print_json(&problems)?;
        return Ok(Exit::Done);
    }
    let mut rows = table(["#", "slug", "title", "difficulty", "tags", "submissions", "accepted"]);
    for problem in &problems {
        let text = |key: &str| problem[key].as_str().unwrap_or_default().to_owned();
        let tags = problem["tags"].as_array().map(Vec::as_slice).unwrap_or_default();
        let tags = tags.iter().filter_map(|tag| tag["slug"].as_str()).collect::<Vec<_>>().join(" ");
        let acceptance = problem["stats"]["acceptance"].as_f64().unwrap_or(0.0);
        rows.add_row([
            problem["number"].to_string(),
            text("slug"),
            text("title"),
            text("difficulty"),
            tags,
            problem["stats"]["submissions"].to_string(),
            format!("{:.0} %", acceptance * 100.0),
        ]);
    }
    println!("{rows}");
    Ok(Exit::Done)
}
