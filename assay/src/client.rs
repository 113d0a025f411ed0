//! A GraphQL client for the command line and the tests. Queries and mutations use HTTP,
//! subscriptions a WebSocket.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use futures::{SinkExt, Stream, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use url::Url;

use crate::config::Config;
use crate::{Exit, Failure};

/// Timeout of one request.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(60);
/// Timeout of a download. Without data it ends much earlier.
const DOWNLOAD_TIME_MAX: Duration = Duration::from_secs(12 * 3_600);
/// The subprotocol of subscriptions over WebSocket.
const PROTOCOL: &str = "graphql-transport-ws";

/// A server, and the token to use there.
#[derive(Debug, Clone)]
pub struct Client {
    base: Url,
    token: Option<String>,
    http: reqwest::Client,
}

/// The server to use, and the account to use there.
#[derive(Debug, Clone, clap::Args)]
pub struct ServerArgs {
    /// The server's URL; by default the address in `http.listen`
    #[arg(long, value_name = "URL", env = "ASSAY_SERVER")]
    pub server: Option<Url>,
    /// The token of the account to act as
    #[arg(long, value_name = "TOKEN", env = "ASSAY_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
}

impl ServerArgs {
    /// A client of this server, or else of the one that this configuration starts on this machine.
    pub(crate) fn client(&self, config: &Config) -> Result<Client, Failure> {
        let server = self.server.clone().unwrap_or_else(|| local_server(config.http.listen));
        Client::new(server, self.token.clone())
    }
}

/// The URL of a server on this machine that listens on this address.
fn local_server(listen: SocketAddr) -> Url {
    let host = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let address = SocketAddr::new(host, listen.port());
    format!("http://{address}").parse().expect("an address and a port are a URL")
}

impl Client {
    /// A client of the server at this URL.
    ///
    /// # Errors
    /// If the machine has no working TLS.
    pub fn new(base: Url, token: Option<String>) -> Result<Self, Failure> {
        let http = reqwest::Client::builder()
            .timeout(REQUEST_TIME_MAX)
            .build()
            .map_err(|error| Failure::of(Exit::Network, "starting the client", &error))?;
        Ok(Self { base, token, http })
    }

    /// Runs a query or mutation and returns its `data`.
    ///
    /// # Errors
    /// If the server does not respond, or responds with errors.
    pub async fn execute(&self, query: &str, variables: Value) -> Result<Value, Failure> {
        let body = json!({ "query": query, "variables": variables });
        let request = self.http.post(self.endpoint("/graphql")?).json(&body);
        data(self.send(request).await?)
    }

    /// Uploads a package and returns its digest.
    ///
    /// # Errors
    /// If the server does not respond, or refuses the package.
    pub async fn upload(&self, archive: Vec<u8>) -> Result<String, Failure> {
        let request = self.http.post(self.endpoint("/packages")?).body(archive);
        let answer = self.send(request).await?;
        match answer["sha256"].as_str() {
            Some(digest) => Ok(digest.to_owned()),
            None => Err(data(answer).err().unwrap_or_else(unexpected)),
        }
    }

    /// Downloads what is at this path, and passes it on in pieces.
    ///
    /// # Errors
    /// If the server does not respond, refuses, or is silent for too long, or `take` fails.
    pub async fn download(
        &self,
        path: &str,
        mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut request = self.http.get(self.endpoint(path)?).timeout(DOWNLOAD_TIME_MAX);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let failed = |error: &(dyn std::error::Error + 'static)| {
            Failure::of(Exit::Network, "downloading", error)
        };
        let answer = request.send().await.and_then(reqwest::Response::error_for_status);
        let mut answer = answer.map_err(|error| failed(&error))?;
        loop {
            let chunk = tokio::time::timeout(REQUEST_TIME_MAX, answer.chunk()).await;
            let chunk = chunk.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
            let Some(chunk) = chunk else { return Ok(()) };
            take(&chunk)?;
        }
    }

