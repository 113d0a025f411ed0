//! The state that resolvers share.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, SchemaBuilder};
use audit::Tree;
use domain::LanguageId;
use event_store::{Blobs, Credentials, EventLog, Exports, Runs, WorkQueue};
use read_model::ViewReader;

use crate::access::SourcePolicy;
use crate::answer_size::AnswerSize;
use crate::budget::{Budgets, Charging};
use crate::check::Checking;
use crate::client_address::TrustedProxies;
use crate::error::Codes;
use crate::loaders::{Count, Loader};
use crate::parts::Parts;
use crate::{ApiError, Authenticator, Excerpts, Freshness, Hub, Renderer, Revisions};

/// Maximum number of directives on one field.
const DIRECTIVES_MAX: usize = 8;

/// Everything that queries and subscriptions need.
#[derive(Debug)]
pub struct Api {
    /// The event log, the source of truth.
    pub log: Arc<dyn EventLog>,
    /// The queue of submissions that wait to be judged.
    pub queue: Arc<dyn WorkQueue>,
    /// Runs on own inputs.
    pub runs: Arc<dyn Runs>,
    /// Sources and test data.
    pub blobs: Arc<dyn Blobs>,
    /// The signed Merkle tree over the log.
    pub tree: Tree,
    /// The exports of the log that auditors asked for.
    pub exports: Exports,
    /// Personal data and tokens.
    pub credentials: Arc<dyn Credentials>,
    /// Reads the views. The API never writes them.
    pub reader: Arc<dyn ViewReader>,
    /// Reports how far the projections have come.
    pub freshness: Freshness,
    /// Delivers live events to subscriptions.
    pub hub: Arc<Hub>,
    /// Revisions that subscriptions share.
    pub revisions: Revisions,
    /// Renders statements as HTML.
    pub renderer: Renderer,
    /// The beginnings of test data.
    pub excerpts: Excerpts,
    /// Turns tokens into viewers.
    pub authenticator: Authenticator,
    /// The languages of this installation.
    pub catalogue: Catalogue,
    /// The health of the other parts of this process.
    pub parts: Arc<dyn Parts>,
    /// The limits that this server enforces.
    pub limits: ServiceLimits,
    /// What clients may spend on queries.
    pub budgets: Arc<Budgets>,
    /// Who may see the sources of submissions.
    pub sources: SourcePolicy,
    /// The proxies in front of this server.
    pub trusted_proxies: TrustedProxies,
    /// Assay's version.
    pub version: &'static str,
}

impl Api {
    /// The instance that serves this request.
    pub fn of<'a>(ctx: &Context<'a>) -> &'a Self {
        ctx.data_unchecked::<Arc<Self>>()
    }

    /// A loader for one request or socket.
    pub fn new_loader(&self) -> DataLoader<Loader> {
        let loader = Loader {
            reader: Arc::clone(&self.reader),
            blobs: Arc::clone(&self.blobs),
            credentials: Arc::clone(&self.credentials),
            runs: Arc::clone(&self.runs),
        };
        DataLoader::new(loader, tokio::spawn)
    }

    /// This request's loader. It loads each object once.
    pub fn loader<'a>(ctx: &Context<'a>) -> &'a DataLoader<Loader> {
        ctx.data_unchecked::<DataLoader<Loader>>()
    }

    /// Counts views. Fields that ask for the same number at the same time share one count.
    pub(crate) async fn count(ctx: &Context<'_>, count: Count) -> Result<u64, Arc<ApiError>> {
        Ok(Self::loader(ctx).load_one(count).await?.unwrap_or_default())
    }
}

