//! A server on empty stores, for tests of the transports.

use std::sync::Arc;

use async_graphql::{EmptyMutation, Schema};
use audit::Tree;
use axum::Router;
use event_store::StoreUrls;
use graphql::access::SourcePolicy;
use graphql::{
    Api, Authenticator, Budgets, Catalogue, Excerpts, Freshness, Hub, Part, Parts, Renderer,
    Revisions, ServiceLimits, TrustedProxies, limited,
};
use tempfile::TempDir;

use crate::{Reads, Serving, Subscription};

/// A server whose stores are empty.
pub(crate) struct IdleServer {
    pub(crate) api: Arc<Api>,
    _directory: TempDir,
}

#[derive(Debug)]
struct NoParts;

impl Parts for NoParts {
    fn now(&self) -> Vec<Part> {
        vec![]
    }
}

impl IdleServer {
    pub(crate) async fn new(limits: ServiceLimits) -> Self {
        let directory = TempDir::new().unwrap();
        let stores = event_store::open(&StoreUrls::embedded(directory.path())).await.unwrap();
        let views = format!("sqlite:{}", directory.path().join("views.db").display());
        let reader = read_model::open(&views, "live").await.unwrap().reader;
        let api = Api {
            hub: Hub::new(Arc::clone(&stores.log)).await.unwrap(),
            authenticator: Authenticator::new(
                Arc::clone(&stores.log),
                Arc::clone(&stores.credentials),
            ),
            log: stores.log,
            queue: stores.queue,
            blobs: Arc::clone(&stores.blobs),
            runs: stores.runs,
            tree: Tree::new(stores.tree),
            exports: stores.exports,
            credentials: stores.credentials,
            freshness: Freshness::new(Arc::clone(&reader), []),
            revisions: Revisions::new(Arc::clone(&reader)),
            reader,
            renderer: Renderer::default(),
            excerpts: Excerpts::new(Arc::clone(&stores.blobs)),
            catalogue: Catalogue::default(),
            parts: Arc::new(NoParts),
            budgets: Arc::new(Budgets::new(limits.cost, limits.cost_per_minute)),
            limits,
            sources: SourcePolicy::default(),
            trusted_proxies: TrustedProxies::default(),
            version: "0",
        };
        Self { api: Arc::new(api), _directory: directory }
    }

    /// The routes of queries and subscriptions.
    pub(crate) async fn router(&self, serving: Serving) -> Router {
        let schema = Schema::build(Reads, EmptyMutation, Subscription);
        let schema = limited(schema, &self.api).finish();
        let sdl = schema.sdl();
        crate::router(schema, &sdl, Arc::clone(&self.api), serving).await.unwrap()
    }
}
