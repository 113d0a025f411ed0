//! `assay problem visibility | archive | restore | collaborators`

use domain::{Login, Slug};
use serde_json::{Value, json};

use crate::client::{Client, ServerArgs, check_user_errors};
use crate::config::Config;
use crate::{Exit, Failure};

/// Show or change who may see a problem
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct VisibilityArgs {
    /// The problem's slug
    slug: Slug,
    /// Who may see the problem from now on; without it, print who may
    #[arg(value_enum)]
    visibility: Option<Visibility>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Who may see a problem, besides its owner, its collaborators, judges and administrators
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum Visibility {
    /// Nobody else
    Draft,
    /// Everyone who knows the slug; no list contains it
    Hidden,
    /// Everyone, also in lists
    Public,
}

impl Visibility {
    /// The name in the API.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Draft => "DRAFT",
            Self::Hidden => "HIDDEN",
            Self::Public => "PUBLIC",
        }
    }
}

/// A problem
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct SlugArgs {
    /// The problem's slug
    slug: Slug,
    #[command(flatten)]
    server: ServerArgs,
}

/// Show or change who works on a problem
///
/// Prints the owner, then the collaborators. Collaborators see everything of the problem, and may
/// revise it if they are setters.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct CollaboratorsArgs {
    /// The problem's slug
    slug: Slug,
    /// Let this account work on the problem; may be repeated
    #[arg(long, value_name = "LOGIN")]
    add: Vec<Login>,
    /// End this account's work on the problem; may be repeated
    #[arg(long, value_name = "LOGIN")]
    remove: Vec<Login>,
    /// Give the problem to this account
    #[arg(long, value_name = "LOGIN")]
    owner: Option<Login>,
    #[command(flatten)]
    server: ServerArgs,
}

const SHOW: &str = "query($slug: String!) {
  problem(slug: $slug) { visibility archived owner { login } collaborators }
}";

const SET_VISIBILITY: &str = "mutation($problem: ID!, $visibility: ProblemVisibility!) {
  changed: setProblemVisibility(problem: $problem, visibility: $visibility) {
    userErrors { code message field }
  }
}";

const ARCHIVE: &str = "mutation($problem: ID!) {
  changed: archiveProblem(problem: $problem) { userErrors { code message field } }
}";

const RESTORE: &str = "mutation($problem: ID!) {
  changed: restoreProblem(problem: $problem) { userErrors { code message field } }
}";

const ADD: &str = "mutation($problem: ID!, $login: String!) {
  changed: addCollaborator(problem: $problem, login: $login) { userErrors { code message field } }
}";

const REMOVE: &str = "mutation($problem: ID!, $login: String!) {
  changed: removeCollaborator(problem: $problem, login: $login) {
    userErrors { code message field }
  }
}";

const TRANSFER: &str = "mutation($problem: ID!, $login: String!) {
  changed: transferProblem(problem: $problem, login: $login) { userErrors { code message field } }
}";

pub(crate) async fn visibility(config: &Config, args: VisibilityArgs) -> Result<Exit, Failure> {
    let client = args.server.client(config)?;
    let Some(visibility) = args.visibility else {
        let problem = show(&client, &args.slug).await?;
        let archived = if problem["archived"] == true { ", archived" } else { "" };
        let visibility = problem["visibility"].as_str().unwrap_or("?").to_lowercase();
        println!("{visibility}{archived}");
        return Ok(Exit::Done);
    };
    let variables = json!({ "problem": id(&args.slug), "visibility": visibility.name() });
    change(&client, SET_VISIBILITY, variables).await?;
    println!("{}: {}", args.slug, visibility.name().to_lowercase());
    Ok(Exit::Done)
}

pub(crate) async fn archive(config: &Config, args: SlugArgs) -> Result<Exit, Failure> {
    let client = args.server.client(config)?;
    change(&client, ARCHIVE, json!({ "problem": id(&args.slug) })).await?;
    println!("{}: archived", args.slug);
    Ok(Exit::Done)
}

pub(crate) async fn restore(config: &Config, args: SlugArgs) -> Result<Exit, Failure> {
    let client = args.server.client(config)?;
    change(&client, RESTORE, json!({ "problem": id(&args.slug) })).await?;
    println!("{}: restored", args.slug);
    Ok(Exit::Done)
}

pub(crate) async fn collaborators(
    config: &Config,
    args: CollaboratorsArgs,
) -> Result<Exit, Failure> {
    let client = args.server.client(config)?;
    let CollaboratorsArgs { slug, add, remove, owner, .. } = &args;
    // The owner comes last, because afterwards the previous one may change nothing.
    let changes = add.iter().map(|login| (ADD, login));
    let changes = changes.chain(remove.iter().map(|login| (REMOVE, login)));
    let changes: Vec<_> = changes.chain(owner.iter().map(|login| (TRANSFER, login))).collect();
    for (mutation, login) in &changes {
        change(&client, mutation, json!({ "problem": id(slug), "login": login.as_str() })).await?;
    }
    if !changes.is_empty() {
        println!("{slug}: changed");
        return Ok(Exit::Done);
    }
    let problem = show(&client, slug).await?;
    println!("owner: {}", problem["owner"]["login"].as_str().unwrap_or("-"));
    let Some(collaborators) = problem["collaborators"].as_array() else {
        eprintln!("Only those who work on the problem see its collaborators.");
        return Ok(Exit::Done);
    };
    for login in collaborators {
        println!("{}", login.as_str().unwrap_or_default());
    }
    Ok(Exit::Done)
}

async fn show(client: &Client, slug: &Slug) -> Result<Value, Failure> {
    let mut data = client.execute(SHOW, json!({ "slug": slug.as_str() })).await?;
    match data["problem"].take() {
        Value::Null => {
            let message = format!("there is no problem {slug}, or you may not see it");
            Err(Failure::new(Exit::Usage, message))
        }
        problem => Ok(problem),
    }
}

async fn change(client: &Client, mutation: &str, variables: Value) -> Result<(), Failure> {
    let data = client.execute(mutation, variables).await?;
    check_user_errors(&data["changed"])
}

fn id(slug: &Slug) -> String {
    format!("prb_{slug}")
}
