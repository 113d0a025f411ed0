//! The processes of the service: the real roles, on stores with faults. They are restarted whenever
//! they end.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use audit::{Signer, SignerKey, Tree};
use evaluator::{Config, Evaluator};
use event_store::WorkerFacts;
use futures::future::BoxFuture;
use projector::{Projector, Status};
use sandbox::Languages;
use supervision::{Health, Reporter, Task};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::cells::SimulatedSandbox;
use crate::process::Process;
use crate::world::World;
use crate::{Stores, faults};

/// How long a stopping process may take to finish its current work.
const DRAIN: Duration = Duration::from_secs(2);
/// Maximum number of steps of a process before it dies.
const STEPS_MAX: u64 = 90;
/// When a process is stopped or paused after its start, in milliseconds.
const LIFE_MS: std::ops::RangeInclusive<u64> = 1..=8_000;
/// How long a process is paused, or gone before it is restarted, in milliseconds.
const AWAY_MS: std::ops::RangeInclusive<u64> = 10..=12_000;

/// A role, which runs in a process until it is cancelled.
pub(crate) type Role =
    Arc<dyn Fn(Arc<Process>, CancellationToken) -> BoxFuture<'static, ()> + Send + Sync>;

/// The configuration of every evaluator of a seed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Judging {
    pub(crate) slots: usize,
    pub(crate) lease: Duration,
    pub(crate) deliveries_max: u32,
}

/// Restarts a process whenever it ends, and makes it crash, stop and pause.
pub(crate) async fn keep(world: Arc<World>, name: &'static str, role: Role) {
    for life in 1.. {
        let (weather, stormy) = (&world.weather, world.is_stormy());
        let (steps, stop, pause, away) = {
            let mut dice = world.dice();
            let steps = (stormy && dice.falls(weather.crash)).then(|| dice.number(1..=STEPS_MAX));
            let stop = (stormy && dice.falls(weather.stop)).then(|| dice.time(LIFE_MS));
            let pause = (stormy && dice.falls(weather.pause))
                .then(|| (dice.time(LIFE_MS), dice.time(AWAY_MS)));
            (steps, stop, pause, dice.time(AWAY_MS))
        };
        let process = Process::new(format!("{name}.{life}"), Arc::clone(&world), steps);
        let stop_token = CancellationToken::new();
        world.add_step(&process.name, format_args!("starts"));
        let mut running = tokio::spawn(role(Arc::clone(&process), stop_token.clone()));
        let trouble = async {
            tokio::join!(stop_after(&process, stop, &stop_token), pause_for(&process, pause));
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            () = process.dies() => running.abort(),
            ended = &mut running => {
                if let Err(error) = ended {
                    world.violate(format!("{} ended: {error}", process.name));
                }
                // Stop what it left behind.
                process.kill_quietly();
            }
            () = trouble => {}
        }
        world.add_step(&process.name, format_args!("is gone"));
        tokio::time::sleep(away).await;
    }
}

async fn stop_after(process: &Process, after: Option<Duration>, stop: &CancellationToken) {
    let Some(after) = after else { return };
    tokio::time::sleep(after).await;
    process.world.add_step(&process.name, format_args!("is asked to stop"));
    process.world.count(|figures| figures.stops += 1);
    stop.cancel();
}

async fn pause_for(process: &Process, pause: Option<(Duration, Duration)>) {
    let Some((after, away)) = pause else { return };
    tokio::time::sleep(after).await;
    process.pause();
    tokio::time::sleep(away).await;
    process.resume();
}

/// The evaluator role.
pub(crate) fn evaluator(stores: &Stores, judging: Judging) -> Role {
    let stores = stores.clone();
    Arc::new(move |process, stop| {
        let config = Config {
            name: process.name.clone(),
            facts: WorkerFacts::default(),
            slots: judging.slots,
            pin_cores: false,
            languages: languages().all().to_vec(),
            installed: languages().all().to_vec(),
            warm_up: false,
            lease: judging.lease,
            deliveries_max: judging.deliveries_max,
            drain: DRAIN,
        };
        let ports = faults::ports(&process, &stores);
        let sandbox = Arc::new(SimulatedSandbox { process });
        Box::pin(Evaluator::new(config, ports, sandbox, languages(), None).run(stop))
    })
}

/// The built-in languages, parsed once.
fn languages() -> Arc<Languages> {
    static LANGUAGES: OnceLock<Arc<Languages>> = OnceLock::new();
    Arc::clone(LANGUAGES.get_or_init(|| Arc::new(Languages::builtin())))
}

/// The projector role, which also signs if there is a key.
pub(crate) fn projector(stores: &Stores, key: Option<SignerKey>, health: Arc<Projecting>) -> Role {
    let stores = stores.clone();
    Arc::new(move |process, stop| {
        let log = faults::ports(&process, &stores).log;
        let views = faults::views(&process, &stores);
        let projector = Projector::new(&log, &views, projector::all());
        health.is_now(projector.statuses());
        let tree = Tree::new(faults::tree(&process, &stores));
        let signer = key.clone().map(|key| Signer::new(log, tree, vec![key]));
        Box::pin(async move {
            let signing = async {
                if let Some(signer) = signer {
                    // What ended it, it has logged.
                    let _ = signer.run(&Reporter::new("signer"), stop.clone()).await;
                }
            };
            tokio::join!(projector.run(stop.clone()), signing);
        })
    })
}

/// The statuses of the projections in all runs of the projector.
#[derive(Debug, Default)]
pub(crate) struct Projecting(Mutex<Vec<watch::Receiver<Status>>>);

impl Projecting {
    fn is_now(&self, statuses: Vec<watch::Receiver<Status>>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(statuses);
    }

    /// The projections that stopped, and why.
    pub(crate) fn stopped(&self) -> Vec<String> {
        let statuses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stopped = statuses.iter().filter_map(|status| {
            let status = status.borrow();
            match &status.health {
                Health::Stopped { error } => Some(format!("{}: {error}", status.name)),
                Health::Running | Health::Retrying { .. } => None,
            }
        });
        stopped.collect()
    }
}

/// The command role: it serves clients at the counter until it stops.
pub(crate) fn counter(counter: Arc<Counter>) -> Role {
    Arc::new(move |process, stop| {
        let counter = Arc::clone(&counter);
        Box::pin(async move {
            counter.is_served_by(Some(process));
            stop.cancelled().await;
            counter.is_served_by(None);
        })
    })
}

/// Where clients find the process that receives submissions.
#[derive(Debug, Default)]
pub(crate) struct Counter(Mutex<Option<Arc<Process>>>);

impl Counter {
    fn is_served_by(&self, process: Option<Arc<Process>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = process;
    }

    /// The process that serves; it may be dead.
    pub(crate) fn process(&self) -> Option<Arc<Process>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
