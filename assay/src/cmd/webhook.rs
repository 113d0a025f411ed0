//! `assay webhook`

use serde_json::{Value, json};

use super::print_json;
use crate::client::{ServerArgs, check_user_errors};
use crate::table::table;
use crate::{Exit, Failure};

/// Have other servers told of events
#[derive(Debug, Clone, clap::Subcommand)]
pub(crate) enum Command {
    /// Have a server told of events from now on
    Create(CreateArgs),
    /// List webhooks, and how far each has come
    List(ListArgs),
    /// Show one webhook, and what could not be delivered
    Show(IdArgs),
    /// End a webhook
    Remove(IdArgs),
    /// Deliver everything from a position on again
    Replay(ReplayArgs),
    /// Try once more what could not be delivered
    Retry(RetryArgs),
}

/// Have a server told of events from now on
///
/// Prints the secret that signs the messages; it is shown this once. The address is written into the log.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct CreateArgs {
    /// Where events are sent to, as in https://example.org/assay
    url: String,
    /// A type of event, as in JudgingFinished; may be repeated
    #[arg(long = "type", short, value_name = "TYPE", required = true)]
    types: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// List webhooks, and how far each has come
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ListArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Which webhook
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

/// Deliver everything from a position on again
///
/// Enables a webhook whose server answered that it is gone.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ReplayArgs {
    /// The webhook's id
    id: String,
    /// The first position of the log that is delivered again
    #[arg(long, value_name = "POSITION")]
    from: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Try once more what could not be delivered
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct RetryArgs {
    /// The webhook's id
    id: String,
    /// Where the event stands in the log
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

pub(crate) async fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Create(args) => create(args).await,
        Command::List(args) => list(args).await,
        Command::Show(args) => show(args).await,
        Command::Remove(IdArgs { id, json, server }) => {
            change(&server, REMOVE, json!({ "id": id }), json).await
        }
        Command::Replay(ReplayArgs { id, from, json, server }) => {
            change(&server, REPLAY, json!({ "id": id, "from": from.to_string() }), json).await
        }
        Command::Retry(RetryArgs { id, position, json, server }) => {
            let variables = json!({ "id": id, "position": position.to_string() });
            change(&server, RETRY, variables, json).await
        }
    }
}

async fn create(args: CreateArgs) -> Result<Exit, Failure> {
    let input = json!({ "url": args.url, "types": args.types });
    let data = args.server.client()?.execute(CREATE, json!({ "input": input })).await?;
    let payload = &data["createWebhook"];
    check_user_errors(payload)?;
    if args.json {
        print_json(payload)?;
    } else {
        println!("{}\n{}", text(&payload["id"]), text(&payload["secret"]));
        eprintln!("The second line signs the messages. It is not shown again.");
    }
    Ok(Exit::Done)
}

async fn webhooks(server: &ServerArgs) -> Result<Vec<Value>, Failure> {
    let mut data = server.client()?.execute(LIST, json!({})).await?;
    match data["webhooks"].take() {
        Value::Array(webhooks) => Ok(webhooks),
        _ => Ok(vec![]),
    }
}

async fn list(args: ListArgs) -> Result<Exit, Failure> {
    let webhooks = webhooks(&args.server).await?;
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

async fn show(args: IdArgs) -> Result<Exit, Failure> {
    let webhooks = webhooks(&args.server).await?;
    let Some(webhook) = webhooks.into_iter().find(|webhook| webhook["id"] == args.id.as_str())
    else {
        let id = &args.id;
        let message = format!(
            "there is no webhook {id}, or it is not yours to see: sign in as an administrator"
        );
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
    println!("told of {}", types.iter().map(text).collect::<Vec<_>>().join(", "));
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
    server: &ServerArgs,
    mutation: &str,
    variables: Value,
    json: bool,
) -> Result<Exit, Failure> {
    let data = server.client()?.execute(mutation, variables).await?;
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
