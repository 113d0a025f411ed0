//! The log, for auditors.

use async_graphql::{Context, Object, Result, SimpleObject};
use audit::SignedHead;
use audit::merkle::{includes, leaf_hash};
use domain::Position;

use super::event::{Event, EventFilter, EventPaging, Events, events};
use super::{Snapshot, int};
use crate::connection::cost;
use crate::scalars::{DateTime, PositionScalar, Sha256};
use crate::{Api, ApiError, prices};

/// The most events that one `verify` checks.
const EVENTS_VERIFIED_MAX: u64 = 10_000;
/// The number of events that one read of the log returns at most.
const READ_LIMIT: u32 = 512;

/// The event log and the proofs that it was not altered.
#[derive(Debug, Clone, Copy)]
pub struct Audit;

/// A signed tree head. Keep a copy to prove later that no earlier event was changed or removed.
#[derive(Debug, Clone, SimpleObject)]
pub struct LogHead {
    /// The number of events that it covers.
    tree_size: PositionScalar,
    /// The root of the Merkle tree over these events.
    root_hash: Sha256,
    /// The log's origin, which is the name of the signing key.
    origin: String,
    /// The newest key that signed it.
    key_id: String,
    /// When it was signed.
    at: DateTime,
    /// The head with its signatures, as a checkpoint (c2sp.org/tlog-checkpoint). Keep this.
    note: String,
}

/// The result of comparing events with the newest signed head.
#[derive(Debug, Clone, SimpleObject)]
pub struct VerifyReport {
    /// Whether every compared event matches.
    ok: bool,
    /// The number of events compared.
    checked: i32,
    /// The position of the first event compared.
    from: PositionScalar,
    /// The position of the last event compared.
    to: PositionScalar,
    /// The root hash of the signed head.
    root_hash: Sha256,
    /// The position of the first event that does not match; null if all match.
    broken_at: Option<PositionScalar>,
    /// Why that event does not match; null if all match.
    reason: Option<String>,
}

#[Object]
impl Audit {
    /// The newest signed head; null until the first head is signed.
    async fn head(&self, ctx: &Context<'_>) -> Result<Option<LogHead>> {
        let newest = Api::of(ctx).tree.store().newest_head().await.map_err(ApiError::from)?;
        let Some(newest) = newest else { return Ok(None) };
        let signed = SignedHead::parse(&newest.note).map_err(ApiError::from)?;
        let key_id = signed.key_ids().first().map(ToString::to_string).unwrap_or_default();
        Ok(Some(LogHead {
            tree_size: PositionScalar(Position(signed.head.size)),
            root_hash: Sha256(signed.head.root),
            origin: signed.head.origin.to_string(),
            key_id,
            at: DateTime(signed.head.at),
            note: newest.note,
        }))
    }

    /// Events in log order. A page can be shorter than requested when few events match the filter;
    /// `hasNextPage` is then true, and the cursor continues from there.
    #[graphql(complexity = "prices::EVENTS + cost(first, last, child_complexity)")]
    async fn events(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<EventFilter>,
    ) -> Result<Events> {
        let filter = filter.unwrap_or_default().try_into()?;
        let paging = EventPaging { first, after, last, before };
        Ok(events(Api::of(ctx), &paging, &filter).await?)
    }

    /// The event at a position; null if there is none.
    #[graphql(complexity = "prices::PROOF + child_complexity")]
    async fn event(&self, ctx: &Context<'_>, position: PositionScalar) -> Result<Option<Event>> {
        let Some(before) = position.0.0.checked_sub(1) else { return Ok(None) };
        let found = Api::of(ctx).log.read_all(Position(before), 1).await.map_err(ApiError::from)?;
        Ok(found.into_iter().next().map(Event::whole))
    }

    /// The state of the service in the past: right after the event at `position`, or after the last
    /// event recorded at or before `at`. Give exactly one of the two.
    #[graphql(complexity = "prices::PAST + child_complexity")]
    async fn as_of(
        &self,
        ctx: &Context<'_>,
        at: Option<DateTime>,
        position: Option<PositionScalar>,
    ) -> Result<Snapshot> {
        Ok(Snapshot::of(ctx, at, position).await?)
    }

    /// Compares events with the newest signed head: at most 10,000, by default the last ones. It
    /// does not check the signatures, nor earlier heads: `assay audit verify` does both, with a key
    /// that you supply.
    #[graphql(complexity = "prices::VERIFY + child_complexity")]
    async fn verify(
        &self,
        ctx: &Context<'_>,
        from: Option<PositionScalar>,
        to: Option<PositionScalar>,
    ) -> Result<Option<VerifyReport>> {
        let api = Api::of(ctx);
        let newest = api.tree.store().newest_head().await.map_err(ApiError::from)?;
        let Some(newest) = newest else { return Ok(None) };
        let size = newest.size;
        let root = SignedHead::parse(&newest.note).map_err(ApiError::from)?.head.root;
        let to = to.map_or(size, |to| to.0.0).min(size);
        let from = from.map_or(to.saturating_sub(EVENTS_VERIFIED_MAX - 1), |from| from.0.0).max(1);
        if to < from || to - from >= EVENTS_VERIFIED_MAX {
            let message = format!(
                "choose a range of 1 to {EVENTS_VERIFIED_MAX} positions that ends at {size} or earlier"
            );
            return Err(ApiError::bad_input(message).into());
        }
        let mut position = Position(from - 1);
        let mut broken = None;
        let mut tree = api.tree.at(size);
        'reading: while position.0 < to && broken.is_none() {
            let limit = u32::try_from(to - position.0).unwrap_or(READ_LIMIT).min(READ_LIMIT);
            let page = match api.log.read_all(position, limit).await {
                Ok(page) if page.is_empty() => Err("the log ends before this event".to_owned()),
                Ok(page) => Ok(page),
                Err(event_store::ReadError::Unavailable(cause)) => {
                    return Err(ApiError::from(event_store::ReadError::Unavailable(cause)).into());
                }
                Err(error) => Err(error.to_string()),
            };
            match page {
                Err(reason) => broken = Some((position.next(), reason)),
                Ok(page) => {
                    for recorded in page {
                        let index = recorded.position.0 - 1;
                        let path = tree.prove_inclusion(index).await;
                        let path = path.map_err(ApiError::from)?;
                        if !includes(&recorded.leaf(), index, &path, size, &root) {
                            let hash = leaf_hash(&recorded.leaf());
                            let reason =
                                format!("the event's hash {hash} does not match the signed head");
                            broken = Some((recorded.position, reason));
                            break 'reading;
                        }
                        position = recorded.position;
                    }
                }
            }
        }
        let (broken_at, reason) = broken.unzip();
        Ok(Some(VerifyReport {
            ok: broken_at.is_none(),
            checked: int(position.0 + 1 - from),
            from: PositionScalar(Position(from)),
            to: PositionScalar(Position(to)),
            root_hash: Sha256(root),
            broken_at: broken_at.map(PositionScalar),
            reason,
        }))
    }
}
