//! `assay audit verify`

use std::path::{Path, PathBuf};

use audit::{
    ExportError, ExportReport, NOTE_BYTES_MAX, Report, SignedHead, Tree, VerifyError, verify,
    verify_export,
};
use indicatif::ProgressBar;

use super::inputs::{KeyArgs, read_text};
use crate::cmd::print_json;
use crate::config::Config;
use crate::stores::{open_log, open_tree};
use crate::table::table;
use crate::{Exit, Failure};

/// Check the whole log, or an export of it, against every signed tree head
///
/// Prints the first position that does not match what was signed. Exits with 1 if there is one, or
/// if nothing was ever signed. To verify an export, only the file and the key are needed.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// The export to verify; by default, this installation's log
    file: Option<PathBuf>,
    #[command(flatten)]
    keys: KeyArgs,
    /// Also check against this head, kept elsewhere: a file with the note from `audit { head { note
    /// } }`
    #[arg(long = "head", value_name = "FILE")]
    heads: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    let keys = args.keys.load(config)?;
    let kept = args.heads.iter().map(|path| read_head(path)).collect::<Result<Vec<_>, _>>()?;
    let report = match &args.file {
        Some(file) => {
            let checked = verify_export(file, &keys, &kept).map_err(|error| {
                let exit = match error {
                    ExportError::Malformed { .. } | ExportError::Head(_) => Exit::NotAccepted,
                    _ => Exit::Usage,
                };
                Failure::of(exit, &format!("verifying {}", file.display()), &error)
            })?;
            if !args.json {
                print_export(&checked);
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
                verify(log.as_ref(), &tree, &keys, &kept, |position| bar.set_position(position.0));
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
    Ok(if report.broken.is_none() && !is_all_unsigned(&report) {
        Exit::Done
    } else {
        Exit::NotAccepted
    })
}

/// Whether there are events, but no head covers any of them.
fn is_all_unsigned(report: &Report) -> bool {
    report.verified == 0 && report.not_covered > 0
}

fn read_head(path: &Path) -> Result<SignedHead, Failure> {
    let head = SignedHead::parse(&read_text(path, NOTE_BYTES_MAX)?);
    head.map_err(|error| Failure::of(Exit::Usage, &format!("--head {}", path.display()), &error))
}

/// Prints the signed facts of an export, and the unsigned claims of its manifest.
fn print_export(checked: &ExportReport) {
    let ExportReport { manifest, head, .. } = checked;
    println!("{} events of {}, signed at {}", head.size, head.origin, head.at);
    let what = match manifest.complete {
        true => "all of them".to_owned(),
        false => format!("{} of them", manifest.events),
    };
    println!(
        "according to its unsigned manifest: {what}, of log {}, exported at {}",
        manifest.log, manifest.exported_at
    );
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
        None if is_all_unsigned(report) => {
            let events = report.not_covered;
            println!(
                "NOTHING SIGNED: no signed head covers any of the {events} events; if heads were signed before, \
                 the tree's store has lost them (docs/operations.md, \"A tree that was set back\")"
            );
        }
        None => println!("ok: every signed event is unchanged"),
        Some(broken) if broken.position == broken.through => {
            println!("BROKEN at position {}: {}", broken.position, broken.reason);
        }
        Some(broken) => {
            let (first, last) = (broken.position, broken.through);
            println!("BROKEN between positions {first} and {last}: {}", broken.reason);
        }
    }
}
