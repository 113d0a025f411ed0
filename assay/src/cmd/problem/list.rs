//! `assay problem list`

use serde_json::{Value, json};

use crate::client::ServerArgs;
use crate::cmd::print_json;
use crate::config::Config;
use crate::table::table;
use crate::{Exit, Failure};

/// List the problems on a server
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// List only problems with this text in the title or slug
    #[arg(long)]
    search: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

const LIST: &str = "query($after: String, $search: String) {
  problems(first: 100, after: $after, filter: { search: $search }) {
    pageInfo { hasNextPage endCursor }
    nodes { number slug title difficulty tags { slug } version stats { submissions acceptance } }
  }
}";

pub(crate) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    let client = args.server.client(config)?;
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
