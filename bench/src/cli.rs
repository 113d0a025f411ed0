//! The command line.

use crate::{
    accuracy, asof, checker, fairness, guard, judge, languages, log, rejudge, run as own_runs,
    sandbox, slots, soak, subscriptions, verify,
};
use assay::config::{Config, ConfigArgs};
use assay::{Exit, Failure};
use futures::future::LocalBoxFuture;

/// Measure this machine's judging beside its unavoidable costs
///
/// Progress is printed on standard error. Results are meaningful only with a release build on an
/// otherwise idle machine.
#[derive(Debug, clap::Parser)]
#[command(name = "assay-bench", version, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// The overhead of one run of a trivial program in the sandbox
    Sandbox(sandbox::Args),
    /// Time from source to verdict, and submissions per minute
    Judge(judge::Args),
    /// The time from asking for a run on an own input to its result
    Run(own_runs::Args),
    /// The accuracy of times and memory
    Accuracy(accuracy::Args),
    /// The cost of each language
    Languages(languages::Args),
    /// Time until a slot is free again after a misbehaving program
    Slots(slots::Args),
    /// Many submissions in a row, some hostile, to find leaks
    Soak(soak::Args),
    /// How long accounts wait for each other
    Fairness(fairness::Args),
    /// Speed of comparing outputs with answers, on one core
    Checker(checker::Args),
    /// The cost of checking common documents before they are executed
    Guard(guard::Args),
    /// Speed of the log, beside its bare store
    Log(log::Args),
    /// Rejudging many submissions while others are submitted
    Rejudge(rejudge::Args),
    /// The cost of a query about the past, beside the same query about the present
    Asof(asof::Args),
    /// Many clients that follow one submission
    Subscriptions(subscriptions::Args),
    /// Verifying a package with many submissions, with one job and with several
    Verify(verify::Args),
}

impl Cli {
    /// Runs the command.
    pub fn run(self) -> LocalBoxFuture<'static, Result<Exit, Failure>> {
        Box::pin(async move {
            let config = self.config.load()?;
            assay::telemetry::start(&config.telemetry)?;
            run(&config, self.command).await
        })
    }
}

async fn run(config: &Config, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Sandbox(args) => sandbox::run(config, args).await,
        Command::Judge(args) => judge::run(config, args).await,
        Command::Run(args) => own_runs::run(config, args).await,
        Command::Accuracy(args) => accuracy::run(config, args).await,
        Command::Languages(args) => languages::run(config, args).await,
        Command::Slots(args) => slots::run(config, args).await,
        Command::Soak(args) => soak::run(config, args).await,
        Command::Fairness(args) => fairness::run(config, args).await,
        Command::Checker(args) => checker::run(&args),
        Command::Guard(args) => guard::run(&args),
        Command::Log(args) => log::run(args).await,
        Command::Rejudge(args) => rejudge::run(args).await,
        Command::Asof(args) => asof::run(args).await,
        Command::Subscriptions(args) => subscriptions::run(args).await,
        Command::Verify(args) => verify::run(config, args).await,
    }
}
