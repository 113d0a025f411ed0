//! The health of the service.

use async_graphql::{ComplexObject, Context, Object, Result, SimpleObject};
use domain::Position;
use event_store::Lane;
use jiff::{SignedDuration, Timestamp};
use read_model::Condition;
use read_model::views::SubmissionView;

use super::stuck::StuckWork;
use super::submission::stored;
use super::{Judge, int};
use crate::api::ServiceLimits;
use crate::loaders::Count;
use crate::scalars::PositionScalar;
use crate::{Api, ApiError, Health, Viewer, access, prices};

/// The current state of the service.
#[derive(Debug, Clone, Copy)]
pub struct System;

/// A store that the service needs, or a part of the process that answered.
#[derive(Debug, Clone, SimpleObject)]
pub struct Component {
    /// The component's name: `log`, `read-model`, `queue` or `tree`. Also `evaluator` and
    /// `projection NAME` if the process that answered runs them.
    name: String,
    /// The component's health.
    health: Health,
    /// What is wrong; shown to auditors and administrators only.
    detail: Option<String>,
    /// The response time, in milliseconds; 0 for a part of the process.
    latency_ms: f64,
}

/// The progress of a projection.
#[derive(Debug, Clone, SimpleObject)]
pub struct Projection {
    /// The projection's name and version.
    name: String,
    /// The position of the last event it has committed.
    position: PositionScalar,
    /// The number of events it has not committed yet.
    lag_events: i32,
    /// How long the oldest of these has waited, in milliseconds.
    lag_ms: i32,
    /// Whether it is more than 10,000 events behind and is catching up.
    rebuilding: bool,
    /// The number of streams with an event that could not be applied. Views of these streams are
    /// out of date.
    parked_streams: i32,
}

/// The work that waits in a queue lane.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct Queue {
    #[graphql(skip)]
    lane: Lane,
    /// The lane's name.
    name: String,
    /// Work items that no evaluator has taken.
    waiting: i32,
    /// Work items that an evaluator has taken.
    in_flight: i32,
    /// How long the oldest item has waited, in milliseconds.
    oldest_wait_ms: i32,
}

/// Maximum number of stuck work items in one answer.
const STUCK_MAX: usize = 100;

/// The number of stuck work items to list.
fn stuck_count(first: i32) -> usize {
    usize::try_from(first).unwrap_or_default().min(STUCK_MAX)
}

#[ComplexObject]
impl Queue {
    /// The number of submissions that were given up because judging them failed several times. They
    /// show `JUDGE_ERROR` until a rejudge judges them again; `submissions` finds them by that
    /// verdict. Zero for lanes without submissions: a rejudge shows its own failures. Null for
    /// others than auditors and administrators.
    #[graphql(complexity = "prices::COUNT")]
    async fn dead_letters(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
        if !access::may_see_operations(Viewer::of(ctx)) {
            return Ok(None);
        }
        if self.lane != Lane::Submit {
            return Ok(Some(0));
        }
        let given_up = vec![stored(domain::Verdict::JudgeError)];
        let count = Count::of::<SubmissionView>(vec![Condition::AnyOf("verdict", given_up)]);
        Ok(Some(int(Api::count(ctx, count).await?)))
    }

    /// Work that waits because no running evaluator has the languages it needs, the oldest first:
    /// at most 100 items. Empty for others than auditors and administrators.
    #[graphql(complexity = "prices::HEALTH + stuck_count(first).saturating_mul(child_complexity)")]
    async fn stuck(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 20)] first: i32,
    ) -> Result<Vec<StuckWork>> {
        if !access::may_see_operations(Viewer::of(ctx)) {
            return Ok(vec![]);
        }
        Ok(StuckWork::of(Api::of(ctx), self.lane, stuck_count(first)).await?)
    }
}

/// The limits that this server enforces.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(name = "ServiceLimits")]
pub struct Limits {
    /// The largest request, in bytes.
    document_bytes: i32,
    /// The deepest nesting of a query, in levels.
    depth: i32,
    /// The highest cost of a query, in fields. A field in a list counts once per possible list
    /// item, and a costly one for several: `totalCount` for 20, a submission's source for 100.
    cost: i32,
    /// The highest cost of the requests of an account per minute, or of a network without one.
    cost_per_minute: i32,
    /// The most fields at the top of a query, aliases included.
    aliases: i32,
    /// The most nodes on a page.
    page_size: i32,
    /// The most concurrent subscriptions on one socket.
    subscriptions_per_socket: i32,
    /// The largest submitted source, in bytes.
    source_bytes: i32,
}

impl From<&ServiceLimits> for Limits {
    fn from(limits: &ServiceLimits) -> Self {
        Self {
            document_bytes: int(limits.document_bytes),
            depth: int(limits.depth),
            cost: int(limits.cost),
            cost_per_minute: int(limits.cost_per_minute),
            aliases: int(limits.aliases),
            page_size: int(limits.page_size),
            subscriptions_per_socket: int(limits.subscriptions_per_socket),
            source_bytes: int(limits.source_bytes),
        }
    }
}

/// A projection with a longer lag counts as rebuilding, in events.
const REBUILDING_LAG_EVENTS: u64 = 10_000;

#[Object]
impl System {
    /// The version of Assay.
    async fn version(&self, ctx: &Context<'_>) -> &str {
        Api::of(ctx).version
    }

    /// The worst health among the components.
    #[graphql(complexity = "prices::HEALTH")]
    async fn health(&self, ctx: &Context<'_>) -> Health {
        let components = components(ctx).await;
        components.iter().map(|it| it.health).max().unwrap_or(Health::Ok)
    }

    /// The stores, and the parts of the process that answered.
    #[graphql(complexity = "prices::HEALTH + child_complexity")]
    async fn components(&self, ctx: &Context<'_>) -> Vec<Component> {
        components(ctx).await
    }

    /// The progress of the projections that queries read.
    #[graphql(complexity = "prices::HEALTH + child_complexity")]
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

    /// The queue lanes and the work that waits in them.
    #[graphql(complexity = "prices::HEALTH + child_complexity")]
    async fn queues(&self, ctx: &Context<'_>) -> Result<Vec<Queue>> {
        let lanes = Api::of(ctx).queue.stats().await.map_err(ApiError::from)?;
        let queues = lanes.into_iter().map(|lane| Queue {
            lane: lane.lane,
            name: lane.lane.as_str().to_owned(),
            waiting: int(lane.waiting),
            in_flight: int(lane.in_flight),
            oldest_wait_ms: int(lane.oldest_wait.as_millis()),
        });
        Ok(queues.collect())
    }

    /// The evaluators that were seen in the last ten minutes. Empty for others than auditors and
    /// administrators.
    #[graphql(complexity = "prices::HEALTH + child_complexity")]
    async fn judges(&self, ctx: &Context<'_>) -> Result<Vec<Judge>> {
        if !access::may_see_operations(Viewer::of(ctx)) {
            return Ok(vec![]);
        }
        Ok(Judge::all(Api::of(ctx)).await?)
    }

    /// The limits that this server enforces.
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
        probe("credentials", may_see, async {
            api.credentials.subjects(None, 1).await.map(drop).map_err(boxed)
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

/// The Merkle tree over the log. It is degraded when events wait too long for a signed head.
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
        let detail =
            "events are not being signed; check that a projector is running, and check its log";
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
        detail: outcome
            .err()
            .filter(|_| may_see)
            .map(|error| supervision::error_chain(error.as_ref())),
        latency_ms: asked_at.elapsed().as_secs_f64() * 1e3,
    }
}
