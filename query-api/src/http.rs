//! The transport: HTTP and WebSocket, with their limits.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Executor, Request};
use async_graphql_axum::{GraphQLProtocol, GraphQLResponse};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{ConnectInfo, DefaultBodyLimit, FromRequestParts, State, WebSocketUpgrade};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use futures::future::BoxFuture;
use graphql::{Api, ApiError, ClientAddress, Code, Gate, TraceParent, refusal};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;

use crate::any_schema::AnySchema;
use crate::guard::Guard;
use crate::request::prepare;
use crate::{attachments, explorer, socket};

/// Maximum duration of one query or mutation.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);

/// What a request is served with.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) api: Arc<Api>,
    pub(crate) schema: AnySchema,
    pub(crate) guard: Arc<Guard>,
}

/// Serves the routes until `stop`, and then until every connection has ended.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
) -> io::Result<()> {
    let router = router.layer(Extension(Stop(stop.clone())));
    let stop: BoxFuture<'static, ()> = Box::pin(stop.cancelled_owned());
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(stop).into_future();
    // Boxed, so that the server is compiled with this crate.
    let serving: BoxFuture<'static, io::Result<()>> = Box::pin(serving);
    serving.await
}

/// Serves `/graphql` (queries and mutations by POST, subscriptions by WebSocket, the explorer by
/// GET), the attachments of problems, and `/healthz`.
/// `sdl` is the schema's.
pub fn router(schema: impl Executor, sdl: &str, api: Arc<Api>) -> Router {
    let (schema, guard) = (AnySchema::new(schema), Arc::new(Guard::new(sdl, &api.limits)));
    let body_limit = DefaultBodyLimit::max(api.limits.document_bytes);
    Router::new()
        .route("/graphql", get(socket_or_explorer).post(execute))
        .route("/healthz", get(healthz))
        .with_state(Server { api: Arc::clone(&api), schema, guard })
        .merge(attachments::routes(api))
        .layer(body_limit)
        .layer(CatchPanicLayer::new())
}

async fn execute(
    State(server): State<Server>,
    address: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let viewer = match Gate::of(&headers, &server.api.authenticator).await {
        Ok(Gate(viewer)) => viewer,
        Err(error) => return refusal(error),
    };
    let mut request = match parse(body) {
        Ok(request) => request,
        Err(error) => return refusal(error),
    };
    if let Err(refused) = prepare(&server.guard, &server.api, &mut request).await {
        return GraphQLResponse::from(refused).into_response();
    }
    let peer = address.map(|Extension(ConnectInfo(address))| address.ip());
    let client = peer.map(|peer| server.api.trusted_proxies.client(peer, &headers));
    let request = request
        .data(viewer)
        .data(ClientAddress(client))
        .data(TraceParent::of(&headers))
        .data(server.api.new_loader());
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

/// Cancelled when the server shuts down.
#[derive(Debug, Clone, Default)]
struct Stop(CancellationToken);

async fn socket_or_explorer(State(server): State<Server>, mut parts: Parts) -> Response {
    if GraphQLProtocol::from_request_parts(&mut parts, &()).await.is_err() {
        return Html(explorer::PAGE).into_response();
    }
    match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => {
            let Stop(stop) = parts.extensions.get().cloned().unwrap_or_default();
            socket::upgrade(upgrade, server, stop)
        }
        Err(rejection) => rejection.into_response(),
    }
}

/// 200 if the stores respond and the log has room for events, otherwise 503.
async fn healthz(State(server): State<Server>) -> Response {
    match stores_respond(&server.api).await {
        Ok(()) => "ok\n".into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, refusal(error)).into_response(),
    }
}

async fn stores_respond(api: &Api) -> Result<(), ApiError> {
    api.log.info().await?;
    api.log.has_room().await?;
    api.reader.checkpoints().await?;
    api.credentials.subjects(None, 1).await?;
    api.tree.store().newest_head().await?;
    Ok(())
}
