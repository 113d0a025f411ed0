//! `assay webhook`

use serde_json::{Value, json};

use super::print_json;
use crate::client::{ServerArgs, check_user_errors};
use crate::config::Config;
use crate::table::table;
use crate::{Exit, Failure};

/// Send events to other servers
#[derive(Debug, Clone, clap::Subcommand)]
pub(crate) enum Command {
    /// Send all future events of the given types to a server
    Create(CreateArgs),
    /// List webhooks and their delivery progress
    List(ListArgs),
    /// Show a webhook and the events that could not be delivered
    Show(IdArgs),
    /// Remove a webhook
    Remove(IdArgs),
    /// Deliver an event and all later ones again
    Replay(ReplayArgs),
    /// Retry an event that could not be delivered
    Retry(RetryArgs),
}

/// Send all future events of the given types to a server
///
/// Prints the secret that signs the messages; it is shown only once. The URL is written to the log.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct CreateArgs {
    /// The URL to send events to, for example https://example.org/assay
    url: String,
    /// An event type, for example JudgingFinished; may be repeated
    #[arg(long = "type", short, value_name = "TYPE", required = true)]
    types: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// List webhooks and their delivery progress
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ListArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// The webhook
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct IdArgs {
    /// The webhook's id
    id: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Deliver an event and all later ones again
///
/// This also enables a webhook that was disabled because its server answered 410 Gone.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ReplayArgs {
    /// The webhook's id
    id: String,
    /// The log position of the first event to deliver again
    #[arg(long, value_name = "POSITION")]
    from: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Retry an event that could not be delivered
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct RetryArgs {
    /// The webhook's id
    id: String,
    /// The log position of the event
    position: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

const CREATE: &str = "mutation($input: CreateWebhookInput!) {
  createWebhook(input: $input) { id secret token userErrors { code message field } }
}";

const LIST: &str = "{
  webhooks {
    id url types state position lag createdAt createdBy { login }
    deadLetters { position event attempts reason at retried }
  }
}";

const REMOVE: &str = "mutation($id: ID!) {
  changed: removeWebhook(id: $id) { id token userErrors { code message field } }
}";

const REPLAY: &str = "mutation($id: ID!, $from: Position!) {
  changed: replayWebhook(id: $id, from: $from) { id token userErrors { code message field } }
}";

const RETRY: &str = "mutation($id: ID!, $position: Position!) {
  changed: retryDelivery(webhook: $id, position: $position) {
    id token userErrors { code message field }
  }
}";

pub(crate) async fn run(config: &Config, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Create(args) => create(config, args).await,
        Command::List(args) => list(config, args).await,
        Command::Show(args) => show(config, args).await,
        Command::Remove(IdArgs { id, json, server }) => {
            change(config, &server, REMOVE, json!({ "id": id }), json).await
        }
        Command::Replay(ReplayArgs { id, from, json, server }) => {
            change(config, &server, REPLAY, json!({ "id": id, "from": from.to_string() }), json)
                .await
        }
        Command::Retry(RetryArgs { id, position, json, server }) => {
            let variables = json!({ "id": id, "position": position.to_string() });
            change(config, &server, RETRY, variables, json).await
        }
    }
}

async fn create(config: &Config, args: CreateArgs) -> Result<Exit, Failure> {
    let input = json!({ "url": args.url, "types": args.types });
    let data = args.server.client(config)?.execute(CREATE, json!({ "input": input })).await?;
    let payload = &data["createWebhook"];
    check_user_errors(payload)?;
    if args.json {
        print_json(payload)?;
    } else {
        println!("{}\n{}", text(&payload["id"]), text(&payload["secret"]));
        eprintln!("The second line is the secret that signs the messages. It is not shown again.");
    }
    Ok(Exit::Done)
}

async fn webhooks(config: &Config, server: &ServerArgs) -> Result<Vec<Value>, Failure> {
    let mut data = server.client(config)?.execute(LIST, json!({})).await?;
    match data["webhooks"].take() {
        Value::Array(webhooks) => Ok(webhooks),
        _ => Ok(vec![]),
    }
}

async fn list(config: &Config, args: ListArgs) -> Result<Exit, Failure> {
    let webhooks = webhooks(config, &args.server).await?;
    if args.json {
        print_json(&webhooks)?;
        return Ok(Exit::Done);
    }
    let mut rows = table(["webhook", "state", "position", "lag", "dead letters", "address"]);
    for webhook in &webhooks {
        rows.add_row([
            text(&webhook["id"]),
            text(&webhook["state"]),
            text(&webhook["position"]),
            webhook["lag"].to_string(),
            dead_letters(webhook).len().to_string(),
            text(&webhook["url"]),
        ]);
    }
    println!("{rows}");
    Ok(Exit::Done)
}

async fn show(config: &Config, args: IdArgs) -> Result<Exit, Failure> {
    let webhooks = webhooks(config, &args.server).await?;
    let Some(webhook) = webhooks.into_iter().find(|webhook| webhook["id"] == args.id.as_str())
    else {
        let id = &args.id;
        let message =
            format!("there is no webhook {id}, or you may not see it; sign in as an administrator");
        return Err(Failure::new(Exit::Usage, message));
    };
    if args.json {
        print_json(&webhook)?;
        return Ok(Exit::Done);
    }
    let (state, url) = (text(&webhook["state"]), text(&webhook["url"]));
    println!("{state}, to {url}");
    println!("at position {}, {} behind", text(&webhook["position"]), webhook["lag"]);
    let types = webhook["types"].as_array().map(Vec::as_slice).unwrap_or_default();
    println!("receives {}", types.iter().map(text).collect::<Vec<_>>().join(", "));
    let mut rows = table(["position", "attempts", "given up", "reason"]);
    for letter in dead_letters(&webhook) {
        rows.add_row([
            text(&letter["position"]),
            letter["attempts"].to_string(),
            text(&letter["at"]),
            text(&letter["reason"]),
        ]);
    }
    println!("{rows}");
    Ok(Exit::Done)
}

async fn change(
    config: &Config,
    server: &ServerArgs,
    mutation: &str,
    variables: Value,
    json: bool,
) -> Result<Exit, Failure> {
    let data = server.client(config)?.execute(mutation, variables).await?;
    let payload = &data["changed"];
    check_user_errors(payload)?;
    if json {
        print_json(payload)?;
    } else {
        println!("done");
    }
    Ok(Exit::Done)
}

fn dead_letters(webhook: &Value) -> &[Value] {
    webhook["deadLetters"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("-").to_owned()
}
