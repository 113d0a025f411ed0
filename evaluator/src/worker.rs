//! Takes work from the queue while slots are free, and holds the leases.

use std::collections::BTreeSet;
use std::error::Error;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use crash_note::{Entry, LeftNote, Note};
use domain::submission::AbandonReason;
use domain::{LanguageId, StreamId};
use event_store::{
    Ability, Announcement, Blobs, EventLog, Lane, QueueError, Runs, Stores, TakeRequest, Work,
    WorkQueue, WorkerFacts, WorkerId, alert,
};
use futures::FutureExt;
use sandbox::{Language, Languages, Sandbox};
use supervision::error_chain;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::interruption::Interruption;
use crate::judge::{Cells, Compiler};
use crate::library::Library;
use crate::others::{Opened, changed_by_others};
use crate::slots::{Slot, Slots, physical_cores};
use crate::tools::Tools;
use crate::warm_up::warm_up;
use crate::{DiskCache, Figures, crashes, host, rejudge, run, session};

/// How long to wait for a wake-up before checking anyway: an expired lease wakes no evaluator.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Delay before the first retry on a machine without room. Each later delay is twice as long.
const HOST_RETRY_DELAY: Duration = Duration::from_millis(500);
/// Retries on a machine without room, over two minutes in total. After that the submission may be
/// the cause, or another machine may have room.
const HOST_RETRIES_MAX: u32 = 8;
/// Interval of announcements, and the time after which an evaluator knows that it is drained.
const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(5);
/// Interval at which declined trials are checked for cancelled rejudges. Such trials take only room
/// in the queue, so there is no hurry.
const CANCELLED_CHECK_INTERVAL: Duration = Duration::from_secs(60);
/// Delay after the queue failed.
const QUEUE_RETRY_DELAY: Duration = Duration::from_secs(1);

/// Submissions in progress for each slot: one that runs, and one whose verdict is being recorded.
const SESSIONS_PER_SLOT: usize = 2;
/// Cells being destroyed for each slot: those of a submission's compiler and of its tests.
const CLOSING_PER_SLOT: usize = 2;

/// Configuration of an evaluator.
#[derive(Debug, Clone)]
pub struct Config {
    /// The evaluator's name, unique for each process start; recorded in events and in the queue.
    pub name: String,
    /// What operators see of it, except what changes.
    pub facts: WorkerFacts,
    /// The number of programs that run at the same time.
    pub slots: usize,
    /// Whether each slot has its own physical core. Ignored if there are more slots than cores.
    pub pin_cores: bool,
    /// The languages in which submissions are judged.
    pub languages: Vec<Arc<Language>>,
    /// The languages that this machine has, for the programs of problems.
    pub installed: Vec<Arc<Language>>,
    /// Whether the example of each language is run once at the start.
    pub warm_up: bool,
    /// How long an evaluator keeps its work without extending the lease.
    pub lease: Duration,
    /// How many attempts of a submission may fail before it is given up.
    pub deliveries_max: u32,
    /// How long a shutdown waits for submissions in progress.
    pub drain: Duration,
}

impl Config {
    fn abilities(&self) -> BTreeSet<Ability> {
        let judged = self.languages.iter().filter_map(id_of).map(Ability::Judge);
        judged.chain(self.installed.iter().filter_map(id_of).map(Ability::Run)).collect()
    }
}

/// The stores that an evaluator uses.
#[derive(Debug, Clone)]
pub struct Ports {
    /// Receives the verdicts.
    pub log: Arc<dyn EventLog>,
    /// Provides the work.
    pub queue: Arc<dyn WorkQueue>,
    /// Receives the results of runs; `None` if the evaluator takes no runs.
    pub runs: Option<Arc<dyn Runs>>,
    /// Provides sources and test data.
    pub blobs: Arc<dyn Blobs>,
}

impl From<&Stores> for Ports {
    fn from(stores: &Stores) -> Self {
        Self {
            log: Arc::clone(&stores.log),
            queue: Arc::clone(&stores.queue),
            runs: Some(Arc::clone(&stores.runs)),
            blobs: Arc::clone(&stores.blobs),
        }
    }
}

/// An evaluator: a worker with its slots.
#[derive(Debug)]
pub struct Evaluator {
    config: Config,
    tools: Arc<Tools>,
    /// Lists the sessions in progress, if crashes are noted.
    note: Option<Arc<Note>>,
    /// The notes of earlier evaluators that crashed.
    crashed: Vec<LeftNote>,
}

