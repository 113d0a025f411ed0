//! The seal of a cell: its container or process on the host.

use std::fmt;
use std::os::fd::BorrowedFd;

use async_trait::async_trait;

use crate::SandboxError;

/// How a cell can be linked to another.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Linking<'a> {
    /// The cell's stream is this socket, which can pass descriptors to the runner.
    Socket(BorrowedFd<'a>),
    /// The cell is this container. Its runner's folder may be shared with other containers.
    Container {
        /// The container's id.
        id: &'a str,
        /// The id of the container that first had the runner's folder. Cells with the same folder
        /// can be linked.
        folder: &'a str,
    },
    /// The cell cannot be linked.
    #[cfg(any(test, fuzzing, feature = "simulation"))]
    Never,
}

/// What contains a cell, seen from the host: a process or a container. Dropping it destroys the
/// cell without waiting.
#[async_trait]
pub(crate) trait Seal: Send + fmt::Debug {
    /// Destroys the cell and waits until nothing of it is left.
    async fn tear_down(self: Box<Self>) -> Result<(), SandboxError>;

    /// How the cell can be linked to another.
    fn linking(&self) -> Linking<'_>;

    /// What the runner wrote to its standard error, to explain why a runner died.
    async fn runner_stderr(&mut self) -> String;
}
