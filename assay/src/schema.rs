//! The whole GraphQL schema, made of the two sides' roots, and the routes that serve it.

use std::sync::Arc;

use async_graphql::{EmptyMutation, MergedObject, SDLExportOptions, Schema, SchemaBuilder};
use axum::Router;
use command_api::{AnyPayload, Commands, InvitationQuery, Mutation, PackageQuery, SignInQuery};
use graphql::{Api, limited};
use query_api::{DocumentsError, Reads, Serving, Subscription};

/// The root of queries.
#[derive(Debug, Default, MergedObject)]
struct Query(Reads, PackageQuery, SignInQuery, InvitationQuery);

/// The root of queries of a process without the `command` role.
#[derive(Debug, Default, MergedObject)]
#[graphql(name = "Query")]
struct ReadOnlyQuery(Reads);

/// Serves queries, mutations, subscriptions and uploads.
pub(crate) async fn router(
    api: Arc<Api>,
    commands: Arc<Commands>,
    serving: Serving,
) -> Result<Router, DocumentsError> {
    let schema = Schema::build(Query::default(), Mutation::default(), Subscription);
    let schema = schema.register_output_type::<AnyPayload>();
    let schema = guarded(schema, &api, &serving).data(Arc::clone(&commands)).finish();
    let sdl = schema.sdl_with_options(sdl_options());
    let router = query_api::router(schema, &sdl, Arc::clone(&api), serving).await?;
    Ok(router.merge(command_api::routes(api)).merge(command_api::oidc_routes(commands)))
}

/// Serves queries and subscriptions, without mutations.
pub(crate) async fn read_only_router(
    api: Arc<Api>,
    serving: Serving,
) -> Result<Router, DocumentsError> {
    let schema = Schema::build(ReadOnlyQuery::default(), EmptyMutation, Subscription);
    let schema = guarded(schema, &api, &serving).finish();
    let sdl = schema.sdl_with_options(sdl_options());
    query_api::router(schema, &sdl, api, serving).await
}

/// A schema with the server's limits. A hardened one suggests no names in its errors.
fn guarded<Q, M, S>(
    schema: SchemaBuilder<Q, M, S>,
    api: &Arc<Api>,
    serving: &Serving,
) -> SchemaBuilder<Q, M, S> {
    let schema = limited(schema, api);
    if serving.hardened { schema.disable_suggestions() } else { schema }
}

/// The schema in SDL, as committed to the repository.
pub fn sdl() -> String {
    let schema = Schema::build(Query::default(), Mutation::default(), Subscription);
    let schema = schema.register_output_type::<AnyPayload>().finish();
    schema.sdl_with_options(sdl_options().sorted_fields().sorted_arguments())
}

/// The SDL names the standards of scalars.
fn sdl_options() -> SDLExportOptions {
    SDLExportOptions::new().include_specified_by()
}
