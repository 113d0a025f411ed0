//! Bounds how large a document becomes once every fragment is put where it is spread.

use std::collections::HashMap;

use async_graphql::Name;
use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};
use graphql::ApiError;

use super::exceeded::exceeded;

/// Maximum number of selections of a document with all its fragments in place.
pub(super) const SELECTIONS_MAX: u64 = 10_000;
/// Maximum number of fragments and fields on the way to a field.
pub(super) const LEVELS_MAX: u64 = 64;

/// A selection set with all fragments in place.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    /// Fields and fragments at every level.
    selections: u64,
    /// Fields at its top.
    top_fields: u64,
    /// Levels of fields and fragments.
    levels: u64,
}

/// Refuses fragments that spread themselves, and documents that become too large.
pub(super) fn check(document: &ExecutableDocument, top_fields_max: usize) -> Result<(), ApiError> {
    let mut sizes = Sizes { document, known: HashMap::new() };
    let mut all = Size::default();
    for (_, operation) in document.operations.iter() {
        all.take(sizes.of(&operation.node.selection_set.node)?);
    }
    // Fragments that are not used are validated too.
    for name in document.fragments.keys() {
        all.selections = all.selections.saturating_add(sizes.of_fragment(name)?.selections);
    }
    if all.selections > SELECTIONS_MAX || all.levels > LEVELS_MAX {
        let message = format!(
            "with its fragments in place, a document has at most {SELECTIONS_MAX} selections and \
             {LEVELS_MAX} levels"
        );
        return Err(exceeded(message));
    }
    if all.top_fields > top_fields_max as u64 {
        let message = format!("at most {top_fields_max} fields at the top of a document");
        return Err(exceeded(message));
    }
    Ok(())
}

impl Size {
    /// Adds what stands beside it.
    fn take(&mut self, other: Self) {
        self.selections = self.selections.saturating_add(other.selections);
        self.top_fields = self.top_fields.saturating_add(other.top_fields);
        self.levels = self.levels.max(other.levels);
    }

    /// One level above it.
    fn below(self, top_fields: u64) -> Self {
        let selections = self.selections.saturating_add(1);
        Self { selections, top_fields, levels: self.levels + 1 }
    }
}

struct Sizes<'a> {
    document: &'a ExecutableDocument,
    /// The size of each fragment; `None` while it is being measured.
    known: HashMap<&'a Name, Option<Size>>,
}

impl<'a> Sizes<'a> {
    fn of(&mut self, set: &'a SelectionSet) -> Result<Size, ApiError> {
        let mut size = Size::default();
        for selection in &set.items {
            size.take(match &selection.node {
                Selection::Field(field) => self.of(&field.node.selection_set.node)?.below(1),
                Selection::InlineFragment(fragment) => {
                    let inner = self.of(&fragment.node.selection_set.node)?;
                    inner.below(inner.top_fields)
                }
                Selection::FragmentSpread(spread) => {
                    let inner = self.of_fragment(&spread.node.fragment_name.node)?;
                    inner.below(inner.top_fields)
                }
            });
        }
        Ok(size)
    }

    fn of_fragment(&mut self, name: &'a Name) -> Result<Size, ApiError> {
        match self.known.get(name) {
            Some(Some(size)) => return Ok(*size),
            Some(None) => return Err(exceeded(format!("the fragment {name:?} spreads itself"))),
            None => {}
        }
        // The schema reports a fragment that is missing.
        let Some(fragment) = self.document.fragments.get(name) else { return Ok(Size::default()) };
        self.known.insert(name, None);
        let size = self.of(&fragment.node.selection_set.node)?;
        self.known.insert(name, Some(size));
        Ok(size)
    }
}
