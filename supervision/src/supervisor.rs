//! Starts tasks, starts them again when they fail, and ends them in order.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::{Backoff, Reporter, Status, error_chain};

/// The first and the longest delay before a task is started again.
const RESTART_DELAY: Duration = Duration::from_millis(100);
const RESTART_DELAY_MAX: Duration = Duration::from_secs(60);

/// Why a task ended before it was cancelled.
pub type Fault = Box<dyn Error + Send + Sync>;

/// A long-lived task that can be started again.
#[async_trait]
pub trait Task: fmt::Debug + Send + Sync {
    /// One or two plain words, as `system` in the API shows them.
    fn name(&self) -> &'static str;

    /// Runs until cancelled, and then ends its work in an orderly way. Transient faults are the
    /// task's own to retry and to report.
    ///
    /// # Errors
    /// When it cannot go on by itself. It is started again later.
    async fn run(&self, reporter: &Reporter, cancelled: CancellationToken) -> Result<(), Fault>;
}

/// Tasks that are not started yet, in the order in which they will be drained.
#[derive(Debug, Default)]
pub struct Supervisor {
    tasks: Vec<(Arc<dyn Task>, Reporter)>,
}

impl Supervisor {
    /// Adds a task. It is drained after those that were added before it.
    pub fn add(&mut self, task: Arc<dyn Task>) {
        let reporter = Reporter::new(task.name());
        self.tasks.push((task, reporter));
    }

    /// The status of every task, as it changes.
    pub fn statuses(&self) -> Vec<watch::Receiver<Status>> {
        self.tasks.iter().map(|(_, reporter)| reporter.status()).collect()
    }

    /// Starts every task.
    pub fn start(self) -> Started {
        let tasks = self.tasks.into_iter().map(|(task, reporter)| {
            let cancelled = CancellationToken::new();
            let (name, token) = (task.name(), cancelled.clone());
            let running = tokio::spawn(keep_running(task, reporter, token));
            Running { name, cancelled, running: AbortOnDropHandle::new(running) }
        });
        Started { tasks: tasks.collect() }
    }
}

/// Tasks that run. Dropping this aborts them.
#[derive(Debug)]
pub struct Started {
    tasks: Vec<Running>,
}

#[derive(Debug)]
struct Running {
    name: &'static str,
    cancelled: CancellationToken,
    running: AbortOnDropHandle<()>,
}

impl Started {
    /// Cancels the tasks one after the other, each when the one before it has ended. When `within`
    /// has passed, the rest are aborted. Returns the names of those that did not end by themselves.
    pub async fn drain(self, within: Duration) -> Vec<&'static str> {
        let deadline = Instant::now() + within;
        let mut aborted = Vec::new();
        for task in self.tasks {
            task.cancelled.cancel();
            let ended = tokio::time::timeout_at(deadline, task.running).await;
            if ended.is_err() {
                aborted.push(task.name);
            }
        }
        aborted
    }
}

async fn keep_running(task: Arc<dyn Task>, reporter: Reporter, cancelled: CancellationToken) {
    let mut backoff = Backoff::new(RESTART_DELAY, RESTART_DELAY_MAX);
    loop {
        let started_at = Instant::now();
        let error = match run_once(&task, &reporter, &cancelled).await {
            Ok(()) if cancelled.is_cancelled() => return,
            Ok(()) => "it ended without a reason".to_owned(),
            Err(error) => error,
        };
        let task = task.name();
        if cancelled.is_cancelled() {
            tracing::warn!(task, error, "a task failed while it was shut down");
            return;
        }
        if started_at.elapsed() > RESTART_DELAY_MAX {
            backoff.reset();
        }
        let delay = backoff.next_delay();
        tracing::error!(alert = true, task, error, ?delay, "a task failed; it is started again");
        reporter.restarted(error);
        if cancelled.run_until_cancelled(tokio::time::sleep(delay)).await.is_none() {
            return;
        }
    }
}

