//! How the service is.

use async_graphql::{Context, Enum, Object, Result, SimpleObject};
use domain::Position;
use jiff::{SignedDuration, Timestamp};

use super::int;
use crate::api::ServiceLimits;
use crate::scalars::PositionScalar;
use crate::{Api, ApiError, Viewer, access};

/// The service as it is now.
#[derive(Debug, Clone, Copy)]
pub struct System;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Enum)]
pub enum Health {
    /// As it should be.
    Ok,
    /// It works, and not well.
    Degraded,
    /// It does not work.
    Down,
}

/// A store that the service needs, or a part of the process that answers.
#[derive(Debug, Clone, SimpleObject)]
pub struct Component {
    /// `log`, `read-model`, `queue`, `tree`; `evaluator` and `projection NAME` where the process that answers judges
    /// and keeps the views.
    name: String,
    /// How it is.
    health: Health,
    /// What is wrong with it; for auditors and administrators.
    detail: Option<String>,
    /// How long it took to answer, in milliseconds; 0 for a part of the process.
    latency_ms: f64,
}

/// How far a projection has come.
#[derive(Debug, Clone, SimpleObject)]
pub struct Projection {
    /// Its name and version.
    name: String,
    /// The last event it has committed.
    position: PositionScalar,
    /// Events it has not.
    lag_events: i32,
    /// How long the oldest of these has waited, in milliseconds.
    lag_ms: i32,
    /// Whether it is far behind and catches up.
    rebuilding: bool,
    /// Streams with an event that it could not apply: what follows from them is not up to date.
    parked_streams: i32,
}

/// How much work waits in a lane.
#[derive(Debug, Clone, SimpleObject)]
pub struct Queue {
    /// The lane.
    name: String,
    /// Not with an evaluator.
    waiting: i32,
    /// With an evaluator.
    in_flight: i32,
    /// How long the oldest has waited, in milliseconds.
    oldest_wait_ms: i32,
}

/// What is refused, so that clients need not guess.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(name = "ServiceLimits")]
pub struct Limits {
    /// Bytes of a request.
    document_bytes: i32,
    /// Levels of a query.
    depth: i32,
    /// Fields of a query.
    cost: i32,
    /// Fields at the top of a query, aliases included.
    aliases: i32,
    /// Nodes of a page.
    page_size: i32,
    /// Subscriptions at the same time on one socket.
    subscriptions_per_socket: i32,
    /// Bytes of a submitted source.
    source_bytes: i32,
}

impl From<&ServiceLimits> for Limits {
    fn from(limits: &ServiceLimits) -> Self {
        Self {
            document_bytes: int(limits.document_bytes),
            depth: int(limits.depth),
            cost: int(limits.cost),
            aliases: int(limits.aliases),
            page_size: int(limits.page_size),
            subscriptions_per_socket: int(limits.subscriptions_per_socket),
            source_bytes: int(limits.source_bytes),
        }
    }
}

/// Events behind which a projection counts as rebuilding.
const REBUILDING_LAG_EVENTS: u64 = 10_000;

#[Object]
impl System {
    /// Which Assay this is.
    async fn version(&self, ctx: &Context<'_>) -> &str {
        Api::of(ctx).version
    }

    /// The worst of the components.
    async fn health(&self, ctx: &Context<'_>) -> Health {
        let components = components(ctx).await;
        components.iter().map(|it| it.health).max().unwrap_or(Health::Ok)
    }

    /// The stores, and parts of the process that answers.
    async fn components(&self, ctx: &Context<'_>) -> Vec<Component> {
        components(ctx).await
    }