impl Evaluator {
    /// An evaluator that uses these stores and this sandbox. `disk` caches test data.
    pub fn new(
        config: Config,
        ports: impl Into<Ports>,
        sandbox: Arc<dyn Sandbox>,
        languages: Arc<Languages>,
        disk: Option<DiskCache>,
    ) -> Self {
        let pinned = config.pin_cores && config.slots <= physical_cores();
        let cells = Arc::new(Cells::new(sandbox, CLOSING_PER_SLOT * config.slots));
        let slots = Slots::new(config.slots, pinned);
        let Ports { log, queue, runs, blobs } = ports.into();
        let tools = Tools {
            name: config.name.clone(),
            library: Library::new(Arc::clone(&log), blobs, disk.map(Arc::new)),
            log,
            queue,
            runs,
            figures: Arc::new(Figures::new(Arc::clone(&slots))),
            slots,
            compiler: Compiler::new(Arc::clone(&cells)),
            cells,
            abilities: Arc::new(config.abilities()),
            languages,
            deliveries_max: config.deliveries_max,
        };
        Self { config, tools: Arc::new(tools), note: None, crashed: vec![] }
    }

    /// Lists the sessions in progress in this note, and records the crashes of the evaluators that
    /// left the other notes before it takes work. [`run`](Self::run) must then be called on threads
    /// that the note watches.
    #[must_use]
    pub fn with_notes(self, note: Arc<Note>, crashed: Vec<LeftNote>) -> Self {
        Self { note: Some(note), crashed, ..self }
    }

    /// The evaluator's metrics, which continue to be updated.
    pub fn figures(&self) -> Arc<Figures> {
        Arc::clone(&self.tools.figures)
    }

    /// Runs until cancelled. Then it takes no further work, waits for submissions in progress, and
    /// returns to the queue those that exceed the drain time. All cells are destroyed when this
    /// returns.
    pub async fn run(mut self, cancelled: CancellationToken) {
        let under_way = TaskTracker::new();
        let out_of_time = CancellationToken::new();
        let languages = if self.config.warm_up { self.config.languages.clone() } else { vec![] };
        let (tools, enough) = (Arc::clone(&self.tools), cancelled.clone());
        let warming = tokio::spawn(async move {
            enough.run_until_cancelled(warm_up(&tools, &languages)).await;
        });
        let crashed = std::mem::take(&mut self.crashed);
        let drained = watch::Sender::new(None);
        let working = async {
            crashes::record(&self.tools, crashed).await;
            tokio::select! {
                biased;
                () = self.announce(&under_way, &drained) => {}
                () = self.discard_cancelled_trials() => {}
                () = self.take_work(&under_way, &out_of_time, drained.subscribe()) => {}
            }
        };
        cancelled.run_until_cancelled(working).await;
        under_way.close();
        if tokio::time::timeout(self.config.drain, under_way.wait()).await.is_err() {
            tracing::warn!(under_way = under_way.len(), "returning unfinished work to the queue");
            out_of_time.cancel();
            under_way.wait().await;
        }
        if let Err(error) = warming.await {
            tracing::error!(error = &error as &dyn Error, "warming up failed");
        }
        self.tools.cells.drained().await;
        self.tools.cells.sandbox().shutdown().await;
        if let Some(Err(error)) = self.note.map(|note| note.remove()) {
            tracing::warn!(
                error = &error as &dyn Error,
                "removing the note of this process failed"
            );
        }
    }

    /// Announces this evaluator regularly, and learns whether it is drained.
    async fn announce(&self, under_way: &TaskTracker, drained: &watch::Sender<Option<bool>>) {
        let mut announcement = Announcement {
            worker: WorkerId(self.config.name.clone()),
            abilities: (*self.tools.abilities).clone(),
            facts: self.config.facts.clone(),
        };
        announcement.facts.slots = self.config.slots.try_into().unwrap_or(u32::MAX);
        loop {
            announcement.facts.running = under_way.len().try_into().unwrap_or(u32::MAX);
            let delay = match self.tools.queue.announce(&announcement).await {
                Ok(is_drained) => {
                    let was_drained = drained.send_replace(Some(is_drained)).unwrap_or(false);
                    match (was_drained, is_drained) {
                        (false, true) => tracing::info!("drained: takes no new work"),
                        (true, false) => tracing::info!("no longer drained: takes work again"),
                        _ => {}
                    }
                    ANNOUNCE_INTERVAL
                }
                Err(error) => {
                    let error = &error as &dyn Error;
                    tracing::warn!(alert = alert(error), error, "announcing this evaluator failed");
                    QUEUE_RETRY_DELAY
                }
            };
            tokio::time::sleep(delay).await;
        }
    }

    /// Logs why no work was taken. Returns how long to wait before the next try.
    fn taking_failed(&self, error: &QueueError) -> Duration {
        if let QueueError::Damaged(_) = error {
            // Only this piece of work is affected, and it is passed over from now on.
            self.tools.figures.found_damaged_work(error_chain(error));
            tracing::error!(alert = true, error = error as &dyn Error, "work is passed over");
            return Duration::ZERO;
        }
        let error: &dyn Error = error;
        tracing::warn!(alert = alert(error), error, "taking work failed");
        QUEUE_RETRY_DELAY
    }