/// The limits that this server enforces. Clients can query them.
#[derive(Debug, Clone)]
pub struct ServiceLimits {
    /// Maximum size of a request, in bytes.
    pub document_bytes: usize,
    /// Maximum depth of a query, in levels.
    pub depth: usize,
    /// Maximum cost of a query: its fields, with those in a list multiplied by the list's maximum
    /// length. Costly fields count for several (`prices.rs`).
    pub cost: usize,
    /// Maximum cost of the requests of an account per minute, or of a network without one.
    pub cost_per_minute: u32,
    /// Maximum number of fields at the top of a query, aliases included.
    pub aliases: usize,
    /// Maximum number of nodes on a page.
    pub page_size: usize,
    /// Maximum number of concurrent subscriptions on one socket.
    pub subscriptions_per_socket: usize,
    /// Maximum number of open connections.
    pub connections: usize,
    /// Maximum number of open connections from one address.
    pub connections_per_address: usize,
    /// Maximum number of open sockets.
    pub sockets: usize,
    /// Maximum number of open sockets of one account.
    pub sockets_per_account: usize,
    /// Maximum size of a submitted source, in bytes.
    pub source_bytes: usize,
    /// Maximum size of an uploaded package, in bytes.
    pub package_bytes: usize,
    /// Maximum number of submissions per account and minute.
    pub submissions_per_minute: u32,
    /// Maximum number of submissions of an account that are not judged yet.
    pub open_submissions: u64,
    /// Maximum number of runs per account and minute.
    pub runs_per_minute: u32,
    /// Maximum number of unfinished runs of an account.
    pub open_runs: u32,
    /// How long runs are kept, in hours.
    pub run_keep_hours: u32,
    /// How long exports of the log are kept, in hours.
    pub export_keep_hours: u32,
    /// Maximum number of sign-ins and registrations per network and minute.
    pub sign_ins_per_minute: u32,
    /// Maximum number of sign-ins per account and minute.
    pub sign_ins_per_account_per_minute: u32,
}

impl Default for ServiceLimits {
    fn default() -> Self {
        Self {
            document_bytes: 2 << 20,
            // The introspection query of common clients has a depth of 15.
            depth: 16,
            cost: 5_000,
            cost_per_minute: 600_000,
            aliases: 30,
            page_size: 100,
            subscriptions_per_socket: 100,
            connections: 16_384,
            connections_per_address: 1_024,
            sockets: 10_240,
            sockets_per_account: 100,
            source_bytes: 1 << 20,
            package_bytes: 64 << 20,
            submissions_per_minute: 60,
            open_submissions: 100,
            runs_per_minute: 30,
            open_runs: 4,
            run_keep_hours: 24,
            export_keep_hours: 24,
            sign_ins_per_minute: 30,
            sign_ins_per_account_per_minute: 10,
        }
    }
}

/// A language as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueLanguage {
    /// The language's id.
    pub id: LanguageId,
    /// The display name, such as `C++17`.
    pub name: String,
    /// The version that the toolchain reports; empty if unknown.
    pub version: String,
    /// File extensions, without the dot.
    pub extensions: Vec<String>,
    /// The code editor's name for the language.
    pub mode: String,
}

/// The languages of an installation.
#[derive(Debug, Clone, Default)]
pub struct Catalogue(BTreeMap<LanguageId, CatalogueLanguage>);

impl Catalogue {
    /// A catalogue of these languages.
    pub fn new(languages: impl IntoIterator<Item = CatalogueLanguage>) -> Self {
        Self(languages.into_iter().map(|language| (language.id.clone(), language)).collect())
    }

    /// The language with this id.
    pub fn get(&self, id: &LanguageId) -> Option<&CatalogueLanguage> {
        self.0.get(id)
    }

    /// All languages, ordered by id.
    pub fn all(&self) -> impl Iterator<Item = &CatalogueLanguage> {
        self.0.values()
    }
}

/// A schema with the server's limits on documents and its state.
pub fn limited<Q, M, S>(schema: SchemaBuilder<Q, M, S>, api: &Arc<Api>) -> SchemaBuilder<Q, M, S> {
    schema
        .limit_depth(api.limits.depth)
        .limit_complexity(api.limits.cost)
        .limit_directives(DIRECTIVES_MAX)
        .extension(Codes)
        .extension(AnswerSize::default())
        .extension(Charging(Arc::clone(&api.budgets)))
        .extension(Checking)
        .data(Arc::clone(api))
}

/// A schema that ends requests with an [`OnlyCheck`](crate::OnlyCheck), without limits.
pub fn checked<Q, M, S>(schema: SchemaBuilder<Q, M, S>) -> SchemaBuilder<Q, M, S> {
    schema.extension(Checking)
}
