//! `assay problem import`

use std::path::{Path, PathBuf};

use domain::Slug;
use problem_package::{Options, Package};
use serde_json::{Value, json};

use super::access::Visibility;
use super::verify::{Sealed, verifier};
use crate::client::{Client, ServerArgs, check_user_errors};
use crate::cmd::print_json;
use crate::config::Config;
use crate::languages::package_options;
use crate::{Exit, Failure, upload, verify};

/// Create or revise problems from packages
///
/// A package is a folder or zip archive in the format of Kattis (legacy, legacy-icpc, 2025-09),
/// Polygon or DMOJ, or an FPS XML file. Importing the same bytes again changes nothing. If a
/// package gives no time limit, its submissions are measured in a sandbox on this machine, and the
/// limit is derived by the rules of the format.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Folders, zip archives or XML files
    #[arg(required = true, value_name = "PATH")]
    packages: Vec<PathBuf>,
    /// The problem's slug; by default derived from the package: the name of its folder or zip
    /// archive, Polygon's short name, or the title in a Free Problem Set. Only for one package
    #[arg(long, value_name = "SLUG")]
    slug: Option<Slug>,
    /// Allow revising a problem with a different title, if the slug was derived from a title or an
    /// irregular name
    #[arg(long)]
    replace: bool,
    /// Who may see the problems; by default a new problem is public, and others stay as they are
    #[arg(long, value_enum)]
    visibility: Option<Visibility>,
    /// The sandbox for measuring; by default the configured one
    #[arg(long, value_enum)]
    sandbox: Option<Sealed>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

const IMPORT: &str = "mutation(
  $package: Sha256!, $slug: String, $replace: Boolean!, $timing: [TimingInput!],
  $visibility: ProblemVisibility
) {
  importProblem(input: {
    package: $package, slug: $slug, replace: $replace, timing: $timing, visibility: $visibility
  }) {
    problems { id number slug title version } problem { id number slug title version }
    revised warnings userErrors { code message field }
  }
}";

/// Tries every package, and fails at the end if any of them failed.
pub(crate) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    upload::check_slug(args.slug.as_ref(), &args.packages)?;
    let client = args.server.client(config)?;
    let mut imported = Vec::new();
    let mut failed: Option<Failure> = None;
    for path in &args.packages {
        match import_path(config, &client, path, &args).await {
            Ok(payload) => {
                print_imported(&payload, args.json);
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

async fn import_path(
    config: &Config,
    client: &Client,
    path: &Path,
    args: &Args,
) -> Result<Value, Failure> {
    let archive = upload::archive(path)?;
    let slug = args.slug.as_ref().or(archive.slug.as_ref()).cloned();
    let digest = client.upload(archive.bytes).await?;
    let visibility = args.visibility.map(Visibility::name);
    let upload = Upload { digest, slug, replace: args.replace, visibility };
    let payload = import(client, &upload, &[]).await?;
    if !needs_timing(&payload) {
        check_user_errors(&payload)?;
        return Ok(payload);
    }
    // The server reports what is wrong with the package, so errors are ignored here.
    let options = Options { slug: upload.slug.clone(), ..package_options(config)? };
    let packages = verify::read(path, options).await.unwrap_or_default();
    let mut timing = Vec::new();
    for package in packages.into_iter().filter(verify::needs_measuring) {
        timing.push(measure(config, package, args.sandbox).await?);
    }
    let payload = import(client, &upload, &timing).await?;
    check_user_errors(&payload)?;
    Ok(payload)
}

/// Uploads and imports a package that gives its time limit; returns the payload.
pub async fn import_archive(client: &Client, archive: Vec<u8>) -> Result<Value, Failure> {
    let digest = client.upload(archive).await?;
    let upload = Upload { digest, slug: None, replace: false, visibility: None };
    let payload = import(client, &upload, &[]).await?;
    check_user_errors(&payload)?;
    Ok(payload)
}

/// An uploaded package, and how to import it.
struct Upload {
    digest: String,
    /// `None` to derive the slug from the package.
    slug: Option<Slug>,
    /// Whether a problem with a different title may be revised.
    replace: bool,
    /// The name of the visibility in the API; `None` for no change.
    visibility: Option<&'static str>,
}

async fn import(client: &Client, upload: &Upload, timing: &[Value]) -> Result<Value, Failure> {
    let Upload { digest, slug, replace, visibility } = upload;
    let variables = json!({
        "package": digest,
        "slug": slug,
        "replace": replace,
        "timing": timing,
        "visibility": visibility,
    });
    let mut data = client.execute(IMPORT, variables).await?;
    Ok(data["importProblem"].take())
}

/// Whether the server needs measured times to derive the time limit.
fn needs_timing(payload: &Value) -> bool {
    let errors = payload["userErrors"].as_array();
    errors.into_iter().flatten().any(|error| error["code"] == "TIMING_NEEDED")
}

/// Measures a package's own submissions, one after the other. Returns the times as the API takes
/// them.
async fn measure(
    config: &Config,
    package: Package,
    sandbox: Option<Sealed>,
) -> Result<Value, Failure> {
    let slug = package.slug.to_string();
    eprintln!("{slug}: the package gives no time limit; measuring its submissions");
    let verifier = verifier(config, sandbox, 1, verify::Extent::Decided)?;
    let bounds = verifier.measure(package).await;
    let name = verifier.sandbox_name();
    verifier.close().await;
    let bounds = bounds?;
    let (slowest, slowest_ms) = bounds.slowest.ok_or_else(|| {
        let message =
            format!("{slug}: no submission runs from which the time limit can be derived");
        Failure::new(Exit::Usage, message)
    })?;
    eprintln!("{slug}: the slowest submission within the limit, {slowest}, takes {slowest_ms} ms");
    let (beyond, beyond_ms) = bounds.fastest_beyond.unzip();
    Ok(json!({
        "slug": slug,
        "slowest": slowest,
        "slowestMs": slowest_ms,
        "fastestBeyond": beyond,
        "fastestBeyondMs": beyond_ms,
        "sandbox": name,
    }))
}

fn print_imported(payload: &Value, json: bool) {
    for warning in payload["warnings"].as_array().into_iter().flatten() {
        eprintln!("{}", warning.as_str().unwrap_or_default());
    }
    if json {
        return;
    }
    let what = if payload["revised"] == true { "imported" } else { "unchanged" };
    for problem in payload["problems"].as_array().into_iter().flatten() {
        let slug = problem["slug"].as_str().unwrap_or("?");
        println!("{slug}: {what}, revision {}", problem["version"]);
    }
}
