//! `assay problem`

mod access;
mod diff;
pub mod import;
mod list;
mod verify;

use crate::config::Config;
use crate::{Exit, Failure};

/// Verify, import, compare, list and publish problems
#[derive(Debug, Clone, clap::Subcommand)]
pub(crate) enum Command {
    /// Check packages and judge their own submissions, using only this machine
    Verify(verify::Args),
    /// Create or revise problems from packages
    Import(import::Args),
    /// Show what importing packages would change on a server
    Diff(diff::Args),
    /// List the problems on a server
    List(list::Args),
    /// Show or change who may see a problem
    Visibility(access::VisibilityArgs),
    /// Take a problem out of lists, and close it to new submissions
    Archive(access::SlugArgs),
    /// Undo `archive`
    Restore(access::SlugArgs),
    /// Show or change who works on a problem
    Collaborators(access::CollaboratorsArgs),
}

pub(crate) async fn run(config: &Config, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Verify(args) => verify::run(config, args).await,
        Command::Import(args) => import::run(config, args).await,
        Command::Diff(args) => diff::run(config, args).await,
        Command::List(args) => list::run(config, args).await,
        Command::Visibility(args) => access::visibility(config, args).await,
        Command::Archive(args) => access::archive(config, args).await,
        Command::Restore(args) => access::restore(config, args).await,
        Command::Collaborators(args) => access::collaborators(config, args).await,
    }
}
