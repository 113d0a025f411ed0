//! Runs all projections independently of each other.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::Position;
use event_store::{EventLog, alert};
use read_model::{Generations, Views};
use supervision::{Backoff, Fault, Health, Reporter, Task, error_chain};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{ProjectError, Projection, Retirements, Upkeep};

/// The first and the longest delay before a retry after a transient fault.
const RETRY_DELAY: Duration = Duration::from_millis(100);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(5);
/// How often the generations are read.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// How long a shutdown waits for the live views to reach the end of the log.
const CATCH_UP_MAX: Duration = Duration::from_secs(10);

/// A projection's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The name its checkpoint is kept under.
    pub name: String,
    /// Position of the last committed event.
    pub position: Position,
    /// Health of the live views.
    pub health: Health,
    /// Health of the build of the next generation; running if none is being built.
    pub building: Health,
}

/// Every projection of one read model.
#[derive(Debug)]
pub struct Projector {
    projections: Vec<Arc<Projecting>>,
}

impl Projector {
    /// Runs these projections.
    pub fn new(
        log: &Arc<dyn EventLog>,
        views: &Views,
        projections: Vec<Arc<dyn Projection>>,
    ) -> Self {
        let projections = projections.into_iter().map(|projection| {
            let name = projection.commit_name();
            let (position, health) = (Position::START, Health::Running);
            let status = Status { name, position, health, building: Health::Running };
            let upkeep = Upkeep { log: Arc::clone(log), views: views.clone(), projection };
            let (known, _) = watch::channel(None);
            Arc::new(Projecting { upkeep, status: watch::Sender::new(status), known })
        });
        Self { projections: projections.collect() }
    }

    /// A watch of each projection's state.
    pub fn statuses(&self) -> Vec<watch::Receiver<Status>> {
        self.projections.iter().map(|it| it.status.subscribe()).collect()
    }

    /// Runs until cancelled, and then up to 10 s longer until the live views have reached the end
    /// of the log. Events not committed by then are projected at the next start.
    ///
    /// # Panics
    /// When a projection does.
    pub async fn run(&self, cancelled: CancellationToken) {
        let mut running = JoinSet::new();
        for projecting in &self.projections {
            let (projecting, cancelled) = (Arc::clone(projecting), cancelled.clone());
            running.spawn(async move {
                tokio::select! {
                    biased;
                    () = projecting.run() => {}
                    () = projecting.drained(cancelled) => {}
                }
            });
        }
        running.join_all().await;
    }
}

#[async_trait]
impl Task for Projector {
    fn name(&self) -> &'static str {
        "projector"
    }

    async fn run(&self, reporter: &Reporter, cancelled: CancellationToken) -> Result<(), Fault> {
        // Each projection's own status shows its health.
        reporter.running();
        Self::run(self, cancelled).await;
        Ok(())
    }
}

/// One projection: its live generation follows the log, the next one is built beside it, and
/// retired ones are dropped.
#[derive(Debug)]
struct Projecting {
    upkeep: Upkeep,
    status: watch::Sender<Status>,
    /// The generations, as last read.
    known: watch::Sender<Option<Generations>>,
}

impl Projecting {
    async fn run(&self) {
        tokio::join!(self.keep(), self.follow(), self.build());
    }

    /// Returns when nothing is left to do after a cancellation.
    async fn drained(&self, cancelled: CancellationToken) {
        cancelled.cancelled().await;
        let Ok(info) = self.upkeep.log.info().await else { return };
        // Without live views, or with a fault, the end of the log cannot be reached.
        let is_done = |status: &Status| {
            status.position >= info.head
                || status.health != Health::Running
                || !self.is_known(|it| it.live.is_some())
        };
        let mut status = self.status.subscribe();
        let done = tokio::time::timeout(CATCH_UP_MAX, status.wait_for(is_done)).await;
        if done.is_err() {
            let projection = self.upkeep.projection.name();
            tracing::warn!(
                projection,
                "the views are behind the log; they catch up at the next start"
            );
        }
    }

