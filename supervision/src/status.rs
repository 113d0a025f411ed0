//! How a task is.

use std::sync::Arc;

use tokio::sync::watch;

/// How a long-lived task is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It does its work.
    Running,
    /// A transient fault keeps it back; it retries by itself.
    Retrying {
        /// The fault, with its causes.
        error: String,
    },
    /// A fault ended it, or it panicked.
    Stopped {
        /// The fault, with its causes.
        error: String,
    },
}

/// The state of one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The task's name: one or two plain words.
    pub name: &'static str,
    /// How it is. After a restart it stays [`Health::Stopped`] until the task reports otherwise.
    pub health: Health,
    /// Number of times that it was started again.
    pub restarts: u64,
}

/// Where a task reports how it is.
#[derive(Debug, Clone)]
pub struct Reporter(Arc<watch::Sender<Status>>);

impl Reporter {
    /// A reporter for the task with this name.
    pub fn new(name: &'static str) -> Self {
        Self(Arc::new(watch::Sender::new(Status { name, health: Health::Running, restarts: 0 })))
    }

    /// The status, as it changes.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.0.subscribe()
    }

    /// The task does its work.
    pub fn running(&self) {
        self.report(Health::Running);
    }

    /// A transient fault keeps the task back.
    pub fn retrying(&self, error: String) {
        self.report(Health::Retrying { error });
    }

    /// The task ended because of a fault, and is started again.
    pub(crate) fn restarted(&self, error: String) {
        self.0.send_modify(|status| {
            status.health = Health::Stopped { error };
            status.restarts += 1;
        });
    }

    fn report(&self, health: Health) {
        self.0.send_if_modified(|status| {
            let changed = status.health != health;
            status.health = health;
            changed
        });
    }
}
