//! `assay problem diff`

use std::path::PathBuf;

use domain::Slug;
use serde_json::{Value, json};

use crate::client::ServerArgs;
use crate::cmd::print_json;
use crate::config::Config;
use crate::{Exit, Failure, upload};

/// Show what importing packages would change on a server
///
/// Exit codes: 0 if nothing would change, 1 if something would.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Folders, zip archives or XML files
    #[arg(required = true, value_name = "PATH")]
    packages: Vec<PathBuf>,
    /// The problem's slug; by default derived from the package. Only for one package
    #[arg(long, value_name = "SLUG")]
    slug: Option<Slug>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

const DIFF: &str = "query($package: Sha256!, $slug: String) {
  packageDiff(package: $package, slug: $slug) { slug kind path before after }
}";

pub(crate) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    upload::check_slug(args.slug.as_ref(), &args.packages)?;
    let client = args.server.client(config)?;
    let mut changes = Vec::new();
    for path in &args.packages {
        let archive = upload::archive(path)?;
        let slug = args.slug.as_ref().or(archive.slug.as_ref()).cloned();
        let digest = client.upload(archive.bytes).await?;
        let mut data = client.execute(DIFF, json!({ "package": digest, "slug": slug })).await?;
        if let Value::Array(found) = data["packageDiff"].take() {
            changes.extend(found);
        }
    }
    if args.json {
        print_json(&changes)?;
    } else {
        changes.iter().for_each(print_change);
        println!("{} changes", changes.len());
    }
    Ok(if changes.is_empty() { Exit::Done } else { Exit::NotAccepted })
}

fn print_change(change: &Value) {
    let text = |key: &str| change[key].as_str().unwrap_or_default();
    let place = [text("slug"), text("kind"), text("path")];
    let place: Vec<_> = place.into_iter().filter(|part| !part.is_empty()).collect();
    let value = |key: &str| change[key].as_str().unwrap_or("nothing").to_owned();
    println!("{}: {} -> {}", place.join(" "), value("before"), value("after"));
}
