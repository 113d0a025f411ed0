//! The `assay` program.

use std::process::ExitCode;

use assay::cli::Cli;
use clap::Parser;
use mimalloc::MiMalloc;

/// Replaying a log takes an eighth less time than with the system's allocator.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    assay::program(|| Cli::parse().run())
}
