//! `assay audit verify`

use std::path::PathBuf;

use audit::{ExportError, Report, Tree, VerifyError, verify, verify_export};
use indicatif::ProgressBar;

use super::KeyArgs;
use crate::cmd::print_json;
use crate::config::Config;
use crate::server::{open_log, open_tree};
use crate::table::table;
use crate::{Exit, Failure};

/// Compare the whole log, or an export of it, with every signed tree head
///
/// Names the first position that is not as it was when it was signed. Exits with 1 when there is one. An export needs
/// nothing but the file and the key.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// An export to verify; without it, this installation's log
    file: Option<PathBuf>,
    #[command(flatten)]
    keys: KeyArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    let keys = args.keys.load(config)?;
    let report = match &args.file {
        Some(file) => {
            let checked = verify_export(file, &keys).map_err(|error| {
                let exit = match error {
                    ExportError::Malformed { .. } | ExportError::Head(_) => Exit::NotAccepted,
                    _ => Exit::Usage,
                };
                Failure::of(exit, &format!("verifying {}", file.display()), &error)
            })?;
            if !args.json {
                let manifest = &checked.manifest;
                let what = if manifest.complete { "all" } else { "some" };
                println!(
                    "{what} events up to {} of log {}, {}",
                    manifest.size, manifest.log, manifest.origin
                );
            }
            checked.report
        }
        None => {
            let log = open_log(config).await?;
            let tree = Tree::new(open_tree(config).await?);
            let info = log.info().await;
            let info = info.map_err(|error| Failure::of(Exit::Network, "the log", &error))?;
            let bar = if args.json { ProgressBar::hidden() } else { ProgressBar::new(info.head.0) };
            let report =
                verify(log.as_ref(), &tree, &keys, |position| bar.set_position(position.0));
            let report = report.await;
            bar.finish_and_clear();
            report.map_err(|error: VerifyError| Failure::of(Exit::Network, "verifying", &error))?
        }
    };
    if args.json {
        print_json(&report)?;
    } else {
        print_report(&report);
    }
    Ok(if report.broken.is_none() { Exit::Done } else { Exit::NotAccepted })
}

fn print_report(report: &Report) {
    let mut rows = table(["verified", "signed heads", "not signed yet", "root"]);
    let root = report.root.to_string();
    rows.add_row([
        report.verified.to_string(),
        report.heads.to_string(),
        report.not_covered.to_string(),
        root,
    ]);
    println!("{rows}");
    match &report.broken {
        None => println!("ok: every event is as it was signed"),
        Some(broken) if broken.position == broken.through => {
            println!("BROKEN at position {}: {}", broken.position, broken.reason);
        }
        Some(broken) => {
            let (first, last) = (broken.position, broken.through);
            println!("BROKEN between positions {first} and {last}: {}", broken.reason);
        }
    }
}
