//! Whether the views are ready for this program, and the response until they are.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::Position;
use event_store::EventLog;
use graphql::{ApiError, Code};
use read_model::{ReadError, Views};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::{Exit, Failure};

/// Logs of up to this many events are not waited for: they are projected in one commit.
const SHORT_LOG_EVENTS: u64 = 1_024;
/// How long to wait for live views that are behind. There may be no projector.
const BEHIND_WAIT_MAX: Duration = Duration::from_secs(30);
/// The poll interval.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// How often the reason for waiting is printed.
const PRINT_INTERVAL: Duration = Duration::from_secs(5);

/// What a server waits for before it serves; `None` once it is ready.
pub(crate) type Waiting = Option<String>;

/// Until the server is ready, responds with 503 and the reason.
pub(crate) async fn refuse_until_ready(
    State(waiting): State<watch::Receiver<Waiting>>,
    request: Request,
    next: Next,
) -> Response {
    let why = waiting.borrow().clone();
    match why {
        None => next.run(request).await,
        Some(why) => ApiError::new(Code::Unavailable, why).into_response(),
    }
}

/// Waits until every projection's views of this version are live and have reached the end that the
/// log had at the start. Views are not live on the first start after an upgrade that changed them.
pub(crate) async fn wait_for_views(
    log: &dyn EventLog,
    views: &Views,
    waiting: &watch::Sender<Waiting>,
) {
    let began = Instant::now();
    let mut printed_at: Option<Instant> = None;
    let mut wanted = None;
    while let Some(why) = reason(log, views, &mut wanted, began.elapsed()).await {
        if printed_at.is_none_or(|at| at.elapsed() > PRINT_INTERVAL) {
            eprintln!("{why}");
            printed_at = Some(Instant::now());
        }
        waiting.send_replace(Some(why));
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// The reason to wait longer, if any. `wanted` is the end of the log at its first response.
async fn reason(
    log: &dyn EventLog,
    views: &Views,
    wanted: &mut Option<Position>,
    waited: Duration,
) -> Option<String> {
    let head = match log.info().await {
        Ok(info) => info.head,
        Err(error) => return Some(silent("the log", &error)),
    };
    if head.0 <= SHORT_LOG_EVENTS {
        return None;
    }
    let behind = match behind(views, *wanted.get_or_insert(head)).await {
        Ok(behind) => behind,
        Err(error) => return Some(silent("the views", &error)),
    };
    let named = |behind: &[Behind]| {
        let named = behind.iter().map(|it| format!("{} is at {}", it.name, it.position));
        named.collect::<Vec<_>>().join(", ")
    };
    let (live, missing): (Vec<_>, Vec<_>) = behind.into_iter().partition(|it| it.is_live);
    if !missing.is_empty() {
        let missing = named(&missing);
        return Some(format!(
            "Building views first; the log has {head} events: {missing}. A projector builds them."
        ));
    }
    if live.is_empty() {
        return None;
    }
    let live = named(&live);
    if waited > BEHIND_WAIT_MAX {
        tracing::warn!(behind = live, %head, "serving views that are behind: is a projector running?");
        return None;
    }
    Some(format!("Waiting for views that are behind; the log has {head} events: {live}."))
}

fn silent(what: &str, error: &(dyn std::error::Error + 'static)) -> String {
    let doing = format!("Waiting for {what}, which cannot be read");
    Failure::of(Exit::Network, &doing, error).message
}

/// A projection whose views cannot be served yet.
struct Behind {
    name: String,
    /// If false, the views are still being built.
    is_live: bool,
    position: Position,
}

/// The projections that are not live or have not reached this position.
async fn behind(views: &Views, wanted: Position) -> Result<Vec<Behind>, ReadError> {
    let (all, live) = (views.generations.all().await?, views.reader.checkpoints().await?);
    let mut behind = Vec::new();
    for name in projector::all().iter().map(|projection| projection.commit_name()) {
        let generations = all.get(&name);
        // Without any record of generations, an older Assay may have built the views.
        let is_live = generations.map_or(live.contains_key(&name), |it| it.live.is_some());
        let building = generations.and_then(|generations| generations.building);
        let reached = match building.filter(|_| !is_live) {
            Some(building) => views.at(building).reader.checkpoints().await?.get(&name).copied(),
            None => live.get(&name).copied(),
        };
        let position = reached.map_or(Position::START, |checkpoint| checkpoint.position);
        if !is_live || position < wanted {
            behind.push(Behind { name, is_live, position });
        }
    }
    Ok(behind)
}
