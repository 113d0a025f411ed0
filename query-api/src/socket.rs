//! Subscriptions over WebSocket: what a socket accepts, and how long it may stay open.

use std::future::{pending, ready};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::http::{ALL_WEBSOCKET_PROTOCOLS, WebSocketProtocols, WsMessage};
use async_graphql::parser::types::OperationType;
use async_graphql::{Data, Executor, Request, Response};
use axum::extract::WebSocketUpgrade;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response as HttpResponse;
use event_store::TokenHash;
use futures::stream::{self, BoxStream};
use futures::{Sink, SinkExt, Stream, StreamExt};
use graphql::{Api, ApiError, AuthError, Authenticator, Code, Viewer, secret};
use serde_json::Value;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::http::Server;
use crate::request::prepare;
use crate::subscription::SocketBudget;

/// Maximum size of a message, in bytes.
const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// How often a socket's permissions are re-checked. Each check reads the token, sometimes also the
/// account, and writes nothing.
const POLL_INTERVAL: Duration = Duration::from_secs(10);
/// How long a socket stays open while a store fails to confirm its permissions.
const UNCONFIRMED_MAX: Duration = Duration::from_secs(60);
/// Maximum time to send a client the reason why its socket closes.
const CLOSING_MAX: Duration = Duration::from_secs(5);
/// A close code of graphql-transport-ws: the client may reconnect with another token.
const FORBIDDEN: u16 = 4403;
/// A close code of WebSocket: the client should reconnect, here or at another process.
const SERVICE_RESTART: u16 = 1012;
/// A close code of WebSocket: the client should reconnect a little later.
const TRY_AGAIN_LATER: u16 = 1013;

/// Upgrades the connection to a socket and serves it.
pub(crate) fn upgrade(
    upgrade: WebSocketUpgrade,
    server: Server,
    stop: CancellationToken,
) -> HttpResponse {
    upgrade
        .max_message_size(MESSAGE_BYTES_MAX)
        .protocols(ALL_WEBSOCKET_PROTOCOLS)
        .on_upgrade(move |socket| serve(socket, server, stop))
}

async fn serve(socket: WebSocket, server: Server, stop: CancellationToken) {
    let api = Arc::clone(&server.api);
    let protocol = socket.protocol().and_then(|name| name.to_str().ok());
    let Some(Ok(protocol)) = protocol.map(WebSocketProtocols::from_str) else { return };
    let (mut sink, incoming) = socket.split();
    let incoming = incoming.take_while(|message| ready(message.is_ok())).filter_map(|message| {
        ready(match message {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => Some(message.into_data()),
            _ => None,
        })
    });
    let mut data = Data::default();
    data.insert(api.new_loader());
    data.insert(SocketBudget(Arc::new(Semaphore::new(api.limits.subscriptions_per_socket))));
    let (signed_in, session) = oneshot::channel();
    let subscriptions = Subscriptions(server);
    let signing = Arc::clone(&api);
    let outgoing = async_graphql::http::WebSocket::new(subscriptions, incoming, protocol)
        .connection_data(data)
        .on_connection_init(move |payload| sign_in(signing, payload, signed_in));

    let close = tokio::select! {
        biased;
        () = stop.cancelled() => {
            CloseFrame { code: SERVICE_RESTART, reason: "the server is shutting down".into() }
        }
        refusal = refused(&api.authenticator, session, POLL_INTERVAL) => CloseFrame {
            code: match refusal.code {
                Code::Unauthenticated => FORBIDDEN,
                _ => TRY_AGAIN_LATER,
            },
            reason: format!("{}: {}", refusal.code.as_str(), refusal.message).into(),
        },
        () = forward(outgoing, &mut sink) => return,
    };
    let close = Message::Close(Some(close));
    // Do not wait for a client that does not read.
    let _ = timeout(CLOSING_MAX, sink.send(close)).await;
}

/// Forwards messages until there are no more or the client is gone.
async fn forward(outgoing: impl Stream<Item = WsMessage>, sink: &mut (impl Sink<Message> + Unpin)) {
    let mut outgoing = std::pin::pin!(outgoing);
    while let Some(message) = outgoing.next().await {
        let message = match message {
            WsMessage::Text(text) => Message::Text(text.into()),
            WsMessage::Close(code, reason) => {
                Message::Close(Some(CloseFrame { code, reason: reason.into() }))
            }
        };
        if sink.send(message).await.is_err() {
            return;
        }
    }
}

/// The viewer of a socket, and the token it signed in with.
#[derive(Debug)]
struct Session {
    token: TokenHash,
    viewer: Viewer,
}

/// Signs in. The token comes in `connection_init`, as `{"authorization": "Bearer …"}`.
async fn sign_in(
    api: Arc<Api>,
    payload: Value,
    signed_in: oneshot::Sender<Session>,
) -> async_graphql::Result<Data> {
    // The client sees only the close reason, so the code goes into it.
    let viewer = viewer(&api.authenticator, &payload, signed_in)
        .await
        .map_err(|error| format!("{}: {}", error.code.as_str(), error.message))?;
    let mut data = Data::default();
    data.insert(viewer);
    Ok(data)
}

