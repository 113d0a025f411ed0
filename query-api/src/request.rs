//! Checks of a GraphQL request before it is executed.

use std::collections::HashMap;

use async_graphql::Request;
use async_graphql::parser::types::{ExecutableDocument, Selection};
use domain::Position;
use graphql::{Api, ApiError, Code};

/// Maximum number of selections (fields and fragments) at the top of a document, per permitted
/// field.
const SELECTIONS_PER_FIELD_MAX: usize = 4;

/// Enforces the limits that the schema does not, and waits for the position that the client asks
/// for.
pub(crate) async fn prepare(api: &Api, request: &mut Request) -> Result<(), ApiError> {
    let aliases_max = api.limits.aliases;
    if let Ok(document) = request.parsed_query()
        && has_more_top_level_fields_than(document, aliases_max)
    {
        let message = format!("at most {aliases_max} fields at the top of a document");
        return Err(ApiError::new(Code::GraphqlValidationFailed, message));
    }
    match wanted_position(request) {
        Some(position) => api.freshness.wait_for(position?).await,
        None => Ok(()),
    }
}

/// Whether the document has more than `most` fields at the top, aliases and fragments included.
fn has_more_top_level_fields_than(document: &ExecutableDocument, most: usize) -> bool {
    let operations = document.operations.iter();
    let fields = operations.flat_map(|(_, operation)| &operation.node.selection_set.node.items);
    let mut waiting: Vec<_> = fields.collect();
    let (mut fields, mut seen) = (0, 0);
    while let Some(selection) = waiting.pop() {
        seen += 1;
        match &selection.node {
            Selection::Field(_) => fields += 1,
            Selection::InlineFragment(fragment) => {
                waiting.extend(&fragment.node.selection_set.node.items);
            }
            Selection::FragmentSpread(spread) => {
                let fragment = document.fragments.get(&spread.node.fragment_name.node);
                let fields = fragment.map(|fragment| &fragment.node.selection_set.node.items);
                waiting.extend(fields.into_iter().flatten());
            }
        }
        // Fragments may form a cycle. The schema refuses cycles, but only later.
        if fields > most || seen + waiting.len() > most.saturating_mul(SELECTIONS_PER_FIELD_MAX) {
            return true;
        }
    }
    false
}

/// The position in `extensions.assay.after`, if the client sends one.
fn wanted_position(request: &Request) -> Option<Result<Position, ApiError>> {
    let extensions: &HashMap<String, async_graphql::Value> = &request.extensions;
    let assay = extensions.get("assay")?.clone().into_json().ok()?;
    let after = assay.get("after")?.as_str().and_then(|token| token.parse().ok());
    let malformed = || ApiError::bad_input("extensions.assay.after is not a consistency token");
    Some(after.map(Position).ok_or_else(malformed))
}
