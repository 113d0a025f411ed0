//! Whether the views are what this program reads.

use std::time::Duration;

use domain::Position;
use event_store::EventLog;
use read_model::{ReadError, Views};
use tokio::time::Instant;

/// A log of so few events is not waited for: they are projected in one commit.
const SHORT_LOG_EVENTS: u64 = 1_024;
/// How often to look.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// How often to tell what is waited for.
const TELL_INTERVAL: Duration = Duration::from_secs(5);

/// Waits until every projection's views of this version are live, which they are not at the first
/// start after an upgrade that changed them.
pub(crate) async fn views_are_built(log: &dyn EventLog, views: &Views) {
    let mut told: Option<Instant> = None;
    loop {
        let waits = told.is_none_or(|at| at.elapsed() > TELL_INTERVAL);
        match missing(views).await {
            Ok(missing) if missing.is_empty() => return,
            Ok(missing) => {
                let head = log.info().await.map(|info| info.head);
                if head.as_ref().is_ok_and(|head| head.0 <= SHORT_LOG_EVENTS) {
                    return;
                }
                if waits {
                    let head = head.unwrap_or(Position::START);
                    let missing = missing.join(", ");
                    eprintln!(
                        "Building views first, of {head} events: {missing}. A projector does that."
                    );
                    told = Some(Instant::now());
                }
            }
            Err(error) if waits => {
                tracing::warn!(%error, "whether views are built cannot be told");
                told = Some(Instant::now());
            }
            Err(_) => {}
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// The projections that are not live, and how far each is.
async fn missing(views: &Views) -> Result<Vec<String>, ReadError> {
    let (all, live) = (views.generations.all().await?, views.reader.checkpoints().await?);
    let mut missing = Vec::new();
    for name in projector::all().iter().map(|projection| projection.commit_name()) {
        let generations = all.get(&name);
        // Where nothing is known of it, an older Assay may have built it.
        let is_live = generations.map_or(live.contains_key(&name), |it| it.live.is_some());
        if is_live {
            continue;
        }
        let building = generations.and_then(|generations| generations.building);
        let position = match building {
            Some(building) => {
                let reached = views.at(building).reader.checkpoints().await?;
                reached.get(&name).map_or(Position::START, |checkpoint| checkpoint.position)
            }
            None => Position::START,
        };
        missing.push(format!("{name} is at {position}"));
    }
    Ok(missing)
}
