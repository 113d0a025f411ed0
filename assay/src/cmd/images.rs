//! `assay images`

use std::path::PathBuf;
use std::sync::Arc;

use sandbox::Language;
use sandbox::docker::images;

use crate::config::Config;
use crate::languages::{named_languages, open_languages, wanted_languages};
use crate::{Exit, Failure};

/// Build or unpack the image that the sandbox's cells are created from
#[derive(Debug, Clone, clap::Subcommand)]
pub(crate) enum Command {
    /// Build the image on the Docker engine
    Build(Build),
    /// Unpack the image into a directory, for `sandbox.native.rootfs`
    Unpack(Unpack),
}

/// Build the image on the Docker engine
///
/// The image contains the toolchains of the languages given here, or else in evaluator.languages,
/// or else of all languages. It is based on debian:trixie-slim, which the engine must have or be
/// able to pull.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Build {
    /// Include only this language; may be repeated
    #[arg(long = "language", value_name = "ID")]
    languages: Vec<String>,
}

/// Unpack the image into a directory, for `sandbox.native.rootfs`
///
/// The native sandbox then uses the image's toolchains, and none has to be installed.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Unpack {
    /// The directory, which must be empty or not exist
    directory: PathBuf,
}

pub(crate) async fn run(config: &Config, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Build(Build { languages }) => build(config, &languages).await?,
        Command::Unpack(Unpack { directory }) => unpack(config, directory).await?,
    }
    Ok(Exit::Done)
}

async fn build(config: &Config, named: &[String]) -> Result<(), Failure> {
    let languages: Vec<Arc<Language>> = match named {
        [] => wanted_languages(config, &*open_languages(config)?)?,
        named => named_languages("--language", named, &*open_languages(config)?)?,
    };
    let docker = &config.sandbox.docker;
    images::build(docker, &languages, |line| eprintln!("{line}"))
        .await
        .map_err(|error| Failure::of(Exit::Network, "building the image", &error))?;
    println!("{}", docker.image);
    Ok(())
}

async fn unpack(config: &Config, directory: PathBuf) -> Result<(), Failure> {
    images::unpack(&config.sandbox.docker, &directory).await.map_err(|error| {
        let exit = match error {
            images::UnpackError::Engine(_) => Exit::Network,
            images::UnpackError::NotEmpty(_) | images::UnpackError::Write { .. } => Exit::Usage,
        };
        Failure::of(exit, "unpacking the image", &error)
    })?;
    println!("{}", directory.display());
    Ok(())
}
