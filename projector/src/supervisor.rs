//! Keeps every projection running, each on its own.

use std::sync::Arc;
use std::time::Duration;

use domain::Position;
use event_store::EventLog;
use read_model::{Generations, Views};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::runtime::chain;
use crate::{ProjectError, Projection, Retirements, Upkeep};

/// The first wait after a passing fault, and the longest.
const RETRY_DELAY: Duration = Duration::from_millis(100);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(5);
/// How often to look which generations there are.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// How a projection is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It follows the log.
    Running,
    /// A passing fault keeps it back; it tries again by itself.
    Retrying {
        /// The fault, with its causes.
        error: String,
    },
    /// A lasting fault ended it.
    Stopped {
        /// The fault, with its causes.
        error: String,
    },
}

/// A projection's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The name its checkpoint is kept under.
    pub name: String,
    /// How far it has come.
    pub position: Position,
    /// How it is.
    pub health: Health,
    /// How the building of the views is that are to take the place of these; running where none is built.
    pub building: Health,
}

/// Every projection of one read model.
#[derive(Debug)]
pub struct Supervisor {
    projections: Vec<(Upkeep, watch::Sender<Status>)>,
}

impl Supervisor {
    /// Supervises these projections.
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
            (upkeep, watch::Sender::new(status))
        });
        Self { projections: projections.collect() }
    }

    /// Each projection's state, as it changes.
    pub fn statuses(&self) -> Vec<watch::Receiver<Status>> {
        self.projections.iter().map(|(_, status)| status.subscribe()).collect()
    }

    /// Runs until cancelled. What was not committed by then is projected again next time.
    pub async fn run(self, cancelled: CancellationToken) {
        let mut running = JoinSet::new();
        for (upkeep, status) in self.projections {
            let cancelled = cancelled.clone();
            let (known, _) = watch::channel(None);
            let supervised = Supervised { upkeep, status, known };
            running.spawn(async move {
                cancelled.run_until_cancelled(supervised.run()).await;
            });
        }
        running.join_all().await;
    }
}

/// One projection: what is live follows the log, beside it the next generation is built, and what
/// was live is dropped.
struct Supervised {
    upkeep: Upkeep,
    status: watch::Sender<Status>,
    /// Which generations there are, when last looked.
    known: watch::Sender<Option<Generations>>,
}

impl Supervised {
    async fn run(self) {
        tokio::join!(self.keep(), self.follow(), self.build());
    }

    /// Looks which generations there are, again and again: anybody may ask for another.
    async fn keep(&self) {
        let (mut retirements, mut told) = (Retirements::default(), None);
        loop {
            let (fault, what) = match self.look().await {
                Ok(generations) => (
                    self.upkeep.drop_due(&generations, &mut retirements).await.err(),
                    "views that are not live any more are not dropped",
                ),
                Err(fault) => (Some(fault), "which views are live cannot be told"),
            };
            let fault = fault.map(|fault| (chain(&fault), what));
            if let Some((error, what)) = fault.as_ref().filter(|_| fault != told) {
                let projection = self.upkeep.projection.name();
                tracing::warn!(projection, error, "{what}");
            }
            told = fault;
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    async fn look(&self) -> Result<Generations, ProjectError> {
        let generations = self.upkeep.settle().await?;
        self.known.send_if_modified(|known| {
            let changed = known.as_ref() != Some(&generations);
            *known = Some(generations.clone());
            changed
        });
        Ok(generations)
    }

    /// Something of the generations, once it is there.
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

    /// Feeds what is live.
    async fn follow(&self) {
        let mut delay = RETRY_DELAY;
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
            // It may be that another generation is live, and that is no fault.
            if self.look().await.is_ok() && !self.is_known(is_meant) {
                continue;
            }
            let error = chain(&fault);
            let projection = self.upkeep.projection.name();
            if fault.is_passing() {
                tracing::warn!(projection, error, "the projection is kept back");
                self.status.send_modify(|status| status.health = Health::Retrying { error });
                let advanced = self.status.borrow().position > started_at;
                delay = if advanced { RETRY_DELAY } else { (delay * 2).min(RETRY_DELAY_MAX) };
                tokio::time::sleep(delay).await;
            } else {
                tracing::error!(projection, error, "the projection stopped");
                self.status.send_modify(|status| status.health = Health::Stopped { error });
                self.wait_for(|it| (!is_meant(it)).then_some(())).await;
            }
        }
    }

    /// Builds what is to become live.
    async fn build(&self) {
        let mut delay = RETRY_DELAY;
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
                delay = RETRY_DELAY;
                continue;
            }
            let Err(fault) = built.and(looked.map(drop)) else { continue };
            let error = chain(&fault);
            if fault.is_passing() {
                tracing::warn!(projection, generation, error, "building views is kept back");
                is(Health::Retrying { error });
                tokio::time::sleep(delay).await;
                delay = (delay * 2).min(RETRY_DELAY_MAX);
            } else {
                tracing::error!(projection, generation, error, "building views stopped");
                is(Health::Stopped { error });
                self.wait_for(|it| (!is_meant(it)).then_some(())).await;
                is(Health::Running);
            }
        }
    }
}
