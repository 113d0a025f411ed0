//! A socket is closed when its user loses the permission, and when the server shuts down.

use std::time::Duration;

use domain::account::{Account, AccountCommand};
use domain::{Actor, Login, Role, StreamId};
use event_store::{Context, Stream};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tests::api::Api;
use tests::deployment::{ALL, Deployment, Stack};
use tests::package::Package;
use tests::waiting::PATIENCE;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// The close code of graphql-transport-ws after which clients reconnect with another token.
const FORBIDDEN: u16 = 4403;
/// The close code of WebSocket after which clients connect again.
const SERVICE_RESTART: u16 = 1012;
/// A socket that stays silent for this long counts as open.
const A_WHILE: Duration = Duration::from_millis(200);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_ends_when_whoever_opened_it_may_no_longer() {
    let deployment = Deployment::start(Stack::Embedded).await;
    deployment.import(&Package::sum("sum", 1)).await;
    let mut people = Vec::new();
    for name in ["ada", "bob", "carl", "dora", "eve"] {
        people.push(deployment.register(name).await);
    }
    let [ada, bob, carl, dora, eve] = people.try_into().unwrap();
    let log = deployment.stores().await.log;
    let change = async |login: &str, command: AccountCommand| {
        let stream = StreamId::Account(login.parse::<Login>().unwrap());
        let mut stream = Stream::<Account>::load(log.as_ref(), stream).await.unwrap();
        let context = Context::new(Actor::system());
        stream.execute(log.as_ref(), vec![command], &context, None, None).await.unwrap();
    };
    change("dora", AccountCommand::Grant(Role::Auditor)).await;
    let create = "mutation { createAccessToken(input: { name: \"a script\", scopes: [\"read\"] }) {
        secret accessToken { id }
    } }";
    let made = ada.data(create, json!({})).await["createAccessToken"].take();
    let script = made["secret"].as_str().unwrap();

    let mine = "subscription { mySubmissions { submission { state } } }";
    let everything = "subscription { auditEvents { cursor } }";
    let dora = dora.with_token(&session(&deployment.api(), "dora").await);
    let carl = carl.with_token(&session(&deployment.api(), "carl").await);
    let mut open = Vec::new();
    for (api, ask) in
        [(&ada.with_token(script), mine), (&bob, mine), (&carl, mine), (&dora, everything)]
    {
        open.push(subscribed(&deployment, api, ask).await);
    }
    let mut stays = subscribed(&deployment, &eve, mine).await;
    for socket in &mut open {
        assert!(timeout(A_WHILE, socket.next()).await.is_err(), "it is open");
    }

    let revoke = "mutation($id: ID!) { revokeAccessToken(id: $id) { userErrors { code } } }";
    ada.data(revoke, json!({ "id": made["accessToken"]["id"] })).await;
    bob.data("mutation { logout { userErrors { code } } }", json!({})).await;
    // Only the event, as if an erasure had been interrupted.
    change("carl", AccountCommand::Erase).await;
    change("dora", AccountCommand::Revoke(Role::Auditor)).await;
    for socket in &mut open {
        let (code, reason) = closed(socket).await;
        assert_eq!(code, FORBIDDEN, "{reason}");
        assert!(reason.starts_with("UNAUTHENTICATED: "), "{reason}");
    }

    // Sign-in to an erased account is not possible.
    assert_eq!(carl.ask("{ viewer { login } }", json!({})).await.code(), "UNAUTHENTICATED");
    let refused = login(&deployment.api(), "carl").await;
    assert_eq!(refused["userErrors"], json!([{ "code": "BAD_CREDENTIALS" }]));

    eve.submitted("sum", "python3", "print(3)").await;
    let message = timeout(PATIENCE, stays.next()).await.unwrap().unwrap().unwrap();
    let message: Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
    assert_eq!(message["payload"]["data"]["mySubmissions"]["submission"]["state"], "QUEUED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_shuts_down_says_so() {
    let mut deployment = Deployment::start(Stack::Embedded).await;
    let ada = deployment.register("ada").await;
    let ask = "subscription { mySubmissions { submission { state } } }";
    let mut socket = subscribed(&deployment, &ada, ask).await;
    assert_eq!(deployment.terminate(ALL).await, Some(0));
    let (code, reason) = closed(&mut socket).await;
    assert_eq!(code, SERVICE_RESTART, "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_closes_its_socket_is_answered() {
    let deployment = Deployment::start(Stack::Embedded).await;
    let ada = deployment.register("ada").await;
    let ask = "subscription { mySubmissions { submission { state } } }";
    let mut socket = subscribed(&deployment, &ada, ask).await;
    socket.close(None).await.unwrap();
    let answer = timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap();
    assert!(matches!(answer, Message::Close(_)), "{answer}");
    assert!(timeout(PATIENCE, socket.next()).await.unwrap().is_none());
}

async fn login(api: &Api, login: &str) -> Value {
    let ask = "mutation($login: String!) {
        login(login: $login, password: \"correct horse\") { accessToken userErrors { code } }
    }";
    api.data(ask, json!({ "login": login })).await["login"].take()
}

async fn session(api: &Api, name: &str) -> String {
    login(api, name).await["accessToken"].as_str().unwrap().to_owned()
}

/// A socket with a subscription, opened as a browser does.
async fn subscribed(deployment: &Deployment, api: &Api, ask: &str) -> Socket {
    let address = deployment.address().join("/graphql").unwrap();
    let address = address.as_str().replacen("http", "ws", 1);
    let mut request = address.into_client_request().unwrap();
    let protocol = "graphql-transport-ws".parse().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", protocol);
    let (mut socket, _) = connect_async(request).await.unwrap();
    let payload = json!({ "authorization": format!("Bearer {}", api.token().unwrap()) });
    for message in [
        json!({ "type": "connection_init", "payload": payload }),
        json!({ "type": "subscribe", "id": "1", "payload": { "query": ask } }),
    ] {
        socket.send(Message::text(message.to_string())).await.unwrap();
        if message["type"] == "connection_init" {
            let answer = socket.next().await.unwrap().unwrap();
            assert!(answer.to_text().unwrap().contains("connection_ack"), "{answer}");
        }
    }
    socket
}

/// The code and reason with which the server closes the socket. Earlier messages are ignored.
async fn closed(socket: &mut Socket) -> (u16, String) {
    let close = async {
        loop {
            if let Message::Close(frame) = socket.next().await.unwrap().unwrap() {
                return frame.unwrap();
            }
        }
    };
    let frame = timeout(PATIENCE, close).await.unwrap();
    (frame.code.into(), frame.reason.to_string())
}
