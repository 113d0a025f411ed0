//! GraphQL over WebSocket, by the protocol `graphql-transport-ws`, and how long a socket may stay
//! open.

pub(crate) mod protocol;

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_graphql::parser::types::OperationType;
use async_graphql::{Data, Request, Response};
use axum::extract::WebSocketUpgrade;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response as HttpResponse;
use event_store::TokenHash;
use futures::stream::{self, AbortHandle, Abortable, BoxStream, SelectAll};
use futures::{FutureExt, SinkExt, Stream, StreamExt};
use graphql::{Api, ApiError, ClientAddress, Code, TraceParent, Viewer, secret};
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use self::protocol::{Close, Protocol, Step};
use crate::operation::{operation_type, results};
use crate::places::Place;
use crate::request::prepare;
use crate::response::was_executed;
use crate::server::{Server, Shutdown};
use crate::sockets::Check;
use crate::subscription::SocketBudget;

/// Maximum size of a message, in bytes. A source that is submitted is in one.
const MESSAGE_BYTES_MAX: usize = 2 << 20;
/// Size of the buffer that a socket reads into, in bytes. Each open socket has one.
const READ_BUFFER_BYTES: usize = 4 << 10;
/// Size of what is written at once, in bytes.
const WRITE_BUFFER_BYTES: usize = 8 << 10;
/// Maximum number of results that are written together.
const RESULTS_PER_WRITE_MAX: usize = 64;
/// Maximum time between the upgrade and `connection_init`.
const INIT_TIME_MAX: Duration = Duration::from_secs(10);
/// How often a silent client is asked whether it is still there. It is gone after two intervals
/// without an answer.
const PING_INTERVAL: Duration = Duration::from_secs(25);
/// Maximum time to send a client the reason why its socket closes.
const CLOSING_MAX: Duration = Duration::from_secs(5);
/// Over this time a server that shuts down closes its sockets, so that their clients do not come
/// back all at once.
const CLOSING_SPREAD: Duration = Duration::from_millis(1_500);

/// Close codes of `graphql-transport-ws`.
const BAD_REQUEST: u16 = 4400;
const FORBIDDEN: u16 = 4403;
const SUBPROTOCOL_NOT_ACCEPTABLE: u16 = 4406;
const INIT_TIMEOUT: u16 = 4408;
/// Close codes of WebSocket.
const TOO_BIG: u16 = 1009;
const SERVICE_RESTART: u16 = 1012;
const TRY_AGAIN_LATER: u16 = 1013;

/// Upgrades the connection to a socket and serves it.
pub(crate) fn upgrade(
    upgrade: WebSocketUpgrade,
    server: Server,
    address: ClientAddress,
    shutdown: Shutdown,
) -> HttpResponse {
    upgrade
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_frame_size(MESSAGE_BYTES_MAX)
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .protocols([protocol::NAME])
        .on_upgrade(move |socket| serve(socket, server, address, shutdown))
}

async fn serve(mut socket: WebSocket, server: Server, address: ClientAddress, shutdown: Shutdown) {
    let _open = shutdown.open.token();
    let close = if socket.protocol().is_none() {
        Close::new(SUBPROTOCOL_NOT_ACCEPTABLE, "Subprotocol not acceptable")
    } else if let Some(_place) = server.sockets.place() {
        match Session::new(server, address).run(&mut socket, &shutdown.begun).await {
            Some(close) => close,
            None => return,
        }
    } else {
        Close::new(TRY_AGAIN_LATER, "the server has too many sockets open")
    };
    let frame = CloseFrame { code: close.code, reason: close_reason(&close.reason).into() };
    // Do not wait for a client that does not read.
    let _ = timeout(CLOSING_MAX, socket.send(Message::Close(Some(frame)))).await;
}

/// A reason has at most 123 bytes.
fn close_reason(reason: &str) -> &str {
    &reason[..reason.floor_char_boundary(123)]
}

/// One socket.
struct Session {
    server: Server,
    address: ClientAddress,
    protocol: Protocol,
    /// What the operations share: the loader, the budget of subscriptions, and the viewer.
    data: Arc<Data>,
    viewer: Option<Viewer>,
    token: Option<TokenHash>,
    check: Option<Arc<Check>>,
    _place: Option<Place<String>>,
    operations: SelectAll<Operation>,
    handles: HashMap<String, AbortHandle>,
}

