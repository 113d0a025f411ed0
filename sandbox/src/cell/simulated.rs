//! The seal of a cell whose runner is a task of this process.

use async_trait::async_trait;

use super::seal::{Linking, Seal};
use crate::SandboxError;

/// Contains no process: the runner ends when its stream ends.
#[derive(Debug)]
pub(super) struct Unsealed;

#[async_trait]
impl Seal for Unsealed {
    async fn tear_down(self: Box<Self>) -> Result<(), SandboxError> {
        Ok(())
    }

    fn linking(&self) -> Linking<'_> {
        Linking::Never
    }

    async fn last_words(&mut self) -> String {
        String::new()
    }
}
