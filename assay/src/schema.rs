//! The whole GraphQL schema.

use std::sync::Arc;

use async_graphql::{EmptyMutation, ObjectType, Schema};
use command_api::{Commands, Mutation};
use query_api::{Api, Query, Subscription, schema_limits};

/// Queries, mutations and subscriptions.
pub(crate) fn full(
    api: &Arc<Api>,
    commands: Arc<Commands>,
) -> Schema<Query, Mutation, Subscription> {
    schema_limits(Schema::build(Query, Mutation::default(), Subscription), api)
        .data(commands)
        .finish()
}

/// Queries and subscriptions.
pub(crate) fn read_only(api: &Arc<Api>) -> Schema<Query, EmptyMutation, Subscription> {
    schema_limits(Schema::build(Query, EmptyMutation, Subscription), api).finish()
}

/// The schema in its definition language, as it is committed.
pub fn sdl() -> String {
    fn export<M: ObjectType + 'static>(schema: &Schema<Query, M, Subscription>) -> String {
        schema.sdl_with_options(
            async_graphql::SDLExportOptions::new().sorted_fields().sorted_arguments(),
        )
    }
    export(&Schema::build(Query, Mutation::default(), Subscription).finish())
}
