//! `assay cancel`

use serde_json::json;

use super::{print_json, submission_id};
use crate::client::{Client, ServerArgs, check_user_errors};
use crate::config::Config;
use crate::{Exit, Failure};

/// Cancel a submission that has no verdict
///
/// It will never have a verdict, and it does not count in any statistics. Authors can cancel their
/// own submissions while they wait. Judges can cancel any, also while it is being judged.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The submission's id or number
    #[arg(value_name = "ID|NUMBER")]
    id: String,
    /// The reason, for the record
    #[arg(long, short)]
    reason: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

const CANCEL: &str = "mutation($id: ID!, $reason: String) {
  cancelSubmission(id: $id, reason: $reason) {
    submission { id number state } token userErrors { code message field }
  }
}";

pub(crate) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    let client: Client = args.server.client(config)?;
    let id = submission_id(&client, args.id).await?;
    let variables = json!({ "id": id, "reason": args.reason });
    let data = client.execute(CANCEL, variables).await?;
    let payload = &data["cancelSubmission"];
    check_user_errors(payload)?;
    if args.json {
        print_json(payload)?;
    } else {
        let submission = &payload["submission"];
        let id = submission["id"].as_str().unwrap_or_default();
        let state = submission["state"].as_str().unwrap_or_default();
        println!("#{} {id} {state}", submission["number"]);
    }
    Ok(Exit::Done)
}
