//! Checks of a GraphQL request before it is executed.

use std::collections::HashMap;

use async_graphql::{Request, Response};
use domain::Position;
use graphql::{Api, ApiError};

use crate::guard::Guard;

/// Checks and parses the request's document, and waits for the position that the client asks for.
///
/// # Errors
/// The response to send instead of executing the request.
pub(crate) async fn prepare(
    guard: &Guard,
    api: &Api,
    request: &mut Request,
) -> Result<(), Box<Response>> {
    let document = guard.parse(request)?;
    request.set_parsed_query(document);
    if let Some(position) = wanted_position(request) {
        wait_for(api, position?).await?;
    }
    Ok(())
}

/// Waits for a position of the log, which must exist.
async fn wait_for(api: &Api, position: Position) -> Result<(), ApiError> {
    if api.freshness.is_known(position) {
        return Ok(());
    }
    let head = api.log.info().await?.head;
    if position > head {
        let message = format!("extensions.assay.after is {position}, but the log ends at {head}");
        return Err(ApiError::bad_input(message));
    }
    api.freshness.wait_for(position).await
}

/// The position in `extensions.assay.after`, if the client sends one.
fn wanted_position(request: &Request) -> Option<Result<Position, ApiError>> {
    let extensions: &HashMap<String, async_graphql::Value> = &request.extensions;
    let assay = extensions.get("assay")?.clone().into_json().ok()?;
    let after = assay.get("after")?.as_str().and_then(|token| token.parse().ok());
    let malformed = || ApiError::bad_input("extensions.assay.after is not a consistency token");
    Some(after.map(Position).ok_or_else(malformed))
}
