//! `assay images`

use sandbox::docker::images::{self, Image};

use crate::config::Config;
use crate::{Exit, Failure};

/// Work with the sandbox's images
#[derive(Debug, Clone, clap::Subcommand)]
pub(crate) enum Command {
    /// Build the languages' images on the Docker engine
    Build(Build),
}

/// Build the languages' images on the Docker engine
///
/// They are built from debian:trixie-slim, which the engine must have or be able to pull.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Build {
    /// Build these only
    #[arg(value_name = "IMAGE")]
    names: Vec<String>,
}

pub(crate) async fn run(config: &Config, command: Command) -> Result<Exit, Failure> {
    let Command::Build(Build { names }) = command;
    let wanted: Vec<&Image> = if names.is_empty() {
        images::all().iter().collect()
    } else {
        names.iter().map(|name| named(name)).collect::<Result<_, _>>()?
    };
    let docker = &config.sandbox.docker;
    images::build(docker, &wanted, |image, line| eprintln!("{image}: {line}"))
        .await
        .map_err(|error| Failure::of(Exit::Network, "building images", &error))?;
    for image in wanted {
        println!("{}", images::tag(docker, image.name));
    }
    Ok(Exit::Done)
}

fn named(name: &str) -> Result<&'static Image, Failure> {
    images::find(name).ok_or_else(|| {
        let known: Vec<_> = images::all().iter().map(|image| image.name).collect();
        let message = format!("there is no image {name:?}; there are {}", known.join(", "));
        Failure::new(Exit::Usage, message)
    })
}
