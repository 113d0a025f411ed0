//! The command line.

use clap::{Parser, Subcommand};
use futures::future::LocalBoxFuture;

use crate::config::ConfigArgs;
use crate::{Exit, Failure, cmd};

/// An online judge whose only truth is a log of events.
///
/// Exit codes: 0 accepted or done, 1 not accepted, 2 usage, 3 network, 4 auth, 5 judge error.
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
    /// Judge the sample problems live, with nothing but this machine
    Demo(cmd::demo::Args),
    /// Verify, import, compare and list problems
    #[command(subcommand)]
    Problem(cmd::problem::Command),
    /// Hand in a program
    Submit(cmd::submit::Args),
    /// Watch a submission live
    Watch(cmd::watch::Args),
    /// Judge submissions again, compare, and make the new verdicts count
    #[command(subcommand)]
    Rejudge(cmd::rejudge::Command),
    /// Have other servers told of events
    #[command(subcommand)]
    Webhook(cmd::webhook::Command),
    /// Make accounts and grant roles, directly on the stores
    #[command(subcommand)]
    Account(cmd::account::Command),
    /// Show what happened to a submission, and prove what the log says
    Audit(cmd::audit::Args),
    /// Make, show and change the keys that sign the log
    #[command(subcommand)]
    Keys(cmd::keys::Command),
    /// Rebuild every view beside the live ones and compare
    Replay(cmd::replay::Args),
    /// Tell how the views are, and build them anew while they are served
    #[command(subcommand)]
    Views(cmd::views::Command),
    /// Tell how much of the log is where, and move old events to the archive
    #[command(subcommand)]
    Log(cmd::log::Command),
    /// Remove blobs, personal data and secrets that no event names
    Sweep(cmd::sweep::Args),
    /// Copy everything that could not be made again into a directory
    Backup(cmd::backup::Args),
    /// Fill empty stores from a backup
    Restore(cmd::restore::Args),
    /// Work with the image that the sandbox's cells are made from
    #[command(subcommand)]
    Images(cmd::images::Command),
    /// Tell what this machine can do, what is missing, and how to mend it
    Doctor(cmd::doctor::Args),
    /// Print every setting, and where its value comes from
    Config(cmd::config::Args),
    /// Print a completion script for a shell
    Completions(cmd::completions::Args),
}

impl Cli {
    /// Runs the command. It fails with what failed, what can be done about it, and the exit code.
    ///
    /// Boxed, so that the command is compiled with this crate and not with the program.
    pub fn run(self) -> LocalBoxFuture<'static, Result<Exit, Failure>> {
        Box::pin(self.run_command())
    }

    async fn run_command(self) -> Result<Exit, Failure> {
        if let Command::Completions(args) = self.command {
            return Ok(cmd::completions::run(args));
        }
        let config = self.config.load()?;
        crate::telemetry::start(&config.telemetry)?;
        match self.command {
            Command::Serve(args) => cmd::serve::run(&config, args).await,
            Command::Demo(args) => cmd::demo::run(args).await,
            Command::Problem(command) => cmd::problem::run(&config, command).await,
            Command::Submit(args) => cmd::submit::run(args).await,
            Command::Watch(args) => cmd::watch::run(args).await,
            Command::Rejudge(command) => cmd::rejudge::run(command).await,
            Command::Webhook(command) => cmd::webhook::run(command).await,
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
            Command::Completions(args) => Ok(cmd::completions::run(args)),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
