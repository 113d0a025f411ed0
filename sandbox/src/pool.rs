//! Ready cells: sealing one takes milliseconds, starting a container a quarter of a second, and nobody should wait for
//! either.
//!
//! A ready cell is fresh, and is handed out once (INV-11). Shapes that were asked for lately have ready cells; the one
//! asked for longest ago gives way when there are too many.

use std::{
    collections::VecDeque,
    fmt::Debug,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use tokio::sync::Semaphore;

use crate::Cell;

/// How many shapes have ready cells at once.
const SHAPES_MAX: usize = 6;

/// How many cells are opened in the background at once: it takes processor time that running tests could use.
const OPENING_MAX: u32 = 1;

/// What a pool has its cells from.
#[async_trait]
pub(crate) trait Opener: Send + Sync + Debug + 'static {
    /// Everything that two cells must have in common for one to do in place of the other.
    type Shape: Clone + Eq + Debug + Send + Sync + 'static;
    /// Why no cell could be opened.
    type Error: Debug + Send;

    /// A fresh cell of this shape.
    async fn open(&self, shape: &Self::Shape) -> Result<Cell, Self::Error>;
}

/// The pool.
#[derive(Debug)]
pub(crate) struct Pool<O: Opener> {
    opener: O,
    size: usize,
    state: Mutex<State<O::Shape>>,
    opening: Semaphore,
}

#[derive(Debug)]
struct State<S> {
    /// The shape asked for last stands first.
    shelves: VecDeque<Shelf<S>>,
    closed: bool,
}

#[derive(Debug)]
struct Shelf<S> {
    shape: S,
    ready: Vec<Cell>,
    /// Cells on their way to this shelf.
    coming: usize,
}

impl<O: Opener> Pool<O> {
    /// A pool that keeps `size` ready cells of each shape asked for lately.
    pub(crate) fn new(opener: O, size: usize) -> Arc<Self> {
        Arc::new(Self {
            opener,
            size,
            state: Mutex::new(State { shelves: VecDeque::new(), closed: false }),
            opening: Semaphore::new(OPENING_MAX as usize),
        })
    }

    /// Where its cells come from.
    pub(crate) fn opener(&self) -> &O {
        &self.opener
    }

    /// A fresh cell: a ready one, or one that is opened now.
    pub(crate) async fn take(self: &Arc<Self>, shape: &O::Shape) -> Result<Cell, O::Error> {
        let cell = match self.take_ready(shape).await {
            Some(cell) => cell,
            None => self.opener.open(shape).await?,
        };
        self.refill(shape);
        Ok(cell)
    }

    /// A ready cell that still answers: one may have died on the shelf, with its engine for example.
    async fn take_ready(&self, shape: &O::Shape) -> Option<Cell> {
        loop {
            let mut cell = self.lock().shelf(shape).ready.pop()?;
            if cell.is_alive().await {
                return Some(cell);
            }
        }
    }

    /// Opens what is missing on a shelf, in the background.
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
                // Held until the cell is on its shelf or gone, so that emptying the pool can wait for it.
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
                    // Whoever needs it next finds out by itself, and can be told.
                    Err(error) => {
                        pool.lock().not_coming(&shape);
                        tracing::debug!(?error, "a cell could not be opened ahead of need");
                    }
                }
            });
        }
    }

    /// Puts a cell on its shelf, or gives it back when there is no such shelf any more.
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
        // Those under way are closed by the tasks that opened them.
        drop(self.opening.acquire_many(OPENING_MAX).await);
    }

    fn lock(&self) -> MutexGuard<'_, State<O::Shape>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Clone + Eq> State<S> {
    /// The shape's shelf, moved to the front, and made if need be.
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

    /// A cell has arrived, or will not.
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