impl Session {
    fn new(server: Server, address: ClientAddress) -> Self {
        Self {
            server,
            address,
            protocol: Protocol::default(),
            data: Arc::default(),
            viewer: None,
            token: None,
            check: None,
            _place: None,
            operations: SelectAll::new(),
            handles: HashMap::new(),
        }
    }

    /// Serves the socket until it ends. Returns why it is closed; `None` if the client is gone.
    async fn run(&mut self, socket: &mut WebSocket, stop: &CancellationToken) -> Option<Close> {
        let init_deadline = Instant::now() + INIT_TIME_MAX;
        let mut pings = interval(PING_INTERVAL);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        pings.tick().await;
        let mut is_silent = false;
        loop {
            let is_ready = self.protocol.is_acknowledged();
            let check = self.check.clone();
            tokio::select! {
                biased;
                () = stop.cancelled() => {
                    sleep(CLOSING_SPREAD.mul_f64(jitter())).await;
                    return Some(Close::new(SERVICE_RESTART, "the server is shutting down"));
                }
                refusal = Check::refused(check) => return Some(lost(&refusal)),
                () = sleep_until(init_deadline), if !is_ready => {
                    return Some(Close::new(INIT_TIMEOUT, "Connection initialisation timeout"));
                }
                _ = pings.tick() => {
                    if std::mem::replace(&mut is_silent, true) {
                        return None;
                    }
                    socket.send(Message::Ping(Default::default())).await.ok()?;
                }
                received = socket.recv() => {
                    is_silent = false;
                    let text = match received? {
                        Ok(Message::Text(text)) => text,
                        Ok(Message::Binary(_)) => {
                            return Some(Close::new(BAD_REQUEST, "Invalid message: it is binary"));
                        }
                        // The answer to a close is sent by receiving until the end.
                        Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_)) => continue,
                        Err(error) if is_too_big(&error) => {
                            return Some(Close::new(TOO_BIG, "the message is too big"));
                        }
                        Err(_) => return None,
                    };
                    match self.take(&text).await {
                        Ok(Some(reply)) => socket.send(Message::text(reply)).await.ok()?,
                        Ok(None) => {}
                        Err(close) => return Some(close),
                    }
                }
                Some(result) = self.operations.next(), if !self.operations.is_empty() => {
                    self.send(socket, result).await.ok()?;
                }
            }
        }
    }

    /// Sends a result, and those that are ready as well, as one write.
    async fn send(
        &mut self,
        socket: &mut WebSocket,
        first: (String, Option<Response>),
    ) -> Result<(), axum::Error> {
        let (mut next, mut sent) = (Some(first), 0);
        while let Some((id, result)) = next.take() {
            if let Some(message) = self.message(&id, result) {
                socket.feed(Message::text(message)).await?;
            }
            sent += 1;
            if sent < RESULTS_PER_WRITE_MAX {
                next = self.operations.next().now_or_never().flatten();
            }
        }
        socket.flush().await
    }

    /// Takes a message. Returns the reply.
    async fn take(&mut self, text: &str) -> Result<Option<String>, Close> {
        match self.protocol.receive(text)? {
            Step::SignIn(payload) => {
                self.sign_in(&payload).await?;
                Ok(Some(self.protocol.acknowledge()))
            }
            Step::Reply(reply) => Ok(Some(reply)),
            Step::Begin(id, request) => {
                self.begin(id, *request);
                Ok(None)
            }
            Step::End(id) => {
                self.end(&id);
                Ok(None)
            }
            Step::Ignore => Ok(None),
        }
    }

    /// Signs in. The token comes in `connection_init`, as `{"authorization": "Bearer …"}`.
    async fn sign_in(&mut self, payload: &Map<String, Value>) -> Result<(), Close> {
        let api = &self.server.api;
        let mut headers = HeaderMap::new();
        let named = |name: &str| payload.get(name).and_then(Value::as_str);
        if let Some(value) = named("authorization").or_else(|| named("Authorization")) {
            let value = HeaderValue::from_bytes(value.as_bytes());
            let value = value.map_err(|_| Close::new(FORBIDDEN, "the token is malformed"))?;
            headers.insert(header::AUTHORIZATION, value);
        }
        if let Some(secret) = secret(&headers).map_err(|error| lost(&error))? {
            let viewer = api.authenticator.authenticate(&secret).await;
            let viewer = viewer.map_err(|error| lost(&error.into()))?;
            let place = self.server.sockets.place_of(&viewer);
            if place.is_none() {
                return Err(Close::new(TRY_AGAIN_LATER, "the account has too many sockets open"));
            }
            self.check = Some(self.server.sockets.check(api, secret.hash(), &viewer));
            self._place = place;
            self.viewer = Some(viewer);
            self.token = Some(secret.hash());
        }
        let mut data = Data::default();
        data.insert(api.new_loader());
        data.insert(SocketBudget(Arc::new(Semaphore::new(api.limits.subscriptions_per_socket))));
        data.insert(self.viewer.clone());
        data.insert(self.address);
        data.insert(TraceParent::of(&HeaderMap::new()));
        self.data = Arc::new(data);
        Ok(())
    }

    fn begin(&mut self, id: String, mut request: Request) {
        let (server, data) = (self.server.clone(), Arc::clone(&self.data));
        let signed_in = self.token.zip(self.viewer.clone());
        let begun = async move {
            let prepared = prepare(&server, &mut request).await;
            let is_subscription = operation_type(&mut request) == Some(OperationType::Subscription);
            let prepared = match (prepared, signed_in) {
                (Ok(bill), Some((token, viewer))) if !is_subscription => {
                    let confirmed = confirm(&server.api, &token, &viewer).await;
                    confirmed.map(|()| bill).map_err(Box::from)
                }
                (prepared, _) => prepared,
            };
            match prepared {
                Ok(bill) => results(server, request, data, bill),
                Err(refused) => stream::iter([*refused]).boxed(),
            }
        };
        let results = stream::once(begun).flatten().boxed();
        let (handle, registration) = AbortHandle::new_pair();
        let results = Abortable::new(results, registration);
        self.handles.insert(id.clone(), handle);
        self.operations.push(Operation { id, results: Some(results) });
    }

    fn end(&mut self, id: &str) {
        if let Some(handle) = self.handles.remove(id) {
            handle.abort();
        }
    }

    /// The message about a result, or about the end of an operation.
    fn message(&mut self, id: &str, result: Option<Response>) -> Option<String> {
        let Some(response) = result else {
            self.handles.remove(id);
            return self.protocol.complete(id);
        };
        if !self.handles.contains_key(id) {
            // The client ended it meanwhile.
            return None;
        }
        let message = self.protocol.result(id, &response);
        if !was_executed(&response) {
            self.end(id);
        }
        Some(message)
    }
}