    /// Discards declined trials of cancelled rejudges regularly.
    async fn discard_cancelled_trials(&self) {
        loop {
            if let Err(error) = rejudge::discard_cancelled_trials(&self.tools).await {
                let error = &error as &dyn Error;
                tracing::warn!(alert = alert(error), error, "trials of cancelled rejudges stay");
            }
            tokio::time::sleep(CANCELLED_CHECK_INTERVAL).await;
        }
    }

    /// Takes work unless the evaluator is drained. It takes none before it knows that it is not.
    async fn take_work(
        &self,
        under_way: &TaskTracker,
        out_of_time: &CancellationToken,
        mut drained: watch::Receiver<Option<bool>>,
    ) {
        let takes_runs = self.tools.runs.is_some();
        let lanes = Lane::ALL.into_iter().filter(|lane| *lane != Lane::Run || takes_runs);
        let any = TakeRequest {
            worker: WorkerId(self.config.name.clone()),
            lanes: lanes.collect(),
            lease: self.config.lease,
            abilities: Arc::clone(&self.tools.abilities),
        };
        let mut live = any.clone();
        live.lanes.retain(|lane| *lane == Lane::Submit);
        // Runs and rejudges come first in turn, so that neither starves the other.
        let mut rejudges_first = any.clone();
        rejudges_first.lanes.sort_by_key(|lane| match lane {
            Lane::Submit => 0,
            Lane::Rejudge => 1,
            Lane::Run => 2,
        });
        let mut turns = [&any, &rejudges_first].into_iter().cycle();
        let sessions = Arc::new(Semaphore::new(SESSIONS_PER_SLOT * self.config.slots));
        let mut ready = self.tools.queue.ready();
        loop {
            let session = Arc::clone(&sessions).acquire_owned().await;
            let session = session.expect("sessions are never closed");
            let slot = self.tools.slots.acquire().await;
            if *drained.borrow() != Some(false) {
                drop((slot, session));
                let undrained = drained.wait_for(|drained| *drained == Some(false)).await;
                undrained.expect("the sender lives as long as this");
                continue;
            }
            // Runs and rejudges can hold only some of the slots, so that submissions find one.
            let share = self.tools.slots.try_share();
            let request = match &share {
                Some(_) => turns.next().unwrap_or(&any),
                None => &live,
            };
            ready.mark_unchanged();
            match self.tools.queue.take(request).await {
                Ok(Some(work)) => {
                    let slot = match share.filter(|_| work.item.lane != Lane::Submit) {
                        Some(share) => slot.within(share),
                        None => slot,
                    };
                    let (tools, lease) = (Arc::clone(&self.tools), self.config.lease);
                    let (out_of_time, entry) = (out_of_time.clone(), self.enter(&work));
                    under_way.spawn(async move {
                        handle(&tools, work, slot, lease, out_of_time).await;
                        drop((entry, session));
                    });
                }
                Ok(None) => {
                    let asked_for_all_lanes = share.is_some();
                    drop((share, slot, session));
                    // `biased` makes the order deterministic for the simulation, here and below.
                    tokio::select! {
                        biased;
                        // A timeout and a closed channel are both a reason to check again.
                        _ = tokio::time::timeout(POLL_INTERVAL, ready.changed()) => {}
                        () = self.tools.slots.share_is_free(), if !asked_for_all_lanes => {}
                    }
                }
                Err(error) => {
                    drop((share, slot, session));
                    tokio::time::sleep(self.taking_failed(&error)).await;
                }
            }
        }
    }

    /// Adds work to the note. Without the entry, a crash is not counted.
    fn enter(&self, work: &Work) -> Option<Entry> {
        let submission = &work.item.stream;
        if let StreamId::Rejudge(_) = submission {
            // It is never given up.
            return None;
        }
        match self.note.as_ref()?.enter(&submission.to_string()) {
            Ok(entry) => Some(entry),
            Err(error) => {
                let error = &error as &dyn Error;
                tracing::warn!(%submission, error, "this session cannot be noted");
                None
            }
        }
    }
}

/// The language's id in events. A language of the configuration whose id is no valid name is never
/// asked for.
fn id_of(language: &Arc<Language>) -> Option<LanguageId> {
    language.id.as_str().parse().ok()
}

