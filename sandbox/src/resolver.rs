//! Turns the configuration into a sandbox.

use std::sync::Arc;

use crate::docker::DockerSandbox;
use crate::native::NativeSandbox;
use crate::{Adapter, Sandbox, SandboxConfig, SandboxError};

/// The configured sandbox. No other code depends on a particular adapter (INV-1).
///
/// This function, or the first cell, also removes what dead processes left behind.
pub fn resolve(config: &SandboxConfig) -> Result<Arc<dyn Sandbox>, SandboxError> {
    Ok(match config.adapter {
        Adapter::Native => Arc::new(NativeSandbox::new(&config.native, config.languages()?)?),
        Adapter::Docker => Arc::new(DockerSandbox::connect(&config.docker, config.languages()?)?),
    })
}
