//! `assay problem verify`

use std::path::PathBuf;

use evaluator::physical_cores;
use sandbox::Adapter;

use crate::config::Config;
use crate::server::open_languages;
use crate::verify::{Extent, PackageReport, Report, Verifier};
use crate::{Exit, Failure};

/// Check packages and judge their own submissions, with nothing but this machine
///
/// A package is a folder or a zip archive in the Kattis format (legacy, legacy-icpc, 2025-09), Polygon's, DMOJ's, or an
/// XML file of FPS. Everything in it is checked: structure, names and statements, every input by the input validators,
/// every answer by the checker, and every submission against what the package expects of it. A submission is judged
/// until no test that is left can change whether it is as expected.
///
/// Exit codes: 0 all as expected, 1 something is not, 2 a path cannot be read, 5 the sandbox does not work.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Folders, zip archives or XML files
    #[arg(required = true, value_name = "PATH")]
    packages: Vec<PathBuf>,
    /// Where programs run; the configured sandbox where none is named
    #[arg(long, value_enum)]
    sandbox: Option<Sealed>,
    /// Submissions that are judged at the same time; one for each physical core where it is not given
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Judge every submission on every test
    #[arg(long)]
    all: bool,
    /// Write what was found to a file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write what was found to a file, as build servers read it
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// Where programs run.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum Sealed {
    /// In namespaces of this machine.
    Native,
    /// In containers.
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
    println!("{green} of {} packages are as they should be", report.packages.len());
    Ok(match failed {
        Some(failure) => failure.exit,
        None if green == report.packages.len() => Exit::Done,
        None => Exit::NotAccepted,
    })
}

/// A verifier in the configured sandbox, or in another.
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
    Ok(Verifier::new(sandbox, languages, config.packages.clone(), jobs, extent))
}
