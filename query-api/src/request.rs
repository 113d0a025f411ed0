//! Checks of a GraphQL request before it is executed.

use std::collections::HashMap;

use async_graphql::{Request, Response};
use domain::Position;
use graphql::{Api, ApiError, Bill};

use crate::server::Server;

/// Checks and parses the request's document, and waits for the position that the client asks for.
/// Returns the request's bill.
///
/// # Errors
/// The response to send instead of executing the request.
pub(crate) async fn prepare(server: &Server, request: &mut Request) -> Result<Bill, Box<Response>> {
    let bill = Bill::default();
    request.data.insert(bill.clone());
    server.documents.resolve(request)?;
    let document = server.guard.parse(request)?;
    request.set_parsed_query(document);
    if let Some(position) = wanted_position(request) {
        wait_for(&server.api, position?).await?;
    }
    Ok(bill)
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
