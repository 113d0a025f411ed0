//! `assay completions`

use clap::Command;
use clap_complete::Shell;

use crate::Exit;

/// Print a completion script for a shell
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: Args, command: &mut Command) -> Exit {
    clap_complete::generate(args.shell, command, "assay", &mut std::io::stdout());
    Exit::Done
}