/// Processes the work, and retries after a delay if this machine has no room. That is not the
/// submission's fault, and does not use up its tries.
async fn carry_out(
    tools: &Tools,
    work: &Work,
    slot: Slot,
    opened: &Opened,
) -> Result<(), Interruption> {
    let mut done = try_once(tools, work, slot, opened).await;
    for retry in 0..HOST_RETRIES_MAX {
        let Some(detail) = note_fault(tools, &done) else { return done };
        tracing::error!(submission = %work.item.stream, detail, "this machine cannot judge now; trying again");
        tokio::time::sleep(HOST_RETRY_DELAY * 2_u32.pow(retry)).await;
        done = try_once(tools, work, tools.slots.acquire().await, opened).await;
    }
    note_fault(tools, &done);
    done
}

/// Records in the metrics why this machine could not judge in the last try, if that is why it
/// failed.
fn note_fault(tools: &Tools, done: &Result<(), Interruption>) -> Option<String> {
    let fault = done.as_ref().err().filter(|it| host::is_at_fault(*it)).map(session::detail);
    tools.figures.tried(fault.clone());
    fault
}

/// Judges a submission or a trial, runs a program on own inputs, or queues a rejudge's trials.
async fn try_once(
    tools: &Tools,
    work: &Work,
    slot: Slot,
    opened: &Opened,
) -> Result<(), Interruption> {
    match &work.item.stream {
        StreamId::Rejudge(id) => {
            // A rejudge runs no program.
            drop(slot);
            rejudge::queue_trials(tools, work, *id).await
        }
        StreamId::Trial(trial) if rejudge::is_cancelled(tools, trial.rejudge).await? => {
            Ok(tools.queue.discard(&work.receipt).await?)
        }
        StreamId::Run(id) => run::run(tools, work, *id, slot).await,
        _ => session::judge(tools, work, slot, opened).await,
    }
}

/// Returns work to the queue, or gives it up. A rejudge is never given up, because only the stores
/// can make it fail.
async fn give_back(tools: &Tools, work: &Work, reason: AbandonReason) -> Result<(), Interruption> {
    match &work.item.stream {
        StreamId::Rejudge(_) => Ok(tools.queue.release(&work.receipt).await?),
        StreamId::Run(id) => run::give_back(tools, work, *id, reason).await,
        _ => session::give_back(tools, work, reason).await,
    }
}

/// Processes one piece of work while holding its lease.
async fn handle(
    tools: &Tools,
    work: Work,
    slot: Slot,
    lease: Duration,
    out_of_time: CancellationToken,
) {
    let submission = &work.item.stream;
    // Dropping the judging future destroys its cells. What a panic leaves behind is not used again.
    let opened = Opened::default();
    let carried_out = AssertUnwindSafe(carry_out(tools, &work, slot, &opened)).catch_unwind();
    let interruption = tokio::select! {
        biased;
        done = carried_out => match done {
            Ok(Ok(())) => return,
            Ok(Err(interruption)) => interruption,
            Err(_) => Interruption::Panicked,
        },
        () = hold(tools, &work, lease) => Interruption::Fenced,
        () = changed_by_others(tools, &work, &opened) => Interruption::Fenced,
        () = out_of_time.cancelled() => {
            report(give_back(tools, &work, AbandonReason::ShutDown).await, &work);
            return;
        }
    };
    if let Interruption::Fenced = interruption {
        match session::finish_cancelled(tools, &work).await {
            Ok(true) => tracing::info!(%submission, "it was cancelled"),
            Ok(false) => tracing::info!(%submission, "another evaluator took over"),
            Err(error) => report(Err(error), &work),
        }
        return;
    }
    let is_bug = matches!(interruption, Interruption::Panicked);
    let (detail, alert) = (session::detail(&interruption), alert(&interruption));
    let alert = alert.or(is_bug.then_some(true));
    tracing::error!(%submission, deliveries = work.deliveries, alert, detail, "judging failed");
    report(give_back(tools, &work, AbandonReason::Failed { detail }).await, &work);
}

/// Extends the lease repeatedly. Returns when the lease is lost.
async fn hold(tools: &Tools, work: &Work, lease: Duration) {
    loop {
        tokio::time::sleep(lease / 3).await;
        match tools.queue.extend(&work.receipt, lease).await {
            Ok(()) => {}
            Err(QueueError::LeaseLost) => return,
            // The lease outlasts a short failure. After a long one, another evaluator fences this
            // one.
            Err(error) => {
                let error = &error as &dyn Error;
                tracing::warn!(submission = %work.item.stream, error, "extending the lease failed");
            }
        }
    }
}

/// Work that could not be returned becomes available again when its lease expires.
fn report(given_back: Result<(), Interruption>, work: &Work) {
    if let Err(error) = given_back {
        let (detail, alert) = (session::detail(&error), alert(&error));
        tracing::warn!(submission = %work.item.stream, alert, detail, "returning work to the queue failed");
    }
}
