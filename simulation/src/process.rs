//! A process that can die or be paused at any request.
//!
//! A process affects others only by its requests to stores and cells. So it dies at a request,
//! before or after the request arrives. To all others, dying while it waits for anything else looks
//! the same as dying at the next request. A dead process gets no answers and sends no requests.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, watch};

use crate::world::{Fate, World};

/// One run of a process, until it dies or ends.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) name: String,
    pub(crate) world: Arc<World>,
    condition: Mutex<Condition>,
    changed: Notify,
    /// Steps until it dies.
    steps_left: AtomicU64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    Running,
    Paused,
    Dead,
}

/// Why a request has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Silence {
    /// The request had no effect, and never will.
    NotDone,
    /// The request may have had an effect, or may have one later.
    Unknown,
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotDone => "the request was lost",
            Self::Unknown => "there was no answer",
        })
    }
}

impl std::error::Error for Silence {}

impl Process {
    /// A process that dies after this number of steps, if any.
    pub(crate) fn new(name: String, world: Arc<World>, steps: Option<u64>) -> Arc<Self> {
        Arc::new(Self {
            name,
            world,
            condition: Mutex::new(Condition::Running),
            changed: Notify::new(),
            steps_left: AtomicU64::new(steps.unwrap_or(u64::MAX)),
        })
    }

    /// Sends a request whose only effect is one step of a store. `effect` returns the answer and
    /// the text for the story.
    pub(crate) async fn ask<T: Send + 'static>(
        self: &Arc<Self>,
        what: &'static str,
        effect: impl Fn() -> (T, String) + Send + 'static,
    ) -> Result<T, Silence> {
        self.step().await;
        let journey = self.world.journey();
        tokio::time::sleep(journey.there).await;
        self.step().await;
        let process = Arc::clone(self);
        let effect = move || {
            let (answer, outcome) = effect();
            process.world.add_step(&process.name, format_args!("{what} {outcome}"));
            answer
        };
        if journey.fate != Fate::Answered {
            self.world.count(|figures| figures.faults += 1);
            self.world.add_step(&self.name, format_args!("{what}: {:?}", journey.fate));
        }
        let answer = match journey.fate {
            Fate::Answered => Ok(effect()),
            Fate::Lost => Err(Silence::NotDone),
            Fate::AnswerLost => {
                effect();
                Err(Silence::Unknown)
            }
            Fate::Late(delay) => {
                tokio::spawn(async move {
                    tokio::time::sleep(delay).await;
                    effect();
                });
                Err(Silence::Unknown)
            }
            Fate::Twice(delay) => {
                let answer = effect();
                tokio::spawn(async move {
                    tokio::time::sleep(delay).await;
                    effect();
                });
                Ok(answer)
            }
        };
        tokio::time::sleep(journey.back).await;
        self.step().await;
        answer
    }

    /// A point where the process may die. Returns while it runs, waits while it is paused, and
    /// never returns once it is dead.
    pub(crate) async fn step(&self) {
        if self.world.is_stormy() && self.steps_left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.kill();
        }
        self.reaches(Condition::Running).await;
    }

    /// Waits until the process is dead.
    pub(crate) async fn dies(&self) {
        self.reaches(Condition::Dead).await;
    }

    /// Kills the process.
    pub(crate) fn kill(&self) {
        self.world.add_step(&self.name, format_args!("dies"));
        self.world.count(|figures| figures.crashes += 1);
        self.turn(Condition::Dead);
    }

    /// Stops what an ended process left behind, without counting a crash.
    pub(crate) fn kill_quietly(&self) {
        self.turn(Condition::Dead);
    }

    pub(crate) fn pause(&self) {
        self.world.count(|figures| figures.pauses += 1);
        self.turn(Condition::Paused);
    }

    pub(crate) fn resume(&self) {
        self.turn(Condition::Running);
    }

    /// Relays wake-ups to the process, some of them late or not at all.
    pub(crate) fn relay<T: Clone + Send + Sync + 'static>(
        self: &Arc<Self>,
        mut from: watch::Receiver<T>,
    ) -> watch::Receiver<T> {
        let (sender, receiver) = watch::channel(from.borrow().clone());
        let process = Arc::clone(self);
        tokio::spawn(async move {
            loop {
                let changed = tokio::select! {
                    biased;
                    () = sender.closed() => return,
                    () = process.dies() => return,
                    changed = from.changed() => changed,
                };
                if changed.is_err() {
                    return;
                }
                if let Some(delay) = process.world.wake_up() {
                    tokio::time::sleep(delay).await;
                    sender.send_replace(from.borrow_and_update().clone());
                }
            }
        });
        receiver
    }

    async fn reaches(&self, wanted: Condition) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if self.condition() == wanted {
                return;
            }
            changed.await;
        }
    }

    fn condition(&self) -> Condition {
        *self.condition.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, condition: Condition) {
        let mut now = self.condition.lock().unwrap_or_else(PoisonError::into_inner);
        if *now != Condition::Dead {
            *now = condition;
        }
        drop(now);
        self.changed.notify_waiters();
    }
}
