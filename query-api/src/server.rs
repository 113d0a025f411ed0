//! What requests are served with, and what is known about their clients.

use std::sync::Arc;

use graphql::{Api, ClientAddress, TraceParent, Viewer};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::any_schema::AnySchema;
use crate::documents::Documents;
use crate::guard::Guard;
use crate::media::Media;
use crate::shape::FieldTypes;
use crate::sockets::Sockets;

/// How the API is served.
#[derive(Debug, Default)]
pub struct Serving {
    /// The documents that the server knows.
    pub documents: Documents,
    /// Whether the schema is kept to oneself: no introspection, no `/schema.graphql`, no explorer,
    /// and queries by GET only with documents that the server knows.
    pub hardened: bool,
}

/// What a request is served with.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) api: Arc<Api>,
    pub(crate) schema: AnySchema,
    pub(crate) guard: Arc<Guard>,
    pub(crate) documents: Arc<Documents>,
    /// As in [`Serving`].
    pub(crate) hardened: bool,
    pub(crate) types: Arc<FieldTypes>,
    pub(crate) sockets: Arc<Sockets>,
}

/// What the headers and the connection say about the client.
pub(crate) struct Client {
    pub(crate) media: Media,
    pub(crate) viewer: Option<Viewer>,
    pub(crate) address: ClientAddress,
    pub(crate) trace: TraceParent,
}

/// How requests take part in a shutdown. Every request has it as an extension.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shutdown {
    /// Cancelled when the server shuts down.
    pub(crate) begun: CancellationToken,
    /// What the shutdown waits for.
    pub(crate) open: TaskTracker,
}
