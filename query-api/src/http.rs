//! GraphQL over HTTP (graphql.github.io/graphql-over-http), health, and the explorer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::parser::types::OperationType;
use async_graphql::{Executor, Request};
use axum::extract::rejection::QueryRejection;
use axum::extract::{
    ConnectInfo, DefaultBodyLimit, FromRequestParts, Query, State, WebSocketUpgrade,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use graphql::{Api, ApiError, ClientAddress, Code, Gate, TraceParent};
use tokio::time::timeout;
use tower_http::catch_panic::CatchPanicLayer;

use crate::any_schema::AnySchema;
use crate::documents::DocumentsError;
use crate::guard::Guard;
use crate::media::{Media, is_json};
use crate::operation::{REQUEST_TIME_MAX, operation_type, shape_of};
use crate::parameters::{self, UrlParameters};
use crate::request::prepare;
use crate::response::{refuse, refuse_with, respond, with_rate_limit};
use crate::server::{Client, Server, Serving, Shutdown};
use crate::shape::FieldTypes;
use crate::sockets::Sockets;
use crate::{attachments, audit_exports, compression, explorer, socket, sse};

/// Maximum time that a client takes to send a request.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);

/// Serves `/graphql` (by POST, queries also by GET, subscriptions by WebSocket, and the explorer to
/// browsers), `/schema.graphql`, the attachments of problems, the exports of the log, and `/healthz`.
/// `sdl` is the schema's.
///
/// # Errors
/// If a document that the server should know could not be executed.
pub async fn router(
    schema: impl Executor,
    sdl: &str,
    api: Arc<Api>,
    serving: Serving,
) -> Result<Router, DocumentsError> {
    let Serving { documents, hardened } = serving;
    let schema = AnySchema::new(schema);
    let guard = Arc::new(Guard::new(sdl, &api.limits, hardened));
    documents.check(&schema, &guard).await?;
    let documents = Arc::new(documents);
    let body_limit = DefaultBodyLimit::max(api.limits.document_bytes);
    let (types, sockets) = (Arc::new(FieldTypes::of(sdl)), Arc::new(Sockets::new(&api)));
    let state =
        Server { api: Arc::clone(&api), schema, guard, documents, hardened, types, sockets };
    let mut router = Router::new()
        .route("/graphql", get(by_get).post(by_post))
        .route("/healthz", get(healthz))
        .with_state(state);
    if !hardened {
        let sdl: Arc<str> = sdl.into();
        router = router.route("/schema.graphql", get(async move || sdl.to_string()));
    }
    Ok(router
        .layer(compression::layer())
        .merge(attachments::routes(Arc::clone(&api)))
        .merge(audit_exports::routes(api))
        .layer(body_limit)
        .layer(CatchPanicLayer::new()))
}

type Connection = Option<Extension<ConnectInfo<SocketAddr>>>;

/// Signs the client in, and looks at what it accepts.
async fn client_of(
    server: &Server,
    headers: &HeaderMap,
    connection: Connection,
) -> Result<Client, Response> {
    let Some(media) = Media::wanted(headers) else {
        let message = "responses are application/graphql-response+json or application/json";
        let error = ApiError::bad_input(message);
        return Err(refuse_with(StatusCode::NOT_ACCEPTABLE, error, Media::Json));
    };
    let gate = Gate::of(headers, &server.api.authenticator).await;
    let Gate(viewer) = gate.map_err(|error| refuse(error, media))?;
    let address = client_address(server, connection, headers);
    Ok(Client { media, viewer, address, trace: TraceParent::of(headers) })
}

fn client_address(server: &Server, connection: Connection, headers: &HeaderMap) -> ClientAddress {
    let peer = connection.map(|Extension(ConnectInfo(address))| address.ip());
    ClientAddress(peer.map(|peer| server.api.trusted_proxies.client(peer, headers)))
}

async fn by_post(
    State(server): State<Server>,
    connection: Connection,
    shutdown: Option<Extension<Shutdown>>,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Response {
    let client = match client_of(&server, &headers, connection).await {
        Ok(client) => client,
        Err(refused) => return refused,
    };
    if !is_json(&headers) {
        let error = ApiError::bad_input("the request's Content-Type must be application/json");
        return refuse_with(StatusCode::UNSUPPORTED_MEDIA_TYPE, error, client.media);
    }
    match read(&server, body).await.and_then(|body| parameters::from_body(&body)) {
        Ok(request) => execute(server, client, request, &Method::POST, &headers, shutdown).await,
        Err(error) => refuse(error, client.media),
    }
}

/// The whole body, if it is not too large and arrives in time.
async fn read(server: &Server, body: axum::body::Body) -> Result<axum::body::Bytes, ApiError> {
    let bytes_max = server.api.limits.document_bytes;
    match timeout(BODY_TIME_MAX, axum::body::to_bytes(body, bytes_max)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) if is_too_large(&error) => {
            let message = format!("the request has more than {bytes_max} bytes");
            Err(ApiError::new(Code::TooLarge, message))
        }
        Ok(Err(_)) => Err(ApiError::bad_input("the request's body could not be read")),
        Err(_) => Err(ApiError::bad_input("the request's body took too long")),
    }
}

fn is_too_large(error: &axum::Error) -> bool {
    std::error::Error::source(error)
        .is_some_and(|cause| cause.is::<http_body_util::LengthLimitError>())
}

async fn by_get(
    State(server): State<Server>,
    connection: Connection,
    url: Result<Query<UrlParameters>, QueryRejection>,
    mut parts: Parts,
) -> Response {
    if parts.headers.contains_key(header::UPGRADE) {
        let shutdown = parts.extensions.get().cloned().unwrap_or_default();
        let address = client_address(&server, connection, &parts.headers);
        return match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
            Ok(upgrade) => socket::upgrade(upgrade, server, address, shutdown),
            Err(rejection) => rejection.into_response(),
        };
    }
    let is_asking = url.as_ref().is_ok_and(|url| url.has_document());
    if !is_asking && !server.hardened && Media::wanted(&parts.headers) == Some(Media::Html) {
        return Html(explorer::PAGE).into_response();
    }
    let client = match client_of(&server, &parts.headers, connection).await {
        Ok(client) => client,
        Err(refused) => return refused,
    };
    if server.hardened && url.as_ref().is_ok_and(|url| url.query.is_some()) {
        let error = ApiError::bad_input("send documents by POST; GET is for those with an id");
        return refuse_with(StatusCode::METHOD_NOT_ALLOWED, error, client.media);
    }
    let url = url.map_err(|error| ApiError::bad_input(error.body_text()));
    match url.and_then(|Query(url)| Request::try_from(url)) {
        Ok(request) => {
            let shutdown = parts.extensions.get().cloned().map(Extension);
            execute(server, client, request, &Method::GET, &parts.headers, shutdown).await
        }
        Err(error) => refuse(error, client.media),
    }
}

