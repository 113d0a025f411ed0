//! `assay-bench`: parse, run, report.

use std::process::ExitCode;

use bench::cli::Cli;
use clap::Parser;
use mimalloc::MiMalloc;

/// The same allocator as in `assay`.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    assay::program(|| Cli::parse().run())
}
