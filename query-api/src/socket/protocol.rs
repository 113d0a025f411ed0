//! The protocol `graphql-transport-ws` (github.com/enisdenjo/graphql-ws, PROTOCOL.md), without its
//! transport: which messages are valid, and what follows from them.

use std::collections::HashSet;

use async_graphql::{Request, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::parameters;
use crate::response::{Body, first_errors, was_executed};

/// The subprotocol's name.
pub(crate) const NAME: &str = "graphql-transport-ws";

/// Why a socket is closed, with the code for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    /// The code of WebSocket's close frame.
    pub code: u16,
    /// The reason for people.
    pub reason: String,
}

impl Close {
    pub(crate) fn new(code: u16, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }

    fn bad_request(reason: impl Into<String>) -> Self {
        Self::new(4400, reason)
    }
}

/// What to do because of a message.
#[derive(Debug)]
pub enum Step {
    /// Sign in with this payload, and acknowledge.
    SignIn(Map<String, Value>),
    /// Send this.
    Reply(String),
    /// Execute the request under this id.
    Begin(String, Box<Request>),
    /// End the operation with this id.
    End(String),
    /// Do nothing.
    Ignore,
}

/// A message of the client.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Message {
    ConnectionInit {
        payload: Option<Map<String, Value>>,
    },
    Ping {
        payload: Option<Map<String, Value>>,
    },
    Pong {
        // Its type is checked as well.
        #[serde(rename = "payload")]
        _payload: Option<Map<String, Value>>,
    },
    Subscribe {
        id: String,
        payload: Value,
    },
    Complete {
        id: String,
    },
}

/// A result of an operation.
#[derive(Debug, Serialize)]
struct Next<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    payload: Body<'a>,
}

/// The state of a socket.
#[derive(Debug, Default)]
pub struct Protocol {
    began: bool,
    acknowledged: bool,
    /// Ids of the operations under way.
    active: HashSet<String>,
}

impl Protocol {
    /// Takes a message.
    ///
    /// # Errors
    /// If the client breaks the protocol.
    pub fn receive(&mut self, text: &str) -> Result<Step, Close> {
        let message = serde_json::from_str(text)
            .map_err(|error| Close::bad_request(format!("Invalid message: {error}")))?;
        match message {
            Message::ConnectionInit { payload } => {
                if std::mem::replace(&mut self.began, true) {
                    return Err(Close::new(4429, "Too many initialisation requests"));
                }
                Ok(Step::SignIn(payload.unwrap_or_default()))
            }
            Message::Ping { payload } => {
                let mut pong = json!({ "type": "pong" });
                if let Some(payload) = payload {
                    pong["payload"] = Value::Object(payload);
                }
                Ok(Step::Reply(pong.to_string()))
            }
            Message::Pong { .. } => Ok(Step::Ignore),
            Message::Subscribe { .. } if !self.acknowledged => {
                Err(Close::new(4401, "Unauthorized"))
            }
            Message::Subscribe { id, payload } => {
                if id.is_empty() {
                    return Err(Close::bad_request("Invalid message: the id is empty"));
                }
                let request = parameters::from_value(payload).map_err(|error| {
                    Close::bad_request(format!("Invalid message: {}", error.message))
                })?;
                if !self.active.insert(id.clone()) {
                    return Err(Close::new(4409, format!("Subscriber for {id} already exists")));
                }
                Ok(Step::Begin(id, Box::new(request)))
            }
            Message::Complete { id } => {
                let was_active = self.active.remove(&id);
                Ok(if was_active { Step::End(id) } else { Step::Ignore })
            }
        }
    }

    /// The client is signed in. Returns the message that says so.
    pub fn acknowledge(&mut self) -> String {
        self.acknowledged = true;
        json!({ "type": "connection_ack" }).to_string()
    }

    pub(crate) fn is_acknowledged(&self) -> bool {
        self.acknowledged
    }

    /// The message with a result of an operation. A document that is not executed ends its
    /// operation.
    pub fn result(&mut self, id: &str, response: &Response) -> String {
        if was_executed(response) {
            let next = Next { id, kind: "next", payload: Body::of(response) };
            return serde_json::to_string(&next).expect("a response is JSON");
        }
        self.active.remove(id);
        json!({ "id": id, "type": "error", "payload": first_errors(response) }).to_string()
    }

    /// The message that an operation has ended; `None` if the client knows.
    pub fn complete(&mut self, id: &str) -> Option<String> {
        let was_active = self.active.remove(id);
        was_active.then(|| json!({ "id": id, "type": "complete" }).to_string())
    }
}
