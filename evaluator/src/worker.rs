//! Takes work, as many at a time as there are slots, and holds the leases.

use std::sync::Arc;
use std::time::Duration;

use domain::submission::AbandonReason;
use event_store::{Lane, QueueError, Stores, TakeRequest, Work, WorkerId};
use sandbox::{Languages, Sandbox};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::judge::Compiler;
use crate::library::Library;
use crate::session::{self, Interruption, Tools};

/// How long to wait for a wake-up before looking all the same: leases that run out wake nobody.
const IDLE_LOOK: Duration = Duration::from_secs(1);
/// How long to leave a queue alone that failed.
const QUEUE_RETRY_DELAY: Duration = Duration::from_secs(1);

/// How an evaluator works.
#[derive(Debug, Clone)]
pub struct Config {
    /// Unique to one life of one process; stands in events and in the queue.
    pub name: String,
    /// Submissions judged at the same time.
    pub slots: usize,
    /// How long work stays with an evaluator that is not heard of.
    pub lease: Duration,
    /// How often a submission is tried before it is given up.
    pub deliveries_max: u32,
    /// How long a shutdown waits for submissions under way.
    pub drain: Duration,
}

/// A worker with its slots.
#[derive(Debug)]
pub struct Evaluator {
    config: Config,
    tools: Arc<Tools>,
}

impl Evaluator {
    /// An evaluator on these stores and this sandbox.
    pub fn new(
        config: Config,
        stores: &Stores,
        sandbox: Arc<dyn Sandbox>,
        languages: Arc<Languages>,
    ) -> Self {
        let tools = Tools {
            name: config.name.clone(),
            log: Arc::clone(&stores.log),
            queue: Arc::clone(&stores.queue),
            compiler: Compiler::new(Arc::clone(&sandbox)),
            sandbox,
            languages,
            library: Library::new(Arc::clone(&stores.log), Arc::clone(&stores.blobs)),
            deliveries_max: config.deliveries_max,
        };
        Self { config, tools: Arc::new(tools) }
    }

    /// Runs until cancelled; then takes no more, waits for what is under way, and gives back what
    /// the drain time was too short for.
    pub async fn run(self, cancelled: CancellationToken) {
        let slots = Arc::new(Semaphore::new(self.config.slots));
        let under_way = TaskTracker::new();
        let out_of_time = CancellationToken::new();
        cancelled.run_until_cancelled(self.take_work(slots, &under_way, &out_of_time)).await;
        under_way.close();
        if tokio::time::timeout(self.config.drain, under_way.wait()).await.is_err() {
            tracing::warn!(under_way = under_way.len(), "giving back what is under way");
            out_of_time.cancel();
            under_way.wait().await;
        }
        self.tools.sandbox.shutdown().await;
    }

    async fn take_work(
        &self,
        slots: Arc<Semaphore>,
        under_way: &TaskTracker,
        out_of_time: &CancellationToken,
    ) {
        let request = TakeRequest {
            worker: WorkerId(self.config.name.clone()),
            lanes: Lane::ALL.to_vec(),
            lease: self.config.lease,
        };
        let mut ready = self.tools.queue.ready();
        loop {
            let slot = Arc::clone(&slots).acquire_owned().await.expect("slots are never closed");
            ready.mark_unchanged();
            match self.tools.queue.take(&request).await {
                Ok(Some(work)) => {
                    let (tools, lease) = (Arc::clone(&self.tools), self.config.lease);
                    let out_of_time = out_of_time.clone();
                    under_way.spawn(async move {
                        handle(&tools, work, lease, out_of_time).await;
                        drop(slot);
                    });
                }
                Ok(None) => {
                    drop(slot);
                    // A time-out and a closed channel are both a reason to look again.
                    let _ = tokio::time::timeout(IDLE_LOOK, ready.changed()).await;
                }
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "taking work failed");
                    tokio::time::sleep(QUEUE_RETRY_DELAY).await;
                }
            }
        }
    }
}

/// Judges one piece of work while holding its lease.
async fn handle(tools: &Tools, work: Work, lease: Duration, out_of_time: CancellationToken) {
    let submission = &work.item.stream;
    // Dropping the judging future destroys its cell.
    let interruption = tokio::select! {
        judged = session::judge(tools, &work) => match judged {
            Ok(()) => return,
            Err(interruption) => interruption,
        },
        () = hold(tools, &work, lease) => Interruption::Fenced,
        () = out_of_time.cancelled() => {
            report(session::give_back(tools, &work, AbandonReason::ShutDown).await, &work);
            return;
        }
    };
    if let Interruption::Fenced = interruption {
        tracing::info!(%submission, "another evaluator took over");
        return;
    }
    let detail = session::detail(&interruption);
    tracing::error!(%submission, deliveries = work.deliveries, detail, "judging failed");
    report(session::give_back(tools, &work, AbandonReason::Failed { detail }).await, &work);
}

/// Extends the lease again and again; returns when it is lost.
async fn hold(tools: &Tools, work: &Work, lease: Duration) {
    loop {
        tokio::time::sleep(lease / 3).await;
        match tools.queue.extend(&work.receipt, lease).await {
            Ok(()) => {}
            Err(QueueError::LeaseLost) => return,
            // The lease outlasts a short fault; if not, another evaluator fences this one.
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(submission = %work.item.stream, error, "extending failed");
            }
        }
    }
}

/// Work that could not be given back comes back by itself when its lease runs out.
fn report(given_back: Result<(), Interruption>, work: &Work) {
    if let Err(error) = given_back {
        let detail = session::detail(&error);
        tracing::warn!(submission = %work.item.stream, detail, "giving back failed");
    }
}
