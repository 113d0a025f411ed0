#![doc = include_str!("../README.md")]

mod input;
mod requests;
mod targets;
mod trial;
mod words;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use targets::Target;

/// Looks for texts, packages and requests that make Assay panic or take too long
#[derive(Debug, Parser)]
struct Args {
    /// Seconds for each target
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
    /// The seed, which determines the inputs
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The directory for inputs that were too slow or caused a panic
    #[arg(long, value_name = "DIR", default_value = "fuzz/found")]
    found: PathBuf,
    /// Only try this input, such as one from --found, and print how long it takes
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// The targets to try; all if none is given
    targets: Vec<Target>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let targets = if args.targets.is_empty() { Target::ALL.to_vec() } else { args.targets };
    if let Some(path) = args.input {
        return match trial::again(&targets, &path) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&path, &error),
        };
    }
    let mut failures = 0;
    for target in targets {
        match trial::fuzz(target, args.seed, Duration::from_secs(args.seconds), &args.found) {
            Ok(found) => failures += found,
            Err(error) => return failed(&args.found, &error),
        }
    }
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn failed(path: &std::path::Path, error: &std::io::Error) -> ExitCode {
    eprintln!("fuzz: {}: {error}", path.display());
    ExitCode::from(2)
}
