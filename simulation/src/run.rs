//! Runs one seed, from an empty log to the check of the invariants.

use std::cell::RefCell;
use std::ops::RangeInclusive;
use std::sync::{Arc, Once};
use std::time::Duration;

use audit::SignerKey;
use domain::Slug;
use event_store::{EventLog, WorkQueue};
use jiff::SignedDuration;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::clients::{Acknowledged, Order, cancel, hand_in};
use crate::dice::Dice;
use crate::invariants::{self, Facts};
use crate::organiser::{self, Intent, rejudge};
use crate::service::{Counter, Judging, Projecting, counter, evaluator, keep, projector};
use crate::setting::Stores;
use crate::world::World;

/// Duration of the phase in which faults happen, in simulated milliseconds.
const STORM_MS: RangeInclusive<u64> = 3_000..=16_000;
/// The longest time until everything is done after that phase.
const REST_MAX: Duration = Duration::from_secs(900);
/// How often it is checked whether everything is done.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// How far the stores' clock is set, in milliseconds.
const JUMP_MS: RangeInclusive<u64> = 1..=7_200_000;
/// The share of seeds with a signed log, per mille. Signatures cost as much as all the rest.
const SIGNED: u64 = 100;
/// The share of seeds with a rejudge, per mille.
const REJUDGED: u64 = 300;

/// The share of submissions that somebody tries to cancel, per mille.
const CANCELLED: u64 = 150;

/// A deliberate bug, to show that the simulation would find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// The version that a writer expects is ignored (violates INV-7).
    FenceRemoved,
    /// Work is finished in a separate step, before or after the append (violates INV-6).
    CompleteNotAtomic,
    /// A checkpoint is written before its views (violates INV-9).
    CheckpointBeforeViews,
}

/// Counts of what happened in a simulation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Number of steps in the story.
    pub effects: u64,
    /// Number of messages lost, late or repeated.
    pub faults: u64,
    /// Number of processes that died.
    pub crashes: u64,
    /// Number of processes that were asked to stop.
    pub stops: u64,
    /// Number of processes that were paused for a while.
    pub pauses: u64,
    /// Number of events in the log.
    pub events: u64,
    /// Number of submissions in the log.
    pub submissions: u64,
    /// Number of attempts at judging, trials included.
    pub attempts: u64,
    /// Number of trials of rejudges.
    pub trials: u64,
    /// Number of submissions that were cancelled.
    pub cancelled: u64,
    /// Simulated time.
    pub simulated: Duration,
}

impl Figures {
    /// The sums of both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            effects: self.effects + other.effects,
            faults: self.faults + other.faults,
            crashes: self.crashes + other.crashes,
            stops: self.stops + other.stops,
            pauses: self.pauses + other.pauses,
            events: self.events + other.events,
            submissions: self.submissions + other.submissions,
            attempts: self.attempts + other.attempts,
            trials: self.trials + other.trials,
            cancelled: self.cancelled + other.cancelled,
            simulated: self.simulated + other.simulated,
        }
    }
}

/// The result of running a seed.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// Violated invariants; empty if all hold.
    pub violations: Vec<String>,
    /// What happened, step by step; empty unless tracing was requested.
    pub story: Vec<String>,
    /// A hash of the whole story. The same seed always gives the same hash.
    pub digest: u64,
    /// Counts of what happened.
    pub figures: Figures,
}

/// Runs a seed, with a deliberate bug if given. The story is kept only if `traced` is set.
///
/// # Panics
/// When the simulation itself fails.
pub fn run(seed: u64, sabotage: Option<Sabotage>, traced: bool) -> Outcome {
    listen_to_panics();
    PANICS.with_borrow_mut(Vec::clear);
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().expect("a runtime is made");
    let mut outcome = runtime.block_on(simulate(seed, sabotage, traced));
    drop(runtime);
    outcome.violations.extend(PANICS.with_borrow_mut(std::mem::take));
    outcome
}

