//! Lets a client finish sending after its request was refused early, because it is too large or not
//! allowed.
//!
//! Closing a connection with unread data resets it, and a client that is still sending then never
//! sees the response. So the rest of its body is read and dropped for a while.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::Request;
use axum::http::header::EXPECT;
use axum::middleware::Next;
use axum::response::Response;
use futures::{Stream, StreamExt, stream};

/// How long an unwanted body is read.
const LINGERING_MAX: Duration = Duration::from_secs(5);

/// A body that can still be read after the handler dropped its part of it.
struct SharedBody {
    body: BodyDataStream,
    /// Whether the handler has read from the body.
    was_read: bool,
}

/// Reads the rest of a request for a limited time before its response is sent.
pub async fn linger(request: Request, next: Next) -> Response {
    // A client that sends `Expect` sends its body only once the server begins to read it.
    let expects_continue = request.headers().contains_key(EXPECT);
    let (parts, body) = request.into_parts();
    let shared =
        Arc::new(Mutex::new(SharedBody { body: body.into_data_stream(), was_read: false }));
    let body = Body::from_stream(rest_of(Arc::clone(&shared)));
    let response = next.run(Request::from_parts(parts, body)).await;
    let was_read = shared.lock().unwrap_or_else(PoisonError::into_inner).was_read;
    if was_read || !expects_continue {
        let unwanted = rest_of(shared).take_while(|read| std::future::ready(read.is_ok()));
        let _ = tokio::time::timeout(LINGERING_MAX, unwanted.for_each(|_| async {})).await;
    }
    response
}

fn rest_of(shared: Arc<Mutex<SharedBody>>) -> impl Stream<Item = Result<Bytes, axum::Error>> {
    stream::poll_fn(move |context: &mut Context<'_>| -> Poll<_> {
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.was_read = true;
        shared.body.poll_next_unpin(context)
    })
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::to_bytes;
    use axum::http::StatusCode;
    use axum::middleware::from_fn;
    use axum::routing::post;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// More than the buffers of the sockets between client and server hold.
    const BODY_BYTES: usize = 16 << 20;

    /// The response that a client receives if it sends everything first, from a server that reads
    /// `read_bytes` of the body. `expect` is a header line.
    async fn answer(expect: &str, read_bytes: usize, body_bytes: usize) -> String {
        let refuse = post(move |body: Body| async move {
            let _ = to_bytes(body, read_bytes).await;
            StatusCode::PAYLOAD_TOO_LARGE
        });
        let refuse_unread = post(|| async { StatusCode::PAYLOAD_TOO_LARGE });
        let route = if read_bytes == 0 { refuse_unread } else { refuse };
        let router = Router::new().route("/", route).layer(from_fn(linger));
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

    const EXPECTING: &str = "Expect: 100-continue\r\n";

    #[tokio::test]
    async fn a_client_that_sends_too_much_sees_why_it_was_refused() {
        for read_bytes in [0, 1 << 20] {
            let answer = answer("", read_bytes, BODY_BYTES).await;
            assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        }
    }

    #[tokio::test]
    async fn a_client_that_expects_100_is_refused_before_it_sends_its_body() {
        let answer = answer(EXPECTING, 0, 0).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    }

    #[tokio::test]
    async fn the_whole_body_of_a_client_that_got_100_is_read() {
        let answer = answer(EXPECTING, 1 << 20, BODY_BYTES).await;
        assert!(
            answer.starts_with("HTTP/1.1 100 ") && answer.contains("HTTP/1.1 413 "),
            "{answer}"
        );
    }
}