    /// The projections that queries read.
    async fn projections(&self, ctx: &Context<'_>) -> Result<Vec<Projection>> {
        let api = Api::of(ctx);
        let head = api.log.info().await.map_err(ApiError::from)?.head;
        let checkpoints = api.reader.checkpoints().await.map_err(ApiError::from)?;
        let mut projections = Vec::new();
        for (name, parked) in api.freshness.projections() {
            let position = checkpoints.get(name).map_or(Position::START, |it| it.position);
            let lag_events = head.0.saturating_sub(position.0);
            let next = api.log.read_all(position, 1).await.map_err(ApiError::from)?;
            let lag_ms = next.first().map_or(0, |recorded| {
                Timestamp::now().as_millisecond() - recorded.recorded_at.as_millisecond()
            });
            let parked = api.reader.count(parked, &[]).await.map_err(ApiError::from)?;
            projections.push(Projection {
                name: name.clone(),
                position: PositionScalar(position),
                lag_events: int(lag_events),
                lag_ms: int(lag_ms.max(0)),
                rebuilding: lag_events > REBUILDING_LAG_EVENTS,
                parked_streams: int(parked),
            });
        }
        Ok(projections)
    }

    /// Work that waits.
    async fn queues(&self, ctx: &Context<'_>) -> Result<Vec<Queue>> {
        let lanes = Api::of(ctx).queue.stats().await.map_err(ApiError::from)?;
        let queues = lanes.into_iter().map(|lane| Queue {
            name: lane.lane.as_str().to_owned(),
            waiting: int(lane.waiting),
            in_flight: int(lane.in_flight),
            oldest_wait_ms: int(lane.oldest_wait.as_millis()),
        });
        Ok(queues.collect())
    }

    /// What this server refuses, so that clients need not guess.
    async fn limits(&self, ctx: &Context<'_>) -> Limits {
        Limits::from(&Api::of(ctx).limits)
    }
}

async fn components(ctx: &Context<'_>) -> Vec<Component> {
    let api = Api::of(ctx);
    let may_see = access::may_see_operations(Viewer::of(ctx));
    let mut components = vec![
        probe("log", may_see, async {
            api.log.info().await.map_err(boxed)?;
            api.log.has_room().await.map_err(boxed)
        })
        .await,
        probe("queue", may_see, async { api.queue.stats().await.map(drop).map_err(boxed) }).await,
        probe("read-model", may_see, async {
            api.reader.checkpoints().await.map(drop).map_err(boxed)
        })
        .await,
        tree(api, may_see).await,
    ];
    components.extend(api.parts.now().into_iter().map(|part| Component {
        name: part.name,
        health: part.health,
        detail: part.fault.filter(|_| may_see),
        latency_ms: 0.0,
    }));
    components
}

/// How long an event may wait for a signed head that covers it.
const SIGNING_LAG_MAX: SignedDuration = SignedDuration::from_secs(10);

/// The tree over the log. Nothing is signed any more where the signer has stopped.
async fn tree(api: &Api, may_see: bool) -> Component {
    let mut waits_since = None;
    let mut component = probe("tree", may_see, async {
        let size = api.tree.store().newest_head().await.map_err(boxed)?.map_or(0, |it| it.size);
        let next = api.log.read_all(Position(size), 1).await.map_err(boxed)?;
        waits_since = next.first().map(|recorded| recorded.recorded_at);
        Ok(())
    })
    .await;
    let waited = waits_since.map(|since| Timestamp::now().duration_since(since));
    if waited.is_some_and(|waited| waited > SIGNING_LAG_MAX) {
        component.health = Health::Degraded;
        let detail = "events are not signed: is a projector running, and what does it log?";
        component.detail = may_see.then(|| detail.to_owned());
    }
    component
}

fn boxed<E: std::error::Error + Send + Sync + 'static>(
    error: E,
) -> Box<dyn std::error::Error + Send + Sync> {
    error.into()
}

async fn probe(
    name: &str,
    may_see: bool,
    answer: impl Future<Output = Result<(), Box<dyn std::error::Error + Send + Sync>>>,
) -> Component {
    let asked_at = std::time::Instant::now();
    let outcome = answer.await;
    Component {
        name: name.to_owned(),
        health: if outcome.is_ok() { Health::Ok } else { Health::Down },
        detail: outcome.err().filter(|_| may_see).map(|error| match error.source() {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        }),
        latency_ms: asked_at.elapsed().as_secs_f64() * 1e3,
    }
}
