//! Events as auditors and authors see them, with their proofs.

use async_graphql::connection::{Connection, CursorType, Edge, EmptyFields};
use async_graphql::{Context, ID, InputObject, Json, Object, Result, SimpleObject};
use audit::merkle::leaf_hash;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::{Event as DomainEvent, Position, Recorded, StreamId, Version};
use serde_json::Value;

use super::int;
use crate::cursor::StreamCursor;
use crate::scalars::{DateTime, PositionScalar, Sha256};
use crate::{Api, ApiError, GlobalId, prices};

/// The number of events that one read of the log returns at most.
const READ_LIMIT: u32 = 512;
/// Events that one page scans at most. A page that stops here reports that there are more.
const EVENTS_SCANNED_MAX: u64 = 20_000;
/// The page size when the client gives none.
const PAGE_SIZE_DEFAULT: i32 = 20;

/// An event of the log.
#[derive(Debug, Clone)]
pub struct Event {
    recorded: Recorded,
    shown: Shown,
}

/// How much of the stored event is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    All,
    /// Without the fields that only judges may read.
    ForAuthor,
    /// Also without test outcomes. The attempt ended without a verdict, and authors must not be
    /// able to probe tests this way.
    Abandoned,
}

impl Event {
    /// The whole event, for auditors.
    pub fn whole(recorded: Recorded) -> Self {
        Self { recorded, shown: Shown::All }
    }

    /// The event as the submission's author may see it. `abandoned` lists the numbers of the
    /// attempts that were abandoned.
    pub fn for_author(recorded: Recorded, abandoned: &[u32]) -> Self {
        let shown = match &recorded.event {
            DomainEvent::TestsJudged(judged) if abandoned.contains(&judged.attempt) => {
                Shown::Abandoned
            }
            event if hides_something(event) => Shown::ForAuthor,
            _ => Shown::All,
        };
        Self { recorded, shown }
    }

    /// The stored body: the payload and the fields beside it.
    fn stored(&self) -> Value {
        serde_json::from_str(&self.recorded.body).unwrap_or_default()
    }
}

/// Whether the event holds fields that only judges may read.
fn hides_something(event: &DomainEvent) -> bool {
    match event {
        DomainEvent::TestsJudged(judged) => judged.outcomes.iter().any(|outcome| {
            outcome.feedback.as_ref().is_some_and(|feedback| feedback.judge.is_some())
        }),
        DomainEvent::AttemptAbandoned(_) | DomainEvent::SubmissionAbandoned(_) => true,
        _ => false,
    }
}

/// Removes what must not be shown.
fn redact(payload: &mut Value, shown: Shown) {
    if shown == Shown::All {
        return;
    }
    let mut outcomes = payload.get_mut("outcomes").and_then(Value::as_array_mut);
    if let (Shown::Abandoned, Some(outcomes)) = (shown, &mut outcomes) {
        outcomes.clear();
    }
    for outcome in outcomes.into_iter().flatten() {
        if let Some(feedback) = outcome.get_mut("feedback").and_then(Value::as_object_mut) {
            feedback.insert("judge".to_owned(), Value::Null);
        }
    }
    if let Some(reason) = payload.get_mut("reason").and_then(Value::as_object_mut) {
        reason.remove("detail");
    }
    if let Some(payload) = payload.as_object_mut() {
        payload.remove("detail");
    }
}

#[Object]
impl Event {
    /// The event's global id.
    pub async fn id(&self) -> ID {
        GlobalId::Event(self.recorded.position).into()
    }

    /// The event's position in the log.
    async fn position(&self) -> PositionScalar {
        PositionScalar(self.recorded.position)
    }

    /// The stream the event belongs to: `submission:…`, `problem:two-sum`, `account:ada`.
    async fn stream(&self) -> String {
        self.recorded.stream.to_string()
    }

    /// The event's place in its stream, from 1.
    async fn version(&self) -> i32 {
        int(self.recorded.version.0)
    }

    /// The event's type, for example `SubmissionReceived`.
    async fn r#type(&self) -> &str {
        self.recorded.event.kind()
    }

    /// The number of the payload schema that the event was written in.
    async fn schema(&self) -> i32 {
        int(self.stored()["schema"].as_u64().unwrap_or_default())
    }

    /// When the event was recorded, by the store's clock.
    async fn at(&self) -> DateTime {
        DateTime(self.recorded.recorded_at)
    }

    /// The account or service that caused the event.
    async fn actor(&self) -> &str {
        self.recorded.metadata.actor.as_str()
    }

    /// A UUID that all events share that one request caused.
    async fn correlation_id(&self) -> String {
        self.recorded.metadata.correlation.to_string()
    }

    /// The UUID of the event that caused this one.
    async fn causation_id(&self) -> Option<String> {
        Some(self.recorded.metadata.causation?.to_string())
    }

    /// The W3C trace context of the request.
    async fn traceparent(&self) -> Option<&str> {
        self.recorded.metadata.traceparent.as_deref()
    }

    /// The stored payload, in the schema it was written in. Authors do not see feedback meant for
    /// judges, nor the test outcomes of an abandoned attempt.
    #[graphql(complexity = "prices::PAYLOAD")]
    async fn payload(&self) -> Json<Value> {
        let mut payload = self.stored()["data"].take();
        redact(&mut payload, self.shown);
        Json(payload)
    }

    /// The event's leaf in the Merkle tree over the log (RFC 6962): a hash of its position and
    /// stored bytes.
    async fn leaf_hash(&self) -> Sha256 {
        Sha256(leaf_hash(&self.recorded.leaf()))
    }

    /// Proof that the newest signed head covers this event; null until a head does.
    #[graphql(complexity = "prices::PROOF + child_complexity")]
    async fn inclusion(&self, ctx: &Context<'_>) -> Result<Option<InclusionProof>> {
        let receipt = audit::Receipt::of(&Api::of(ctx).tree, &self.recorded).await;
        let receipt = receipt.map_err(ApiError::from)?;
        Ok(receipt.map(|receipt| InclusionProof {
            tree_size: PositionScalar(Position(receipt.head.head.size)),
            path: receipt.path.into_iter().map(Sha256).collect(),
        }))
    }
}

