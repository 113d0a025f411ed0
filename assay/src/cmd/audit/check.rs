//! `assay audit check`

use std::path::PathBuf;

use audit::{RECEIPT_BYTES_MAX, Receipt};

use super::inputs::{KeyArgs, read_text};
use super::trail;
use crate::config::Config;
use crate::{Exit, Failure};

/// Check receipts with only a public key
///
/// Needs no server and no store. Exits with 1 if a receipt is not valid.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// The receipt files
    #[arg(required = true)]
    receipts: Vec<PathBuf>,
    #[command(flatten)]
    keys: KeyArgs,
}

pub(super) fn run(config: &Config, args: &Args) -> Result<Exit, Failure> {
    let keys = args.keys.load(config)?;
    let mut exit = Exit::Done;
    for path in &args.receipts {
        let name = path.display().to_string();
        let text = read_text(path, RECEIPT_BYTES_MAX)?;
        let checked = Receipt::parse(&text).and_then(|receipt| {
            let size = receipt.head.head.size;
            receipt.check(&keys).map(|checked| (checked, size, receipt.head.head.at))
        });
        match checked {
            Ok((checked, size, at)) => {
                println!("{name}: ok, signed by {} at {at} with {size} events", checked.signed_by);
                print!("{}", trail::trail(std::slice::from_ref(&checked.recorded)));
            }
            Err(error) => {
                println!("{}", Failure::of(Exit::NotAccepted, &name, &error).message);
                exit = Exit::NotAccepted;
            }
        }
    }
    Ok(exit)
}
