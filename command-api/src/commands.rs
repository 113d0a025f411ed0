//! What mutations need: stores, limits and policies.

use std::net::IpAddr;
use std::sync::Arc;

use async_graphql::Context as GraphqlContext;
use domain::{Actor, Login};
use event_store::{Blobs, Context, Credentials, EventLog, Stores};
use graphql::{Api, ApiError, ClientAddress, Code, ServiceLimits, TraceParent, Viewer};
use problem_package::Options;
use tokio::sync::Semaphore;
use webhook::DestinationPolicy;

use crate::passwords::Hashing;
use crate::problem_cache::ProblemCache;
use crate::rates::{Rate, network};
use crate::settings::AccountSettings;

/// Packages read at once. Each one uses a core, and memory for all its files, for its duration.
const READINGS_AT_ONCE: usize = 2;

/// Everything that mutations need.
#[derive(Debug)]
pub struct Commands {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) blobs: Arc<dyn Blobs>,
    pub(crate) credentials: Arc<dyn Credentials>,
    pub(crate) api: Arc<Api>,
    pub(crate) problems: ProblemCache,
    pub(crate) hashing: Hashing,
    pub(crate) reading: Arc<Semaphore>,
    pub(crate) destinations: DestinationPolicy,
    /// How packages are read, except for the slug.
    pub(crate) packages: Options,
    /// How accounts are made.
    pub(crate) accounts: AccountSettings,
    submissions: Rate<Login>,
    runs: Rate<Login>,
    sign_ins_from: Rate<IpAddr>,
    sign_ins_to: Rate<Login>,
}

impl Commands {
    /// Commands on these stores that answer with this API's nodes. `destinations` limits where
    /// webhooks lead, `packages` sets how packages are read, and `accounts` how accounts are made.
    pub fn new(
        stores: &Stores,
        api: Arc<Api>,
        destinations: DestinationPolicy,
        packages: Options,
        accounts: AccountSettings,
    ) -> Arc<Self> {
        let ServiceLimits {
            submissions_per_minute,
            runs_per_minute,
            sign_ins_per_minute,
            sign_ins_per_account_per_minute,
            ..
        } = api.limits;
        Arc::new(Self {
            log: Arc::clone(&stores.log),
            blobs: Arc::clone(&stores.blobs),
            credentials: Arc::clone(&stores.credentials),
            problems: ProblemCache::new(Arc::clone(&stores.log)),
            hashing: Hashing::default(),
            reading: Arc::new(Semaphore::new(READINGS_AT_ONCE)),
            destinations,
            packages,
            accounts,
            submissions: Rate::per_minute(submissions_per_minute),
            runs: Rate::per_minute(runs_per_minute),
            sign_ins_from: Rate::per_minute(sign_ins_per_minute),
            sign_ins_to: Rate::per_minute(sign_ins_per_account_per_minute),
            api,
        })
    }

    /// The commands that serve this request.
    pub(crate) fn of<'a>(ctx: &GraphqlContext<'a>) -> &'a Self {
        ctx.data_unchecked::<Arc<Self>>()
    }

    /// Whether this account may submit now, by its rate limit.
    pub(crate) fn admits_submission(&self, login: &Login) -> bool {
        self.submissions.admit(login).is_ok()
    }

    /// Whether this account may run a program now, by its rate limit.
    pub(crate) fn admits_run(&self, login: &Login) -> bool {
        self.runs.admit(login).is_ok()
    }

    /// Rate-limits sign-ins and registrations per network. A request without a known address is
    /// refused.
    pub(crate) fn admit_network(&self, ctx: &GraphqlContext<'_>) -> Result<(), ApiError> {
        self.admit_address(ctx.data_opt::<ClientAddress>().and_then(|address| address.0))
    }

    /// The same, for a request that is not GraphQL.
    pub(crate) fn admit_address(&self, address: Option<IpAddr>) -> Result<(), ApiError> {
        let unknown = || ApiError::new(Code::Internal, "the client's address is unknown");
        let network = network(address.ok_or_else(unknown)?);
        let refused = |wait| ApiError::too_many("too many sign-ins from this network", wait);
        self.sign_ins_from.admit(&network).map_err(refused)
    }

    /// Rate-limits sign-ins per account. The answer is the same if the account does not exist.
    pub(crate) fn admit_account(&self, login: &Login) -> Result<(), ApiError> {
        let refused = |wait| ApiError::too_many("too many sign-ins to this account", wait);
        self.sign_ins_to.admit(login).map_err(refused)
    }
}

/// The context of events that the viewer causes.
pub(crate) fn context(ctx: &GraphqlContext<'_>, viewer: &Viewer) -> Context {
    let trace = ctx.data_opt::<TraceParent>().and_then(|trace| trace.0.clone());
    Context { traceparent: trace, ..Context::new(Actor::account(&viewer.login)) }
}