/// A Merkle inclusion proof: the hashes from a leaf to the root.
#[derive(Debug, Clone, SimpleObject)]
pub struct InclusionProof {
    /// The number of events that the signed head covers.
    tree_size: PositionScalar,
    /// The sibling hashes, from the leaf's up to the root's child.
    path: Vec<Sha256>,
}

/// What an author keeps of an event: the event, and the proof once a signed head covers it.
#[derive(Debug, Clone)]
pub struct Receipt(pub Recorded);

#[Object]
impl Receipt {
    /// The event's position in the log.
    async fn position(&self) -> PositionScalar {
        PositionScalar(self.0.position)
    }

    /// The bytes of the event's leaf in the tree, as Base64.
    async fn leaf(&self) -> String {
        BASE64_STANDARD.encode(self.0.leaf())
    }

    /// The leaf's hash.
    async fn leaf_hash(&self) -> Sha256 {
        Sha256(leaf_hash(&self.0.leaf()))
    }

    /// The receipt to keep (c2sp.org/tlog-proof), which `assay audit check` verifies. Null until a
    /// signed head covers the event, about a second after it is recorded.
    #[graphql(complexity = "prices::PROOF")]
    async fn proof(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let receipt = audit::Receipt::of(&Api::of(ctx).tree, &self.0).await;
        Ok(receipt.map_err(ApiError::from)?.map(|receipt| receipt.to_text()))
    }
}

/// Selects events. An omitted field matches every event.
#[derive(Debug, Clone, Default, InputObject)]
pub struct EventFilter {
    /// The event's stream: `problem:two-sum`, or the id of a submission, problem, user, rejudge or
    /// webhook.
    stream: Option<ID>,
    /// The event has one of these types.
    types: Option<Vec<String>>,
    /// The actor that caused the event: `account:ada`.
    actor: Option<String>,
    /// The event was caused by the request with this correlation id.
    correlation_id: Option<String>,
    /// The event was recorded at this time or later.
    since: Option<DateTime>,
    /// The event was recorded before this time.
    until: Option<DateTime>,
}

impl TryFrom<EventFilter> for audit::Filter {
    type Error = ApiError;

    fn try_from(filter: EventFilter) -> Result<Self, ApiError> {
        let stream = |id: &ID| match id.parse::<GlobalId>() {
            Ok(GlobalId::Submission(id)) => Ok(StreamId::Submission(id)),
            Ok(GlobalId::Problem(slug)) => Ok(StreamId::Problem(slug)),
            Ok(GlobalId::User(login)) => Ok(StreamId::Account(login)),
            Ok(GlobalId::Rejudge(id)) => Ok(StreamId::Rejudge(id)),
            Ok(GlobalId::Webhook(id)) => Ok(StreamId::Webhook(id)),
            _ => id.parse().map_err(|_| ApiError::bad_input(format!("{:?} is not a stream", id.0))),
        };
        let correlation = |id: &String| {
            let message = || ApiError::bad_input(format!("{id:?} is not a correlation id"));
            id.parse::<uuid::Uuid>().map_err(|_| message())
        };
        Ok(Self {
            stream: filter.stream.as_ref().map(stream).transpose()?,
            types: filter.types.unwrap_or_default(),
            actor: filter.actor,
            correlation: filter.correlation_id.as_ref().map(correlation).transpose()?,
            since: filter.since.map(|it| it.0),
            until: filter.until.map(|it| it.0),
            ..Self::default()
        })
    }
}

/// A cursor into a list of events.
#[derive(Debug, Clone, Copy)]
pub struct EventCursor(Position);

impl EventCursor {
    /// The cursor right after the event at this position.
    pub fn at(position: Position) -> Self {
        Self(position)
    }
}

impl CursorType for EventCursor {
    type Error = ApiError;

    fn decode_cursor(text: &str) -> Result<Self, ApiError> {
        Ok(Self(StreamCursor::decode(text)?.position))
    }

    fn encode_cursor(&self) -> String {
        StreamCursor::behind(self.0).encode()
    }
}

