//! What resolvers work with.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_graphql::Context;
use async_graphql::dataloader::DataLoader;
use audit::Tree;
use domain::LanguageId;
use event_store::{Blobs, Credentials, EventLog, WorkQueue};
use read_model::ViewReader;

use crate::loaders::Loader;
use crate::nodes::Health;
use crate::{Authenticator, Freshness, Hub, Renderer};

/// Everything that queries and subscriptions need.
#[derive(Debug)]
pub struct Api {
    /// Where every answer comes from in the end.
    pub log: Arc<dyn EventLog>,
    /// How much waits.
    pub queue: Arc<dyn WorkQueue>,
    /// Sources and test data.
    pub blobs: Arc<dyn Blobs>,
    /// What was signed.
    pub tree: Tree,
    /// Personal data and tokens.
    pub credentials: Arc<dyn Credentials>,
    /// The views. There is no writer here.
    pub reader: Arc<dyn ViewReader>,
    /// How far the views have come.
    pub freshness: Freshness,
    /// Live events.
    pub hub: Arc<Hub>,
    /// Statements as HTML.
    pub renderer: Renderer,
    /// From tokens to viewers.
    pub authenticator: Authenticator,
    /// The languages of this installation.
    pub catalogue: Catalogue,
    /// What else this process runs.
    pub parts: Arc<dyn Parts>,
    /// What this server refuses.
    pub limits: ServiceLimits,
    /// Which Assay this is.
    pub version: &'static str,
}

impl Api {
    /// The one that this request is served with.
    pub fn of<'a>(ctx: &Context<'a>) -> &'a Self {
        ctx.data_unchecked::<Arc<Self>>()
    }

    /// This request's loader: what it loads, it loads once.
    pub(crate) fn loader<'a>(ctx: &Context<'a>) -> &'a DataLoader<Loader> {
        ctx.data_unchecked::<DataLoader<Loader>>()
    }
}

/// Something that runs beside the API and can be at fault on its own, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// `projection submissions_v4`.
    pub name: String,
    /// How it is.
    pub health: Health,
    /// What is wrong with it.
    pub fault: Option<String>,
}

/// Tells how the parts are that a process runs beside the API.
pub trait Parts: fmt::Debug + Send + Sync {
    /// All of them.
    fn now(&self) -> Vec<Part>;
}

/// What is refused, so that clients need not guess.
#[derive(Debug, Clone)]
pub struct ServiceLimits {
    /// Bytes of a request.
    pub document_bytes: usize,
    /// Levels of a query.
    pub depth: usize,
    /// Fields of a query, those of lists counted as often as the list may be long.
    pub cost: usize,
    /// Fields at the top of a query, aliases included.
    pub aliases: usize,
    /// Nodes of a page.
    pub page_size: usize,
    /// Subscriptions at the same time on one socket.
    pub subscriptions_per_socket: usize,
    /// Bytes of a submitted source.
    pub source_bytes: usize,
    /// Bytes of an uploaded package.
    pub package_bytes: usize,
    /// Submissions of one account in a minute.
    pub submissions_per_minute: u32,
    /// Sign-ins and registrations from one address in a minute.
    pub sign_ins_per_minute: u32,
}

impl Default for ServiceLimits {
    fn default() -> Self {
        Self {
            document_bytes: 2 << 20,
            // The introspection query of common clients has 15.
            depth: 16,
            cost: 5_000,
            aliases: 30,
            page_size: 100,
            subscriptions_per_socket: 100,
            source_bytes: 1 << 20,
            package_bytes: 64 << 20,
            submissions_per_minute: 60,
            sign_ins_per_minute: 30,
        }
    }
}

/// A language as readers see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueLanguage {
    /// Its id.
    pub id: LanguageId,
    /// `C++17`.
    pub name: String,
    /// What its toolchain says it is; empty where that is not known.
    pub version: String,
    /// Without the dot.
    pub extensions: Vec<String>,
    /// The code editor's name for it.
    pub mode: String,
}

/// The languages of an installation.
#[derive(Debug, Clone, Default)]
pub struct Catalogue(BTreeMap<LanguageId, CatalogueLanguage>);

impl Catalogue {
    /// A catalogue of these.
    pub fn new(languages: impl IntoIterator<Item = CatalogueLanguage>) -> Self {
        Self(languages.into_iter().map(|language| (language.id.clone(), language)).collect())
    }

    /// The language with this id.
    pub fn get(&self, id: &LanguageId) -> Option<&CatalogueLanguage> {
        self.0.get(id)
    }

    /// All, by id.
    pub fn all(&self) -> impl Iterator<Item = &CatalogueLanguage> {
        self.0.values()
    }
}