/// The results of one operation, each with its id; the last is `None`.
struct Operation {
    id: String,
    results: Option<Abortable<BoxStream<'static, Response>>>,
}

impl Stream for Operation {
    type Item = (String, Option<Response>);

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(results) = &mut self.results else { return Poll::Ready(None) };
        let result = std::task::ready!(results.poll_next_unpin(context));
        if result.is_none() {
            self.results = None;
        }
        Poll::Ready(Some((self.id.clone(), result)))
    }
}

/// Checks that the token still belongs to this viewer, with the same permissions.
async fn confirm(api: &Api, token: &TokenHash, viewer: &Viewer) -> Result<(), ApiError> {
    if api.authenticator.recheck(token).await? == *viewer {
        return Ok(());
    }
    let message = "the account's permissions have changed; connect again";
    Err(ApiError::new(Code::Unauthenticated, message))
}

/// Closes a socket whose token is not valid, or could not be checked.
fn lost(error: &ApiError) -> Close {
    let code = match error.code {
        Code::Unauthenticated => FORBIDDEN,
        _ => TRY_AGAIN_LATER,
    };
    Close::new(code, format!("{}: {}", error.code.as_str(), error.message))
}

fn is_too_big(error: &axum::Error) -> bool {
    use tokio_tungstenite::tungstenite::Error;
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref());
    matches!(cause, Some(Error::Capacity(_)))
}

/// A number from 0 to 1, different for each socket.
fn jitter() -> f64 {
    f64::from(uuid::Uuid::new_v4().as_bytes()[0]) / 255.0
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod timers;
