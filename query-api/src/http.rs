//! The transport: HTTP and WebSocket, with their limits.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_graphql::dataloader::DataLoader;
use async_graphql::parser::types::{ExecutableDocument, Selection};
use async_graphql::{EmptyMutation, ObjectType, Request, Schema, SchemaBuilder};
use async_graphql_axum::{GraphQLProtocol, GraphQLResponse};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{ConnectInfo, DefaultBodyLimit, FromRequestParts, State, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, header, request::Parts};
use axum::response::{Html, IntoResponse, Response as HttpResponse};
use axum::routing::get;
use axum::{Extension, Json, Router};
use domain::Position;
use futures::future::BoxFuture;
use serde_json::json;
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;

use crate::error::Codes;
use crate::loaders::Loader;
use crate::{
    Api, ApiError, Authenticator, Code, Query, Secret, Subscription, Viewer, attachments, explorer,
    socket,
};

/// Maximum duration of one query or mutation.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);

/// Maximum number of selections (fields and fragments) at the top of a document, per permitted
/// field.
const SELECTIONS_PER_FIELD_MAX: usize = 4;

/// The client's address, if known.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub Option<IpAddr>);

/// The schema's own limits on documents.
pub fn schema_limits<Q, M, S>(
    schema: SchemaBuilder<Q, M, S>,
    api: &Arc<Api>,
) -> SchemaBuilder<Q, M, S> {
    schema
        .limit_depth(api.limits.depth)
        .limit_complexity(api.limits.cost)
        .extension(Codes)
        .data(Arc::clone(api))
}

/// The client's identity, from the `Authorization` header.
#[derive(Debug)]
pub struct Gate(pub Option<Viewer>);

impl Gate {
    async fn of(headers: &HeaderMap, authenticator: &Authenticator) -> Result<Self, ApiError> {
        let Some(secret) = secret(headers)? else { return Ok(Self(None)) };
        Ok(Self(Some(authenticator.authenticate(&secret).await?)))
    }
}

/// The token in the `Authorization` header, if there is one.
pub(crate) fn secret(headers: &HeaderMap) -> Result<Option<Secret>, ApiError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let token = value.to_str().ok().and_then(|value| value.strip_prefix("Bearer "));
    let malformed = || ApiError::new(Code::Unauthenticated, "expected Authorization: Bearer …");
    Ok(Some(Secret(token.ok_or_else(malformed)?.trim().to_owned())))
}

impl FromRequestParts<Arc<Api>> for Gate {
    type Rejection = HttpResponse;

    async fn from_request_parts(
        parts: &mut Parts,
        api: &Arc<Api>,
    ) -> Result<Self, Self::Rejection> {
        Self::of(&parts.headers, &api.authenticator).await.map_err(refusal)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> HttpResponse {
        refusal(self)
    }
}

/// The GraphQL response to a request that failed as a whole.
fn refusal(error: ApiError) -> HttpResponse {
    let status = StatusCode::from_u16(error.code.http_status());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = json!({
        "errors": [{ "message": error.message, "extensions": { "code": error.code.as_str() } }]
    });
    (status, Json(body)).into_response()
}

struct Server<Q: 'static, M: 'static> {
    api: Arc<Api>,
    schema: Schema<Q, M, Subscription>,
}

impl<Q, M> Clone for Server<Q, M> {
    fn clone(&self) -> Self {
        Self { api: Arc::clone(&self.api), schema: self.schema.clone() }
    }
}

/// Serves queries and subscriptions, without mutations.
pub fn read_only_router(api: Arc<Api>) -> Router {
    let schema = Schema::build(Query::default(), EmptyMutation, Subscription);
    router(schema_limits(schema, &api).finish(), api)
}

/// Serves the routes until `stop`, and then until every connection has ended.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let stop: BoxFuture<'static, ()> = Box::pin(stop);
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(stop).into_future();
    // Boxed, so that the server is compiled with this crate.
    let serving: BoxFuture<'static, io::Result<()>> = Box::pin(serving);
    serving.await
}

/// Serves `/graphql` (queries and mutations by POST, subscriptions by WebSocket, the explorer by
/// GET), the attachments of problems, and `/healthz`.
pub fn router<Q: ObjectType + 'static, M: ObjectType + 'static>(
    schema: Schema<Q, M, Subscription>,
    api: Arc<Api>,
) -> Router {
    let body_limit = DefaultBodyLimit::max(api.limits.document_bytes);
    Router::new()
        .route("/graphql", get(socket_or_explorer::<Q, M>).post(execute::<Q, M>))
        .route("/healthz", get(healthz::<Q, M>))
        .with_state(Server { api: Arc::clone(&api), schema })
        .merge(attachments::routes(api))
        .layer(body_limit)
        .layer(CatchPanicLayer::new())
}