    /// Polls the generations, because any process may request a new one.
    async fn keep(&self) {
        let (mut retirements, mut logged) = (Retirements::default(), None);
        loop {
            let (fault, what) = match self.look().await {
                Ok(generations) => (
                    self.upkeep.drop_due(&generations, &mut retirements).await.err(),
                    "cannot drop views that are no longer live",
                ),
                Err(fault) => (Some(fault), "cannot read which views are live"),
            };
            let fault = fault.map(|fault| (error_chain(&fault), alert(&fault), what));
            if let Some((error, alert, what)) = fault.as_ref().filter(|_| fault != logged) {
                let projection = self.upkeep.projection.name();
                tracing::warn!(projection, alert, error, "{what}");
            }
            logged = fault;
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    async fn look(&self) -> Result<Generations, ProjectError> {
        let generations = self.upkeep.ensure_generations().await?;
        self.known.send_if_modified(|known| {
            let changed = known.as_ref() != Some(&generations);
            *known = Some(generations.clone());
            changed
        });
        Ok(generations)
    }

    /// Waits until `of` returns something from the generations.
    async fn wait_for<T>(&self, of: impl Fn(&Generations) -> Option<T>) -> T {
        let mut known = self.known.subscribe();
        loop {
            if let Some(found) = known.borrow_and_update().as_ref().and_then(&of) {
                return found;
            }
            known.changed().await.expect("the sender is borrowed");
        }
    }

    fn is_known(&self, holds: impl Fn(&Generations) -> bool) -> bool {
        self.known.borrow().as_ref().is_some_and(holds)
    }

    /// Feeds the live generation.
    async fn follow(&self) {
        let mut backoff = Backoff::new(RETRY_DELAY, RETRY_DELAY_MAX);
        loop {
            let (live, retries) = self.wait_for(|it| Some((it.live?, it.retries))).await;
            let is_meant = |it: &Generations| it.live == Some(live) && it.retries == retries;
            let started_at = self.status.borrow().position;
            let runtime = self.upkeep.runtime(live);
            let followed = runtime.follow(
                || self.is_known(is_meant),
                |position| {
                    self.status.send_modify(|status| {
                        status.position = position;
                        status.health = Health::Running;
                    });
                },
            );
            let Err(fault) = followed.await else { continue };
            // Another generation may be live now, which is not a fault.
            if self.look().await.is_ok() && !self.is_known(is_meant) {
                continue;
            }
            let error = error_chain(&fault);
            let projection = self.upkeep.projection.name();
            if fault.is_passing() {
                tracing::warn!(projection, error, "the projection failed, trying again");
                self.status.send_modify(|status| status.health = Health::Retrying { error });
                if self.status.borrow().position > started_at {
                    backoff.reset();
                }
                backoff.wait().await;
            } else {
                tracing::error!(alert = true, projection, error, "the projection stopped");
                self.status.send_modify(|status| status.health = Health::Stopped { error });
                self.wait_for(|it| (!is_meant(it)).then_some(())).await;
            }
        }
    }

    /// Builds the next generation.
    async fn build(&self) {
        let mut backoff = Backoff::new(RETRY_DELAY, RETRY_DELAY_MAX);
        loop {
            let building = self.wait_for(|it| it.building).await;
            let is_meant = |it: &Generations| it.building == Some(building);
            let (projection, generation) = (self.upkeep.projection.name(), building.0);
            tracing::info!(projection, generation, "building a generation of views");
            let is = |health| self.status.send_modify(|status| status.building = health);
            let advanced = |_| is(Health::Running);
            let built = self.upkeep.build(building, || self.is_known(is_meant), advanced).await;
            let looked = self.look().await;
            if !self.is_known(is_meant) {
                is(Health::Running);
                backoff.reset();
                continue;
            }
            let Err(fault) = built.and(looked.map(drop)) else { continue };
            let error = error_chain(&fault);
            if fault.is_passing() {
                tracing::warn!(
                    projection,
                    generation,
                    error,
                    "building views failed, trying again"
                );
                is(Health::Retrying { error });
                backoff.wait().await;
            } else {
                tracing::error!(
                    alert = true,
                    projection,
                    generation,
                    error,
                    "building views stopped"
                );
                is(Health::Stopped { error });
                self.wait_for(|it| (!is_meant(it)).then_some(())).await;
                is(Health::Running);
            }
        }
    }
}
