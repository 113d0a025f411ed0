//! The whole GraphQL schema, and the routes that serve it.

use std::sync::Arc;

use async_graphql::{SDLExportOptions, Schema};
use axum::Router;
use query_api::{Api, Subscription, schema_limits};

use crate::packages::routes;
use crate::{Commands, Mutation, Query};

/// Serves queries, mutations, subscriptions and uploads.
pub fn router(api: Arc<Api>, commands: Arc<Commands>) -> Router {
    let schema = Schema::build(Query::default(), Mutation::default(), Subscription);
    let schema = schema_limits(schema, &api).data(commands).finish();
    query_api::router(schema, Arc::clone(&api)).merge(routes(api))
}

/// The schema in SDL, as committed to the repository.
pub fn sdl() -> String {
    let schema = Schema::build(Query::default(), Mutation::default(), Subscription).finish();
    schema.sdl_with_options(SDLExportOptions::new().sorted_fields().sorted_arguments())
}
