//! Keeps ready cells, because sealing one takes milliseconds and starting a container takes a
//! quarter of a second.
//!
//! A ready cell is fresh and is handed out once (INV-11). The pool keeps cells of the most recently
//! requested shapes. When there are too many shapes, it drops the one requested longest ago.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::Semaphore;

use crate::Cell;

/// The most shapes that have ready cells at the same time.
const SHAPES_MAX: usize = 6;

/// The most cells opened in the background at the same time. Opening takes processor time away from
/// running tests.
const OPENING_MAX: u32 = 1;

/// Opens the cells of a pool.
#[async_trait]
pub(crate) trait Opener: Send + Sync + Debug + 'static {
    /// The properties that make two cells interchangeable.
    type Shape: Clone + Eq + Debug + Send + Sync + 'static;
    /// Why a cell could not be opened.
    type Error: Debug + Send;

    /// A fresh cell of this shape.
    async fn open(&self, shape: &Self::Shape) -> Result<Cell, Self::Error>;
}

/// A pool of ready cells.
#[derive(Debug)]
pub(crate) struct Pool<O: Opener> {
    opener: O,
    size: usize,
    state: Mutex<State<O::Shape>>,
    opening: Semaphore,
}

#[derive(Debug)]
struct State<S> {
    /// The most recently requested shape is first.
    shelves: VecDeque<Shelf<S>>,
    closed: bool,
}

#[derive(Debug)]
struct Shelf<S> {
    shape: S,
    ready: Vec<Cell>,
    /// The number of cells being opened for this shelf.
    coming: usize,
}

impl<O: Opener> Pool<O> {
    /// A pool that keeps `size` ready cells of each recently requested shape.
    pub(crate) fn new(opener: O, size: usize) -> Arc<Self> {
        Arc::new(Self {
            opener,
            size,
            state: Mutex::new(State { shelves: VecDeque::new(), closed: false }),
            opening: Semaphore::new(OPENING_MAX as usize),
        })
    }

    /// The opener of the pool's cells.
    pub(crate) fn opener(&self) -> &O {
        &self.opener
    }

    /// A fresh cell: a ready one if there is one, otherwise one opened now.
    pub(crate) async fn take(self: &Arc<Self>, shape: &O::Shape) -> Result<Cell, O::Error> {
        let cell = match self.take_ready(shape).await {
            Some(cell) => cell,
            None => self.opener.open(shape).await?,
        };
        self.refill(shape);
        Ok(cell)
    }

    /// A ready cell that still answers. A cell may have died on the shelf, for example with its
    /// engine.
    async fn take_ready(&self, shape: &O::Shape) -> Option<Cell> {
        loop {
            let mut cell = self.lock().shelf(shape).ready.pop()?;
            if cell.is_alive().await {
                return Some(cell);
            }
        }
    }

    /// Opens the shelf's missing cells in the background.
    fn refill(self: &Arc<Self>, shape: &O::Shape) {
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
            let (pool, shape) = (Arc::clone(self), shape.clone());
            tokio::spawn(async move {
                // Hold the permit until the cell is on its shelf or closed, so that `empty` can
                // wait for it.
                let _turn = pool.opening.acquire().await;
                if !pool.lock().wants(&shape) {
                    return;
                }
                match pool.opener.open(&shape).await {
                    Ok(cell) => {
                        if let Some(unwanted) = pool.shelve(&shape, cell) {
                            close_unwanted(unwanted).await;
                        }
                    }
                    // The next `take` opens a cell itself and reports the error.
                    Err(error) => {
                        pool.lock().not_coming(&shape);
                        tracing::debug!(?error, "a cell could not be opened ahead of need");
                    }
                }
            });
        }
    }

    /// Puts a cell on its shelf, or returns it if the shelf is gone or the pool is closed.
    fn shelve(&self, shape: &O::Shape, cell: Cell) -> Option<Cell> {
        let mut state = self.lock();
        state.not_coming(shape);
        if state.closed {
            return Some(cell);
        }
        match state.existing(shape) {
            Some(shelf) => shelf.ready.push(cell),
            None => return Some(cell),
        }
        None
    }

    /// Closes the pool and all cells in it.
    pub(crate) async fn empty(&self) {
        let shelves = {
            let mut state = self.lock();
            state.closed = true;
            std::mem::take(&mut state.shelves)
        };
        let closing = shelves.into_iter().flat_map(|shelf| shelf.ready).map(close_unwanted);
        futures::future::join_all(closing).await;
        // The tasks that are opening cells close them.
        drop(self.opening.acquire_many(OPENING_MAX).await);
    }

    fn lock(&self) -> MutexGuard<'_, State<O::Shape>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Clone + Eq> State<S> {
    /// The shape's shelf, made if missing, and moved to the front.
    fn shelf(&mut self, shape: &S) -> &mut Shelf<S> {
        let known = self.shelves.iter().position(|shelf| shelf.shape == *shape);
        let shelf = known.and_then(|at| self.shelves.remove(at));
        let shelf =
            shelf.unwrap_or_else(|| Shelf { shape: shape.clone(), ready: Vec::new(), coming: 0 });
        self.shelves.push_front(shelf);
        // Dropping a shelf drops its cells, which destroys them.
        self.shelves.truncate(SHAPES_MAX);
        &mut self.shelves[0]
    }

    fn existing(&mut self, shape: &S) -> Option<&mut Shelf<S>> {
        self.shelves.iter_mut().find(|shelf| shelf.shape == *shape)
    }

    /// Counts one cell less on its way: it has arrived or could not be opened.
    fn not_coming(&mut self, shape: &S) {
        if let Some(shelf) = self.existing(shape) {
            shelf.coming = shelf.coming.saturating_sub(1);
        }
    }

    fn wants(&self, shape: &S) -> bool {
        !self.closed && self.shelves.iter().any(|shelf| shelf.shape == *shape)
    }
}

async fn close_unwanted(cell: Cell) {
    if let Err(error) = cell.close().await {
        tracing::warn!(%error, "a ready cell could not be closed");
    }
}
