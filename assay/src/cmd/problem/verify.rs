//! `assay problem verify`

use std::path::PathBuf;

use evaluator::physical_cores;
use sandbox::Adapter;

use crate::config::Config;
use crate::languages::{open_languages, package_options};
use crate::verify::{Extent, PackageReport, Report, Verifier};
use crate::{Exit, Failure};

/// Check packages and judge their own submissions, using only this machine
///
/// A package is a folder or zip archive in the format of Kattis (legacy, legacy-icpc, 2025-09),
/// Polygon or DMOJ, or an FPS XML file. Everything is checked: structure, names and statements,
/// every input with the input validators, every answer with the checker, and every submission
/// against the result that the package expects. A submission is judged until no remaining test can
/// change whether it is as expected.
///
/// Exit codes: 0 if everything is as expected, 1 if something is not, 2 if a path cannot be read, 5
/// if the sandbox does not work.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Folders, zip archives or XML files
    #[arg(required = true, value_name = "PATH")]
    packages: Vec<PathBuf>,
    /// The sandbox to use; by default the configured one
    #[arg(long, value_enum)]
    sandbox: Option<Sealed>,
    /// Submissions judged at once; by default one per physical core
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Judge every submission on every test
    #[arg(long)]
    all: bool,
    /// Write the results to a file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the results to a file, as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// The kind of sandbox.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum Sealed {
    /// Linux namespaces on this machine
    Native,
    /// Docker containers
    Docker,
}

impl From<Sealed> for Adapter {
    fn from(sealed: Sealed) -> Self {
        match sealed {
            Sealed::Native => Self::Native,
            Sealed::Docker => Self::Docker,
        }
    }
}

pub(crate) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    let jobs = args.jobs.unwrap_or_else(physical_cores);
    let extent = if args.all { Extent::All } else { Extent::Decided };
    let verifier = verifier(config, args.sandbox, jobs, extent)?;
    let mut report = Report { packages: vec![] };
    let mut failed = None;
    for path in &args.packages {
        match verifier.verify(path).await {
            Ok(reports) => {
                reports.iter().for_each(PackageReport::print);
                report.packages.extend(reports);
            }
            Err(failure) => {
                eprintln!("{failure}");
                failed = failed.or(Some(failure));
            }
        }
    }
    verifier.close().await;
    if let Some(path) = &args.json {
        report.write_json(path)?;
    }
    if let Some(path) = &args.junit {
        report.write_junit(path)?;
    }
    let green = report.packages.iter().filter(|package| package.is_green()).count();
    println!("{green} of {} packages are as expected", report.packages.len());
    Ok(match failed {
        Some(failure) => failure.exit,
        None if green == report.packages.len() => Exit::Done,
        None => Exit::NotAccepted,
    })
}

/// A verifier in the given sandbox, or else in the configured one.
pub(super) fn verifier(
    config: &Config,
    sealed: Option<Sealed>,
    jobs: usize,
    extent: Extent,
) -> Result<Verifier, Failure> {
    let mut sandbox = config.sandbox.clone();
    sandbox.adapter = sealed.map_or(sandbox.adapter, Adapter::from);
    let sandbox = sandbox::resolve(&sandbox)
        .map_err(|error| Failure::of(Exit::JudgeError, "opening the sandbox", &error))?;
    let languages = open_languages(config)?;
    Ok(Verifier::new(sandbox, languages, package_options(config)?, jobs, extent))
}
