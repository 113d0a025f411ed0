//! The images that cells are made from. Their recipes are part of this program, so that it can build them wherever it
//! is installed.

use bollard::{Docker, models::ImageInspect, query_parameters::BuildImageOptionsBuilder};
use futures::StreamExt;
use sha2::{Digest, Sha256};

use crate::{DockerConfig, SandboxError};

/// The label that says which recipe an image was built from.
const RECIPE_LABEL: &str = "assay.recipe";

/// An image's recipe.
#[derive(Clone, Copy, Debug)]
pub struct Image {
    /// What languages call it.
    pub name: &'static str,
    dockerfile: &'static str,
}

const IMAGES: &[Image] = &[
    Image { name: "gcc", dockerfile: include_str!("../../images/gcc/Dockerfile") },
    Image { name: "node", dockerfile: include_str!("../../images/node/Dockerfile") },
    Image { name: "openjdk", dockerfile: include_str!("../../images/openjdk/Dockerfile") },
    Image { name: "python", dockerfile: include_str!("../../images/python/Dockerfile") },
];

/// Every image there is a recipe for.
#[must_use]
pub fn all() -> &'static [Image] {
    IMAGES
}

/// The image with this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Image> {
    IMAGES.iter().find(|image| image.name == name)
}

/// What the image is called on the engine.
#[must_use]
pub fn tag(config: &DockerConfig, name: &str) -> String {
    format!("{}/{name}:latest", config.image_prefix)
}

/// Builds images on the engine. Each line of the engine's account is handed to `progress` with the image's name.
///
/// What an engine has built before, it remembers: building again takes a moment.
pub async fn build(
    config: &DockerConfig,
    images: &[&Image],
    mut progress: impl FnMut(&str, &str),
) -> Result<(), SandboxError> {
    let docker = super::reach(config).await?;
    for image in images {
        build_one(&docker, config, image, &mut progress).await?;
    }
    Ok(())
}

async fn build_one(
    docker: &Docker,
    config: &DockerConfig,
    image: &Image,
    progress: &mut impl FnMut(&str, &str),
) -> Result<(), SandboxError> {
    let options = BuildImageOptionsBuilder::default()
        .t(&tag(config, image.name))
        .labels(&[(RECIPE_LABEL.to_owned(), recipe(image))].into())
        // Packages are fetched from where the base image fetches them, which may be near the engine's own machine.
        .networkmode("host")
        .rm(true)
        .forcerm(true)
        .build();
    let context = super::container::archive(&[("Dockerfile", image.dockerfile.as_bytes(), 0o644)]);
    let mut account = docker.build_image(options, None, Some(bollard::body_full(context)));
    while let Some(step) = account.next().await {
        let step = step.map_err(super::engine_error("build an image"))?;
        for line in step
            .stream
            .as_deref()
            .unwrap_or_default()
            .lines()
            .filter(|line| !line.trim().is_empty())
        {
            progress(image.name, line);
        }
    }
    Ok(())
}

/// Whether an image on the engine was built from the recipe this program has.
pub(super) fn is_current(image: &Image, found: &ImageInspect) -> bool {
    let labels = found.config.as_ref().and_then(|config| config.labels.as_ref());
    labels.and_then(|labels| labels.get(RECIPE_LABEL)) == Some(&recipe(image))
}

fn recipe(image: &Image) -> String {
    hex::encode(Sha256::digest(image.dockerfile))
}
