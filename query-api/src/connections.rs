//! Accepts connections, with limits on their number and on how long a client may take.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::header::UPGRADE;
use axum::http::{Extensions, StatusCode};
use axum::response::Response;
use futures::FutureExt;
use graphql::Api;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service;

use crate::places::Places;
use crate::server::Shutdown;

/// Maximum time until a request's headers are complete, from the last response or the connection's
/// begin on.
const HEAD_TIME_MAX: Duration = Duration::from_secs(30);
/// Maximum time that a client takes nothing of what is sent to it.
const WRITE_TIME_MAX: Duration = Duration::from_secs(30);
/// Maximum size of a request's headers, in bytes. Documents of queries by GET are in them.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Requests at the same time on one HTTP/2 connection.
const STREAMS_MAX: u32 = 100;
/// How often a silent HTTP/2 connection is asked whether it is still there, and how long the answer
/// may take.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// Delay after a connection could not be accepted, such as for want of descriptors.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);
/// Interval at which a new connection is polled until it shows its protocol.
const PEEK_INTERVAL: Duration = Duration::from_millis(5);
/// What every HTTP/2 connection begins with.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

type Stream = TokioIo<Pin<Box<TimeoutStream<TcpStream>>>>;

/// Serves the routes until `stop`, and then until every connection has ended.
///
/// # Errors
/// None so far: a connection that cannot be accepted is left.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    api: &Api,
    stop: CancellationToken,
) -> io::Result<()> {
    let all = Arc::new(Semaphore::new(api.limits.connections));
    let by_address = Places::new(api.limits.connections_per_address);
    let shutdown = Shutdown { begun: stop, open: TaskTracker::new() };
    while let Some(accepted) = shutdown.begun.run_until_cancelled(listener.accept()).await {
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                sleep(ACCEPT_RETRY_DELAY).await;
                continue;
            }
        };
        // What exceeds a limit is closed at once, so that it takes no descriptor.
        let Ok(place) = Arc::clone(&all).try_acquire_owned() else { continue };
        let network_address = address.ip().to_canonical();
        let of_address = by_address.take(network_address);
        // A proxy has the connections of many clients.
        if of_address.is_none() && !api.trusted_proxies.trusts(network_address) {
            continue;
        }
        let (router, of_one) = (router.clone(), shutdown.clone());
        let served = async move {
            // A client that breaks off is no event of ours.
            let _ = serve_one(stream, address, router, of_one).await;
            drop((place, of_address));
        };
        // Boxed, so that the server is compiled with this crate.
        shutdown.open.spawn(served.boxed());
    }
    drop(listener);
    shutdown.open.close();
    shutdown.open.wait().await;
    Ok(())
}

async fn serve_one(
    stream: TcpStream,
    address: SocketAddr,
    router: Router,
    shutdown: Shutdown,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let Some(is_http2) = shutdown.begun.run_until_cancelled(shows_http2(&stream)).await else {
        return Ok(());
    };
    let (is_http2, stopping) = (is_http2?, shutdown.begun.clone());
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIME_MAX));
    let stream: Stream = TokioIo::new(Box::pin(stream));
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let mut request: Request = request.map(Body::new);
        let spelling =
            request.headers().contains_key(UPGRADE).then(|| request.extensions().clone());
        request.extensions_mut().insert(ConnectInfo(address));
        request.extensions_mut().insert(shutdown.clone());
        let answered = router.clone().call(request);
        async move { Ok::<_, Infallible>(spelt_as_asked(answered.await?, spelling)) }
    });
    let ended = if is_http2 {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS_MAX)
            .max_header_list_size(HEAD_BYTES_MAX as u32)
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_INTERVAL);
        let mut serving = pin!(builder.serve_connection(stream, service));
        tokio::select! {
            ended = serving.as_mut() => return Ok(ended?),
            () = stopping.cancelled() => serving.as_mut().graceful_shutdown(),
        }
        serving.await
    } else {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME_MAX)
            .preserve_header_case(true)
            .max_buf_size(HEAD_BYTES_MAX);
        let mut serving = pin!(builder.serve_connection(stream, service).with_upgrades());
        tokio::select! {
            ended = serving.as_mut() => return Ok(ended?),
            () = stopping.cancelled() => serving.as_mut().graceful_shutdown(),
        }
        serving.await
    };
    Ok(ended?)
}

/// Spells the header names of an upgrade as the client did, which hyper keeps in the request's
/// extensions. A common client (gql of PyPI) looks for `Sec-WebSocket-Protocol` in this case only.
fn spelt_as_asked(mut response: Response, spelling: Option<Extensions>) -> Response {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        response.extensions_mut().extend(spelling.unwrap_or_default());
    }
    response
}

/// Whether the client begins as HTTP/2 does. Waits until that is known, but not for ever.
async fn shows_http2(stream: &TcpStream) -> io::Result<bool> {
    let deadline = Instant::now() + HEAD_TIME_MAX;
    let mut begin = [0; HTTP2_PREFACE.len()];
    loop {
        let seen = timeout_at(deadline, stream.peek(&mut begin)).await??;
        if seen == 0 || begin[..seen] != HTTP2_PREFACE[..seen] {
            return Ok(false);
        }
        if seen == begin.len() {
            return Ok(true);
        }
        timeout_at(deadline, sleep(PEEK_INTERVAL)).await?;
    }
}

#[cfg(test)]
mod tests;
