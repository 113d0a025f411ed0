//! `assay audit download`

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use audit::Filter;
use indicatif::ProgressBar;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::filter_args::FilterArgs;
use crate::client::{Client, ServerArgs, check_user_errors};
use crate::config::Config;
use crate::{Exit, Failure};

/// How often the server is asked how far it is.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

const EXPORT: &str = "mutation($input: ExportAuditInput!) {
  exportAudit(input: $input) { export { id } userErrors { code message field } }
}";
const ASK: &str =
    "query($id: ID!) { audit { head { treeSize } } node(id: $id) { ... on AuditExport {
  state position events bytes sha256 url reason
} } }";

/// Ask a server for an export, and download it when it is made
///
/// Queries a server, as an auditor. The file is the same as that of `assay audit export`: `assay
/// audit verify FILE --key KEY` verifies it on any machine.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// The file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    server: ServerArgs,
}

pub(super) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    let client = args.server.client(config)?;
    let name = args.out.display().to_string();
    let writing = format!("writing {name}");
    // An existing file is never overwritten.
    let file =
        File::create_new(&args.out).map_err(|error| Failure::of(Exit::Usage, &writing, &error))?;
    let downloaded = async {
        let export = made(&client, args.filter.filter()?).await?;
        download(&client, &export, file, &writing).await?;
        Ok(export)
    };
    match downloaded.await {
        Ok(export) => println!("{name}: {} events", export["events"]),
        Err(failure) => {
            remove(&args.out);
            return Err(failure);
        }
    }
    Ok(Exit::Done)
}

/// Removes a partial file.
fn remove(path: &Path) {
    let _ = std::fs::remove_file(path);
}

/// The export, once it is done.
async fn made(client: &Client, filter: Filter) -> Result<Value, Failure> {
    let answer = client.execute(EXPORT, json!({ "input": input(filter) })).await?;
    let payload = &answer["exportAudit"];
    check_user_errors(payload)?;
    let id = payload["export"]["id"].clone();
    let bar = ProgressBar::new(0);
    loop {
        let mut answer = client.execute(ASK, json!({ "id": id })).await?;
        let number = |value: &Value| value.as_str().and_then(|text| text.parse().ok());
        bar.set_length(number(&answer["audit"]["head"]["treeSize"]).unwrap_or(0));
        bar.set_position(number(&answer["node"]["position"]).unwrap_or(0));
        match answer["node"]["state"].as_str() {
            Some("DONE") => {
                bar.finish_and_clear();
                return Ok(answer["node"].take());
            }
            Some("FAILED") => {
                let reason = answer["node"]["reason"].as_str().unwrap_or("?");
                return Err(Failure::new(Exit::Network, format!("exporting: {reason}")));
            }
            Some(_) => tokio::time::sleep(POLL_INTERVAL).await,
            None => return Err(Failure::new(Exit::Network, "the export is gone; ask again")),
        }
    }
}

/// The filter as the API takes it.
fn input(filter: Filter) -> Value {
    json!({
        "filter": {
            "stream": filter.stream.map(|stream| stream.to_string()),
            "types": (!filter.types.is_empty()).then_some(filter.types),
            "actor": filter.actor,
            "correlationId": filter.correlation.map(|id| id.to_string()),
            "since": filter.since.map(|at| at.to_string()),
            "until": filter.until.map(|at| at.to_string()),
        },
        "from": filter.from.map(|from| from.0.to_string()),
        "to": filter.to.map(|to| to.0.to_string()),
    })
}

/// Downloads the file and compares it with the export's digest.
async fn download(
    client: &Client,
    export: &Value,
    mut file: File,
    writing: &str,
) -> Result<(), Failure> {
    let bar = ProgressBar::new(export["bytes"].as_f64().unwrap_or(0.0) as u64);
    let mut hasher = Sha256::new();
    let written = client.download(export["url"].as_str().unwrap_or_default(), |chunk| {
        hasher.update(chunk);
        bar.inc(chunk.len() as u64);
        file.write_all(chunk).map_err(|error| Failure::of(Exit::Usage, writing, &error))
    });
    written.await?;
    bar.finish_and_clear();
    file.sync_all().map_err(|error| Failure::of(Exit::Usage, writing, &error))?;
    let digest = domain::Digest::from(<[u8; 32]>::from(hasher.finalize())).to_string();
    if export["sha256"] != digest {
        return Err(Failure::new(
            Exit::Network,
            "the downloaded file has another digest; try again",
        ));
    }
    Ok(())
}