    /// Subscribes and yields the `data` of each message until the server completes the stream.
    ///
    /// # Errors
    /// If the server cannot be reached or refuses. The stream yields later errors.
    pub async fn subscribe(
        &self,
        query: &str,
        variables: Value,
    ) -> Result<impl Stream<Item = Result<Value, Failure>> + Send + use<>, Failure> {
        let mut endpoint = self.endpoint("/graphql")?;
        let scheme = if endpoint.scheme() == "https" { "wss" } else { "ws" };
        endpoint.set_scheme(scheme).map_err(|()| unexpected())?;
        let mut request = endpoint.as_str().into_client_request().map_err(socket_failure)?;
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(PROTOCOL));
        let connected = tokio_tungstenite::connect_async(request).await;
        let (mut socket, _) = connected.map_err(socket_failure)?;
        let payload = match &self.token {
            Some(token) => json!({ "authorization": format!("Bearer {token}") }),
            None => json!({}),
        };
        let init = json!({ "type": "connection_init", "payload": payload });
        socket.send(Message::text(init.to_string())).await.map_err(socket_failure)?;
        let payload = json!({ "query": query, "variables": variables });
        let subscribe = json!({ "id": "1", "type": "subscribe", "payload": payload });
        let stream = futures::stream::unfold(
            (socket, Some(subscribe.to_string()), false),
            |(mut socket, mut subscribe, ended)| async move {
                if ended {
                    return None;
                }
                loop {
                    let message = match socket.next().await {
                        Some(Ok(Message::Text(text))) => text,
                        Some(Ok(Message::Close(frame))) => {
                            let reason = frame.map(|frame| frame.reason.to_string());
                            let failure = closed(reason.unwrap_or_default());
                            return Some((Err(failure), (socket, subscribe, true)));
                        }
                        Some(Ok(_)) => continue,
                        Some(Err(error)) => {
                            return Some((Err(socket_failure(error)), (socket, subscribe, true)));
                        }
                        None => {
                            let failure = closed(String::new());
                            return Some((Err(failure), (socket, subscribe, true)));
                        }
                    };
                    let message: Value = serde_json::from_str(&message).unwrap_or_default();
                    let answer = match message["type"].as_str() {
                        Some("connection_ack") => subscribe.take(),
                        Some("ping") => Some(json!({ "type": "pong" }).to_string()),
                        Some("next") => {
                            let item = data(message["payload"].clone());
                            return Some((item, (socket, subscribe, false)));
                        }
                        Some("error") => {
                            let failure = errors_failure(&message["payload"]);
                            return Some((Err(failure), (socket, subscribe, true)));
                        }
                        Some("complete") => return None,
                        _ => None,
                    };
                    if let Some(answer) = answer
                        && let Err(error) = socket.send(Message::text(answer)).await
                    {
                        return Some((Err(socket_failure(error)), (socket, subscribe, true)));
                    }
                }
            },
        );
        Ok(Box::pin(stream))
    }

    /// The URL of a path on the server.
    ///
    /// # Errors
    /// If the server's URL cannot have a path.
    pub fn endpoint(&self, path: &str) -> Result<Url, Failure> {
        self.base.join(path).map_err(|error| {
            Failure::new(Exit::Usage, format!("the server's URL {}: {error}", self.base))
        })
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Value, Failure> {
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let answer = request.send().await.map_err(|error| {
            let doing = format!("sending a request to {}", self.base);
            // The message of the error has the URL again.
            Failure::of(Exit::Network, &doing, &error.without_url())
        })?;
        let status = answer.status();
        let text = answer.text().await;
        let text =
            text.map_err(|error| Failure::of(Exit::Network, "reading the response", &error))?;
        serde_json::from_str(&text).map_err(|_| {
            let text: String = text.chars().take(200).collect();
            Failure::new(Exit::Network, format!("the server responded with {status}: {text}"))
        })
    }
}

/// Turns the payload's user errors, if there are any, into one failure.
///
/// # Errors
/// With the messages of all user errors.
pub fn check_user_errors(payload: &Value) -> Result<(), Failure> {
    let errors = payload["userErrors"].as_array().cloned().unwrap_or_default();
    if errors.is_empty() {
        return Ok(());
    }
    let forbidden = errors.iter().any(|error| error["code"] == "FORBIDDEN");
    let lines = errors.iter().map(|error| {
        let code = error["code"].as_str().unwrap_or("?");
        let message = error["message"].as_str().unwrap_or("?");
        match error["field"].as_array() {
            Some(path) => {
                let path: Vec<_> = path.iter().filter_map(Value::as_str).collect();
                format!("{}: {message} ({code})", path.join("."))
            }
            None => format!("{message} ({code})"),
        }
    });
    let exit = if forbidden { Exit::Auth } else { Exit::Usage };
    Err(Failure::new(exit, lines.collect::<Vec<_>>().join("\n")))
}

/// The `data` of a response without errors.
fn data(mut answer: Value) -> Result<Value, Failure> {
    match answer.get("errors").filter(|errors| !errors.is_null()) {
        Some(errors) => Err(errors_failure(errors)),
        None => Ok(answer["data"].take()),
    }
}

fn errors_failure(errors: &Value) -> Failure {
    let code = errors[0]["extensions"]["code"].as_str().unwrap_or("?");
    let exit = match code {
        "UNAUTHENTICATED" | "FORBIDDEN" => Exit::Auth,
        "BAD_USER_INPUT" | "NOT_FOUND" | "GRAPHQL_VALIDATION_FAILED" => Exit::Usage,
        "INTERNAL" => Exit::JudgeError,
        _ => Exit::Network,
    };
    let message = errors[0]["message"].as_str().unwrap_or("the server responded with an error");
    Failure::new(exit, format!("{message} ({code})"))
}

fn closed(reason: String) -> Failure {
    // A server that refuses a socket closes it with a code and a reason.
    let exit = match reason.split_once(':') {
        Some(("UNAUTHENTICATED", _)) => Exit::Auth,
        _ => Exit::Network,
    };
    let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    Failure::new(exit, format!("the server closed the connection{reason}"))
}

fn socket_failure(error: tokio_tungstenite::tungstenite::Error) -> Failure {
    Failure::of(Exit::Network, "the connection", &error)
}

fn unexpected() -> Failure {
    Failure::new(Exit::Network, "the server sent an unexpected response")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_server_is_the_one_of_this_machine() {
        let server = |listen: &str| local_server(listen.parse().unwrap()).to_string();
        assert_eq!(server("127.0.0.1:8080"), "http://127.0.0.1:8080/");
        assert_eq!(server("0.0.0.0:9000"), "http://127.0.0.1:9000/");
        assert_eq!(server("[::]:9000"), "http://[::1]:9000/");
        assert_eq!(server("192.0.2.7:80"), "http://192.0.2.7/");
    }

    #[tokio::test]
    async fn a_server_that_is_not_reached_is_reported_once() {
        // Nothing listens on port 1.
        let server = Client::new("http://127.0.0.1:1".parse().unwrap(), None).unwrap();
        let message = server.execute("{ __typename }", json!({})).await.unwrap_err().message;
        for part in ["127.0.0.1:1", "Connection refused"] {
            assert_eq!(message.matches(part).count(), 1, "{message}");
        }
    }
}
