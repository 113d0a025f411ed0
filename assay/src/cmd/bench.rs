//! `assay bench`

use crate::bench::{
    accuracy, asof, checker, judge, languages, log, rejudge, sandbox, slots, soak, verify,
};
use crate::config::Config;
use crate::{Exit, Failure};

/// Measure this machine's judging, side by side with what it cannot avoid
///
/// Progress is told on standard error. A figure is only worth something on a machine that does nothing
/// else meanwhile, with a release build.
#[derive(Debug, Clone, clap::Subcommand)]
pub(crate) enum Command {
    /// What a cell adds to one run of a trivial program
    Sandbox(sandbox::Args),
    /// From source to verdict, and submissions a minute
    Judge(judge::Args),
    /// How exact times and memory are
    Accuracy(accuracy::Args),
    /// What each language costs
    Languages(languages::Args),
    /// How soon a slot is free after programs that misbehave
    Slots(slots::Args),
    /// Many submissions in a row, some hostile: does anything leak?
    Soak(soak::Args),
    /// How fast outputs are compared with answers, on one core
    Checker(checker::Args),
    /// How fast the log takes events, beside what its store takes without Assay
    Log(log::Args),
    /// Judging many submissions again while others are handed in
    Rejudge(rejudge::Args),
    /// What a question about another time costs, beside the same question about now
    Asof(asof::Args),
    /// Verifying a package with many submissions, with one job and with more
    Verify(verify::Args),
}

pub(crate) async fn run(config: &Config, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Sandbox(args) => sandbox::run(config, args).await,
        Command::Judge(args) => judge::run(config, args).await,
        Command::Accuracy(args) => accuracy::run(config, args).await,
        Command::Languages(args) => languages::run(config, args).await,
        Command::Slots(args) => slots::run(config, args).await,
        Command::Soak(args) => soak::run(config, args).await,
        Command::Checker(args) => checker::run(&args),
        Command::Log(args) => log::run(args).await,
        Command::Rejudge(args) => rejudge::run(args).await,
        Command::Asof(args) => asof::run(args).await,
        Command::Verify(args) => verify::run(config, args).await,
    }
}
