//! Keeps every projection running, each on its own.

use std::sync::Arc;
use std::time::Duration;

use domain::Position;
use event_store::EventLog;
use read_model::Views;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{ProjectError, Projection, Runtime};

/// The first wait after a passing fault, and the longest.
const RETRY_DELAY: Duration = Duration::from_millis(100);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(5);

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
}

/// Every projection of one read model.
#[derive(Debug)]
pub struct Supervisor {
    runtimes: Vec<(Runtime, watch::Sender<Status>)>,
}

impl Supervisor {
    /// Supervises these projections.
    pub fn new(
        log: &Arc<dyn EventLog>,
        views: &Views,
        projections: Vec<Arc<dyn Projection>>,
    ) -> Self {
        let runtimes = projections.into_iter().map(|projection| {
            let name = projection.commit_name();
            let status = Status { name, position: Position::START, health: Health::Running };
            let runtime = Runtime { log: Arc::clone(log), views: views.clone(), projection };
            (runtime, watch::Sender::new(status))
        });
        Self { runtimes: runtimes.collect() }
    }

    /// Each projection's state, as it changes.
    pub fn statuses(&self) -> Vec<watch::Receiver<Status>> {
        self.runtimes.iter().map(|(_, status)| status.subscribe()).collect()
    }

    /// Runs until cancelled. What was not committed by then is projected again next time.
    pub async fn run(self, cancelled: CancellationToken) {
        let mut running = JoinSet::new();
        for (runtime, status) in self.runtimes {
            let cancelled = cancelled.clone();
            running.spawn(async move {
                cancelled.run_until_cancelled(supervise(runtime, status)).await;
            });
        }
        running.join_all().await;
    }
}

/// Returns when the projection has met a lasting fault.
async fn supervise(runtime: Runtime, status: watch::Sender<Status>) {
    let mut delay = RETRY_DELAY;
    loop {
        let started_at = status.borrow().position;
        let fault = runtime.follow(|position| {
            status.send_modify(|status| {
                status.position = position;
                status.health = Health::Running;
            });
        });
        let Err(fault) = fault.await else { return };
        let error = chain(&fault);
        let projection = runtime.projection.name();
        if !fault.is_passing() {
            tracing::error!(projection, error, "the projection stopped");
            status.send_modify(|status| status.health = Health::Stopped { error });
            return;
        }
        tracing::warn!(projection, error, "the projection is kept back");
        status.send_modify(|status| status.health = Health::Retrying { error });
        let advanced = status.borrow().position > started_at;
        delay = if advanced { RETRY_DELAY } else { (delay * 2).min(RETRY_DELAY_MAX) };
        tokio::time::sleep(delay).await;
    }
}

/// The error and its causes on one line.
fn chain(error: &ProjectError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