async fn viewer(
    authenticator: &Authenticator,
    payload: &Value,
    signed_in: oneshot::Sender<Session>,
) -> Result<Option<Viewer>, ApiError> {
    let mut headers = HeaderMap::new();
    let named = |name: &str| payload.get(name).and_then(Value::as_str);
    if let Some(value) = named("authorization").or_else(|| named("Authorization")) {
        let value = HeaderValue::from_bytes(value.as_bytes());
        let malformed = |_| ApiError::new(Code::Unauthenticated, "the token is malformed");
        headers.insert(header::AUTHORIZATION, value.map_err(malformed)?);
    }
    let Some(secret) = secret(&headers)? else { return Ok(None) };
    let viewer = authenticator.authenticate(&secret).await?;
    let session = Session { token: secret.hash(), viewer: viewer.clone() };
    // Fails if the socket has already closed.
    let _ = signed_in.send(session);
    Ok(Some(viewer))
}

/// Waits until the viewer loses its permission to go on. Returns the reason.
async fn refused(
    authenticator: &Authenticator,
    session: oneshot::Receiver<Session>,
    interval: Duration,
) -> ApiError {
    // An anonymous viewer has no permissions to lose.
    let Ok(Session { token, viewer }) = session.await else { return pending().await };
    let mut confirmed_at = Instant::now();
    loop {
        sleep(interval).await;
        match authenticator.recheck(&token).await {
            Ok(now) if now == viewer => confirmed_at = Instant::now(),
            Ok(_) => {
                let message = "the account's permissions have changed; connect again";
                return ApiError::new(Code::Unauthenticated, message);
            }
            Err(AuthError::Invalid) => return AuthError::Invalid.into(),
            Err(AuthError::Store(error)) if confirmed_at.elapsed() > UNCONFIRMED_MAX => {
                return error;
            }
            Err(AuthError::Store(_)) => {}
        }
    }
}

/// Restricts the schema to subscriptions. Queries and mutations must be sent by POST, where their
/// limits are enforced.
#[derive(Clone)]
struct Subscriptions(Server);

impl Executor for Subscriptions {
    async fn execute(&self, _: Request) -> Response {
        no_subscription().into()
    }

    fn execute_stream(
        &self,
        mut request: Request,
        data: Option<Arc<Data>>,
    ) -> BoxStream<'static, Response> {
        let Self(Server { schema, api, guard }) = self.clone();
        let begun = async move {
            if let Err(refused) = prepare(&guard, &api, &mut request).await {
                return stream::iter([refused]).boxed();
            }
            match is_subscription(&mut request) {
                true => schema.execute_stream(request, data),
                false => stream::iter([no_subscription().into()]).boxed(),
            }
        };
        stream::once(begun).flatten().boxed()
    }
}

fn no_subscription() -> ApiError {
    ApiError::bad_input("a socket takes subscriptions only; send queries and mutations by POST")
}

/// Whether the request begins a subscription. An unreadable document passes, so that the schema
/// reports what is wrong with it.
fn is_subscription(request: &mut Request) -> bool {
    let wanted = request.operation_name.clone();
    let Ok(document) = request.parsed_query() else { return true };
    let mut chosen = document.operations.iter().filter(|(name, _)| match (&wanted, name) {
        (Some(wanted), Some(name)) => wanted == name.as_str(),
        _ => true,
    });
    chosen.all(|(_, operation)| operation.node.ty == OperationType::Subscription)
}

#[cfg(test)]
mod tests {
    use super::*;

    use domain::account::{Account, AccountCommand};
    use domain::{Actor, Login, Role, StreamId};
    use event_store::{
        Context, Scope, StoreUrls, Stores, Stream as Aggregate, TokenKind, TokenRecord,
    };
    use jiff::{SignedDuration, Timestamp};
    use tempfile::TempDir;
    use uuid::Uuid;

    use graphql::Secret;

    const POLL_SOON: Duration = Duration::from_millis(5);
    const POLLS: u32 = 20;

    fn request(query: &str) -> Request {
        Request::new(query)
    }

    #[test]
    fn queries_and_mutations_are_not_subscriptions() {
        let both = "query A { a } subscription B { b } mutation C { c }";
        for (query, name, expected) in [
            ("subscription { a }", None, true),
            ("subscription S { a }", Some("S"), true),
            ("{ a }", None, false),
            ("query { a }", None, false),
            ("mutation { a }", None, false),
            // An unnamed operation is never found by name in the schema.
            ("mutation { a }", Some("B"), false),
            (both, Some("A"), false),
            (both, Some("B"), true),
            (both, Some("C"), false),
            (both, None, false),
            ("subscription A { a } subscription B { b }", None, true),
            // The schema refuses these.
            (both, Some("D"), true),
            ("subscription {", None, true),
        ] {
            let mut request = request(query);
            request.operation_name = name.map(str::to_owned);
            assert_eq!(is_subscription(&mut request), expected, "{query} {name:?}");
        }
    }

