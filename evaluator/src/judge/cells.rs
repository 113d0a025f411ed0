//! Creates cells, and destroys them in the background.

use std::sync::Arc;

use sandbox::{Cell, CellSpec, Sandbox, SandboxError};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

/// Cells of one sandbox. They are closed in the background, so cleaning up does not delay the next
/// program. The number of cells being closed is bounded.
#[derive(Debug)]
pub struct Cells {
    sandbox: Arc<dyn Sandbox>,
    closing: TaskTracker,
    room: Arc<Semaphore>,
}

impl Cells {
    /// Cells of this sandbox; at most `closing_max` are being closed at a time.
    pub fn new(sandbox: Arc<dyn Sandbox>, closing_max: usize) -> Self {
        let closing = TaskTracker::new();
        Self { sandbox, closing, room: Arc::new(Semaphore::new(closing_max.max(1))) }
    }

    /// The sandbox that creates the cells.
    pub fn sandbox(&self) -> &Arc<dyn Sandbox> {
        &self.sandbox
    }

    /// A fresh cell.
    ///
    /// # Errors
    /// If the sandbox failed.
    pub async fn prepare(&self, spec: &CellSpec) -> Result<Cell, SandboxError> {
        self.sandbox.prepare(spec).await
    }

    /// A fresh cell that can be linked with another.
    ///
    /// # Errors
    /// If the sandbox failed.
    pub async fn prepare_beside(
        &self,
        spec: &CellSpec,
        other: &mut Cell,
    ) -> Result<Cell, SandboxError> {
        self.sandbox.prepare_beside(spec, other).await
    }

    /// Destroys a cell in the background. Waits only while too many others are being destroyed. If
    /// something of the cell remains, the error is logged and the verdict does not change.
    pub async fn retire(&self, cell: Cell) {
        let room = Arc::clone(&self.room);
        let turn = room.acquire_owned().await.expect("the room is never closed");
        self.closing.spawn(async move {
            if let Err(error) = cell.close().await {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "a cell was not destroyed completely");
            }
            drop(turn);
        });
    }

    /// Waits until every retired cell is destroyed. More cells may be retired during the wait and
    /// later.
    pub async fn drained(&self) {
        // A closed tracker still accepts tasks; closing it only lets `wait` end.
        self.closing.close();
        self.closing.wait().await;
    }
}
