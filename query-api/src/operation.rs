//! The results of an operation, whatever the transport.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationType};
use async_graphql::{Data, Executor, Request, Response};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use graphql::{ApiError, Bill, Code};
use tokio::time::timeout;

use crate::server::Server;
use crate::shape::{FieldTypes, Shape};

/// Maximum duration of one query or mutation.
pub(crate) const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);

/// The type of the operation that the request chooses; `None` if it chooses none.
pub(crate) fn operation_type(request: &mut Request) -> Option<OperationType> {
    let wanted = request.operation_name.clone();
    let document: &ExecutableDocument = request.parsed_query().ok()?;
    let operation = match (&document.operations, wanted) {
        (DocumentOperations::Single(operation), _) => operation,
        (DocumentOperations::Multiple(operations), Some(wanted)) => {
            operations.get(wanted.as_str())?
        }
        (DocumentOperations::Multiple(operations), None) if operations.len() == 1 => {
            operations.values().next()?
        }
        _ => return None,
    };
    Some(operation.node.ty)
}

/// The shape of the results of a request that was checked.
pub(crate) fn shape_of(types: &FieldTypes, request: &mut Request) -> Shape {
    let name = request.operation_name.clone();
    let document = request.parsed_query();
    document.map_or_else(|_| Shape::default(), |it| Shape::of(types, it, name.as_deref()))
}

/// The results of a request that was checked: those of a subscription, or one.
pub(crate) fn results(
    server: Server,
    mut request: Request,
    data: Arc<Data>,
    bill: Bill,
) -> BoxStream<'static, Response> {
    let begun = async move {
        let is_subscription = operation_type(&mut request) == Some(OperationType::Subscription);
        let shape = shape_of(&server.types, &mut request);
        let results = server.schema.execute_stream(request, Some(data));
        let mut results = results.map(move |mut response| {
            shape.give(&mut response);
            response
        });
        if is_subscription {
            return results.boxed();
        }
        let result = match timeout(REQUEST_TIME_MAX, results.next()).await {
            Ok(Some(mut response)) => {
                bill.show_in(&mut response);
                response
            }
            _ => ApiError::new(Code::Unavailable, "the request took too long").into(),
        };
        stream::iter([result]).boxed()
    };
    stream::once(begun).flatten().boxed()
}
