//! What all sessions of an evaluator share.

use std::collections::BTreeSet;
use std::sync::Arc;

use event_store::{Ability, EventLog, Runs, WorkQueue};
use sandbox::Languages;

use crate::Figures;
use crate::judge::{Cells, Compiler};
use crate::library::Library;
use crate::slots::Slots;

/// The ports, limits and caches of an evaluator.
#[derive(Debug)]
pub(crate) struct Tools {
    pub(crate) name: String,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) queue: Arc<dyn WorkQueue>,
    /// `None` if this evaluator takes no runs.
    pub(crate) runs: Option<Arc<dyn Runs>>,
    pub(crate) slots: Arc<Slots>,
    pub(crate) cells: Arc<Cells>,
    /// The definitions of all languages.
    pub(crate) languages: Arc<Languages>,
    /// What this evaluator can do.
    pub(crate) abilities: Arc<BTreeSet<Ability>>,
    pub(crate) compiler: Compiler,
    pub(crate) library: Library,
    pub(crate) figures: Arc<Figures>,
    pub(crate) deliveries_max: u32,
}
