//! A server that receives events, stores all of them, and can refuse some.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A received message.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) id: String,
    pub(super) timestamp: String,
    pub(super) signature: String,
    pub(super) body: String,
    /// The status of the answer.
    pub(super) status: u16,
}

impl Received {
    pub(super) fn message(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

#[derive(Debug, Default)]
struct Memory {
    received: Vec<Received>,
    /// The stream whose events are refused, and the status of the answer.
    refused: Option<(String, u16)>,
    /// The time that it takes for each message, after receiving it.
    pause: Duration,
}

type Shared = Arc<Mutex<Memory>>;

pub(super) struct Receiver {
    address: SocketAddr,
    memory: Shared,
    running: Option<(CancellationToken, JoinHandle<()>)>,
}

impl Receiver {
    pub(super) async fn start() -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut receiver = Self { address, memory: Shared::default(), running: None };
        receiver.come_back().await;
        receiver
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/received?of=events", self.address)
    }

    /// Stops listening.
    pub(super) async fn go_away(&mut self) {
        let (stop, task) = self.running.take().unwrap();
        stop.cancel();
        task.await.unwrap();
    }

    /// Listens again, at the same address.
    pub(super) async fn come_back(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.address = listener.local_addr().unwrap();
        let app =
            Router::new().route("/received", post(receive)).with_state(Arc::clone(&self.memory));
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            let served = async { axum::serve(listener, app).await };
            stopped.run_until_cancelled(served).await;
        });
        self.running = Some((stop, task));
    }

    pub(super) fn refuse(&self, stream: &str, status: u16) {
        self.memory.lock().unwrap().refused = Some((stream.to_owned(), status));
    }

    pub(super) fn take_long(&self, pause: Duration) {
        self.memory.lock().unwrap().pause = pause;
    }

    pub(super) fn accept_all(&self) {
        self.memory.lock().unwrap().refused = None;
    }

    /// All received messages.
    pub(super) fn all(&self) -> Vec<Received> {
        self.memory.lock().unwrap().received.clone()
    }

    /// All messages that were not refused.
    pub(super) fn accepted(&self) -> Vec<Received> {
        self.all().into_iter().filter(|it| it.status == 204).collect()
    }
}

/// Each message uses its own connection, so that no connection outlives the receiver.
const ANSWER: [(&str, &str); 1] = [("connection", "close")];

async fn receive(
    State(memory): State<Shared>,
    headers: HeaderMap,
    body: String,
) -> impl IntoResponse {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/json");
    let message: Value = serde_json::from_str(&body).unwrap();
    let (status, pause) = {
        let mut memory = memory.lock().unwrap();
        let refused = memory.refused.as_ref().filter(|(stream, _)| message["stream"] == **stream);
        let status = refused.map_or(204, |(_, status)| *status);
        memory.received.push(Received {
            id: header("webhook-id"),
            timestamp: header("webhook-timestamp"),
            signature: header("webhook-signature"),
            body,
            status,
        });
        (status, memory.pause)
    };
    tokio::time::sleep(pause).await;
    (StatusCode::from_u16(status).unwrap(), ANSWER)
}
