//! A schema with any roots.

use std::sync::Arc;

use async_graphql::{Data, Executor, Request, Response};
use futures::future::BoxFuture;
use futures::stream::BoxStream;

/// A schema with any roots. The transport is compiled once, whatever the roots are.
#[derive(Clone)]
pub(crate) struct AnySchema(Arc<dyn Execute>);

impl AnySchema {
    pub(crate) fn new(schema: impl Executor) -> Self {
        Self(Arc::new(schema))
    }
}

impl Executor for AnySchema {
    async fn execute(&self, request: Request) -> Response {
        self.0.execute_boxed(request).await
    }

    fn execute_stream(
        &self,
        request: Request,
        session_data: Option<Arc<Data>>,
    ) -> BoxStream<'static, Response> {
        self.0.stream_boxed(request, session_data)
    }
}

/// [`Executor`] as a trait object.
trait Execute: Send + Sync {
    fn execute_boxed(&self, request: Request) -> BoxFuture<'_, Response>;

    fn stream_boxed(
        &self,
        request: Request,
        session_data: Option<Arc<Data>>,
    ) -> BoxStream<'static, Response>;
}

impl<E: Executor> Execute for E {
    fn execute_boxed(&self, request: Request) -> BoxFuture<'_, Response> {
        Box::pin(self.execute(request))
    }

    fn stream_boxed(
        &self,
        request: Request,
        session_data: Option<Arc<Data>>,
    ) -> BoxStream<'static, Response> {
        self.execute_stream(request, session_data)
    }
}
