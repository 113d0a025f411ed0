//! GraphQL over server-sent events, by the protocol `graphql-sse` in its mode of distinct
//! connections (github.com/enisdenjo/graphql-sse, PROTOCOL.md).
//!
//! The id of an event is the cursor of its result, so a browser that connects again resumes where it
//! was.

use std::convert::Infallible;
use std::sync::Arc;

use async_graphql::parser::types::{DocumentOperations, Selection};
use async_graphql::{Data, Name, Pos, Positioned, Request, Response, Value};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response as HttpResponse};
use futures::{StreamExt, stream};
use graphql::{ApiError, Bill, Code, secret};
use tokio::sync::Semaphore;

use crate::media::Media;
use crate::operation::results;
use crate::response::{Body, refuse};
use crate::server::{Client, Server, Shutdown};
use crate::sockets::Check;
use crate::subscription::SocketBudget;

/// The header with the id of the last event that a client has received.
const LAST_EVENT_ID: &str = "last-event-id";

/// Answers with the results of a request that was checked, as they come.
pub(crate) fn respond(
    server: Server,
    client: Client,
    headers: &HeaderMap,
    mut request: Request,
    bill: Bill,
    shutdown: Shutdown,
) -> HttpResponse {
    let too_many = |what: &str| {
        let error = ApiError::new(Code::TooMany, format!("{what} too many streams of events open"));
        refuse(error, Media::Json)
    };
    let Some(place) = server.sockets.place() else { return too_many("the server has") };
    let place_of = client.viewer.as_ref().map(|viewer| server.sockets.place_of(viewer));
    if matches!(place_of, Some(None)) {
        return too_many("the account has");
    }
    let token = secret(headers).ok().flatten().map(|secret| secret.hash());
    let check = token.zip(client.viewer.as_ref());
    let check = check.map(|(token, viewer)| server.sockets.check(&server.api, token, viewer));
    if let Some(after) = headers.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok()) {
        resume(&mut request, after);
    }
    let mut data = Data::default();
    data.insert(server.api.new_loader());
    data.insert(SocketBudget(Arc::new(Semaphore::new(1))));
    data.insert(client.viewer);
    data.insert(client.address);
    data.insert(client.trace);
    let ended = async move {
        tokio::select! {
            () = shutdown.begun.cancelled() => {}
            _ = Check::refused(check) => {}
        }
        drop((place, place_of));
    };
    let results = results(server, request, Arc::new(data), bill).map(|response| next(&response));
    let complete = stream::iter([Event::default().event("complete").data("")]);
    // A stream that is cut off does not end with `complete`, so its client connects again.
    let events = results.chain(complete).take_until(Box::pin(ended)).map(Ok::<_, Infallible>);
    Sse::new(events).keep_alive(KeepAlive::default()).into_response()
}

fn next(response: &Response) -> Event {
    let body = serde_json::to_string(&Body::of(response)).expect("a response is JSON");
    let event = Event::default().event("next").data(body);
    match cursor(&response.data) {
        Some(cursor) => event.id(cursor),
        None => event,
    }
}

/// The cursor of a result of a subscription.
fn cursor(data: &Value) -> Option<&str> {
    let Value::Object(fields) = data else { return None };
    let Some(Value::Object(update)) = fields.values().next() else { return None };
    match update.get("cursor") {
        Some(Value::String(cursor)) => Some(cursor),
        _ => None,
    }
}

/// Gives every field at the top this cursor as `after`.
fn resume(request: &mut Request, after: &str) {
    let Ok(document) = request.parsed_query() else { return };
    let mut document = document.clone();
    let operations = match &mut document.operations {
        DocumentOperations::Single(operation) => vec![operation],
        DocumentOperations::Multiple(operations) => operations.values_mut().collect(),
    };
    for operation in operations {
        for selection in &mut operation.node.selection_set.node.items {
            let Selection::Field(field) = &mut selection.node else { continue };
            let value = Value::String(after.to_owned()).into_value();
            field.node.arguments.retain(|(name, _)| name.node != "after");
            let argument = [Name::new("after")].map(|name| Positioned::new(name, Pos::default()));
            let value = Positioned::new(value, Pos::default());
            field.node.arguments.extend(argument.into_iter().zip([value]));
        }
    }
    request.set_parsed_query(document);
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_client_that_connects_again_resumes_after_its_last_event() {
        for text in [
            "subscription { submission(id: 7) { cursor } }",
            "subscription { submission(id: 7, after: \"old\") { cursor } }",
            "subscription($after: String) { submission(id: 7, after: $after) { cursor } }",
        ] {
            let mut request = Request::new(text);
            request.set_parsed_query(parse_query(text).unwrap());
            resume(&mut request, "new");
            let document = request.parsed_query().unwrap();
            let (_, operation) = document.operations.iter().next().unwrap();
            let Selection::Field(field) = &operation.node.selection_set.node.items[0].node else {
                panic!("{text}");
            };
            let after = field.node.get_argument("after").unwrap();
            assert_eq!(after.node.to_string(), "\"new\"", "{text}");
            assert_eq!(field.node.arguments.len(), 2, "{text}");
        }
    }

    #[test]
    fn the_cursor_of_a_result_is_its_events_id() {
        for (data, expected) in [
            (json!({ "submission": { "cursor": "c1", "test": null } }), Some("c1")),
            (json!({ "submission": { "test": null } }), None),
            (json!({ "viewer": null }), None),
            (json!(null), None),
        ] {
            let data = Value::from_json(data).unwrap();
            assert_eq!(cursor(&data), expected, "{data}");
        }
    }
}
