//! The projector's statuses, and when it drops retired generations: in paused time.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::sync::Arc;

use domain::{Checkpoint, EventId, Position};
use event_store::EventLog;
use jiff::{Timestamp, ToSpan};
use projector::{DROP_GRACE, Projector, Retirements, Upkeep};
use read_model::{Generation, Views};
use simulation::Clock;
use simulation::memory::{MemoryLog, MemoryViews};
use supervision::Health;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

fn stores() -> (Arc<dyn EventLog>, Views) {
    let clock = Arc::new(Clock::starting_at(Timestamp::now()));
    let log = Arc::new(MemoryLog::new(clock, Uuid::new_v4()));
    (log, Arc::new(MemoryViews::default()).sides())
}

/// The clocks of this machine and of the one that made another generation live may both be wrong.
#[tokio::test(start_paused = true)]
async fn what_was_live_is_kept_for_the_grace_whatever_clocks_say() {
    let hours = |hours: i64| Timestamp::now() + hours.hours();
    for since in [hours(-10), hours(10), Timestamp::now()] {
        let (log, views) = stores();
        let upkeep = Upkeep { log, views, projection: projector::all().remove(0) };
        let name = upkeep.projection.commit_name();
        let first = upkeep.ensure_generations().await.unwrap();
        let live = first.flipped(since.into()).unwrap();
        let built = live.rebuilding().unwrap();
        let exchanged = built.flipped(since.into()).unwrap();
        let mut before = first;
        for next in [live, built, exchanged] {
            upkeep.views.generations.change(&name, Some(&before), &next).await.unwrap();
            before = next;
        }
        let mut retirements = Retirements::default();
        let (half, mut left) = (DROP_GRACE / 2, vec![]);
        for _ in 0..3 {
            let generations = upkeep.ensure_generations().await.unwrap();
            upkeep.drop_due(&generations, &mut retirements).await.unwrap();
            left.push(upkeep.ensure_generations().await.unwrap().retired.len());
            tokio::time::advance(half).await;
        }
        assert_eq!(left, [1, 1, 0], "since {since}");
    }
}

/// Otherwise an upgrade whose views never become ready would go unnoticed.
#[tokio::test(start_paused = true)]
async fn a_building_that_stopped_says_so() {
    let (log, views) = stores();
    let name = projector::all()[0].commit_name();
    // The checkpoint is of another log.
    let read =
        Checkpoint { log: Uuid::new_v4(), position: Position(5), event: EventId(Uuid::new_v4()) };
    let building = Upkeep {
        log: Arc::clone(&log),
        views: views.clone(),
        projection: projector::all().remove(0),
    };
    assert_eq!(building.ensure_generations().await.unwrap().building, Some(Generation::FIRST));
    views.writer.commit(&name, None, &read, vec![]).await.unwrap();
    let projector = Projector::new(&log, &views, projector::all());
    let mut statuses = projector.statuses();
    let stop = CancellationToken::new();
    let token = stop.clone();
    let running = tokio::spawn(async move { projector.run(token).await });
    let stopped = statuses[0].wait_for(|it| matches!(it.building, Health::Stopped { .. })).await;
    assert_eq!(stopped.unwrap().health, Health::Running);
    let lives = statuses[1].wait_for(|it| it.building == Health::Running);
    lives.await.unwrap();
    stop.cancel();
    running.await.unwrap();
}
