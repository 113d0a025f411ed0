//! One seed, from an empty log to the invariants.

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

use crate::clients::{Acknowledged, Order, hand_in};
use crate::dice::Dice;
use crate::invariants::{self, Facts};
use crate::organiser::{self, Intent, rejudge};
use crate::service::{Counter, Judging, Projecting, counter, evaluator, keep, projector};
use crate::setting::Stores;
use crate::world::World;

/// How long things go wrong.
const STORM_MS: RangeInclusive<u64> = 3_000..=16_000;
/// How long afterwards everything may take to come to rest, and how often that is looked at.
const REST_MAX: Duration = Duration::from_secs(900);
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How far the stores' clock is set.
const JUMP_MS: RangeInclusive<u64> = 1..=7_200_000;
/// In how many of a thousand seeds the log is signed: signatures cost as much as all the rest.
const SIGNED: u64 = 100;
/// In how many of a thousand seeds submissions are judged again.
const REJUDGED: u64 = 300;

/// A fault that is built in, to show that it would be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// The version that a writer expects is ignored (against INV-7).
    FenceRemoved,
    /// Work is finished in a step of its own, before the append or after it (against INV-6).
    CompleteNotAtomic,
    /// A checkpoint is written, and then the views that lead to it (against INV-9).
    CheckpointBeforeViews,
}

/// What happened in a simulation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// What stores were asked for and did.
    pub effects: u64,
    /// Messages that were lost, late or repeated.
    pub faults: u64,
    /// Processes that died.
    pub crashes: u64,
    /// Processes that were told to stop.
    pub stops: u64,
    /// Processes that stood still for a while.
    pub pauses: u64,
    /// Events in the log.
    pub events: u64,
    /// Submissions in the log.
    pub submissions: u64,
    /// Attempts at judging them.
    pub attempts: u64,
    /// Trials of rejudges.
    pub trials: u64,
    /// How long it would have taken.
    pub simulated: Duration,
}

impl Figures {
    /// Those of two seeds.
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
            simulated: self.simulated + other.simulated,
        }
    }
}

/// What came out of a seed.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// What does not hold that must; nothing, if all is well.
    pub violations: Vec<String>,
    /// What happened, step by step, where that was asked for.
    pub story: Vec<String>,
    /// Over the whole story. The same seed has the same one.
    pub digest: u64,
    /// What happened, in numbers.
    pub figures: Figures,
}

/// Runs a seed.
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
    if dice.falls(REJUDGED) {
        // A client may give up before its program was taken in: then there is nothing to judge again.
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
    world.tell("world", format_args!("calms down"));
    let busy = async { while clients.join_next().await.is_some() {} };
    if tokio::time::timeout(REST_MAX, busy).await.is_err() {
        world.violate(format!("clients have no answer after {} s", REST_MAX.as_secs()));
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

/// Somebody sets the clock of the stores' machine, a few times.
async fn set_clock(world: Arc<World>, stores: Stores, times: u64, mut dice: Dice, within_ms: u64) {
    for _ in 0..times {
        tokio::time::sleep(dice.time(0..=within_ms / times)).await;
        let by_ms = dice.number(JUMP_MS).cast_signed() * dice.pick(&[1, -1]);
        stores.clock.set_by(SignedDuration::from_millis(by_ms));
        world.tell("world", format_args!("sets the clock by {by_ms} ms"));
    }
}

/// Waits until there is nothing left to do.
async fn rest(world: &World, stores: &Stores, signed: bool) {
    let since = Instant::now();
    loop {
        let left = left_to_do(stores, signed).await;
        if left.is_empty() {
            return;
        }
        if since.elapsed() > REST_MAX {
            let left = left.join(", ");
            return world.violate(format!("after {} s there is still {left}", REST_MAX.as_secs()));
        }
        tokio::time::sleep(LOOK_EVERY).await;
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
    /// Panics of this thread's simulation, wherever they were caught.
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
