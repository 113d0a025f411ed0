//! `assay completions`

use clap::CommandFactory;
use clap_complete::Shell;

use crate::Exit;
use crate::cli::Cli;

/// Print a completion script for a shell
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: Args) -> Exit {
    clap_complete::generate(args.shell, &mut Cli::command(), "assay", &mut std::io::stdout());
    Exit::Done
}
