//! What mutations need: stores, limits and policies.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use async_graphql::Context as GraphqlContext;
use domain::{Actor, Login};
use event_store::{Blobs, Context, Credentials, EventLog, Stores};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use graphql::{Api, ApiError, ClientAddress, Code, ServiceLimits, TraceParent, Viewer};
use problem_package::Options;
use tokio::sync::Semaphore;
use webhook::DestinationPolicy;

use crate::problem_cache::ProblemCache;

/// Accounts or addresses that may be remembered for rate limits before idle ones are dropped.
const RATES_MAX: usize = 10_000;
/// Passwords hashed at once. Each hash uses a core and 19 MiB for its duration.
const HASHES_AT_ONCE: usize = 2;
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
    pub(crate) hashing: Semaphore,
    pub(crate) reading: Arc<Semaphore>,
    pub(crate) destinations: DestinationPolicy,
    /// How packages are read, except for the slug.
    pub(crate) packages: Options,
    submissions: DefaultKeyedRateLimiter<Login>,
    sign_ins: DefaultKeyedRateLimiter<IpAddr>,
}

impl Commands {
    /// Commands on these stores that answer with this API's nodes. `destinations` limits where
    /// webhooks lead, and `packages` sets how packages are read.
    pub fn new(
        stores: &Stores,
        api: Arc<Api>,
        destinations: DestinationPolicy,
        packages: Options,
    ) -> Arc<Self> {
        let ServiceLimits { submissions_per_minute, sign_ins_per_minute, .. } = api.limits;
        let a_minute =
            |count: u32| Quota::per_minute(NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN));
        Arc::new(Self {
            log: Arc::clone(&stores.log),
            blobs: Arc::clone(&stores.blobs),
            credentials: Arc::clone(&stores.credentials),
            problems: ProblemCache::new(Arc::clone(&stores.log)),
            hashing: Semaphore::new(HASHES_AT_ONCE),
            reading: Arc::new(Semaphore::new(READINGS_AT_ONCE)),
            destinations,
            packages,
            submissions: RateLimiter::keyed(a_minute(submissions_per_minute)),
            sign_ins: RateLimiter::keyed(a_minute(sign_ins_per_minute)),
            api,
        })
    }

    /// The commands that serve this request.
    pub(crate) fn of<'a>(ctx: &GraphqlContext<'a>) -> &'a Self {
        ctx.data_unchecked::<Arc<Self>>()
    }

    /// Whether this account may submit now, by its rate limit.
    pub(crate) fn admits_submission(&self, login: &Login) -> bool {
        admits(&self.submissions, login)
    }

    /// Rate-limits sign-ins per client address. A request without a known address is refused.
    pub(crate) fn admit_sign_in(&self, ctx: &GraphqlContext<'_>) -> Result<(), ApiError> {
        let address = ctx.data_opt::<ClientAddress>().and_then(|address| address.0);
        let unknown = || ApiError::new(Code::Internal, "the client's address is unknown");
        let address = address.ok_or_else(unknown)?;
        if admits(&self.sign_ins, &address) {
            return Ok(());
        }
        let message = "too many sign-ins from this address; try again in a minute";
        Err(ApiError::new(Code::TooMany, message))
    }
}

fn admits<K: Clone + Eq + Hash>(rates: &DefaultKeyedRateLimiter<K>, key: &K) -> bool {
    if rates.len() > RATES_MAX {
        rates.retain_recent();
    }
    rates.check_key(key).is_ok()
}

/// The context of events that the viewer causes.
pub(crate) fn context(ctx: &GraphqlContext<'_>, viewer: &Viewer) -> Context {
    let trace = ctx.data_opt::<TraceParent>().and_then(|trace| trace.0.clone());
    Context { traceparent: trace, ..Context::new(Actor::account(&viewer.login)) }
}