/// An event and its cursor.
pub type EventEdge = Edge<EventCursor, Event, EmptyFields>;

/// A page of events, in log order.
pub type Events = Connection<EventCursor, Event, EmptyFields, EmptyFields>;

/// The arguments that select a page of events.
#[derive(Debug, Clone, Default)]
pub(crate) struct EventPaging {
    pub(crate) first: Option<i32>,
    pub(crate) after: Option<String>,
    pub(crate) last: Option<i32>,
    pub(crate) before: Option<String>,
}

impl EventPaging {
    /// The page size, and whether the page is counted from the end.
    fn size(&self, api: &Api) -> Result<(usize, bool), ApiError> {
        let (size, from_end) = match (self.first, self.last) {
            (Some(_), Some(_)) => return Err(ApiError::bad_input("give first or last, not both")),
            (None, Some(size)) => (size, true),
            (size, None) => (size.unwrap_or(PAGE_SIZE_DEFAULT), false),
        };
        let size_max = api.limits.page_size;
        let size = usize::try_from(size).ok().filter(|size| *size <= size_max);
        let size = size
            .ok_or_else(|| ApiError::bad_input(format!("the page size must be 0 to {size_max}")))?;
        Ok((size, from_end))
    }
}

/// One page of the events that match a filter.
pub(crate) async fn events(
    api: &Api,
    paging: &EventPaging,
    filter: &audit::Filter,
) -> Result<Events, ApiError> {
    let (size, from_end) = paging.size(api)?;
    let place = |cursor: &Option<String>| -> Result<Option<Position>, ApiError> {
        Ok(cursor.as_deref().map(EventCursor::decode_cursor).transpose()?.map(|it| it.0))
    };
    let (after, before) = (place(&paging.after)?, place(&paging.before)?);
    let head = api.log.info().await?.head;
    if after.max(before).is_some_and(|place| place > head) {
        return Err(ApiError::bad_input("the cursor does not belong to this log"));
    }
    let (after, before) = (after.unwrap_or(Position::START), before.unwrap_or(head.next()));
    let (mut low, mut high) = (after.0, before.0.saturating_sub(1));
    let mut found = Vec::new();
    let mut scanned = 0;
    if let Some(stream) = &filter.stream {
        // Read the stream itself: its events may lie far apart in the log.
        let events = event_store::read_stream_whole(api.log.as_ref(), stream).await?;
        let between = events.into_iter().filter(|it| (low + 1..=high).contains(&it.position.0));
        found = between.filter(|recorded| filter.matches(recorded)).collect();
        let more = found.len() > size;
        if from_end {
            found.drain(..found.len().saturating_sub(size));
        } else {
            found.truncate(size);
        }
        return Ok(connection(found, more, from_end, &paging.after, &paging.before));
    }
    let mut is_through = false;
    while low < high && found.len() <= size && scanned < EVENTS_SCANNED_MAX && !is_through {
        let width = (high - low).min(u64::from(READ_LIMIT));
        let from = if from_end { high - width } else { low };
        let page = api.log.read_all(Position(from), width as u32).await?;
        scanned += width;
        if from_end {
            high = from;
            found.extend(page.into_iter().rev().filter(|recorded| filter.matches(recorded)));
        } else {
            low = from + width;
            is_through = page.last().is_some_and(|last| filter.ends_before(last));
            found.extend(page.into_iter().filter(|recorded| filter.matches(recorded)));
        }
    }
    let more = found.len() > size || (low < high && !is_through);
    found.truncate(size);
    if from_end {
        found.reverse();
    }
    Ok(connection(found, more, from_end, &paging.after, &paging.before))
}

fn connection(
    found: Vec<Recorded>,
    more: bool,
    from_end: bool,
    after: &Option<String>,
    before: &Option<String>,
) -> Events {
    let (has_previous, has_next) =
        if from_end { (more, before.is_some()) } else { (after.is_some(), more) };
    let mut connection = Connection::new(has_previous, has_next);
    connection.edges.extend(
        found
            .into_iter()
            .map(|recorded| Edge::new(EventCursor(recorded.position), Event::whole(recorded))),
    );
    connection
}

/// A page of a submission's events. With `abandoned`, the numbers of the abandoned attempts, the
/// events are redacted for the author; with `None` they are whole.
pub(crate) async fn timeline(
    api: &Api,
    stream: StreamId,
    first: Option<i32>,
    after: Option<String>,
    abandoned: Option<&[u32]>,
) -> Result<Events, ApiError> {
    let paging = EventPaging { first, after, ..EventPaging::default() };
    let filter = audit::Filter { stream: Some(stream), ..audit::Filter::default() };
    let mut page = events(api, &paging, &filter).await?;
    if let Some(abandoned) = abandoned {
        for edge in &mut page.edges {
            edge.node = Event::for_author(edge.node.recorded.clone(), abandoned);
        }
    }
    Ok(page)
}

/// The first event of a stream; `None` if the stream is empty.
pub(crate) async fn first_event(
    api: &Api,
    stream: &StreamId,
) -> Result<Option<Recorded>, ApiError> {
    Ok(api.log.read_stream(stream, Version(1), 1).await?.into_iter().next())
}
