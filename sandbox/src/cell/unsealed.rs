//! The seal of a cell that contains no process.

use async_trait::async_trait;

use super::seal::{Linking, Seal};
use crate::SandboxError;

/// Contains no process: the runner, if there is one, ends when its stream ends.
#[derive(Debug)]
pub(super) struct Unsealed {
    /// What the runner wrote to its standard error.
    pub(super) runner_stderr: &'static str,
}

#[async_trait]
impl Seal for Unsealed {
    async fn tear_down(self: Box<Self>) -> Result<(), SandboxError> {
        Ok(())
    }

    fn linking(&self) -> Linking<'_> {
        Linking::Never
    }

    async fn runner_stderr(&mut self) -> String {
        self.runner_stderr.to_owned()
    }
}
