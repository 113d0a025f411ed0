//! The whole GraphQL schema, made of the two sides' roots, and the routes that serve it.

use std::sync::Arc;

use async_graphql::{EmptyMutation, MergedObject, SDLExportOptions, Schema};
use axum::Router;
use command_api::{Commands, InvitationQuery, Mutation, PackageQuery, SignInQuery};
use graphql::{Api, limited};
use query_api::{Reads, Subscription};

/// The root of queries.
#[derive(Debug, Default, MergedObject)]
struct Query(Reads, PackageQuery, SignInQuery, InvitationQuery);

/// The root of queries of a process without the `command` role.
#[derive(Debug, Default, MergedObject)]
#[graphql(name = "Query")]
struct ReadOnlyQuery(Reads);

/// Serves queries, mutations, subscriptions and uploads.
pub(crate) fn router(api: Arc<Api>, commands: Arc<Commands>) -> Router {
    let schema = Schema::build(Query::default(), Mutation::default(), Subscription);
    let schema = limited(schema, &api).data(commands).finish();
    let sdl = schema.sdl_with_options(sdl_options());
    query_api::router(schema, &sdl, Arc::clone(&api)).merge(command_api::routes(api))
}

/// Serves queries and subscriptions, without mutations.
pub(crate) fn read_only_router(api: Arc<Api>) -> Router {
    let schema = Schema::build(ReadOnlyQuery::default(), EmptyMutation, Subscription);
    let schema = limited(schema, &api).finish();
    let sdl = schema.sdl_with_options(sdl_options());
    query_api::router(schema, &sdl, api)
}

/// The schema in SDL, as committed to the repository.
pub fn sdl() -> String {
    let schema = Schema::build(Query::default(), Mutation::default(), Subscription).finish();
    schema.sdl_with_options(sdl_options().sorted_fields().sorted_arguments())
}

/// The SDL names the standards of scalars.
fn sdl_options() -> SDLExportOptions {
    SDLExportOptions::new().include_specified_by()
}
