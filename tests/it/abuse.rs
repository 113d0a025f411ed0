//! Documents and connections that were made to harm: each is refused or answered, the process lives,
//! and others are served meanwhile.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tests::api::Api;
use tests::deployment::{Deployment, Stack};
use tests::waiting::PATIENCE;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// Nested literals, with what is put around them.
fn literals() -> Vec<String> {
    let mut documents = Vec::new();
    for (open, close) in [("[", "]"), ("{a:", "}"), ("[{a:[", "]}]")] {
        let nested = format!("{}1{}", open.repeat(2_000), close.repeat(2_000));
        documents.extend([
            format!("{{ problems(first: {nested}) {{ nodes {{ id }} }} }}"),
            format!("query($a: Int = {nested}) {{ viewer {{ login }} }}"),
            format!("query($a: Int @deprecated(reason: {nested})) {{ viewer {{ login }} }}"),
            format!("{{ viewer @include(if: {nested}) {{ login }} }}"),
            format!("mutation {{ submit(input: {nested}) {{ submission {{ id }} }} }}"),
            format!("subscription {{ submission(id: {nested}) {{ cursor }} }}"),
        ]);
    }
    documents
}

/// Fragments, selections, directives and introspection without an end.
fn documents() -> Vec<String> {
    let mut documents = literals();
    for levels in [14, 20, 24, 30, 300] {
        let mut text = "{ ...f0 }".to_owned();
        for level in 0..levels {
            let next = level + 1;
            text.push_str(&format!(" fragment f{level} on Query {{ ...f{next} ...f{next} }}"));
        }
        documents.push(text + &format!(" fragment f{levels} on Query {{ viewer {{ login }} }}"));
    }
    for levels in [7, 11, 20] {
        let open = "possibleTypes { interfaces { ".repeat(levels);
        let close = "} } ".repeat(levels);
        documents.push(format!("{{ __schema {{ types {{ {open} name {close} }} }} }}"));
        documents.push(format!("{{ __type(name: \"Node\") {{ {open} name {close} }} }}"));
    }
    let repeated = |count: usize, part: &str| part.repeat(count);
    documents.extend([
        format!("{{ {} }}", "a{".repeat(2_000)),
        "{ viewer { login } } fragment a on Query { ...a }".to_owned(),
        "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }".to_owned(),
        format!("{{ viewer {} {{ login }} }}", repeated(5_000, "@a ")),
        format!("{{ viewer {} {{ login }} }}", repeated(100_000, "@skip(if: false) ")),
        format!("{{ {} }}", repeated(10_000, "viewer { login } ")),
        format!("{{ {} }}", repeated(2_000, "nonsense ")),
        format!("{{ viewer {{ {} }} }}", repeated(2_000, "nonsense ")),
        format!("query({}) {{ viewer {{ login }} }}", repeated(1_000, "$a: Int ")),
        format!("{{ viewer(a: \"{}\") {{ login }} }}", "x".repeat(1 << 20)),
        format!("{{ viewer(a: \"\"\"{}\"\"\") {{ login }} }}", "\"".repeat(9_000)),
        repeated(4_000, "{a}"),
        repeated(2_000, "query a { a } "),
        "{".repeat(16_000),
        "\"".repeat(16_000),
        "#".repeat(3 << 20),
        "\u{feff}".repeat(4_000),
        "\0".repeat(9_000),
        String::new(),
    ]);
    let counts: String = (0..30)
        .map(|n| format!("a{n}: problems(tags: [\"a\", \"b\"]) {{ totalCount }} "))
        .collect();
    documents.push(format!("{{ {counts} }}"));
    let systems: String = (0..1_000).map(|n| format!("a{n}: system {{ health }} ")).collect();
    documents.push(format!("{{ {systems} }}"));
    let ids = ["\"c3VibWlzc2lvbjox\""; 100].join(",");
    let nodes: String = (0..16)
        .map(|n| format!("a{n}: nodes(ids: [{ids}]) {{ ... on Submission {{ source }} }} "))
        .collect();
    documents.push(format!("{{ {nodes} }}"));
    documents
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_documents_are_refused_by_post_and_over_a_socket() {
    let deployment = Deployment::start(Stack::Embedded).await;
    let ada = deployment.register("ada").await;
    let documents = documents();
    assert!(documents.len() >= 45, "{}", documents.len());
    for document in &documents {
        let start: String = document.chars().take(90).collect();
        let answer = ada.post(&json!({ "query": document })).await;
        assert!((200..500).contains(&answer.status), "{start}: {answer:?}");
        let errors = answer.body["errors"].as_array().map_or(0, Vec::len);
        assert!((1..=10).contains(&errors), "{start}: {answer:?}");
        over_a_socket(&deployment, &ada, document, &start).await;
    }
    for extension in [json!(u64::MAX.to_string()), json!("7e9"), json!({ "a": [] }), json!(-1)] {
        let body = json!({ "query": "{ viewer { login } }", "extensions": { "assay": { "after": extension } } });
        let answer = ada.post(&body).await;
        assert!(answer.status < 500 || answer.code() == "NOT_CAUGHT_UP", "{answer:?}");
    }
    let nested = format!("{}1{}", "[".repeat(2_000), "]".repeat(2_000));
    for body in [
        format!("{{\"query\":\"{{ a }}\",\"variables\":{{\"a\":{nested}}}}}"),
        format!("{{\"query\":{nested}}}"),
        nested,
    ] {
        let answer = raw(&deployment, &post(&body)).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    assert_eq!(ada.data("{ viewer { login } }", json!({})).await["viewer"]["login"], "ada");
}

/// Sends the document as an operation. It must be answered, or the socket closed.
async fn over_a_socket(deployment: &Deployment, api: &Api, document: &str, start: &str) {
    let mut socket = connected(deployment).await;
    let payload = json!({ "authorization": format!("Bearer {}", api.token().unwrap()) });
    let init = json!({ "type": "connection_init", "payload": payload });
    socket.send(Message::text(init.to_string())).await.unwrap();
    let subscribe = json!({ "type": "subscribe", "id": "1", "payload": { "query": document } });
    let sent = socket.send(Message::text(subscribe.to_string())).await;
    loop {
        let message = timeout(PATIENCE, socket.next()).await.expect(start);
        let Some(Ok(message)) = message else { break };
        match message {
            Message::Text(text) => {
                let message: Value = serde_json::from_str(&text).unwrap();
                if message["type"] == "error" || message["type"] == "complete" {
                    break;
                }
            }
            Message::Close(_) => break,
            _ => {}
        }
    }
    drop(sent);
}

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<TcpStream>>;

async fn connected(deployment: &Deployment) -> Socket {
    let address = deployment.address().join("/graphql").unwrap();
    let mut request = address.as_str().replacen("http", "ws", 1).into_client_request().unwrap();
    let protocol = "graphql-transport-ws".parse().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", protocol);
    connect_async(request).await.unwrap().0
}

fn post(body: &str) -> String {
    format!(
        "POST /graphql HTTP/1.1\r\nHost: assay\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Sends bytes, and reads until the server closes.
async fn raw(deployment: &Deployment, request: &str) -> String {
    let mut stream = open(deployment).await;
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = timeout(PATIENCE, stream.read_to_string(&mut answer)).await;
    read.expect("the server closes").unwrap();
    answer
}

async fn open(deployment: &Deployment) -> TcpStream {
    let address = deployment.address();
    let address = (address.host_str().unwrap(), address.port().unwrap());
    TcpStream::connect(address).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn more_connections_than_the_limit_are_closed_and_free_their_places() {
    const CONNECTIONS: usize = 20;
    let limit = [("limits.connections_per_address", "20")];
    let deployment = Deployment::start_with(Stack::Embedded, &limit).await;
    let mut held = Vec::new();
    for _ in 0..CONNECTIONS * 2 {
        held.push(open(&deployment).await);
    }
    let mut closed = 0;
    for stream in &mut held {
        let read = timeout(Duration::from_millis(200), stream.read(&mut [0; 1])).await;
        closed += usize::from(matches!(read, Ok(Ok(0) | Err(_))));
    }
    assert!(closed >= CONNECTIONS, "{closed} of {}", CONNECTIONS * 2);
    drop(held);
    tests::waiting::until_true("places are free again", async || {
        let mut stream = open(&deployment).await;
        let request = "GET /healthz HTTP/1.1\r\nHost: assay\r\nConnection: close\r\n\r\n";
        let sent = stream.write_all(request.as_bytes()).await;
        let mut answer = String::new();
        let read = stream.read_to_string(&mut answer).await;
        sent.is_ok() && read.is_ok() && answer.starts_with("HTTP/1.1 200 ")
    })
    .await;
}
