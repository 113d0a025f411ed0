//! The command line.

use clap::{CommandFactory, Parser, Subcommand};
use futures::future::LocalBoxFuture;

use crate::config::{ConfigArgs, FILTER};
use crate::{Exit, Failure, cmd};

/// The demo shows what it does itself. The sandbox says that compiling headers takes a while.
const DEMO_FILTER: &str = "warn,sandbox=info";

/// An online judge with an event log as its only source of truth.
///
/// Exit codes: 0 accepted, or done; 1 not accepted, or not as expected; 2 wrong usage, or invalid
/// input; 3 a server or store does not respond, or must not be used in its state; 4 not signed in,
/// or not allowed; 5 an internal error, or the verdict `JUDGE_ERROR`.
#[derive(Debug, Parser)]
#[command(name = "assay", version, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API, judge, and build the read model
    Serve(cmd::serve::Args),
    /// Judge the sample problems live, using only this machine
    Demo(cmd::demo::Args),
    /// Verify, import, compare and list problems
    #[command(subcommand)]
    Problem(cmd::problem::Command),
    /// Submit a program
    Submit(cmd::submit::Args),
    /// Run a program on the server, on input of your own
    Run(cmd::run::Args),
    /// Run a program on a problem's samples, and compare the outputs
    Test(cmd::test::Args),
    /// Watch a submission live
    Watch(cmd::watch::Args),
    /// Cancel a submission that has no verdict
    Cancel(cmd::cancel::Args),
    /// Judge submissions again, compare the verdicts, and apply the new ones
    #[command(subcommand)]
    Rejudge(cmd::rejudge::Command),
    /// Send events to other servers
    #[command(subcommand)]
    Webhook(cmd::webhook::Command),
    /// List evaluators, and stop them from taking work
    #[command(subcommand)]
    Judge(cmd::judge::Command),
    /// Create accounts and grant roles, directly in the stores
    #[command(subcommand)]
    Account(cmd::account::Command),
    /// Show a submission's history, and prove what the log records
    Audit(cmd::audit::Args),
    /// Create, show and rotate the keys that sign the log
    #[command(subcommand)]
    Keys(cmd::keys::Command),
    /// Rebuild every view beside the live ones and compare
    Replay(cmd::replay::Args),
    /// Show the state of the views, and rebuild them while they are served
    #[command(subcommand)]
    Views(cmd::views::Command),
    /// Show where the log's events are stored, and move old events to the archive
    #[command(subcommand)]
    Log(cmd::log::Command),
    /// Remove blobs, personal data and secrets that no event names
    Sweep(cmd::sweep::Args),
    /// Copy everything that cannot be rebuilt into a directory
    Backup(cmd::backup::Args),
    /// Fill empty stores from a backup
    Restore(cmd::restore::Args),
    /// Build or unpack the image that the sandbox's cells are created from
    #[command(subcommand)]
    Images(cmd::images::Command),
    /// Report what this machine can do, what is missing, and how to fix it
    Doctor(cmd::doctor::Args),
    /// Print every setting, and where its value comes from
    Config(cmd::config::Args),
    /// Print a completion script for a shell
    Completions(cmd::completions::Args),
}

impl Cli {
    /// Runs the command. A failure has a message, with a way to fix it if known, and an exit code.
    ///
    /// Boxed, so that the command is compiled with this crate and not with the program.
    pub fn run(self) -> LocalBoxFuture<'static, Result<Exit, Failure>> {
        Box::pin(self.run_command())
    }

    async fn run_command(self) -> Result<Exit, Failure> {
        if let Command::Completions(args) = self.command {
            return Ok(cmd::completions::run(args, &mut Self::command()));
        }
        let config = self.config.load()?;
        let mut telemetry = config.telemetry.clone();
        if matches!(self.command, Command::Demo(_)) && telemetry.filter == FILTER {
            DEMO_FILTER.clone_into(&mut telemetry.filter);
        }
        crate::telemetry::start(&telemetry)?;
        match self.command {
            Command::Serve(args) => cmd::serve::run(&config, args).await,
            Command::Demo(args) => cmd::demo::run(args).await,
            Command::Problem(command) => cmd::problem::run(&config, command).await,
            Command::Submit(args) => cmd::submit::run(&config, args).await,
            Command::Run(args) => cmd::run::run(&config, args).await,
            Command::Test(args) => cmd::test::run(&config, args).await,
            Command::Watch(args) => cmd::watch::run(&config, args).await,
            Command::Cancel(args) => cmd::cancel::run(&config, args).await,
            Command::Rejudge(command) => cmd::rejudge::run(&config, command).await,
            Command::Webhook(command) => cmd::webhook::run(&config, command).await,
            Command::Judge(command) => cmd::judge::run(&config, command).await,
            Command::Account(command) => cmd::account::run(&config, command).await,
            Command::Audit(args) => cmd::audit::run(&config, args).await,
            Command::Keys(command) => cmd::keys::run(&config, command).await,
            Command::Replay(args) => cmd::replay::run(&config, args).await,
            Command::Views(command) => cmd::views::run(&config, command).await,
            Command::Log(command) => cmd::log::run(&config, command).await,
            Command::Sweep(args) => cmd::sweep::run(&config, args).await,
            Command::Backup(args) => cmd::backup::run(&config, args).await,
            Command::Restore(args) => cmd::restore::run(&config, args).await,
            Command::Images(command) => cmd::images::run(&config, command).await,
            Command::Doctor(args) => cmd::doctor::run(&config, args).await,
            Command::Config(args) => cmd::config::run(&self.config, &args),
            Command::Completions(args) => Ok(cmd::completions::run(args, &mut Self::command())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
