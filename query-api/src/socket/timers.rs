//! Time is paused here: it passes only while every task waits, so the timers decide alone.

use graphql::ServiceLimits;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message as Sent;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::*;
use crate::Serving;
use crate::idle_server::IdleServer;

/// How much later than its timer a socket may be closed.
const LATE_MAX: Duration = Duration::from_secs(1);
/// What a ping frame of a server begins with.
const PING: u8 = 0x89;

type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A client that has just connected.
async fn connected(server: &IdleServer) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = server.router(Serving::default()).await;
    let api = Arc::clone(&server.api);
    tokio::spawn(
        async move { crate::serve(listener, router, &api, CancellationToken::new()).await },
    );
    let url = format!("ws://{address}/graphql");
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", protocol::NAME.parse().unwrap());
    let (client, _) = connect_async(request).await.unwrap();
    client
}

/// As [`connected`], and acknowledged.
async fn acknowledged(server: &IdleServer) -> Client {
    let mut client = connected(server).await;
    client.send(Sent::text(r#"{"type":"connection_init"}"#)).await.unwrap();
    let answer = client.next().await.unwrap().unwrap();
    assert!(answer.to_text().unwrap().contains("connection_ack"), "{answer}");
    client
}

async fn closed(client: &mut Client) -> Option<CloseFrame> {
    loop {
        if let Sent::Close(frame) = client.next().await?.ok()? {
            return frame;
        }
    }
}

#[tokio::test]
async fn a_socket_that_is_not_initialised_is_closed() {
    let server = IdleServer::new(ServiceLimits::default()).await;
    let mut client = connected(&server).await;
    tokio::time::pause();
    let began = Instant::now();
    let frame = closed(&mut client).await.unwrap();
    assert_eq!(u16::from(frame.code), INIT_TIMEOUT);
    let elapsed = began.elapsed();
    let earliest = INIT_TIME_MAX - LATE_MAX;
    assert!(elapsed >= earliest && elapsed <= INIT_TIME_MAX + LATE_MAX, "{elapsed:?}");
}

#[tokio::test]
async fn a_client_that_answers_pings_stays() {
    let server = IdleServer::new(ServiceLimits::default()).await;
    let mut answering = acknowledged(&server).await;
    tokio::time::pause();
    // It answers by itself while it is read.
    let mut pings = 0;
    let read = timeout(PING_INTERVAL * 10, async {
        while let Some(Ok(message)) = answering.next().await {
            pings += usize::from(matches!(message, Sent::Ping(_)));
        }
    });
    assert!(read.await.is_err(), "it was closed");
    assert!((9..=10).contains(&pings), "{pings}");
}

#[tokio::test]
async fn a_client_that_does_not_answer_pings_is_dropped() {
    let server = IdleServer::new(ServiceLimits::default()).await;
    let mut silent = acknowledged(&server).await;
    tokio::time::pause();
    let began = Instant::now();
    let MaybeTlsStream::Plain(stream) = silent.get_mut() else { panic!("it is not encrypted") };
    let mut received = Vec::new();
    let _ = stream.read_to_end(&mut received).await;
    assert_eq!(received.first(), Some(&PING), "{received:?}");
    let (elapsed, expected) = (began.elapsed(), PING_INTERVAL * 2);
    assert!(elapsed >= expected - LATE_MAX && elapsed <= expected + LATE_MAX, "{elapsed:?}");
}

#[test]
fn a_reason_is_cut_to_what_a_close_frame_holds() {
    let long = "é".repeat(100);
    assert_eq!(close_reason(&long).len(), 122);
    assert_eq!(close_reason("short"), "short");
}