async fn simulate(seed: u64, sabotage: Option<Sabotage>, traced: bool) -> Outcome {
    let world = Arc::new(World::new(seed, sabotage, traced));
    let mut dice = world.dice().apart(1);
    let stores = Stores::new(seed);
    let key =
        dice.falls(SIGNED).then(|| SignerKey::new("simulation".parse().expect("a name"), [7; 32]));
    let judging = Judging {
        slots: dice.number(1..=3) as usize,
        lease: dice.time(2_000..=10_000),
        deliveries_max: dice.pick(&[3, 1_000, 1_000, 1_000]),
    };
    let problems: Vec<Slug> = ["sum", "tree"].map(|slug| slug.parse().expect("a slug")).to_vec();
    for login in ["ada", "bob"] {
        stores.register(login).await;
    }
    for slug in &problems {
        stores.revise(slug, dice.number(1..=3) as usize).await;
    }

    let (office, projecting) = (Arc::<Counter>::default(), Arc::<Projecting>::default());
    let mut service = JoinSet::new();
    let roles = [
        ("command", counter(Arc::clone(&office))),
        ("evaluator-a", evaluator(&stores, judging)),
        ("evaluator-b", evaluator(&stores, judging)),
        ("projector", projector(&stores, key.clone(), Arc::clone(&projecting))),
    ];
    for (name, role) in roles {
        service.spawn(keep(Arc::clone(&world), name, role));
    }

    let storm = dice.time(STORM_MS);
    let latest_ms = storm.as_millis() as u64;
    let acknowledged = Arc::<Acknowledged>::default();
    let orders: Vec<Order> = (0..dice.number(3..=8) as usize)
        .map(|number| Order::random(&mut dice, number, &problems))
        .collect();
    let mut clients = JoinSet::new();
    for order in &orders {
        let after = dice.time(0..=latest_ms);
        let (world, stores) = (Arc::clone(&world), stores.clone());
        let (office, acknowledged) = (Arc::clone(&office), Arc::clone(&acknowledged));
        clients.spawn(hand_in(world, stores, office, acknowledged, order.clone(), after));
    }
    for order in &orders {
        if dice.falls(CANCELLED) {
            let (by_judge, after) = (dice.falls(500), dice.time(0..=latest_ms));
            let (world, stores) = (Arc::clone(&world), stores.clone());
            let office = Arc::clone(&office);
            clients.spawn(cancel(world, stores, office, order.clone(), by_judge, after));
        }
    }
    if dice.falls(REJUDGED) {
        // Clients may give up before their programs are received: then there is nothing to rejudge.
        let intent = dice.pick(&[Intent::Apply, Intent::Cancel, Intent::Revert]);
        let submissions = orders.iter().map(Order::id).collect();
        let after = dice.time(0..=latest_ms);
        let plan = organiser::Plan { submissions, intent, after };
        clients.spawn(rejudge(Arc::clone(&world), stores.clone(), Arc::clone(&office), plan));
    }
    let jumps = world.weather.clock_jumps;
    service.spawn(set_clock(Arc::clone(&world), stores.clone(), jumps, dice.apart(2), latest_ms));
    if dice.falls(500) {
        let (stores, slug, after) = (stores.clone(), problems[0].clone(), dice.time(0..=latest_ms));
        service.spawn(async move {
            tokio::time::sleep(after).await;
            stores.revise(&slug, crate::program::TESTS_MAX as usize).await;
        });
    }

    tokio::time::sleep(storm).await;
    world.calm_down();
    world.add_step("world", format_args!("has no more faults"));
    let busy = async { while clients.join_next().await.is_some() {} };
    if tokio::time::timeout(REST_MAX, busy).await.is_err() {
        world.violate(format!("clients still have no answer after {} s", REST_MAX.as_secs()));
    }
    rest(&world, &stores, key.is_some()).await;
    let projections = projecting.stopped();
    projections.into_iter().for_each(|stopped| world.violate(format!("stopped: {stopped}")));
    let facts = Facts { orders: &orders, acknowledged: &acknowledged.all(), key, judging };
    invariants::check(&world, &stores, &facts).await;
    service.abort_all();
    let (story, digest, violations, figures) = world.end();
    Outcome { seed, violations, story, digest, figures }
}

/// Sets the clock of the stores' machine a few times.
async fn set_clock(world: Arc<World>, stores: Stores, times: u64, mut dice: Dice, within_ms: u64) {
    for _ in 0..times {
        tokio::time::sleep(dice.time(0..=within_ms / times)).await;
        let by_ms = dice.number(JUMP_MS).cast_signed() * dice.pick(&[1, -1]);
        stores.clock.set_by(SignedDuration::from_millis(by_ms));
        world.add_step("world", format_args!("sets the clock by {by_ms} ms"));
    }
}

/// Waits until nothing is left to do.
async fn rest(world: &World, stores: &Stores, signed: bool) {
    let since = Instant::now();
    loop {
        let left = left_to_do(stores, signed).await;
        if left.is_empty() {
            return;
        }
        if since.elapsed() > REST_MAX {
            let left = left.join(", ");
            return world.violate(format!("not done after {} s: {left}", REST_MAX.as_secs()));
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

async fn left_to_do(stores: &Stores, signed: bool) -> Vec<String> {
    let mut left = Vec::new();
    for lane in stores.log.stats().await.expect("memory answers") {
        let count = lane.waiting + lane.in_flight;
        if count > 0 {
            left.push(format!("work in lane {}: {count}", lane.lane.as_str()));
        }
    }
    let head = stores.log.info().await.expect("memory answers").head;
    let reached = stores.views.reached();
    for projection in projector::all() {
        let name = projection.commit_name();
        let at = reached.get(&name).map_or(0, |checkpoint| checkpoint.position.0);
        if at != head.0 {
            left.push(format!("{name} at {at} of {head}"));
        }
    }
    let covered = stores.tree.newest().map_or(0, |head| head.size);
    if signed && covered != head.0 {
        left.push(format!("the signer at {covered} of {head}"));
    }
    left
}

thread_local! {
    /// Panics in this thread's simulation, also those that were caught.
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn listen_to_panics() {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.with_borrow_mut(|panics| panics.push(format!("panic: {info}")));
            before(info);
        }));
    });
}
