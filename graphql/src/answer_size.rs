//! Bounds the size of an answer while it is built, so that a small document cannot collect many
//! large texts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextExecute, NextResolve, ResolveInfo,
};
use async_graphql::{
    PathSegment, Pos, QueryPathNode, QueryPathSegment, Response, ServerError, ServerResult, Value,
};

use crate::{ApiError, Code};

/// Maximum size of the values in one answer, in bytes.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// Lets fields fail once the values of their answer have [`ANSWER_BYTES_MAX`]. Each message of a
/// subscription is an answer.
#[derive(Debug, Default)]
pub(crate) struct AnswerSize {
    bytes: AtomicUsize,
}

impl ExtensionFactory for AnswerSize {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self::default())
    }
}

#[async_graphql::async_trait::async_trait]
impl Extension for AnswerSize {
    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        self.bytes.store(0, Ordering::Relaxed);
        next.run(ctx, operation_name).await
    }

    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        // The parts of an object were counted with its fields.
        let is_leaf = info.field.selection_set.node.items.is_empty();
        let path = is_leaf.then(|| path_of(info.path_node));
        let value = next.run(ctx, info).await?;
        let Some(path) = path else { return Ok(value) };
        let bytes = match &value {
            // Its items were counted one by one.
            Some(Value::List(_)) | None => 0,
            Some(value) => size(value),
        };
        if self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes <= ANSWER_BYTES_MAX {
            return Ok(value);
        }
        let message = format!(
            "the answer would have more than {} MiB; ask for fewer objects, or for shorter texts",
            ANSWER_BYTES_MAX >> 20
        );
        let error = async_graphql::Error::from(ApiError::new(Code::TooLarge, message));
        Err(ServerError { path, ..error.into_server_error(Pos::default()) })
    }
}

fn path_of(node: &QueryPathNode<'_>) -> Vec<PathSegment> {
    let mut path = Vec::new();
    let mut next = Some(node);
    while let Some(node) = next {
        path.push(match node.segment {
            QueryPathSegment::Index(index) => PathSegment::Index(index),
            QueryPathSegment::Name(name) => PathSegment::Field(name.to_owned()),
        });
        next = node.parent;
    }
    path.reverse();
    path
}

/// The size of the texts in a value; other parts are small, and their number has other limits.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::List(values) => values.iter().map(size).sum(),
        Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + size(value)).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{EmptyMutation, Object, Schema};
    use futures::StreamExt;
    use futures::stream;

    use super::*;
    use crate::error::Codes;

    struct Query;

    #[Object]
    impl Query {
        async fn text(&self) -> String {
            "a".repeat(ANSWER_BYTES_MAX / 4)
        }

        async fn parts(&self, count: usize) -> Vec<Part> {
            (0..count).map(|_| Part).collect()
        }
    }

    struct Part;

    #[Object]
    impl Part {
        async fn lines(&self) -> Vec<String> {
            vec!["a".repeat(ANSWER_BYTES_MAX / 4); 2]
        }
    }

    struct Subscription;

    #[async_graphql::Subscription]
    impl Subscription {
        async fn text(&self) -> impl futures::Stream<Item = String> {
            stream::iter(vec!["a".repeat(ANSWER_BYTES_MAX / 2); 5])
        }
    }

    fn schema() -> Schema<Query, EmptyMutation, Subscription> {
        Schema::build(Query, EmptyMutation, Subscription)
            .extension(Codes)
            .extension(AnswerSize::default())
            .finish()
    }

    #[tokio::test]
    async fn an_answer_has_a_limit() {
        let schema = schema();
        for document in
            ["{ a: text b: text c: text d: text }", "{ text parts(count: 1) { lines } }"]
        {
            let at_limit = schema.execute(document).await;
            assert!(at_limit.is_ok(), "{:?}", at_limit.errors);
        }
        for (document, path) in [
            ("{ a: text b: text c: text d: text e: text }", 1),
            ("{ parts(count: 3) { lines } }", 4),
        ] {
            let refused = schema.execute(document).await;
            let error = &refused.errors[0];
            assert!(error.message.starts_with("the answer would have"), "{error:?}");
            assert_eq!(error.path.len(), path, "{:?}", error.path);
            assert_eq!(error.extensions.as_ref().unwrap().get("code"), Some(&"TOO_LARGE".into()));
        }
    }

    #[tokio::test]
    async fn each_message_of_a_subscription_has_the_limit_for_itself() {
        let messages: Vec<_> = schema().execute_stream("subscription { text }").collect().await;
        assert_eq!(messages.len(), 5);
        assert!(messages.iter().all(Response::is_ok), "{:?}", messages[4].errors);
    }
}