async fn execute(
    server: Server,
    client: Client,
    mut request: Request,
    method: &Method,
    headers: &HeaderMap,
    shutdown: Option<Extension<Shutdown>>,
) -> Response {
    let media = match client.media {
        Media::Html => Media::Json,
        media => media,
    };
    let bill = match prepare(&server, &mut request).await {
        Ok(bill) => bill,
        Err(refused) => return respond(&refused, media),
    };
    match operation_type(&mut request) {
        Some(OperationType::Mutation) if method == Method::GET => {
            let error = ApiError::bad_input("mutations must be sent by POST");
            return refuse_with(StatusCode::METHOD_NOT_ALLOWED, error, media);
        }
        _ if media == Media::EventStream => {
            let shutdown = shutdown.map(|Extension(it)| it).unwrap_or_default();
            return sse::respond(server, client, headers, request, bill, shutdown);
        }
        Some(OperationType::Subscription) => {
            let error = ApiError::bad_input("subscriptions need a WebSocket or text/event-stream");
            return refuse(error, media);
        }
        _ => {}
    }
    let mut request = request
        .data(client.viewer)
        .data(client.address)
        .data(client.trace)
        .data(server.api.new_loader());
    let shape = shape_of(&server.types, &mut request);
    match timeout(REQUEST_TIME_MAX, server.schema.execute(request)).await {
        Ok(mut response) => {
            shape.give(&mut response);
            bill.show_in(&mut response);
            with_rate_limit(respond(&response, media), &bill)
        }
        Err(_) => refuse(ApiError::new(Code::Unavailable, "the request took too long"), media),
    }
}

/// 200 if the stores respond and the log has room for events, otherwise 503.
async fn healthz(State(server): State<Server>) -> Response {
    match stores_respond(&server.api).await {
        Ok(()) => "ok\n".into_response(),
        Err(error) => refuse_with(StatusCode::SERVICE_UNAVAILABLE, error, Media::Json),
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
