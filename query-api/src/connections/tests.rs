//! Time is paused here: it passes only while every task waits, so the timers decide alone.

use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// Much more than the buffers of the sockets between client and server hold.
const LARGE_BYTES: usize = 64 << 20;
/// How much later than its timer a connection may be closed.
const LATE_MAX: Duration = Duration::from_secs(1);

/// A client of a server that serves its first connection only.
async fn connected() -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let upgrade = |request: Request| async move {
        let names = ["upgrade", "sec-websocket-protocol"];
        let headers = names.map(|name| (name, request.headers()[name].clone()));
        (StatusCode::SWITCHING_PROTOCOLS, axum::response::AppendHeaders(headers))
    };
    let router = Router::new()
        .route("/", get(|| async { "answer" }))
        .route("/large", get(|| async { vec![b'a'; LARGE_BYTES] }))
        .route("/upgrade", get(upgrade));
    tokio::spawn(async move {
        let (stream, address) = listener.accept().await.unwrap();
        let _ = serve_one(stream, address, router, Shutdown::default()).await;
    });
    TcpStream::connect(address).await.unwrap()
}

/// The bytes that the client receives until the server closes, and after how long that is.
async fn until_closed(client: &mut TcpStream) -> (Vec<u8>, Duration) {
    let began = Instant::now();
    let mut received = Vec::new();
    // A connection with unread data is reset.
    let _ = client.read_to_end(&mut received).await;
    (received, began.elapsed())
}

fn is_about(elapsed: Duration, expected: Duration) -> bool {
    elapsed >= expected && elapsed <= expected + LATE_MAX
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_completes_its_headers_is_dropped() {
    for sent in ["", "G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: assay\r\n", "PRI * HTTP"] {
        let mut client = connected().await;
        client.write_all(sent.as_bytes()).await.unwrap();
        let (_, elapsed) = until_closed(&mut client).await;
        assert!(is_about(elapsed, HEAD_TIME_MAX), "{sent:?}: {elapsed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_kept_alive_is_closed_when_it_is_idle() {
    let mut client = connected().await;
    for _ in 0..3 {
        sleep(HEAD_TIME_MAX - LATE_MAX).await;
        client.write_all(b"GET / HTTP/1.1\r\nHost: assay\r\n\r\n").await.unwrap();
        let mut answer = [0; 1 << 10];
        let read = client.read(&mut answer).await.unwrap();
        assert!(answer[..read].starts_with(b"HTTP/1.1 200 "));
    }
    let (_, elapsed) = until_closed(&mut client).await;
    assert!(is_about(elapsed, HEAD_TIME_MAX), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_dropped() {
    let mut client = connected().await;
    client.write_all(b"GET /large HTTP/1.1\r\nHost: assay\r\n\r\n").await.unwrap();
    sleep(WRITE_TIME_MAX + LATE_MAX).await;
    let (received, _) = until_closed(&mut client).await;
    assert!(received.len() < LARGE_BYTES, "{}", received.len());
}

#[tokio::test(start_paused = true)]
async fn a_silent_http_2_connection_is_closed() {
    let mut client = connected().await;
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    client.write_all(&[HTTP2_PREFACE, &settings].concat()).await.unwrap();
    let (_, elapsed) = until_closed(&mut client).await;
    assert!(is_about(elapsed, PING_INTERVAL * 2), "{elapsed:?}");
}

#[tokio::test]
async fn the_names_of_an_upgrades_headers_are_spelt_as_the_client_did() {
    for name in ["Sec-WebSocket-Protocol", "sec-websocket-protocol", "SEC-WebSocket-protocol"] {
        let mut client = connected().await;
        let request = format!(
            "GET /upgrade HTTP/1.1\r\nHost: assay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             {name}: graphql-transport-ws\r\n\r\n"
        );
        client.write_all(request.as_bytes()).await.unwrap();
        let mut answer = [0; 1 << 10];
        let read = client.read(&mut answer).await.unwrap();
        let answer = str::from_utf8(&answer[..read]).unwrap();
        assert!(answer.contains(&format!("\r\n{name}: graphql-transport-ws\r\n")), "{answer}");
    }
}
