//! `assay audit`

mod as_of;
mod check;
mod download;
mod export;
mod filter_args;
mod inputs;
mod prove;
mod recompute;
pub(crate) mod trail;
mod verify;

use crate::config::Config;
use crate::{Exit, Failure};

/// Show a submission's history, and prove what the log records
#[derive(Debug, Clone, clap::Args)]
#[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub(crate) struct Args {
    /// Show the whole history of this submission (id or UUID), directly from the log
    submission: Option<String>,
    /// Print the events as they are stored
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Command {
    /// Show the state at an earlier time
    AsOf(as_of::Args),
    /// Check the whole log, or an export of it, against every signed tree head
    Verify(verify::Args),
    /// Write receipts of a submission's events
    Prove(prove::Args),
    /// Check receipts with only a public key
    Check(check::Args),
    /// Write events and their proofs to a file
    Export(export::Args),
    /// Ask a server for an export, and download it when it is made
    Download(download::Args),
    /// Judge submissions again with the recorded inputs, and compare the results
    Recompute(recompute::Args),
}

pub(crate) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    match (args.command, args.submission) {
        (Some(Command::AsOf(args)), _) => as_of::run(config, args).await,
        (Some(Command::Verify(args)), _) => verify::run(config, args).await,
        (Some(Command::Prove(args)), _) => prove::run(config, args).await,
        (Some(Command::Check(args)), _) => check::run(config, &args),
        (Some(Command::Export(args)), _) => export::run(config, args).await,
        (Some(Command::Download(args)), _) => download::run(config, args).await,
        (Some(Command::Recompute(args)), _) => recompute::run(config, args).await,
        (None, Some(submission)) => trail::run(config, &submission, args.json).await,
        (None, None) => Err(Failure::new(Exit::Usage, "give a submission or a command")),
    }
}
