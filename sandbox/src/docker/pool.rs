//! Ready containers: starting one takes a quarter of a second, which nobody should wait for.
//!
//! A ready cell is fresh, and is handed out once (INV-11). Shapes that were asked for lately have ready cells; the one
//! asked for longest ago gives way when there are too many.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bollard::Docker;
use tokio::sync::Semaphore;

use super::container::{self, OpenError, Shape};
use crate::Cell;

/// How many shapes have ready cells at once.
const SHAPES_MAX: usize = 6;

/// How many containers are started in the background at once: it takes processor time that running tests could use.
const STARTING_MAX: u32 = 1;

/// The pool.
#[derive(Debug)]
pub(super) struct Pool {
    size: usize,
    state: Mutex<State>,
    starting: Semaphore,
}

#[derive(Debug, Default)]
struct State {
    /// The shape asked for last stands first.
    shelves: VecDeque<Shelf>,
    closed: bool,
}

#[derive(Debug)]
struct Shelf {
    shape: Shape,
    ready: Vec<Cell>,
    /// Cells on their way to this shelf.
    coming: usize,
}

impl Pool {
    pub(super) fn new(size: usize) -> Self {
        Self { size, state: Mutex::default(), starting: Semaphore::new(STARTING_MAX as usize) }
    }

    /// A fresh cell: a ready one, or one that is started now.
    pub(super) async fn take(
        self: &Arc<Self>,
        docker: &Docker,
        shape: &Shape,
    ) -> Result<Cell, OpenError> {
        let ready = self.take_ready(shape).await;
        let cell = match ready {
            Some(cell) => cell,
            None => container::open(docker, shape).await?,
        };
        self.refill(docker, shape);
        Ok(cell)
    }

    /// A ready cell that still answers: one may have died on the shelf, with its engine for example.
    async fn take_ready(&self, shape: &Shape) -> Option<Cell> {
        loop {
            let mut cell = self.lock().shelf(shape).ready.pop()?;
            if cell.is_alive().await {
                return Some(cell);
            }
        }
    }

    /// Starts what is missing on a shelf, in the background.
    fn refill(self: &Arc<Self>, docker: &Docker, shape: &Shape) {
        let missing = {
            let mut state = self.lock();
            if state.closed {
                return;
            }
            let shelf = state.shelf(shape);
            let missing = self.size.saturating_sub(shelf.ready.len() + shelf.coming);
            shelf.coming += missing;
            missing
        };
        for _ in 0..missing {
            let (pool, docker, shape) = (Arc::clone(self), docker.clone(), shape.clone());
            tokio::spawn(async move {
                // Held until the cell is on its shelf or gone, so that emptying the pool can wait for it.
                let _turn = pool.starting.acquire().await;
                if !pool.lock().wants(&shape) {
                    return;
                }
                match container::open(&docker, &shape).await {
                    Ok(cell) => {
                        if let Some(unwanted) = pool.shelve(&shape, cell) {
                            close_unwanted(unwanted).await;
                        }
                    }
                    // Whoever needs it next finds out by itself, and can be told.
                    Err(error) => {
                        pool.lock().not_coming(&shape);
                        tracing::debug!(?error, "a container could not be started ahead of need");
                    }
                }
            });
        }
    }

    /// Puts a cell on its shelf, or gives it back when there is no such shelf any more.
    fn shelve(&self, shape: &Shape, cell: Cell) -> Option<Cell> {
        let mut state = self.lock();
        state.not_coming(shape);
        if !state.wants(shape) {
            return Some(cell);
        }
        match state.existing(shape) {
            Some(shelf) => shelf.ready.push(cell),
            None => return Some(cell),
        }
        None
    }

    /// Closes the pool and all cells in it.
    pub(super) async fn empty(&self) {
        let shelves = {
            let mut state = self.lock();
            state.closed = true;
            std::mem::take(&mut state.shelves)
        };
        let closing = shelves.into_iter().flat_map(|shelf| shelf.ready).map(close_unwanted);
        futures::future::join_all(closing).await;
        // Those under way are closed by the tasks that started them.
        drop(self.starting.acquire_many(STARTING_MAX).await);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The shape's shelf, moved to the front, and made if need be.
    fn shelf(&mut self, shape: &Shape) -> &mut Shelf {
        let shelf = match self.shelves.iter().position(|shelf| shelf.shape == *shape) {
            Some(at) => self.shelves.remove(at),
            None => None,
        };
        let shelf =
            shelf.unwrap_or_else(|| Shelf { shape: shape.clone(), ready: Vec::new(), coming: 0 });
        self.shelves.push_front(shelf);
        // Dropping a shelf drops its cells, which removes their containers.
        self.shelves.truncate(SHAPES_MAX);
        &mut self.shelves[0]
    }

    fn existing(&mut self, shape: &Shape) -> Option<&mut Shelf> {
        self.shelves.iter_mut().find(|shelf| shelf.shape == *shape)
    }

    /// A cell has arrived, or will not.
    fn not_coming(&mut self, shape: &Shape) {
        if let Some(shelf) = self.existing(shape) {
            shelf.coming = shelf.coming.saturating_sub(1);
        }
    }

    fn wants(&self, shape: &Shape) -> bool {
        !self.closed && self.shelves.iter().any(|shelf| shelf.shape == *shape)
    }
}

async fn close_unwanted(cell: Cell) {
    if let Err(error) = cell.close().await {
        tracing::warn!(%error, "a ready container could not be removed");
    }
}
