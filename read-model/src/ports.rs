//! The ports of one read model, together.

use std::sync::Arc;

use crate::{Generation, GenerationStore, ViewReader, ViewWriter};

/// The ports of one read model.
#[derive(Debug, Clone)]
pub struct Views {
    /// For queries: reads each projection's live generation.
    pub reader: Arc<dyn ViewReader>,
    /// For projections: writes the first generation.
    pub writer: Arc<dyn ViewWriter>,
    /// For building, switching and dropping generations.
    pub generations: Arc<dyn GenerationStore>,
}

impl Views {
    /// The same ports with reader and writer fixed to one generation.
    pub fn at(&self, generation: Generation) -> Self {
        let (reader, writer) = self.generations.at(generation);
        Self { reader, writer, generations: Arc::clone(&self.generations) }
    }
}
