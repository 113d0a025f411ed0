//! The connection to a Docker engine, and its errors.

use bollard::Docker;
use bollard::errors::Error;

use crate::{DockerConfig, SandboxError};

/// The adapter's name.
pub(super) const NAME: &str = "docker";

/// A client for the configured address.
pub(super) fn client(config: &DockerConfig) -> Result<Docker, SandboxError> {
    let client = match &config.host {
        Some(host) => Docker::connect_with_host(host),
        None => Docker::connect_with_defaults(),
    };
    client.map_err(|error| unavailable(&error))
}

/// A client that has negotiated the API version with the engine.
pub(super) async fn reach(config: &DockerConfig) -> Result<Docker, SandboxError> {
    client(config)?.negotiate_version().await.map_err(|error| unavailable(&error))
}

fn unavailable(error: &Error) -> SandboxError {
    SandboxError::Unavailable {
        adapter: NAME,
        reason: error.to_string(),
        cure: "start the engine, or set docker.host to its address".to_owned(),
    }
}

/// The error for a request to the engine that failed.
pub(super) fn failed(action: &'static str) -> impl FnOnce(Error) -> SandboxError {
    move |source| SandboxError::Engine { action, source: Box::new(source) }
}

/// Whether the engine answered with one of these HTTP statuses.
pub(super) fn is_status(error: &Error, statuses: &[u16]) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code, .. } if statuses.contains(status_code))
}
