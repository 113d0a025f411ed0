//! The whole GraphQL schema.

use std::sync::Arc;

use async_graphql::{EmptyMutation, ObjectType, Schema};
use command_api::{Commands, Mutation, Query};
use query_api::{Api, Subscription, schema_limits};

/// Queries, mutations and subscriptions.
pub(crate) fn full(
    api: &Arc<Api>,
    commands: Arc<Commands>,
) -> Schema<Query, Mutation, Subscription> {
    schema_limits(Schema::build(Query::default(), Mutation::default(), Subscription), api)
        .data(commands)
        .finish()
}

/// Queries and subscriptions, without mutations.
pub(crate) fn read_only(api: &Arc<Api>) -> Schema<query_api::Query, EmptyMutation, Subscription> {
    let reads = query_api::Query::default();
    schema_limits(Schema::build(reads, EmptyMutation, Subscription), api).finish()
}

/// The schema in SDL, as committed to the repository.
pub fn sdl() -> String {
    fn export<M: ObjectType + 'static>(schema: &Schema<Query, M, Subscription>) -> String {
        schema.sdl_with_options(
            async_graphql::SDLExportOptions::new().sorted_fields().sorted_arguments(),
        )
    }
    export(&Schema::build(Query::default(), Mutation::default(), Subscription).finish())
}