async fn execute<Q: ObjectType + 'static, M: ObjectType + 'static>(
    State(server): State<Server<Q, M>>,
    address: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> HttpResponse {
    let viewer = match Gate::of(&headers, &server.api.authenticator).await {
        Ok(Gate(viewer)) => viewer,
        Err(error) => return refusal(error),
    };
    let mut request = match parse(body) {
        Ok(request) => request,
        Err(error) => return refusal(error),
    };
    if let Err(error) = prepare(&server.api, &mut request).await {
        return refusal(error);
    }
    let address = ClientAddress(address.map(|Extension(ConnectInfo(address))| address.ip()));
    let request = request
        .data(viewer)
        .data(address)
        .data(TraceParent::of(&headers))
        .data(loader(&server.api));
    let executed = tokio::time::timeout(REQUEST_TIME_MAX, server.schema.execute(request)).await;
    match executed {
        Ok(response) => GraphQLResponse::from(response).into_response(),
        Err(_) => refusal(ApiError::new(Code::Unavailable, "the request took too long")),
    }
}

/// Parsed here because the GraphQL library's extractor does not limit the size of bodies.
fn parse(body: Result<Bytes, BytesRejection>) -> Result<Request, ApiError> {
    serde_json::from_slice(&body?)
        .map_err(|error| ApiError::bad_input(format!("the body is not a GraphQL request: {error}")))
}

/// The request's W3C trace context.
#[derive(Debug, Clone)]
pub struct TraceParent(pub Option<String>);

impl TraceParent {
    /// The header's value, or none if it is invalid in version 00 of the standard. The value is
    /// stored in the log.
    fn of(headers: &HeaderMap) -> Self {
        let said = headers.get("traceparent").and_then(|value| value.to_str().ok());
        Self(said.filter(|said| is_trace_parent(said)).map(str::to_owned))
    }
}

/// Whether this is a version, a trace id, a span id and flags: 55 characters.
fn is_trace_parent(said: &str) -> bool {
    let is_hex = |part: &str, digits: usize| {
        part.len() == digits && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_id = |part: &str, digits| is_hex(part, digits) && part.bytes().any(|b| b != b'0');
    match said.split('-').collect::<Vec<_>>()[..] {
        ["00", trace, span, flags] => is_id(trace, 32) && is_id(span, 16) && is_hex(flags, 2),
        _ => false,
    }
}

pub(crate) fn loader(api: &Arc<Api>) -> DataLoader<Loader> {
    let loader = Loader {
        reader: Arc::clone(&api.reader),
        blobs: Arc::clone(&api.blobs),
        credentials: Arc::clone(&api.credentials),
    };
    DataLoader::new(loader, tokio::spawn)
}

/// Enforces the limits that the schema does not, and waits for the position that the client asks
/// for.
pub(crate) async fn prepare(api: &Api, request: &mut Request) -> Result<(), ApiError> {
    let aliases_max = api.limits.aliases;
    if let Ok(document) = request.parsed_query()
        && has_more_at_the_top(document, aliases_max)
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
fn has_more_at_the_top(document: &ExecutableDocument, most: usize) -> bool {
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

async fn socket_or_explorer<Q: ObjectType + 'static, M: ObjectType + 'static>(
    State(server): State<Server<Q, M>>,
    mut parts: Parts,
) -> HttpResponse {
    if GraphQLProtocol::from_request_parts(&mut parts, &()).await.is_err() {
        return Html(explorer::PAGE).into_response();
    }
    match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => socket::upgrade(upgrade, server.schema, server.api),
        Err(rejection) => rejection.into_response(),
    }
}

/// 200 if the log and the views respond and the log has room for events, otherwise 503.
async fn healthz<Q: ObjectType + 'static, M: ObjectType + 'static>(
    State(server): State<Server<Q, M>>,
) -> HttpResponse {
    let api = &server.api;
    let log = api.log.info().await.map(drop).map_err(ApiError::from);
    let room = api.log.has_room().await.map_err(ApiError::from);
    let views = api.reader.checkpoints().await.map(drop).map_err(ApiError::from);
    match log.and(room).and(views) {
        Ok(()) => "ok\n".into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, refusal(error)).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_standards_trace_parent_is_taken() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let long = format!("{good}{}", "0".repeat(380_000));
        for (said, taken) in [
            (good, true),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", true),
            (long.as_str(), false),
            ("", false),
            ("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
            ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false),
            ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("traceparent", said.parse().unwrap());
            assert_eq!(TraceParent::of(&headers).0.as_deref(), taken.then_some(said));
        }
    }
}
