//! Builds the image with every language's toolchain on the Docker engine, as `assay images build`
//! does.
//!
//! This program compiles in a third of the time, so `scripts/test` runs it while the rest compiles.

use sandbox::docker::images;
use sandbox::{DockerConfig, Languages, SandboxError};

#[tokio::main]
async fn main() -> Result<(), SandboxError> {
    let languages = Languages::builtin();
    images::build(&DockerConfig::default(), languages.all(), |line| println!("{line}")).await
}
