//! `assay problem list`

use serde_json::{Value, json};

use super::access::Visibility;
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
    /// List only problems with all of these words in the title, slug, tags or statement
    #[arg(long, value_name = "WORDS")]
    text: Option<String>,
    /// List the problems that you work on, of every visibility
    #[arg(long)]
    mine: bool,
    /// List archived problems, as far as you may see them
    #[arg(long)]
    archived: bool,
    /// List problems with this visibility, as far as you may see them; may be repeated
    #[arg(long, value_enum)]
    visibility: Vec<Visibility>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

const LIST: &str = "query($after: String, $filter: ProblemFilter) {
  problems(first: 100, after: $after, filter: $filter) {
    pageInfo { hasNextPage endCursor }
    nodes {
      number slug title difficulty tags { slug } version stats { submissions acceptance }
      visibility archived
    }
  }
}";

pub(crate) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    let client = args.server.client(config)?;
    let visibility: Vec<_> = args.visibility.iter().map(|it| it.name()).collect();
    let filter = json!({
        "search": args.search,
        "text": args.text,
        "mine": args.mine,
        "archived": args.archived,
        "visibility": (!visibility.is_empty()).then_some(visibility),
    });
    let mut problems = Vec::new();
    let mut after = Value::Null;
    loop {
        let variables = json!({ "after": after, "filter": filter });
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
    let mut rows = table([
        "#",
        "slug",
        "title",
        "difficulty",
        "tags",
        "submissions",
        "accepted",
        "visibility",
    ]);
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
            match problem["archived"] == true {
                true => "archived".to_owned(),
                false => text("visibility").to_lowercase(),
            },
        ]);
    }
    println!("{rows}");
    Ok(Exit::Done)
}