/// In a task of the runtime's own, so that a panic ends nothing else.
async fn run_once(
    task: &Arc<dyn Task>,
    reporter: &Reporter,
    cancelled: &CancellationToken,
) -> Result<(), String> {
    let (task, reporter, cancelled) = (Arc::clone(task), reporter.clone(), cancelled.clone());
    let mut running = JoinSet::new();
    running.spawn(async move { task.run(&reporter, cancelled).await });
    match running.join_next().await {
        None => Ok(()),
        Some(Ok(ended)) => ended.map_err(|fault| error_chain(fault.as_ref())),
        Some(Err(error)) => Err(panic_message(error)),
    }
}

fn panic_message(error: JoinError) -> String {
    let payload: Box<dyn Any + Send> = match error.try_into_panic() {
        Ok(payload) => payload,
        Err(error) => return error.to_string(),
    };
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&'static str>().copied());
    format!("it panicked: {}", text.unwrap_or("without a message"))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::Health;

    /// Fails in these ways, one at each start, and then runs.
    #[derive(Debug)]
    struct Failing {
        name: &'static str,
        starts: AtomicU32,
        ways: &'static [Way],
        ended: Arc<Mutex<Vec<&'static str>>>,
    }

    #[derive(Debug, Clone, Copy)]
    enum Way {
        Panics,
        Fails,
        Ends,
        NeverEnds,
    }

    #[async_trait]
    impl Task for Failing {
        fn name(&self) -> &'static str {
            self.name
        }

        async fn run(
            &self,
            reporter: &Reporter,
            cancelled: CancellationToken,
        ) -> Result<(), Fault> {
            let start = self.starts.fetch_add(1, Ordering::Relaxed) as usize;
            match self.ways.get(start) {
                Some(Way::Panics) => panic!("at start {start}"),
                Some(Way::Fails) => return Err("no disk".into()),
                Some(Way::Ends) => return Ok(()),
                Some(Way::NeverEnds) => std::future::pending().await,
                None => {}
            }
            reporter.running();
            cancelled.cancelled().await;
            self.ended.lock().unwrap().push(self.name);
            Ok(())
        }
    }

    fn supervisor(
        tasks: &[(&'static str, &'static [Way])],
    ) -> (Supervisor, Arc<Mutex<Vec<&'static str>>>) {
        let (mut supervisor, ended) = (Supervisor::default(), Arc::default());
        for (name, ways) in tasks {
            let (starts, ended) = (AtomicU32::new(0), Arc::clone(&ended));
            supervisor.add(Arc::new(Failing { name, starts, ways, ended }));
        }
        (supervisor, ended)
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_is_started_again_however_it_ends() {
        let (supervisor, _) = supervisor(&[("ill", &[Way::Panics, Way::Fails, Way::Ends])]);
        let mut status = supervisor.statuses().remove(0);
        let started = supervisor.start();
        let mut seen = Vec::new();
        while seen.len() < 4 {
            status.changed().await.unwrap();
            let Status { health, restarts, .. } = status.borrow_and_update().clone();
            seen.push((restarts, health));
        }
        let stopped = |error: &str| Health::Stopped { error: error.to_owned() };
        assert_eq!(
            seen,
            [
                (1, stopped("it panicked: at start 0")),
                (2, stopped("no disk")),
                (3, stopped("it ended without a reason")),
                (3, Health::Running),
            ]
        );
        assert!(started.drain(Duration::from_secs(1)).await.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn tasks_are_drained_in_order_and_the_stuck_ones_are_named() {
        let tasks: &[(_, &[Way])] =
            &[("first", &[]), ("second", &[Way::Panics]), ("stuck", &[Way::NeverEnds])];
        let (supervisor, ended) = supervisor(tasks);
        let started = supervisor.start();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(started.drain(Duration::from_secs(5)).await, ["stuck"]);
        assert_eq!(*ended.lock().unwrap(), ["first", "second"]);
    }
}
