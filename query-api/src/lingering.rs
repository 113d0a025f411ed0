//! Answers that come before the request was read to its end: it was too large, or its sender may not ask.
//!
//! To close a connection with unread data in it is to reset it, and a client that is still sending then never sees the
//! answer. So what it sends is read on, and dropped, for a while.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::Request;
use axum::http::header::EXPECT;
use axum::middleware::Next;
use axum::response::Response;
use futures::{Stream, StreamExt, stream};

/// How long a client may go on sending what nobody wants.
const LINGERING_MAX: Duration = Duration::from_secs(5);

/// A body that can be read on after whoever it was lent to has left it.
type Lent = Arc<Mutex<BodyDataStream>>;

/// Reads the request to its end before the answer goes out, whatever the answer is.
pub async fn hear_out(request: Request, next: Next) -> Response {
    // Such a client sends its body only when it is asked to, which reading would do.
    let waits_to_be_asked = request.headers().contains_key(EXPECT);
    let (parts, body) = request.into_parts();
    let body = Arc::new(Mutex::new(body.into_data_stream()));
    let lent = Body::from_stream(rest_of(Arc::clone(&body)));
    let response = next.run(Request::from_parts(parts, lent)).await;
    if !waits_to_be_asked {
        let unwanted = rest_of(body).take_while(|read| std::future::ready(read.is_ok()));
        let _ = tokio::time::timeout(LINGERING_MAX, unwanted.for_each(|_| async {})).await;
    }
    response
}

fn rest_of(body: Lent) -> impl Stream<Item = Result<Bytes, axum::Error>> {
    stream::poll_fn(move |context: &mut Context<'_>| -> Poll<_> {
        body.lock().unwrap_or_else(PoisonError::into_inner).poll_next_unpin(context)
    })
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;
    use axum::middleware::from_fn;
    use axum::routing::post;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// More than the sockets between client and server hold.
    const BODY_BYTES: usize = 16 << 20;

    /// What a client reads that sends everything first. `expect` is a header of its.
    async fn answer(expect: &str, body_bytes: usize) -> String {
        let refuse = post(|| async { StatusCode::PAYLOAD_TOO_LARGE });
        let router = Router::new().route("/", refuse).layer(from_fn(hear_out));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there are ports");
        let address = listener.local_addr().expect("it is bound");
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        let mut client = TcpStream::connect(address).await.expect("it listens");
        let head = format!(
            "POST / HTTP/1.1\r\nHost: assay\r\nConnection: close\r\n{expect}Content-Length: {BODY_BYTES}\r\n\r\n"
        );
        client.write_all(head.as_bytes()).await.expect("sent");
        client.write_all(&vec![b'x'; body_bytes]).await.expect("everything is taken");
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.expect("answered");
        server.abort();
        answer
    }

    #[tokio::test]
    async fn a_client_that_sends_too_much_sees_why_it_was_refused() {
        let answer = answer("", BODY_BYTES).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    }

    #[tokio::test]
    async fn a_client_that_asks_first_is_not_told_to_send() {
        let answer = answer("Expect: 100-continue\r\n", 0).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    }
}