    /// Stores with an account and its token.
    struct World {
        stores: Stores,
        secret: Secret,
        record: TokenRecord,
        _directory: TempDir,
    }

    impl World {
        async fn new(lifetime: Option<SignedDuration>) -> Self {
            let directory = TempDir::new().unwrap();
            let urls = StoreUrls::embedded(directory.path());
            let stores = event_store::open(&urls).await.unwrap();
            let secret = Secret("assay_of_ada".to_owned());
            let created_at = Timestamp::now();
            let record = TokenRecord {
                id: Uuid::new_v4(),
                hash: secret.hash(),
                subject: Uuid::new_v4(),
                login: "ada".parse().unwrap(),
                kind: TokenKind::Access,
                name: "a socket's".to_owned(),
                scopes: vec![Scope::Full],
                created_at,
                last_used_at: None,
                expires_at: lifetime.map(|lifetime| created_at + lifetime),
            };
            stores.credentials.put_token(&record).await.unwrap();
            let world = Self { stores, secret, record, _directory: directory };
            let login = world.record.login.clone();
            world.account(AccountCommand::Register { login, subject: world.record.subject }).await;
            world.account(AccountCommand::Grant(Role::Judge)).await;
            world
        }

        async fn account(&self, command: AccountCommand) {
            let login: Login = self.record.login.clone();
            let log = self.stores.log.as_ref();
            let mut stream =
                Aggregate::<Account>::load(log, StreamId::Account(login)).await.unwrap();
            let context = Context::new(Actor::system());
            stream.execute(log, vec![command], &context, None, None).await.unwrap();
        }

        /// An authenticator with an empty cache.
        fn authenticator(&self) -> Authenticator {
            let Stores { log, credentials, .. } = &self.stores;
            Authenticator::new(Arc::clone(log), Arc::clone(credentials))
        }

        /// Signs in, runs `happens`, and returns the reason why the socket closes; `None` if it
        /// stays open.
        async fn refusal(&self, happens: impl AsyncFnOnce(&Self)) -> Option<ApiError> {
            let (signed_in, session) = oneshot::channel();
            let payload =
                serde_json::json!({ "authorization": format!("Bearer {}", self.secret.0) });
            let viewer = viewer(&self.authenticator(), &payload, signed_in).await.unwrap();
            assert_eq!(viewer.unwrap().login, self.record.login);
            happens(self).await;
            let authenticator = self.authenticator();
            let refused = refused(&authenticator, session, POLL_SOON);
            timeout(POLL_SOON * POLLS, refused).await.ok()
        }
    }

    #[tokio::test]
    async fn a_socket_stays_open_and_checks_do_not_count_as_uses() {
        let world = World::new(None).await;
        let used = async |world: &World| {
            let tokens = world.stores.credentials.tokens(world.record.subject, Timestamp::now());
            tokens.await.unwrap()[0].last_used_at
        };
        let mut before = None;
        let refusal = world.refusal(async |world| before = used(world).await).await;
        assert!(refusal.is_none(), "{refusal:?}");
        assert_eq!(used(&world).await, before);
    }

    #[tokio::test]
    async fn a_socket_closes_when_its_token_or_permissions_change() {
        let revoked = async |world: &World| {
            let record = &world.record;
            world.stores.credentials.revoke_token(record.subject, record.id).await.unwrap();
        };
        let world = World::new(None).await;
        assert_eq!(world.refusal(revoked).await.unwrap().code, Code::Unauthenticated);

        let world = World::new(Some(SignedDuration::from_millis(50))).await;
        let expired = world.refusal(async |_| ()).await.unwrap();
        assert_eq!(expired.code, Code::Unauthenticated);

        for command in [AccountCommand::Revoke(Role::Judge), AccountCommand::Grant(Role::Admin)] {
            let world = World::new(None).await;
            let changed = world.refusal(async |world| world.account(command).await).await.unwrap();
            assert_eq!(changed.code, Code::Unauthenticated);
            assert!(changed.message.contains("have changed"), "{changed}");
        }

        // Only the event, as after an interrupted erasure.
        let world = World::new(None).await;
        let erased = world.refusal(async |world| world.account(AccountCommand::Erase).await).await;
        assert_eq!(erased.unwrap().code, Code::Unauthenticated);
        let refused = world.authenticator().authenticate(&world.secret).await;
        assert!(matches!(refused, Err(AuthError::Invalid)), "{refused:?}");
    }

    #[tokio::test]
    async fn an_anonymous_socket_stays_open() {
        let world = World::new(None).await;
        let authenticator = world.authenticator();
        let (signed_in, session) = oneshot::channel();
        let nobody = viewer(&authenticator, &Value::Null, signed_in).await.unwrap();
        assert!(nobody.is_none());
        let refused = refused(&authenticator, session, POLL_SOON);
        assert!(timeout(POLL_SOON * POLLS, refused).await.is_err());
    }
}
